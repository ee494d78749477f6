// The tokens that are good now, in memory: what a revocation meets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "audit/issuance_log.h"
#include "base/mutex.h"
#include "base/time.h"

namespace mintmark::revoke {

/// Thread-safe. An entry never changes; whether it was revoked is for the event log to say. Kept
/// small (docs/performance.md): what is given out is a copy.
class LiveTokens {
 public:
  using Entry = std::shared_ptr<const audit::Issued>;

  void put(audit::Issued token);
  /// By its `jti` alone; nullptr: it is not one of ours, or over.
  [[nodiscard]] Entry find(std::string_view jti) const;
  [[nodiscard]] std::vector<Entry> of_device(const std::string& device) const;
  /// All that `wanted` says yes to.
  [[nodiscard]] std::vector<Entry> all(
      const std::function<bool(const audit::Issued&)>& wanted) const;
  /// One of these was signed by this key.
  [[nodiscard]] bool knows_key(std::string_view kid) const;
  /// It did not leave after all. Soon after it was put; nothing where it is not here.
  void remove(std::string_view jti);
  /// Those that ended before `now`; in time proportional to what is forgotten, and others do not
  /// wait for all of it.
  void forget(Moment now);
  [[nodiscard]] std::size_t size() const;

 private:
  /// What many tokens have in common.
  struct Terms {
    std::string audience;
    std::string kid;
    std::string rule;
    auto operator<=>(const Terms&) const = default;
  };
  struct Kept;
  using OfDevice = std::pair<const std::string, std::vector<const Kept*>>;
  struct Kept {
    std::string jti;
    OfDevice* device;
    const Terms* terms;
    Moment issued_at;
    Moment expires_at;
    std::uint32_t list;
    std::uint32_t index;
    bool ends_with_evidence;
    mutable std::uint32_t place;  ///< Among the device's. No part of what it is found by.
  };
  struct JtiHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view jti) const {
      return std::hash<std::string_view>{}(jti);
    }
    std::size_t operator()(const Kept& kept) const { return (*this)(kept.jti); }
  };
  struct SameJti {
    using is_transparent = void;
    static std::string_view of(std::string_view jti) { return jti; }
    static std::string_view of(const Kept& kept) { return kept.jti; }
    template <typename Left, typename Right>
    bool operator()(const Left& left, const Right& right) const {
      return of(left) == of(right);
    }
  };
  static void read(const Kept& kept, audit::Issued& into);
  [[nodiscard]] static Entry entry_of(const Kept& kept);
  void drop(const Kept* kept) MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] bool forget_some(Moment now);

  mutable Mutex mutex_;
  std::unordered_set<Kept, JtiHash, SameJti> by_jti_ MINTMARK_GUARDED_BY(mutex_);
  std::unordered_map<std::string, std::vector<const Kept*>> by_device_ MINTMARK_GUARDED_BY(mutex_);
  std::map<Moment, std::vector<const Kept*>> by_end_ MINTMARK_GUARDED_BY(mutex_);
  std::map<Terms, std::size_t> terms_ MINTMARK_GUARDED_BY(mutex_);  ///< How many tokens have them.
};

}  // namespace mintmark::revoke
