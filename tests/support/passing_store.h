// The real store of devices, with a place for a test to count or to break a call.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace mintmark::test {

class PassingStore : public store::DeviceStore {
 public:
  using Record = store::DeviceRecord;

  explicit PassingStore(std::unique_ptr<store::DeviceStore> inner) : inner_(std::move(inner)) {}

  Result<Record> admit(const store::Admission& admission) override {
    return inner_->admit(admission);
  }
  Result<Record> admit_invited(const store::Admission& admission,
                               const std::string& code_hash) override {
    return inner_->admit_invited(admission, code_hash);
  }
  Result<Record> add(const Record& device) override { return inner_->add(device); }
  Result<Record> approve(const std::string& fingerprint, const store::Labels& labels) override {
    return inner_->approve(fingerprint, labels);
  }
  Result<Record> expect(const std::string& format, const std::string& identity,
                        const std::string& new_id, const store::Labels& labels) override {
    return inner_->expect(format, identity, new_id, labels);
  }
  Result<Record> revoke(const std::string& id, const std::string& why, Moment now) override {
    return inner_->revoke(id, why, now);
  }
  Result<Record> reinstate(const std::string& id) override { return inner_->reinstate(id); }
  Result<Record> label(const std::string& id, const store::Labels& set,
                       const std::vector<std::string>& remove) override {
    return inner_->label(id, set, remove);
  }
  Result<Record> end_evidence(const std::string& id, const std::string& why, Moment now) override {
    return inner_->end_evidence(id, why, now);
  }
  Result<void> invite(const store::Invite& invite) override { return inner_->invite(invite); }
  Result<std::optional<Record>> find(const std::string& id) const override {
    return inner_->find(id);
  }
  Result<std::vector<Record>> list() const override { return inner_->list(); }
  Result<store::Boots> boots(const std::string& id) const override { return inner_->boots(id); }
  Result<void> forget_before(Moment moment) override { return inner_->forget_before(moment); }
  void keep_news() override { inner_->keep_news(); }
  Result<std::vector<store::DeviceChange>> news(std::size_t most) const override {
    return inner_->news(most);
  }
  Result<void> forget_news(std::int64_t up_to) override { return inner_->forget_news(up_to); }

 private:
  std::unique_ptr<store::DeviceStore> inner_;
};

}  // namespace mintmark::test
