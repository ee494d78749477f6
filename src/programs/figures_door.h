// The read-only listener of a daemon's figures, alike in all of them.
#pragma once

#include <string>

#include "http/limits.h"
#include "http/message.h"

namespace mintmark::programs {

/// A collector or two, however many strangers come to the other doors.
[[nodiscard]] http::ServerLimits figures_limits();
/// The answer to GET /metrics: `text` in Prometheus' text format 0.0.4.
[[nodiscard]] http::Response figures_answer(std::string text);

}  // namespace mintmark::programs
