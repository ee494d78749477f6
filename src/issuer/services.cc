#include "issuer/services.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::issuer {
namespace {

/// Null for one that was removed.
Result<std::shared_ptr<const Service>> service_of(const store::ServiceRecord& record) {
  if (record.removed()) return std::shared_ptr<const Service>();
  const auto jwk = parse_json(record.public_jwk);
  auto key = jwk ? jose::PublicKey::from_jwk(*jwk) : tl::unexpected<Error>(jwk.error());
  if (!key) return fail(Code::store_failed, "the key of service " + record.id + " cannot be read");
  return std::make_shared<const Service>(
      Service{record.id, std::move(*key), record.audiences, record.roles});
}

}  // namespace

bool Service::has_role(std::string_view role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

Result<void> Services::load() {
  const auto records = store_.list();
  if (!records) return tl::unexpected<Error>(records.error());
  const WriterLock lock(mutex_);
  for (const store::ServiceRecord& record : *records) {
    auto service = service_of(record);
    if (!service) return pass_on(service);
    by_id_[record.id] = std::move(*service);
  }
  return {};
}

std::shared_ptr<const Service> Services::find(const std::string& id) const {
  const ReaderLock lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

bool Services::knows(const std::string& id) const {
  const ReaderLock lock(mutex_);
  return by_id_.contains(id);
}

Result<jose::PublicKey> Services::key_of(const std::string& id) const {
  if (const auto service = find(id)) return service->key;
  return fail(Code::service_unknown,
              knows(id) ? "this service is not registered any more"
                        : "no service is registered by this client_id; see mintctl clients add");
}

Result<void> Services::check_key_is_free(const std::string& jkt) const {
  const ReaderLock lock(mutex_);
  const bool taken = std::any_of(by_id_.begin(), by_id_.end(), [&](const auto& one) {
    return one.second && one.second->key.thumbprint() == jkt;
  });
  if (!taken) return {};
  return fail(Code::service_exists,
              "a registered service has this key; a key belongs to one client");
}

Result<void> Services::add(const store::ServiceRecord& record) {
  auto service = service_of(record);
  if (!service) return pass_on(service);
  if (auto added = store_.add(record); !added) return added;
  const WriterLock lock(mutex_);
  by_id_[record.id] = std::move(*service);
  return {};
}

Result<store::ServiceRecord> Services::remove(const std::string& id, Moment now) {
  auto record = store_.remove(id, now);
  if (!record) return record;
  std::vector<std::function<void(const std::string& id)>> told;
  {
    const WriterLock lock(mutex_);
    by_id_[id] = nullptr;
    told = told_;
  }
  gate_.wait_for_those_inside();
  for (const auto& tell : told) tell(id);
  return record;
}

void Services::on_removed(std::function<void(const std::string& id)> told) {
  const WriterLock lock(mutex_);
  told_.push_back(std::move(told));
}

}  // namespace mintmark::issuer
