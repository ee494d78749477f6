#include "programs/mintd/access_log.h"

#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Level;

// Too short for a token, and for most of what is pasted into an address by mistake.
constexpr std::size_t longest_foreign_path = 40;
constexpr std::size_t longest_method = 16;

}  // namespace

void log_access(const http::Answered& answered, const Figures& figures) {
  const bool known = figures.is_route(answered.path);
  const std::string path(known ? answered.path : answered.path.substr(0, longest_foreign_path));
  const std::string id(answered.id);
  const std::string peer(answered.peer);
  const std::string method(answered.method.substr(0, longest_method));
  const std::string status = std::to_string(answered.status);
  const std::string took = std::to_string(answered.took.count());
  if (answered.cause != nullptr && answered.status >= 500) {
    return telemetry::log(Level::error, "request", *answered.cause,
                          {{"request", id},
                           {"peer", peer},
                           {"method", method},
                           {"path", path},
                           {"status", status},
                           {"us", took}});
  }
  const std::string code(answered.cause == nullptr ? "" : facts_of(answered.cause->code).name);
  telemetry::log(Level::info, "request",
                 {{"request", id},
                  {"peer", peer},
                  {"method", method},
                  {"path", path},
                  {"status", status},
                  {"code", code},
                  {"us", took}});
}

}  // namespace mintmark::mintd
