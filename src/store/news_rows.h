// Changes of devices that services may have to hear of: written with the row that changed, until
// they are told. Private to this folder.
#pragma once

#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace mintmark::store {

/// As far as services are told of it.
[[nodiscard]] DeviceStanding standing_of(const DeviceRecord& device);

/// Within the transaction that writes the device's row.
[[nodiscard]] Result<void> put_news(Database& database, const DeviceRecord& before,
                                    const DeviceRecord& now);
[[nodiscard]] Result<std::vector<DeviceChange>> read_news(Database& database, std::size_t most);
[[nodiscard]] Result<void> forget_news(Database& database, std::int64_t up_to);

}  // namespace mintmark::store
