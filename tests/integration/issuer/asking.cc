#include "asking.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "base/time.h"
#include "support/asked_nonce.h"

namespace mintmark::test {
namespace {

std::string ask_once(const Stack& stack, const SoftKey& key, const std::string& client_id,
                     const std::string& resource, const std::optional<std::string>& nonce) {
  static std::atomic<int> number{0};
  const std::string issuer = stack["MINT_ISSUER"];
  const Moment now = SystemClock().now();
  const std::string assertion =
      key.sign_jws({{"alg", "ES256"}}, {{"iss", client_id},
                                        {"sub", client_id},
                                        {"aud", issuer},
                                        {"iat", to_unix(now)},
                                        {"exp", to_unix(now) + 60},
                                        {"jti", "by-hand-" + std::to_string(++number)}});
  const std::string proof =
      make_proof(key, {.method = "POST", .url = issuer + "/token", .at = now, .nonce = nonce});
  std::vector<std::string> words{
      "--include",
      "--max-time",
      "10",
      "--header",
      "DPoP: " + proof,
      "--data-urlencode",
      "grant_type=client_credentials",
      "--data-urlencode",
      "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      "--data-urlencode",
      "client_assertion=" + assertion};
  if (!resource.empty()) words.insert(words.end(), {"--data-urlencode", "resource=" + resource});
  words.push_back(issuer + "/token");
  return stack.curl(words).output;
}

}  // namespace

std::string ask_by_assertion(const Stack& stack, const SoftKey& key, const std::string& client_id,
                             const std::string& resource) {
  std::string answer = ask_once(stack, key, client_id, resource, std::nullopt);
  const auto nonce = asked_nonce(answer);
  return nonce ? ask_once(stack, key, client_id, resource, nonce) : answer;
}

int status_of(const std::string& answer) {
  const bool is_one = answer.starts_with("HTTP/") && answer.size() > 12;
  return is_one ? std::atoi(answer.substr(9, 3).c_str()) : 0;
}

Json body_of(const std::string& answer) {
  const auto at = answer.find("\r\n\r\n");
  if (at == std::string::npos) return Json::object();
  Json body = Json::parse(answer.substr(at), nullptr, false);
  return body.is_object() ? body : Json::object();
}

}  // namespace mintmark::test
