// Any octets as a request target: refused with a code, or a path that every server reads alike.
#include "gate/target.h"
#include "target.h"
#include "verify/request_url.h"

namespace mintmark::fuzz {
namespace {

constexpr std::string_view origin = "https://api.example";

// As the gate's own reader does not do it: by segments of the decoded path.
void require_plain(const std::string& path) {
  require(!path.empty() && path.front() == '/');
  require(path.find("//") == std::string::npos);
  require(path.find_first_of(std::string_view("\\;\0\r\n", 5)) == std::string::npos);
  const std::string closed = path + '/';
  for (const char* segment : {"/./", "/../", "/. /", "/.. /"})
    require(closed.find(segment) == std::string::npos);
}

void run_gate_target(BytesView octets) {
  const std::string_view text(as_text(octets));
  const auto target = gate::read_target(text, origin);
  if (!target) {
    const Code code = target.error().code;
    require(code == Code::gate_path_ambiguous || code == Code::gate_path_malformed ||
            code == Code::gate_origin_unknown);
    return;
  }
  require_plain(target->path);
  require(target->raw.size() <= gate::longest_path);
  // What proofs are compared with has the same segments: nothing was removed from it.
  const auto url = verify::normal_request_url(std::string(origin) + std::string(target->raw));
  require(url.has_value());
  const auto again = gate::read_target(std::string_view(*url).substr(origin.size()), origin);
  require(again.has_value() && again->path == target->path);
  // Query and origin change nothing.
  const std::string whole = std::string(origin) + std::string(target->raw) + "?a=/../b";
  const auto longer = gate::read_target(whole, origin);
  require(longer.has_value() && longer->path == target->path && longer->raw == target->raw);
}

const Registered gate_target_target{{"gate_target", &run_gate_target}};

}  // namespace
}  // namespace mintmark::fuzz
