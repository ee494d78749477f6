// One line a request.
#pragma once

#include "http/message.h"
#include "programs/mintd/figures.h"

namespace mintmark::mintd {

/// Logs the request's id, peer, method, path, status, code and time: no query, no header, no body.
/// A path that is none of ours is a stranger's text and is cut short. Where the answer is 5xx the
/// line has the whole cause, which the stranger does not get.
void log_access(const http::Answered& answered, const Figures& figures);

}  // namespace mintmark::mintd
