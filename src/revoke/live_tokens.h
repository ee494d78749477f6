// The tokens that are good now, in memory: what a revocation meets.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/issuance_log.h"
#include "base/time.h"

namespace mintmark::revoke {

/// Thread-safe. An entry never changes; whether it was revoked is for the status list to say.
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
  /// Those that ended before `now`; in time proportional to what is forgotten, or little more.
  void forget(Moment now);
  [[nodiscard]] std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> by_jti_;
  std::unordered_multimap<std::string, Entry> by_device_;
  std::multimap<Moment, std::string> by_end_;
};

}  // namespace mintmark::revoke
