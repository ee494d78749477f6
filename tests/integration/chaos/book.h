// What the test itself knows of tokens, of revocations and of gates' connections, and what of a
// gate's answer cannot be by that.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace mintmark::test {

using Steady = std::chrono::steady_clock;

/// A token as the issuer gave it.
struct Given {
  std::string text;
  std::string jti;
  std::string kid;
  std::string rule;
  std::string path;         ///< Of calls that it is for.
  std::string list;         ///< Its status list,
  std::uint64_t index = 0;  ///< and its entry there.
  std::size_t device = 0;
  std::int64_t issued_at = 0;
  std::int64_t expires_at = 0;
  Steady::time_point asked;  ///< When it was asked for,
  Steady::time_point came;   ///< and when it was there.
};
using GivenToken = std::shared_ptr<const Given>;

/// What an operator took back.
struct Cut {
  enum class What { token, device, rule, issued_before, key };
  What what = What::token;
  std::string name;          ///< jti, rule or kid.
  std::size_t device = 0;    ///< Of What::device.
  std::int64_t before = 0;   ///< Of What::issued_before; exclusive.
  Steady::time_point asked;  ///< From here on it may count,
  std::optional<Steady::time_point> answered = std::nullopt;  ///< from here on it does.
};

/// A gate's way to the issuer, at one moment.
struct Link {
  std::uint64_t changes = 0;  ///< Equal before and after a call: nothing was done to it meanwhile.
  std::optional<Steady::time_point> connected;  ///< A frontier was verified that was made later
                                                ///< than the last thing that was done to it.
  std::chrono::milliseconds reckoned{};         ///< How old it took that frontier for, at least.
  std::optional<Steady::time_point> lost;       ///< It was connected until then, and is no more.
  std::optional<Steady::time_point> silent;     ///< Nothing whatever has come through since.
};

/// A call at a gate, and its answer.
struct Call {
  Steady::time_point began;
  Steady::time_point ended;
  Link before;
  Link after;
  unsigned status = 0;  ///< 0: the gate cannot be reached.
  std::string code;     ///< Mintmark-Refusal.
};

/// The numbers.
struct Promises {
  std::chrono::milliseconds bound;
  /// Connected: from the answer to mintctl until a gate refuses.
  std::chrono::milliseconds news{1000};
  /// What an answer may be later than `bound` after the revocation. By the text it is nothing: the
  /// last frontier that does not know of the revocation was made before that was answered, and its
  /// age is reckoned by the gate's steady clock from no later a moment, so neither the gate's wall
  /// clock nor how long the frontier was on its way has a part in it. One interval between
  /// frontiers, since one may be written when the entry behind it is.
  std::chrono::milliseconds beyond{100};
  /// A list is made anew once a second at most, when somebody asks.
  std::chrono::milliseconds listed{1500};
  /// Cut off, a gate trusts what it knows for as long at least: the last frontier is a heartbeat
  /// old at most, a quarter of the bound, and was reckoned older by `reckoned` at most.
  [[nodiscard]] std::chrono::milliseconds trusted_at_least(
      std::chrono::milliseconds reckoned) const {
    return bound * 3 / 4 - reckoned - std::chrono::milliseconds{250};
  }
};

/// Thread-safe.
class Book {
 public:
  explicit Book(Promises promises) : promises_(promises) {}

  void add(Given token);
  /// One that lives for a while yet, revoked or not; those that a revocation met lately come often.
  /// Null: there is none.
  [[nodiscard]] GivenToken any(std::mt19937_64& dice, std::int64_t now) const;
  /// One that nothing was done to.
  [[nodiscard]] GivenToken good(std::mt19937_64& dice, std::int64_t now) const;
  [[nodiscard]] std::vector<GivenToken> all() const;

  /// Before it is asked for; then answered, unless it came to nothing.
  std::size_t ask(Cut cut);
  void answer(std::size_t cut);

  struct Standing {
    std::optional<Steady::time_point> maybe;    ///< From here on it may be revoked,
    std::optional<Steady::time_point> revoked;  ///< from here on it is.
  };
  [[nodiscard]] Standing standing(const Given& token) const;

  /// Judges an answer, and counts it. "": it may be.
  [[nodiscard]] std::string complaint(const Given& token, const Call& call);
  /// The same of its entry in a status list that was asked for and came then.
  [[nodiscard]] std::string complaint_of_list(const Given& token, bool valid,
                                              Steady::time_point asked, Steady::time_point came);
  /// How often each kind of answer was there, e.g. "refused: token_revoked".
  [[nodiscard]] std::map<std::string, std::size_t> counts() const;
  [[nodiscard]] const Promises& promises() const { return promises_; }

 private:
  [[nodiscard]] Standing standing_locked(const Given& token) const;
  [[nodiscard]] std::string of_taken(const Standing& standing, const Call& call);
  [[nodiscard]] std::string of_refused(const Given& token, const Standing& standing,
                                       const Call& call);
  [[nodiscard]] bool is_new_key(const Given& token, const Call& call) const;

  const Promises promises_;
  mutable std::mutex mutex_;
  std::vector<GivenToken> tokens_;
  std::vector<GivenToken> met_;                     ///< By revocations, the latest last.
  std::map<std::string, Steady::time_point> kids_;  ///< When the first token of each came.
  std::deque<Cut> cuts_;
  std::map<std::string, std::size_t> counts_;
};

}  // namespace mintmark::test
