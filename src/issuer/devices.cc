#include "issuer/devices.h"

#include <algorithm>

namespace mintmark::issuer {

Result<attest::RecordedDevice> parse_record(const store::DeviceRecord& record) {
  const auto unreadable = [&](const std::string& why) {
    return fail(Code::store_failed,
                "the record of device " + record.id + " cannot be read: " + why);
  };
  auto facts_json = parse_json(record.facts);
  if (!facts_json) return unreadable(facts_json.error().detail);
  auto facts = attest::facts_from_json(*facts_json);
  if (!facts) return unreadable(facts.error().detail);
  auto labels = parse_json(record.labels);
  if (!labels || !labels->is_object()) return unreadable("its labels are no JSON object");

  attest::RecordedDevice device;
  device.id = record.id;
  device.state = record.state;
  device.jkt = record.jkt;
  device.public_jwk = record.public_jwk;
  device.facts = std::move(*facts);
  device.attested_at = record.attested_at;
  device.fresh_for = record.fresh_for;
  device.evidence_ended_why = record.evidence_ended_why;
  device.boot = record.boot;
  for (const auto& [name, value] : labels->items()) {
    if (!value.is_string()) return unreadable("label " + name + " is no string");
    device.labels.emplace(name, value.get<std::string>());
  }
  return device;
}

Result<void> Devices::load(const store::DeviceStore& store) {
  auto records = store.list();
  if (!records) return pass_on(records);
  for (const store::DeviceRecord& record : *records) {
    auto device = parse_record(record);
    if (!device) return pass_on(device);
    put(std::move(*device));
  }
  return {};
}

std::shared_ptr<const attest::RecordedDevice> Devices::find(const std::string& id) const {
  const ReaderLock lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

bool Devices::has_key(const std::string& jkt) const {
  const ReaderLock lock(mutex_);
  return std::any_of(by_id_.begin(), by_id_.end(),
                     [&](const auto& one) { return one.second->jkt == jkt; });
}

void Devices::put(attest::RecordedDevice device) {
  const std::string id = device.id;
  auto entry = std::make_shared<const attest::RecordedDevice>(std::move(device));
  {
    const WriterLock lock(mutex_);
    auto& place = by_id_[id];
    const bool replaces = place != nullptr;
    place = std::move(entry);
    if (!replaces) return;
  }
  gate_.wait_for_those_inside();
}

std::size_t Devices::size() const {
  const ReaderLock lock(mutex_);
  return by_id_.size();
}

}  // namespace mintmark::issuer
