// Which calls a service takes, and what a token must show for each.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "mintmark/verifier.h"

namespace mintmark::gate {

/// What a token must be bound to. There is no third: a token that is bound to nothing passes
/// nowhere.
enum class Binding {
  dpop,   ///< A key that makes proofs (RFC 9449).
  mtls,   ///< A certificate (RFC 8705).
  bound,  ///< Either.
};

/// Empty lists and absent values ask for nothing.
struct Demand {
  std::string audience;
  std::vector<std::string> scopes;  ///< All of them.
  Binding binding = Binding::dpop;
  std::vector<std::string> key_protections;             ///< One of them.
  std::vector<std::string> attestation_formats;         ///< One of them.
  std::optional<std::chrono::seconds> attestation_age;  ///< At most.
};

/// `gate_binding`, `token_audience`, `gate_scope`, `gate_key_protection`,
/// `gate_attestation_format`, `gate_attestation_old`. Pure.
[[nodiscard]] Result<void> judge(const Demand& demand, const VerifiedToken& token, Moment now);

/// The rules of one service. Immutable once it serves; then thread-safe.
class Rules {
 public:
  /// `path`: exact, or a prefix if it ends with "/*"; decoded, as Target::path. An exact path is
  /// also that path with a '/' behind it; a prefix is also the path before its "/*": servers serve
  /// the same there. `methods`: as they stand in requests; GET takes HEAD too; "*" is any. False: a
  /// method of that path has its rule already.
  [[nodiscard]] bool add(const std::string& path, const std::vector<std::string>& methods,
                         const Demand& demand);

  /// The demand of the most specific path (exact, then the longest prefix) for the method; another
  /// path's rule never steps in. `gate_no_rule`, `gate_method_refused`.
  [[nodiscard]] Result<const Demand*> find(std::string_view method, std::string_view path) const;
  /// All audiences that its rules ask for, each once.
  [[nodiscard]] std::vector<std::string> audiences() const;

 private:
  using ByMethod = std::map<std::string, Demand, std::less<>>;
  using ByPath = std::map<std::string, ByMethod, std::less<>>;
  [[nodiscard]] const ByMethod* methods_at(std::string_view path) const;

  ByPath exact_;     // Without a '/' at the end; "" is the root.
  ByPath prefixes_;  // Likewise.
};

}  // namespace mintmark::gate
