// A gate, nginx and Caddy with the shipped snippets, and a service behind them that echoes; one of
// each for all tests of this executable. Clients of the proxies are curl and an npm package; the
// device is the stack's.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/message.h"
#include "operating.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"

namespace mintmark::test {

/// An answer as curl got it.
struct Answer {
  unsigned status = 0;
  http::Headers headers;
  std::string body;
  /// The header's value, or "(none)".
  [[nodiscard]] std::string header(const char* name) const;
};

/// The identity headers, as the service reads them.
inline const std::vector<std::string> identity{
    "Mintmark-Subject",        "Mintmark-Client-Id", "Mintmark-Scope",
    "Mintmark-Audience",       "Mintmark-Token-Id",  "Mintmark-Expires",
    "Mintmark-Key-Protection", "Mintmark-Binding",   "Mintmark-Attestation-Format"};

/// What the upstream saw; names in lower case, with '-' for '_', as CGI reads them.
using Seen = std::multimap<std::string, std::string>;
[[nodiscard]] Seen seen_by_upstream(const Answer& answer);
[[nodiscard]] std::string value_of(const Seen& seen, const char* name);  ///< Or "(none)".
[[nodiscard]] std::string in_lower_case(std::string text);

class Beside : public Operating {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  struct Proxy {
    const char* name;
    std::string origin;
  };
  [[nodiscard]] static std::vector<Proxy> proxies();
  /// nginx with another's default server at the address, which takes underscores.
  [[nodiscard]] static std::string shared_origin();
  /// Caddy for any host, with trusted_proxies, and in its route handle, handle_path, uri, respond.
  [[nodiscard]] static std::string routes_origin();
  /// Caddy with the services beside the import, where the snippet says that none may stand.
  [[nodiscard]] static std::string astray_origin();

  using Fields = std::vector<std::string>;
  /// Fields as "Name: value", options for curl.
  [[nodiscard]] Answer call(const std::string& url, const Fields& fields = {},
                            const std::string& method = "GET",
                            const std::vector<std::string>& options = {}) const;
  /// The octets of a request as they are, of HTTP/1.0 or with "Connection: close"; options for
  /// openssl s_client.
  [[nodiscard]] static Answer call_raw(const std::string& origin, const std::string& request,
                                       const std::vector<std::string>& options);
  /// By the stack's device, with its TPM.
  [[nodiscard]] std::string proof(const std::string& token, const std::string& url,
                                  const std::string& method = "GET") const;
  /// Token and a fresh proof.
  [[nodiscard]] Fields shown(const std::string& token, const std::string& url,
                             const std::string& method = "GET") const;

  /// The gate's configuration as all tests begin with it.
  [[nodiscard]] static Json settings();
  static void write_settings(const std::string& text);
  static void start_gate();
  /// The gate does not know, from now on, which proofs were used before: proof() waits until it
  /// takes them without a nonce (docs/adr/0008).
  static void begin_proof_memory();
  [[nodiscard]] static ChildProcess& gate();
  static void stop_gate();
  /// With another configuration, or again with the usual one; waits until it took it or refused.
  static void reload_gate(const Json& settings = Beside::settings());
  [[nodiscard]] static std::string gate_figures();
  [[nodiscard]] static double gate_figure(const std::string& name);
  [[nodiscard]] static Answer gate_health(const std::string& path);
  [[nodiscard]] static std::uint16_t gate_port();
  [[nodiscard]] static std::filesystem::path gate_file();
  [[nodiscard]] static std::vector<std::string> judge(const std::string& mode,
                                                      const std::string& origin);
};

}  // namespace mintmark::test
