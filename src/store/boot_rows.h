// What devices booted: two rows a device at most, compressed. Private to this folder.
#pragma once

#include "store/sqlite.h"
#include "store/store.h"

namespace mintmark::store {

/// The longest record taken; what is kept is smaller by about five.
inline constexpr std::size_t longest_boot_record = 16U << 20U;

/// One that passed is the good one and the last one; one that was refused is only the last. Within
/// a transaction of the caller.
[[nodiscard]] Result<void> put_boot(Database& database, const std::string& device,
                                    const Boot& boot);
[[nodiscard]] Result<Boots> read_boots(Database& database, const std::string& device);

}  // namespace mintmark::store
