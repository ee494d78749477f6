// A call whose answer is read while it comes about: for answers without end.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "http/client.h"
#include "http/interruption.h"

namespace mintmark::http {

struct StreamedCall {
  std::string method = "GET";
  std::string url;
  Headers headers = {};
  /// Covers the connection, the request and the answer's head.
  Deadline head_by;
  /// The longest time in which nothing comes, once the head has; each octet begins it anew.
  std::chrono::milliseconds silence{30'000};
  /// No chunk may be longer, nor what is kept of a body that says no length. One that says it may
  /// be of any: it comes in parts of what was read at once, and whoever keeps them counts.
  std::size_t part_octets = 1U << 20U;
  /// Called once with status and fields, whatever the status; `body` is empty. False: the call
  /// ends, its body is not read.
  std::function<bool(const Response&)> head;
  /// Called for each part as it comes: cut anywhere, never empty, the view lives as long as the
  /// call. False: the call ends.
  std::function<bool(std::string_view)> part;
  /// Ends the call from another thread, but for a name that is being looked up (`head_by` does);
  /// nullptr: nothing does.
  const Interruption* interruption = nullptr;
};

enum class StreamEnd {
  by_server,  ///< The answer is complete.
  by_caller,  ///< `head` or `part` said so.
  interrupted
};

/// Makes the call on a connection of its own, which is closed then, with the checks of Client::send
/// and its errors; `deadline_passed` for too long a silence too. `head` and `part` run on the
/// caller's thread. Of `options` `answer_octets` means nothing here. Thread-safe.
[[nodiscard]] Result<StreamEnd> stream(const ClientOptions& options, const StreamedCall& call);

}  // namespace mintmark::http
