// An issuer of a test's own that tells services what was revoked: over TLS, signed by keys in
// memory.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "support/published_issuer.h"
#include "support/soft_key.h"
#include "verify/frontier.h"

namespace mintmark::test {

/// POST /token, GET /events, GET /events/snapshot, and the metadata and keys of PublishedIssuer. It
/// lets in the service `service-1` with its key alone, by the checks of src/verify. Thread-safe.
class EventIssuer {
 public:
  EventIssuer();
  ~EventIssuer();

  [[nodiscard]] PublishedIssuer& published();
  [[nodiscard]] const std::string& url();
  [[nodiscard]] std::filesystem::path ca_file();
  /// PEM of the service's private key.
  [[nodiscard]] std::filesystem::path service_key() const;
  [[nodiscard]] const SoftKey& token_key() const;  ///< Of purpose access_token.
  [[nodiscard]] const SoftKey& event_key() const;

  /// With its number, the chain and a time when it is over; sent to whoever listens.
  void append(Json entry);
  void revoke(const std::string& jti) { append({{"type", "token"}, {"jti", jti}}); }
  /// In the chain, and sent to nobody.
  void append_in_secret(Json entry);
  /// Signed now, and sent to whoever listens.
  void send_frontier();
  /// As it stands, to whoever listens: "event: revocation\ndata: …\n\n".
  void send(const std::string& text);
  /// A frontier as it would be sent; `change` may be empty.
  [[nodiscard]] std::string frontier(const std::function<void(verify::Frontier&)>& change = {});

  /// How frontiers are made from now on.
  void change_frontiers(std::function<void(verify::Frontier&)> change);
  /// By which key, under which `iss` and `typ`.
  void sign_with(const SoftKey& key);
  void sign_as(const std::string& iss, const std::string& typ);
  /// Whether a new listener gets a frontier at once.
  void greet(bool with_frontier);
  /// Another log, empty; whoever listened is cut off.
  void begin_log(const std::string& name);
  /// Ends all streams.
  void cut_off();
  /// While false everything but what PublishedIssuer serves is 503, and streams end.
  void serve(bool serving);
  /// DPoP-Nonce that the token endpoint, and the others, want; "": none.
  void want_nonces(const std::string& of_token, const std::string& of_calls);
  /// Tokens that were given do not count any more.
  void forget_tokens();
  /// Changes the body of a snapshot.
  void change_snapshots(std::function<void(Json&)> change);

  [[nodiscard]] int listeners() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mintmark::test
