// Which verifiers hold which keys, by their own word: what a new key's activation may wait for.
//
// The word of a verifier is a claim of a stranger, who may use any id that he knows. So nothing is
// ever earlier for it than it would be without: it can only put an activation off, up to a deadline
// (docs/threat-model.md).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::keyring {

inline constexpr std::size_t longest_verifier_id = 64;
inline constexpr std::size_t most_held_kids = 64;
inline constexpr std::size_t longest_held_kid = 43;  ///< RFC 7638 with SHA-256.

/// What one verifier said with a request for the keys: these were in the last document it took. An
/// answer may be lost, so what it was answered counts when it asks next. Its keys may be out of
/// date; then it takes no token before it has newer ones, and a key that is still published is
/// among those too.
struct Acknowledgement {
  std::string verifier;           ///< Its instance id.
  std::vector<std::string> kids;  ///< Each once. Keys for access tokens alone.
  Moment heard_at;                ///< By the issuer's clock.
};

/// 1 to 64 letters, digits, '.', '_' and '-'.
[[nodiscard]] bool is_verifier_id(std::string_view text);
/// True for at most 64 different kids of 1 to 43 characters of base64url.
[[nodiscard]] bool are_held_kids(const std::vector<std::string>& kids);

/// The member "verifiers" of the front's frame `coverage`: [{"id", "kids", "heard_at"}].
[[nodiscard]] Json to_json(const std::vector<Acknowledgement>& said);
/// `internal` for anything else than to_json makes, also for ids and kids of another form.
[[nodiscard]] Result<std::vector<Acknowledgement>> acknowledgements_from(const Json& verifiers);

/// What each listed verifier said last. A value: not for two threads at once.
///
/// One that said nothing for `forget` is silent: the keys it had are long out of date, it fetches
/// them before it takes a token by a new one, and nobody waits for it. One that was never heard
/// counts as heard at `since` with no keys, so that a restart of the issuer, which forgets what was
/// said, makes no key look covered.
class Coverage {
 public:
  /// Lists nobody: every key is covered.
  Coverage() = default;
  Coverage(const std::vector<std::string>& listed, std::chrono::seconds forget, Moment since);

  /// False, and nothing changes, if the verifier is not listed.
  bool heard(const Acknowledgement& said);

  /// How it stands with one key. Each listed verifier is in one of the three.
  struct OfKey {
    std::size_t listed = 0;
    std::size_t holding = 0;
    std::vector<std::string> missing;  ///< Heard, and do not hold it: those to wait for. By id.
    std::vector<std::string> silent;   ///< Not heard for `forget`. By id.
  };
  /// `kid`: of a key for access tokens; verifiers hold no others.
  [[nodiscard]] OfKey of(std::string_view kid, Moment now) const;
  /// Nobody is to be waited for.
  [[nodiscard]] bool covered(std::string_view kid, Moment now) const;

  /// For operators, by id: [{"id", "kids", "heard_at"}]; "heard_at" is null for one never heard.
  [[nodiscard]] Json to_json() const;

 private:
  std::chrono::seconds forget_{};
  Moment since_{};
  std::map<std::string, std::optional<Acknowledgement>> said_;
};

}  // namespace mintmark::keyring
