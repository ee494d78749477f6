// The body of a poll (RFC 8936 §2.4).
#pragma once

#include "base/error.h"
#include "http/message.h"
#include "revoke/signals/polls.h"

namespace mintmark::api {

/// All but whose it is. `ssf_poll_malformed`, `content_type_wrong`, parse_json's errors.
[[nodiscard]] Result<revoke::signals::PollWish> read_poll(const http::Request& request);

}  // namespace mintmark::api
