#include "issuing.h"

#include <stdexcept>

#include "base/json.h"
#include "base/time.h"
#include "jose/jws.h"
#include "programs/command_line.h"
#include "support/temporary_directory.h"

namespace mintmark::test {
namespace {

constexpr std::chrono::seconds patience{5};
constexpr std::chrono::seconds mintd_is_back{40};

std::string rule_of(const std::string& audience) { return audience.substr(sizeof "https://" - 1); }

Given given(const std::string& text, std::size_t device, const std::string& path) {
  const auto parts = jose::parse_signing_input(std::string_view(text).substr(0, text.rfind('.')));
  if (!parts) throw std::runtime_error("the issuer gave no token: " + parts.error().to_string());
  const Json& claims = parts->claims;
  return {.text = text,
          .jti = claims.at("jti"),
          .kid = parts->header.at("kid"),
          .rule = rule_of(chaos_audiences.at(path)),
          .path = path,
          .list = claims.at("status").at("status_list").at("uri"),
          .index = claims.at("status").at("status_list").at("idx"),
          .device = device,
          .issued_at = claims.at("iat"),
          .expires_at = claims.at("exp"),
          .asked = {},
          .came = {}};
}

}  // namespace

const std::map<std::string, std::string> chaos_audiences{{"/orders", "https://orders.example"},
                                                         {"/stock", "https://stock.example"}};

std::string chaos_policy() {
  Json rules = Json::array();
  for (const auto& [path, audience] : chaos_audiences)
    rules.push_back(
        {{"name", rule_of(audience)},
         {"match", {{"format", "key"}, {"key_protection", "none"}}},
         {"grant",
          {{{"audience", audience}, {"scopes", {"read"}}, {"longest_life_seconds", 300}}}}});
  return Json{{"rules", rules}}.dump(2);
}

ChaosDevices::ChaosDevices(const Stack& stack, const ChaosIssuer& issuer, std::size_t count)
    : stack_(stack), issuer_(issuer), devices_(count), client_({.ca_file = stack["MINT_CA"]}) {
  const TemporaryDirectory directory;
  for (Device& device : devices_) {
    const auto jwk = directory.write("device.jwk", device.key.public_key().to_jwk().dump());
    device.id = stack.control({"devices", "add", "--jwk", jwk.string()})["client_id"];
  }
}

http::Response ChaosDevices::send(const Device& device, const std::string& audience) {
  const std::string& issuer = stack_["MINT_ISSUER"];
  // A device goes by the issuer's clock, as its own would be set.
  const Moment now = SystemClock().now() + issuer_.ahead();
  static std::atomic<std::uint64_t> number{0};
  const std::string assertion =
      device.key.sign_jws({{"alg", "ES256"}}, {{"iss", device.id},
                                               {"sub", device.id},
                                               {"aud", issuer},
                                               {"iat", to_unix(now)},
                                               {"exp", to_unix(now) + 60},
                                               {"jti", "chaos-" + std::to_string(++number)}});
  ProofContent proof{.method = "POST", .url = issuer + "/token", .at = now};
  if (!nonce_.empty()) proof.nonce = nonce_;
  http::Headers headers;
  headers.add("Content-Type", "application/x-www-form-urlencoded");
  headers.add("DPoP", make_proof(device.key, proof));
  const std::string form = http::encode_form(
      {{"grant_type", "client_credentials"},
       {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
       {"client_assertion", assertion},
       {"resource", audience}});
  auto answer = client_.send("POST", issuer + "/token", headers, form, Deadline::in(patience));
  http::Response gone;
  gone.status = 0;
  return answer ? std::move(*answer) : gone;
}

ChaosDevices::Asked ChaosDevices::ask(std::size_t device, const std::string& path) {
  const auto asked = Steady::now();
  http::Response answer = send(devices_[device], chaos_audiences.at(path));
  if (const std::string* nonce = answer.headers.find("DPoP-Nonce"); nonce != nullptr) {
    const bool other = *nonce != nonce_;
    nonce_ = *nonce;
    if (other && (answer.status == 400 || answer.status == 401))
      answer = send(devices_[device], chaos_audiences.at(path));
  }
  Asked got{answer.status, answer.body, std::nullopt};
  if (answer.status != 200) return got;
  got.token = given(Json::parse(answer.body).at("access_token"), device, path);
  got.token->asked = asked;
  got.token->came = Steady::now();
  return got;
}

Json ChaosOperator::does(const std::vector<std::string>& words) const {
  std::vector<std::string> line{stack_["MINT_BIN"] + "/mintctl", "--admin", stack_["MINT_ADMIN"],
                                "--json"};
  line.insert(line.end(), words.begin(), words.end());
  const auto end = Steady::now() + mintd_is_back;
  for (;; ++repeated_) {
    const Outcome outcome = execute(line);
    if (outcome.status == programs::exit_done) return Json::parse(outcome.output);
    if (outcome.status != programs::exit_unavailable || Steady::now() > end)
      throw std::runtime_error("mintctl " + words[0] + " " + words[1] + ": " + outcome.output);
  }
}

void ChaosOperator::take_back(const Cut& cut) {
  std::vector<std::string> words{"tokens", "revoke", "--reason", "chaos"};
  switch (cut.what) {
    case Cut::What::token:
      words.push_back("--jti=" + cut.name);  // It may begin with a dash.
      break;
    case Cut::What::rule:
      words.insert(words.end(), {"--rule", cut.name});
      break;
    case Cut::What::issued_before:
      words.insert(words.end(), {"--issued-before", std::to_string(cut.before)});
      break;
    case Cut::What::device:
      words = {"devices", "revoke", "--reason", "chaos", "--", devices_.id(cut.device)};
      break;
    case Cut::What::key:
      words = {"keys", "revoke", "--reason", "chaos", "--", cut.name};
      break;
  }
  const std::size_t entry = book_.ask(cut);
  (void)does(words);
  book_.answer(entry);
}

void ChaosOperator::reinstate(std::size_t device) {
  (void)does({"devices", "reinstate", "--", devices_.id(device)});
}

void ChaosOperator::rotate() { (void)does({"keys", "rotate", "--purpose", "access_token"}); }

std::string ChaosOperator::signing_kid() const {
  const Json listed = does({"keys", "list"});
  for (const Json& key : listed["keys"]) {
    if (key["state"] == "active" && key["purpose"] == "access_token") return key["kid"];
  }
  return "";
}

}  // namespace mintmark::test
