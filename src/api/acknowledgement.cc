#include "api/acknowledgement.h"

#include <algorithm>

namespace mintmark::api {
namespace {

constexpr const char* verifier_field = "Mintmark-Verifier";
constexpr const char* kids_field = "Mintmark-Held-Kids";
constexpr std::size_t longest_list = keyring::most_held_kids * (keyring::longest_held_kid + 1) - 1;

std::vector<std::string> parted(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    parts.emplace_back(list.substr(0, end));
    if (end + 1 == list.size()) parts.emplace_back();  // A space at the end parts nothing.
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parts;
}

}  // namespace

Result<std::optional<keyring::Acknowledgement>> acknowledgement_in(const http::Headers& headers) {
  const std::string* verifier = headers.find(verifier_field);
  const std::string* kids = headers.find(kids_field);
  if (verifier == nullptr && kids == nullptr) return std::nullopt;
  if (headers.count(verifier_field) != 1 || headers.count(kids_field) > 1)
    return fail(Code::http_malformed, "a verifier says its id once, and its kids once");
  if (!keyring::is_verifier_id(*verifier))
    return fail(Code::http_malformed, "a verifier's id is 1 to 64 letters, digits, . _ and -");
  keyring::Acknowledgement said{.verifier = *verifier, .kids = {}, .heard_at = {}};
  if (kids == nullptr) return said;
  if (kids->size() <= longest_list) said.kids = parted(*kids);
  if (kids->size() > longest_list || !keyring::are_held_kids(said.kids))
    return fail(Code::http_malformed,
                "held kids are at most 64 different ones of at most 43 characters of base64url, "
                "parted by one space each");
  return said;
}

}  // namespace mintmark::api
