#include "issuer/device_register.h"

#include <utility>

namespace mintmark::issuer {

DeviceRegister::DeviceRegister(store::DeviceStore& store, Devices& devices)
    : store_(store), devices_(devices), worker_([this] { work(); }) {}

DeviceRegister::~DeviceRegister() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void DeviceRegister::change(Change change, hsm::Done<store::DeviceRecord> done) {
  {
    const std::lock_guard lock(mutex_);
    if (orders_.size() < longest_queue) {
      orders_.push_back({std::move(change), std::move(done)});
      changed_.notify_all();
      return;
    }
  }
  done(fail(Code::overloaded, "too many devices come at once; come again"));
}

void DeviceRegister::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ending_ || !orders_.empty(); });
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
  // One who waits for approval gets no tokens, and may be forgotten by the store.
  if (record->state != "pending") devices_.put(std::move(*device));
  done(std::move(record));
}

}  // namespace mintmark::issuer
