// The operators' endpoints on devices; answered by the front, which alone opens the store of
// devices.
#pragma once

#include "http/router.h"
#include "store/store.h"

namespace mintmark::admin {

/// GET /admin/v1/devices[?after=ID]: a page of devices by id, and in `next` the id to go on after
/// ("": that was all). `devices` must outlive the router.
[[nodiscard]] http::Router device_router(const store::DeviceStore& devices);

}  // namespace mintmark::admin
