// What the front counts; the table of names and meanings for people stands in docs/operations.md.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/time.h"
#include "http/message.h"
#include "telemetry/metrics.h"

namespace mintmark::mintd {

/// Thread-safe.
class Figures {
 public:
  /// `issuer_path` is what stands behind the host in the issuer's URL: "" or "/…".
  explicit Figures(const std::string& issuer_path);

  /// One request of the public listeners. Its path is a label only where it is one of ours.
  void answered(const http::Answered& answered);
  /// True for a path that is served here: others are a stranger's text.
  [[nodiscard]] bool is_route(std::string_view path) const;

  /// One key store's calls, as MeasuredSigner sees them.
  struct Signing {
    telemetry::Outcomes outcomes;
    telemetry::Seconds seconds;
    telemetry::Gauge pending;
  };
  [[nodiscard]] Signing signing(const std::string& store);
  /// For the store's SignerBreaker.
  [[nodiscard]] telemetry::Gauge breaker_open(const std::string& store);

  /// What came of verifiers' words about the keys they hold.
  struct Acknowledgements {
    telemetry::Counter taken;
    telemetry::Counter unlisted;
    telemetry::Counter malformed;
  };
  [[nodiscard]] Acknowledgements acknowledgements();

  /// What was issued and what was revoked.
  struct Revocations {
    telemetry::Gauge live;
    telemetry::Counter logged;
    telemetry::Counter groups;
    telemetry::Counter revoked_tokens;
  };
  [[nodiscard]] Revocations revocations();
  /// Of one kind: "token", "device", …
  [[nodiscard]] telemetry::Counter revocations_of(const std::string& what);

  /// Tokens of status lists that were made.
  struct StatusLists {
    telemetry::Outcomes outcomes;
    telemetry::Seconds seconds;
    telemetry::Gauge octets;  ///< Of the last one.
  };
  [[nodiscard]] StatusLists status_lists();

  /// Handshakes' signatures by a TLS key that lives in a key store.
  [[nodiscard]] telemetry::Outcomes tls_signatures();

  /// The keeper's frame `figures` (control.h): what only it knows.
  void keeper_said(const Json& message);
  void tls_certificate_ends(Moment when);

  // What FrontFaults sees.
  /// One database file, as StoreWatch's to_json has it; of the keeper's frame too.
  void store_said(const Json& file);
  void disk_left(double octets);
  void clock_stands(std::chrono::seconds behind, std::chrono::seconds doubted);
  void descriptors_stand(std::uint64_t limit, bool scarce);
  /// In this process, so often since it began.
  void memory_refused(std::uint64_t times);

  /// SETs pushed: "ok" (taken), given up, or tried in vain.
  [[nodiscard]] telemetry::Outcomes pushed_sets();

  [[nodiscard]] telemetry::Metrics& metrics() { return metrics_; }

 private:
  struct Route {
    telemetry::Seconds seconds;
    std::array<telemetry::Counter, 4> by_class;   ///< 2xx, 3xx, 4xx, 5xx
    std::optional<telemetry::Outcomes> outcomes;  ///< Of what the issuer is there for.
  };
  void signer_said(const Json& signer, const telemetry::Labels& labels);
  void starts_failed(const char* process, std::uint64_t times, telemetry::Labels labels);
  void ended_for_memory(const char* process, std::uint64_t times, telemetry::Labels labels);
  void key_said(const Json& key, const telemetry::Labels& labels);
  [[nodiscard]] Route make_route(const std::string& name);
  [[nodiscard]] Route& route_of(std::string_view path);
  void add_routes(const std::string& issuer_path);

  telemetry::Metrics metrics_;
  telemetry::Outcomes refusals_;
  std::map<std::string, Route, std::less<>> routes_;
  /// Of paths with a device's id in them, which is no label.
  std::string devices_;
  std::string polls_;
  Route device_result_;
  /// Of paths with a list's number in them.
  std::string lists_;
  Route status_list_;
  Route poll_;
  Route other_;
};

}  // namespace mintmark::mintd
