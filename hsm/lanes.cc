#include "hsm/lanes.h"

#include "base/bytes.h"
#include "base/json.h"
#include "jose/base64url.h"

namespace mintmark::hsm {
namespace {

constexpr std::size_t longest_header = 1024;
constexpr std::string_view token_typ = "at+jwt";  // RFC 9068 §2.1.
constexpr std::string_view frontier_typ = "mintmark-frontier+jwt";

/// Of a JWS; "" where there is none.
std::string typ_of(std::string_view signing_input) {
  const auto end = signing_input.find('.');
  if (end == std::string_view::npos || end > longest_header) return {};
  const auto octets = jose::from_base64url(signing_input.substr(0, end));
  if (!octets) return {};
  const auto header = parse_json(as_text(*octets));
  if (!header || !header->is_object()) return {};
  const auto typ = header->find("typ");
  return typ != header->end() && typ->is_string() ? typ->get<std::string>() : std::string();
}

}  // namespace

Lane lane_of(std::string_view signing_input) {
  // No JWS begins with a space, and 64 of them begin what a handshake signs.
  if (signing_input.starts_with(' ')) return Lane::tokens;
  const std::string typ = typ_of(signing_input);
  return typ == token_typ || typ == frontier_typ ? Lane::tokens : Lane::others;
}

}  // namespace mintmark::hsm
