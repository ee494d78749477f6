#include "programs/mint_gate/decision_log.h"

#include "telemetry/log.h"

namespace mintmark::programs {

using telemetry::Level;

void log_decision(const http::Answered& answered) {
  if (answered.cause == nullptr) return;
  telemetry::log(answered.status >= 500 ? Level::error : Level::info, "refused", *answered.cause,
                 {{"request", std::string(answered.id)},
                  {"peer", std::string(answered.peer)},
                  {"status", std::to_string(answered.status)},
                  {"us", std::to_string(answered.took.count())}});
}

}  // namespace mintmark::programs
