#include "listed.h"

#include "base/time.h"
#include "http/client.h"
#include "verify/status_list_token.h"

namespace mintmark::test {
namespace {

constexpr std::chrono::seconds patience{10};

Result<std::string> fetched(http::Client& client, const std::string& url, std::string_view type) {
  http::Headers headers;
  headers.add("Accept", std::string(type));
  auto answer = client.send("GET", url, headers, "", Deadline::in(patience));
  if (!answer) return pass_on(answer);
  if (answer->status == 200) return std::move(answer->body);
  return fail(Code::unavailable, url + ": " + std::to_string(answer->status) + " " + answer->body);
}

Result<verify::StatusListToken> list_at(http::Client& client, const std::string& uri,
                                        const std::string& issuer, Moment now) {
  const auto jwks = fetched(client, issuer + "/.well-known/jwks.json", "application/json");
  if (!jwks) return tl::unexpected<Error>(jwks.error());
  const auto keys = verify::KeySet::parse(*jwks, verify::status_list_purpose);
  if (!keys) return tl::unexpected<Error>(keys.error());
  const auto text = fetched(client, uri, verify::status_list_jwt_type);
  if (!text) return tl::unexpected<Error>(text.error());
  return verify::read_status_list_jwt(*text, *keys, {.uri = uri, .issuer = issuer, .now = now});
}

}  // namespace

std::vector<std::string> complaints_of_lists(const Stack& stack, Book& book,
                                             std::chrono::seconds ahead) {
  http::Client client({.ca_file = stack["MINT_CA"]});
  const Moment now = SystemClock().now() + ahead;
  std::map<std::string, std::vector<GivenToken>> by_list;
  for (const GivenToken& token : book.all()) {
    if (token->expires_at > to_unix(now) + patience.count()) by_list[token->list].push_back(token);
  }
  std::vector<std::string> complaints;
  for (const auto& [uri, tokens] : by_list) {
    const auto began = Steady::now();
    const auto list = list_at(client, uri, stack["MINT_ISSUER"], now);
    const auto ended = Steady::now();
    if (!list) complaints.push_back("the status list " + list.error().to_string());
    if (!list) continue;
    for (const GivenToken& token : tokens) {
      const auto status = list->list.at(token->index);
      const bool valid = status && *status == verify::ListedStatus::valid;
      std::string wrong = book.complaint_of_list(*token, valid, began, ended);
      if (!wrong.empty()) complaints.push_back(std::move(wrong));
    }
  }
  return complaints;
}

}  // namespace mintmark::test
