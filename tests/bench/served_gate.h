// mint-gate serve beside a bench: asked as a proxy asks it, through a connection that is kept.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "http/message.h"
#include "support/child_process.h"

namespace mintmark::bench {

inline constexpr const char* gate_origin = "https://service.example";

/// Whose tokens it takes.
struct GateIssuer {
  std::string url;
  std::string ca_file;
  std::string audience = gate_origin;
  Json revocation = {};                ///< As in its configuration; null: left out.
  test::Environment environment = {};  ///< Of its process.
};

/// Takes tokens of an issuer of its own, whose keys are given, for the audience `gate_origin`, by
/// one rule for every GET. Throws where it does not come up. One thread.
class ServedGate {
 public:
  /// `jwks`: what the issuer publishes.
  explicit ServedGate(const Json& jwks);
  /// Of an issuer that is there.
  explicit ServedGate(GateIssuer issuer);
  ~ServedGate();
  ServedGate(const ServedGate&) = delete;
  ServedGate& operator=(const ServedGate&) = delete;

  /// As in tokens' `iss`.
  [[nodiscard]] const std::string& issuer() const;
  /// The status of the decision on GET `gate_origin``path`.
  [[nodiscard]] unsigned decide(const std::string& path, const std::string& token,
                                const std::string& proof);
  /// What a proxy asks for GET `gate_origin``path`, and where.
  [[nodiscard]] static http::Headers call(const std::string& path, const std::string& token,
                                          const std::string& proof);
  [[nodiscard]] std::string door() const;
  /// The last that it gave; "": none yet.
  [[nodiscard]] const std::string& nonce() const;
  /// One of its figures; -1 where absent.
  [[nodiscard]] double figure(const std::string& name);
  /// CPU of the gate's whole process until now, the kernel's work for it included.
  [[nodiscard]] double cpu_seconds() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mintmark::bench
