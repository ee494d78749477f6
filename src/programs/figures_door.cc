#include "programs/figures_door.h"

namespace mintmark::programs {

http::ServerLimits figures_limits() {
  http::ServerLimits limits;
  limits.body_octets = 0;
  limits.connections = 16;
  return limits;
}

http::Response figures_answer(std::string text) {
  http::Response response;
  response.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.headers.add("Cache-Control", "no-store");
  response.body = std::move(text);
  return response;
}

}  // namespace mintmark::programs
