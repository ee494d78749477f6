// A connected socket, within a deadline that covers the name's resolution too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/time.h"
#include "http/interruption.h"

namespace mintmark::http {

/// Who waits for the system's resolver, which cannot be interrupted.
enum class NameLookup : std::uint8_t {
  within_deadline,  ///< A thread of its own, which the caller leaves behind at the deadline.
  by_caller,        ///< The caller, however long the resolver takes; no thread is started.
};

/// Whether an address, in digits, may be connected to. From any thread; empty: all may.
using AddressRule = std::function<bool(const std::string& address)>;

/// Non-blocking, TCP_NODELAY. Each address of the host is tried in turn, each with its share of
/// what time is left. `connect_failed` says what failed last; `deadline_passed`. Connecting ends
/// when `interruption` was raised (nullptr: none); looking up the name does not. Addresses that
/// `rule` says no to are passed over: `connect_failed` where there are no others.
[[nodiscard]] Result<UniqueFd> dial_tcp(const std::string& host, std::uint16_t port,
                                        Deadline deadline,
                                        NameLookup lookup = NameLookup::within_deadline,
                                        const Interruption* interruption = nullptr,
                                        const AddressRule& rule = {});
[[nodiscard]] Result<UniqueFd> dial_unix(const std::string& path);

/// Waits for POLLIN or POLLOUT; `deadline_passed`; `connect_failed` where `interruption` was
/// raised.
[[nodiscard]] Result<void> wait_for(int socket, short events, Deadline deadline,
                                    const Interruption* interruption = nullptr);

}  // namespace mintmark::http
