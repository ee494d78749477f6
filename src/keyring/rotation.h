// What is to be done about the keys of one key store, from their records alone: which successor
// signs now, which private half ends, which key verifiers need no more. Pure.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "hsm/key_store.h"
#include "keyring/signing_algorithms.h"
#include "store/store.h"

namespace mintmark::keyring {

/// How keys live, as the operator wants it.
struct RotationPlan {
  std::vector<KeyKind> wanted;  ///< The kinds of keys that must be there.
  std::chrono::seconds period{std::chrono::hours(30 * 24)};   ///< How long a key signs.
  std::map<hsm::Purpose, std::chrono::seconds> period_of;     ///< Where another one holds.
  std::map<hsm::Purpose, std::chrono::seconds> longest_life;  ///< Of what is signed.
  std::chrono::seconds lead{600};  ///< So long published before it signs: twice the max-age.
  std::chrono::seconds skew{60};   ///< How far verifiers' clocks may be behind.
  std::chrono::seconds drain{5};   ///< What was asked of a key is signed by then, or given up.
  bool generate = true;            ///< False: keys are made by a ceremony, and adopted.
  /// How long activation waits for verifiers that do not say yet that they hold the key; nullopt:
  /// nobody is asked.
  std::optional<std::chrono::seconds> wait_for_verifiers;

  [[nodiscard]] std::chrono::seconds period_for(hsm::Purpose purpose) const;
  [[nodiscard]] std::chrono::seconds life_of(hsm::Purpose purpose) const;
  [[nodiscard]] bool wants(const store::KeyRecord& record) const;
};

/// How things stand around the records.
struct RotationView {
  Moment now;
  /// The hardware shows the key, and nothing speaks against it.
  std::function<bool(const store::KeyRecord&)> usable;
  /// The hardware showed all that the journal counts on: only then is anything made or ended there.
  bool consistent = false;
  /// Since when whoever signs knows the records as they are, so that nobody signs with a key that
  /// is retiring; nullopt: somebody may not know them yet.
  std::optional<Moment> in_force_since;
  /// Another key store that works has a key that signs for the kind: a first key of this one waits
  /// until verifiers may know it.
  std::function<bool(const KeyKind&)> elsewhere;
  /// All verifiers that say what they hold have this key.
  std::function<bool(const store::KeyRecord&)> covered;
};

struct RotationStep {
  enum class Act : std::uint8_t {
    generate,  ///< A successor for `kind`, or its first key.
    activate,  ///< `id` signs from now on, in the place of the active one, if there is one.
    retire,    ///< `id` signs no more, and nothing in its place: its kind is not wanted.
    end,       ///< The private half of `id` goes.
    forget,    ///< `id` is published no more.
  };
  Act act = Act::generate;
  KeyKind kind;
  std::string id;  ///< "" for `generate`.

  [[nodiscard]] auto operator<=>(const RotationStep&) const = default;
};

struct RotationOutlook {
  std::vector<RotationStep> steps;  ///< To be done now, in this order.
  std::optional<Moment> due;        ///< When there will be more; nullopt: nothing is foreseen.
  std::vector<KeyKind> overdue;     ///< Their key signs longer than it should: nothing succeeds it.
};

/// `records`: those of one key store, the oldest first; records of unknown purpose or algorithm are
/// passed over. The first step may change what the others are: do it, then look again.
[[nodiscard]] RotationOutlook look_ahead(const std::vector<store::KeyRecord>& records,
                                         const RotationPlan& plan, const RotationView& view);

/// What will become of one of the records by schedule, and when; nullopt: nothing, or nobody knows
/// when.
struct Forecast {
  store::KeyState next;
  Moment at;
};
[[nodiscard]] std::optional<Forecast> forecast(const store::KeyRecord& record,
                                               const std::vector<store::KeyRecord>& records,
                                               const RotationPlan& plan);

/// Whether verifiers need it: the JWK set has it.
[[nodiscard]] bool is_published(const store::KeyRecord& record);
/// Of purpose and algorithm; nullopt where this program knows no such ones.
[[nodiscard]] std::optional<KeyKind> kind_of(const store::KeyRecord& record);

}  // namespace mintmark::keyring
