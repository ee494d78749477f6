#include "programs/mint_gate/status_check.h"

#include <algorithm>

#include "base/json.h"
#include "base/time.h"
#include "http/client.h"
#include "http/url.h"
#include "verify/key_set.h"
#include "verify/status_list_token.h"

namespace mintmark::programs {
namespace {

constexpr std::chrono::seconds patience{10};

struct Reference {
  std::string uri;
  std::uint64_t index = 0;
};

// No path that a server could read as another: the list stands below the issuer's URL.
bool is_below(const std::string& uri, const std::string& issuer) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-_";
  if (!uri.starts_with(issuer + "/")) return false;
  return uri.find_first_not_of(plain, issuer.size()) == std::string::npos;
}

Result<Reference> reference_in(const VerifiedToken& token, const std::string& issuer) {
  const auto claims = parse_json(token.claims());
  if (!claims || !claims->contains("status")) {
    return fail(Code::status_missing,
                "the token names no status list; say --no-status to take it without");
  }
  const Json& status = (*claims)["status"];
  const Json list = status.is_object() ? status.value("status_list", Json()) : Json();
  const bool whole = list.is_object() && list.contains("idx") && list.contains("uri") &&
                     list["idx"].is_number_unsigned() && list["uri"].is_string();
  if (!whole)
    return fail(Code::status_malformed,
                R"(the token's status is no {"status_list": {"idx", "uri"}})");
  Reference read{list["uri"].get<std::string>(), list["idx"].get<std::uint64_t>()};
  if (is_below(read.uri, issuer)) return read;
  return fail(Code::status_malformed, "the token's status list is at " + printable(read.uri) +
                                          ", not below " + issuer + ": it is not asked for");
}

tl::unexpected<Error> unavailable(const std::string& uri, const std::string& why) {
  return fail(Code::status_list_unavailable, uri + ": " + why);
}

Result<std::string> fetch_list(const std::string& uri, const std::string& ca_file) {
  http::Client client({.ca_file = ca_file, .answer_octets = verify::longest_status_list_token});
  http::Headers headers;
  headers.add("Accept", std::string(verify::status_list_jwt_type));
  auto answer = client.send("GET", uri, headers, "", Deadline::in(patience));
  if (!answer) return unavailable(uri, answer.error().to_string());
  if (answer->status != 200) return unavailable(uri, "answered " + std::to_string(answer->status));
  return std::move(answer->body);
}

Result<verify::KeySet> list_keys(const std::string& issuer, const std::string& ca_file) {
  auto document = published_keys(issuer, ca_file)->fetch();
  if (!document) {
    return fail(code_named(name_of(document.error().refusal)), std::move(document.error().detail));
  }
  return verify::KeySet::parse(document->jwks, verify::status_list_purpose);
}

}  // namespace

Result<ListedAsValid> check_status(const VerifiedToken& token, const std::string& issuer,
                                   const std::string& ca_file) {
  const auto reference = reference_in(token, issuer);
  if (!reference) return tl::unexpected<Error>(reference.error());
  const auto keys = list_keys(issuer, ca_file);
  if (!keys) return tl::unexpected<Error>(keys.error());
  const auto text = fetch_list(reference->uri, ca_file);
  if (!text) return tl::unexpected<Error>(text.error());
  const Moment now = SystemClock().now();
  const auto list = verify::read_status_list_jwt(
      *text, *keys, {.uri = reference->uri, .issuer = issuer, .now = now});
  if (!list) return tl::unexpected<Error>(list.error());
  const auto status = list->list.at(reference->index);
  if (!status) return tl::unexpected<Error>(status.error());
  if (*status == verify::ListedStatus::invalid)
    return fail(Code::token_revoked, "the token's status list says that it was revoked");
  if (*status == verify::ListedStatus::suspended)
    return fail(Code::token_suspended, "the token's status list says that it is suspended");
  return ListedAsValid{reference->uri, std::max(std::chrono::seconds{0}, now - list->issued_at)};
}

}  // namespace mintmark::programs
