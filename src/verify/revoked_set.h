// What is no longer good, as the events say it: the same on the issuer's side and on the
// services'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::verify {

/// What an entry can be about. The views must live as long as the call.
struct RevocableToken {
  std::string_view jti;
  std::string_view subject;
  std::string_view kid;
  Moment issued_at;
};

/// One entry of the event log is one JSON object. `type` says what it is (docs/revocation.md):
///
///     {"seq":1,"at":T,"type":"token","jti":J,"sub":D,"until":T}        one token
///     {"seq":2,"at":T,"type":"tokens","jtis":[J,…],"until":T}          at most 256 of them
///     {"seq":3,"at":T,"type":"device","sub":D,"before":T,"until":T}    a device's, issued before
///     {"seq":4,"at":T,"type":"issued_before","before":T,"until":T}     everybody's
///     {"seq":5,"at":T,"type":"key","kid":K,"until":T}                  all that it signed
///     {"seq":6,"at":T,"type":"keys","epoch":N}                         fetch the keys again
///     {"seq":7,"at":T,"type":"policy","epoch":N}                       for whoever wants to know
///
/// T is in seconds since 1970; `before` is exclusive, the issuer mints nothing behind it after
/// that; past `until` every token that is meant has ended and the entry may be forgotten. Further
/// members, and entries of other types, mean nothing here and are taken.
///
/// Not thread-safe.
class RevokedSet {
 public:
  /// Where both are true, key_revoked.
  enum class Verdict { good, revoked, key_revoked };

  /// How long an entry is kept past its `until`: services take tokens for some time after their
  /// end, since their clocks and the issuer's are not the same.
  static constexpr std::chrono::seconds kept_past_end{3600};

  /// `event_malformed`; then nothing has changed. An entry that is known changes nothing.
  [[nodiscard]] Result<void> apply(const Json& entry);
  [[nodiscard]] Verdict judge(const RevocableToken& token) const;
  /// Takes over all that the other has.
  void merge(const RevokedSet& other);
  /// Forgets entries whose `until` was more than kept_past_end before `now`, `most` names of a kind
  /// at most: the others are for the next call. In time proportional to what is forgotten.
  void forget(Moment now, std::size_t most = std::numeric_limits<std::size_t>::max());

  /// For a snapshot: {"tokens": {J: until, …}, "devices": {D: [before, until], …},
  /// "issued_before": [before, until]?, "keys": {K: until, …}}. Sorted, so that equal sets give
  /// equal texts.
  [[nodiscard]] Json to_json() const;
  /// `event_snapshot_malformed`.
  [[nodiscard]] static Result<RevokedSet> from_json(const Json& json);

  [[nodiscard]] std::size_t size() const;
  /// The kids of `key` entries.
  [[nodiscard]] std::set<std::string> keys() const;

 private:
  struct Cut {
    Moment before{};
    Moment until{};
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  /// By name; and which names end when, so that nobody walks through all of them.
  class Table {
   public:
    /// Keeps the later of each moment.
    void put(const std::string& name, const Cut& cut);
    [[nodiscard]] const Cut* find(std::string_view name) const;
    void forget_ended_before(Moment moment, std::size_t most);
    [[nodiscard]] const auto& all() const { return cuts_; }

   private:
    std::unordered_map<std::string, Cut, Hash, std::equal_to<>> cuts_;
    std::map<Moment, std::vector<std::string>> ends_;  // A name whose end moved stands in both.
  };

  [[nodiscard]] Result<void> apply_tokens(const Json& entry, Moment until);
  [[nodiscard]] Result<void> apply_issued_before(const Json& entry, Moment until);
  [[nodiscard]] Result<void> apply_device(const Json& entry, Moment until);
  void widen(const Cut& cut);
  [[nodiscard]] static Result<void> read_names(const Json& json, const char* member, Table& table);
  [[nodiscard]] Result<void> read_devices(const Json& json);

  Table tokens_;  // Their `before` means nothing, like that of the keys.
  Table devices_;
  Table keys_;
  std::optional<Cut> everybody_;
};

}  // namespace mintmark::verify
