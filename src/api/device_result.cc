#include "api/device_result.h"

#include <algorithm>
#include <set>

#include "api/answers.h"
#include "api/credentials.h"
#include "hsm/result_profile.h"
#include "verify/proof.h"

namespace mintmark::api {
namespace {

constexpr std::string_view result_suffix = "/result";
constexpr std::size_t longest_id = 64;

/// Ids are base64url: nothing else gets into a URL that proofs are compared with.
bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= longest_id &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

Result<issuer::Credentials> credentials_of(const http::Headers& headers) {
  issuer::Credentials credentials;
  if (auto read = read_attestation(headers, credentials); !read) return pass_on(read);
  if (!credentials.client_attestation) {
    return fail(Code::client_unauthenticated,
                "the device is not authenticated: send OAuth-Client-Attestation with a DPoP proof; "
                "clients of private_key_jwt have attested nothing that a result could tell");
  }
  const auto proof = verify::one_proof(headers);
  if (!proof) return tl::unexpected<Error>(proof.error());
  credentials.proof = *proof;
  return credentials;
}

http::Response result_answer(const std::string& result) {
  http::Response response;
  response.headers.set(
      "Content-Type", "application/eat+jwt; eat_profile=\"" + std::string(hsm::ear_profile) + "\"");
  response.headers.set("Cache-Control", "no-store");
  response.body = result;
  return response;
}

}  // namespace

Result<issuer::ResultWish> read_result_wish(const std::string& query) {
  const auto fields = http::parse_form(query);
  if (!fields) return fail(Code::http_malformed, "the query's percent encoding is wrong");
  issuer::ResultWish wish;
  std::set<std::string> seen;
  for (const auto& [name, value] : *fields) {
    if (!seen.insert(name).second)
      return fail(Code::parameter_repeated, "parameter " + printable(name) + " stands twice");
    if (name == "nonce") wish.nonce = value;
  }
  return wish;
}

void add_device_result(http::Router& router, const std::string& path, issuer::Results& results,
                       AddressLimit by_address) {
  const std::string prefix = path + "/devices/";
  const auto asked = [prefix, &results](const http::Request& request,
                                        const http::Respond& respond) {
    std::string_view id = std::string_view(request.path).substr(prefix.size());
    if (!id.ends_with(result_suffix))
      return respond(refusal(Error{Code::http_path_unknown, "nothing is served at this path", 0}));
    id.remove_suffix(result_suffix.size());
    if (!is_id(id))
      return respond(refusal(Error{Code::device_not_found, "there is no such device here", 0}));
    const auto answer = [&results, respond](const Result<std::string>& result) {
      http::Response response = result ? result_answer(*result) : refusal(result.error());
      const bool asks = !result && asks_for_nonce(result.error());
      auto& authentication = results.authentication();
      if (asks || authentication.options().challenges_required)
        add_nonce(response, authentication.nonces().fresh());
      respond(std::move(response));
    };
    auto wish = read_result_wish(request.query);
    if (!wish) return answer(pass_on(wish));
    auto credentials = credentials_of(request.headers);
    if (!credentials) return answer(pass_on(credentials));
    results.for_device(std::move(*credentials), std::string(id), std::move(*wish), answer);
  };
  router.on("GET", prefix + "*", limited(std::move(by_address), asked));
}

}  // namespace mintmark::api
