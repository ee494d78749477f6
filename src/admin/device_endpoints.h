// The operators' endpoints on devices; answered by the front, which alone opens the store of
// devices.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/time.h"
#include "http/router.h"
#include "issuer/device_register.h"
#include "issuer/results.h"
#include "policy/policy.h"
#include "store/store.h"

namespace mintmark::admin {

/// What the endpoints work on; all must outlive the router.
struct DeviceParts {
  store::DeviceStore& store;
  issuer::DeviceRegister& devices;
  const Clock& clock;
  /// The policy in force, and its file.
  std::function<std::shared_ptr<const policy::Policy>()> policy;
  std::function<std::string()> policy_file;
  /// How many live tokens of the device its revocation would meet.
  std::function<Result<std::size_t>(const std::string& id)> live_tokens;
  /// Null where no results are given.
  issuer::Results* results = nullptr;
};

/// GET /admin/v1/devices[?after=ID]: a page of devices by id, and in `next` the id to go on after
/// ("": that was all). GET /admin/v1/devices/ID: one, with all that is known. `device_not_found`.
/// GET /admin/v1/devices/ID/boot and /explain: in parts (boot_endpoints.h). GET
/// /admin/v1/devices/ID/result (result_endpoint.h).
void add_device_reading(http::Router& router, const DeviceParts& parts);

/// POST /admin/v1/devices/approve, expect, revoke, reinstate, label, attest, add and invite
/// (docs/http-api.md), each answered when it is on disk; after `revoke` no token of the device can
/// leave any more, and with "dry_run" nothing is changed. `admin_member_wrong`, `label_malformed`,
/// `fingerprint_malformed` and the errors of store::DeviceStore.
void add_device_changes(http::Router& router, const DeviceParts& parts);

/// A device as operators see it.
[[nodiscard]] Json describe(const store::DeviceRecord& device);

}  // namespace mintmark::admin
