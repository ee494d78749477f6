// Bodies that may be longer than others: of a few paths, and a few at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mintmark::http {

/// Thread-safe: one for a whole server, so that strangers cannot have it keep more than `places`
/// long bodies at once.
class LongBodies {
 public:
  /// One body's place, free again at its end. Its LongBodies must outlive it.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(from_, other.from_);
      return *this;
    }
    ~Place() {
      if (from_ != nullptr) from_->fetch_add(1);
    }
    [[nodiscard]] bool taken() const { return from_ != nullptr; }

   private:
    friend class LongBodies;
    explicit Place(std::atomic<int>& from) : from_(&from) {}
    std::atomic<int>* from_ = nullptr;
  };

  LongBodies(std::vector<std::string> paths, std::size_t octets, int places)
      : paths_(std::move(paths)), octets_(octets), free_(places) {}

  /// True where requests of this target may have one.
  [[nodiscard]] bool are_for(std::string_view target) const {
    const std::string_view path = target.substr(0, target.find('?'));
    for (const std::string& one : paths_) {
      if (one == path) return true;
    }
    return false;
  }
  [[nodiscard]] std::size_t octets() const { return octets_; }
  /// Not `taken` where all places are.
  [[nodiscard]] Place take() {
    if (free_.fetch_sub(1) > 0) return Place(free_);
    free_.fetch_add(1);
    return {};
  }

 private:
  const std::vector<std::string> paths_;
  const std::size_t octets_;
  std::atomic<int> free_;
};

}  // namespace mintmark::http
