// The journal in memory, with switches to fail the next write of a state, or the n-th of all.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/store.h"

namespace mintmark::keyring::test {

class Journal final : public store::KeyStateStore {
 public:
  Result<void> put(std::span<const store::KeyRecord> keys) override {
    for (const store::KeyRecord& key : keys) {
      if (key.state == fail_on) return fail(Code::store_failed, "disk full");
    }
    for (const store::KeyRecord& key : keys) {
      history.push_back(key.purpose + " " + key.algorithm + " " + std::string(name_of(key.state)));
      records[key.id] = key;
      check_one_active(key);
    }
    return {};
  }
  using KeyStateStore::put;
  Result<std::vector<store::KeyRecord>> list() const override {
    std::vector<store::KeyRecord> all;
    for (const auto& [id, record] : records) all.push_back(record);
    std::stable_sort(all.begin(), all.end(), [](const auto& left, const auto& right) {
      return left.since.front() < right.since.front();
    });
    return all;
  }
  Result<void> forget(const std::string& id) override {
    records.erase(id);
    return {};
  }
  Result<Moment> clock_mark() const override { return mark; }
  Result<void> set_clock_mark(Moment given) override {
    mark = given;
    return {};
  }

  std::map<std::string, store::KeyRecord> records;
  std::vector<std::string> history;
  std::optional<store::KeyState> fail_on;
  Moment mark{};

 private:
  // As the real one's index does, at each write.
  void check_one_active(const store::KeyRecord& key) const {
    if (key.state != store::KeyState::active) return;
    for (const auto& [id, other] : records) {
      if (id != key.id && other.state == key.state && other.store == key.store &&
          other.purpose == key.purpose && other.algorithm == key.algorithm)
        throw std::logic_error("two active keys");
    }
  }
};

}  // namespace mintmark::keyring::test
