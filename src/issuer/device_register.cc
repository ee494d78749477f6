#include "issuer/device_register.h"

#include <utility>

namespace mintmark::issuer {

namespace {

// IMA extends it with each file that is used: it is never twice the same.
constexpr unsigned ima_pcr = 10;

bool booted_otherwise(const attest::Facts& before, const attest::Facts& now) {
  auto pcrs_before = before.pcrs;
  auto pcrs_now = now.pcrs;
  pcrs_before.erase(ima_pcr);
  pcrs_now.erase(ima_pcr);
  if (pcrs_before.empty()) return false;
  // Of another bank nothing can be compared.
  return before.format != now.format || before.pcr_bank != now.pcr_bank || pcrs_before != pcrs_now;
}

}  // namespace

std::optional<Ended> ended_by(const store::DeviceRecord& record) {
  if (record.state == "revoked") return Ended{record.id, true, record.revoked_at};
  if (record.evidence_ended_at == Moment{}) return std::nullopt;
  return Ended{record.id, false, record.evidence_ended_at};
}

Result<std::optional<Ended>> ended_by_boot(const store::DeviceRecord& record) {
  if (record.facts_before.empty()) return std::optional<Ended>();
  store::DeviceRecord earlier = record;
  earlier.facts = record.facts_before;
  const auto before = parse_record(earlier);
  if (!before) return tl::unexpected<Error>(before.error());
  const auto now = parse_record(record);
  if (!now) return tl::unexpected<Error>(now.error());
  if (!booted_otherwise(before->facts, now->facts)) return std::optional<Ended>();
  return std::optional(Ended{record.id, false, record.attested_at, true});
}

DeviceRegister::DeviceRegister(store::DeviceStore& store, Devices& devices, Follow follow)
    : store_(store), devices_(devices), follow_(std::move(follow)), worker_([this] { work(); }) {}

DeviceRegister::~DeviceRegister() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void DeviceRegister::change(Change change, hsm::Done<store::DeviceRecord> done) {
  {
    const MutexLock lock(mutex_);
    if (orders_.size() < longest_queue) {
      orders_.push_back({std::move(change), std::move(done)});
      changed_.notify_all();
      return;
    }
  }
  done(fail(Code::overloaded, "too many devices come at once; come again"));
}

void DeviceRegister::work() {
  MutexLock lock(mutex_);
  for (;;) {
    while (!ending_ && orders_.empty()) changed_.wait(mutex_);
    if (orders_.empty()) return;
    const Order order = std::move(orders_.front());
    orders_.pop_front();
    lock.unlock();
    carry_out(order.change, order.done);
    lock.lock();
  }
}

void DeviceRegister::carry_out(const Change& change, const hsm::Done<store::DeviceRecord>& done) {
  auto record = change(store_);
  if (!record) return done(std::move(record));
  auto device = parse_record(*record);
  if (!device) return done(pass_on(device));
  auto ended = ended_by(*record);
  const auto before = devices_.find(record->id);
  // Not what it was when standing tokens were granted, and good nonetheless.
  if (!ended && before && booted_otherwise(before->facts, device->facts))
    ended = Ended{record->id, false, record->attested_at};
  // One who waits for approval gets no tokens, and may be forgotten by the store.
  if (record->state != "pending") devices_.put(std::move(*device));
  if (on_changed_) on_changed_();
  if (!ended || !follow_) return done(std::move(record));
  follow_(*ended, [record = std::move(*record), done](Result<void> followed) {
    if (!followed) return done(pass_on(followed));
    done(record);
  });
}

}  // namespace mintmark::issuer
