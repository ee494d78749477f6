// Devices without a TPM on a whole stack: a running issuer is told of each format by a reload,
// enrols a device by evidence of a test's own authority, waits for its operator, gives a token, and
// refuses what does not hold.
#include <algorithm>
#include <ctime>

#include "attest/binding.h"
#include "attesters.h"
#include "base/file.h"
#include "jose/jws.h"
#include "operating.h"
#include "support/soft_key.h"

namespace mintmark::test {
namespace {

Moment now() { return from_unix(std::time(nullptr)); }

struct Answer {
  unsigned status = 0;
  Json body;
};

class Formats : public Operating, public ::testing::WithParamInterface<std::string> {
 protected:
  /// The configuration and the policy with this format in them, in force.
  void take_format() {
    for (const auto& [name, octets] : attester_->files) write_new(name, as_text(octets));
    replace("mintd.json", R"("tpm2": {)",
            "\"" + GetParam() + "\": " + attester_->configuration.dump() + R"(, "tpm2": {)");
    const std::string rule =
        R"({"name": "without a TPM", "match": {"format": ")" + GetParam() + R"(", "proves": )" +
        Json(attester_->proves).dump() + R"(, "facts": )" + attester_->rule_facts.dump() +
        R"(}, "grant": [{"audience": "https://api.example", "scopes": ["read"]}]}, )";
    replace("policy.json", R"("rules": [)", R"("rules": [)" + rule);
    const auto reloaded = mintctl({"reload"});
    ASSERT_EQ(reloaded.status, 0) << reloaded.output;
  }
  void write_new(const std::string& name, std::string_view octets) const {
    const auto written = write_file_atomically(file(name), octets, 0644);
    ASSERT_TRUE(written) << written.error().to_string();
  }

  Answer post(const std::string& path, const Json& body, const std::string& proof = "") {
    http::Headers headers;
    headers.add("Content-Type", "application/json");
    if (!proof.empty()) headers.add("DPoP", proof);
    return answer_of(client_.send("POST", stack["MINT_ISSUER"] + path, headers, body.dump(),
                                  Deadline::in(std::chrono::seconds(10))));
  }
  static Answer answer_of(const Result<http::Response>& response) {
    EXPECT_TRUE(response) << response.error().to_string();
    if (!response) return {};
    return {response->status, Json::parse(response->body)};
  }
  [[nodiscard]] std::string path(const char* request) const {
    return "/attest/" + GetParam() + "/" + request;
  }
  [[nodiscard]] std::string proof_for(const SoftKey& key, const std::string& ticket) const {
    return make_proof(key, {.method = "POST",
                            .url = stack["MINT_ISSUER"] + path("finish"),
                            .at = now(),
                            .nonce = ticket});
  }
  std::string begin(const SoftKey& key) {
    const Json asked =
        attester_->attests_the_key ? Json::object() : Json{{"jwk", key.public_key().to_jwk()}};
    const Answer begun = post(path("begin"), asked);
    EXPECT_EQ(begun.status, 200U) << begun.body;
    return begun.body.value("ticket", "");
  }
  Answer finish(const SoftKey& key, const std::string& ticket, const Json& evidence) {
    return post(path("finish"),
                {{"jwk", key.public_key().to_jwk()}, {"ticket", ticket}, {"evidence", evidence}},
                proof_for(key, ticket));
  }
  Sha256 binding(const SoftKey& key, const std::string& ticket) {
    return binding_at(stack["MINT_ISSUER"], key, ticket);
  }
  Sha256 binding_at(const std::string& issuer, const SoftKey& key, const std::string& ticket) {
    const bool own = attester_->attests_the_key;
    return attest::binding_of(GetParam(), issuer, ticket, own ? "" : key.jkt());
  }
  Answer enrol(const SoftKey& key) {
    const std::string ticket = begin(key);
    return finish(key, ticket, attester_->evidence(binding(key, ticket), key));
  }
  // In its first seconds an issuer asks for a nonce (docs/adr/0008).
  Answer token(const SoftKey& key, const std::string& attestation) {
    const auto first = ask(key, attestation, std::nullopt);
    const std::string* nonce = first ? first->headers.find("DPoP-Nonce") : nullptr;
    return answer_of(nonce == nullptr ? first : ask(key, attestation, *nonce));
  }
  Result<http::Response> ask(const SoftKey& key, const std::string& attestation,
                             const std::optional<std::string>& nonce) {
    http::Headers headers;
    headers.add("Content-Type", "application/x-www-form-urlencoded");
    headers.add("OAuth-Client-Attestation", attestation);
    const std::string url = stack["MINT_ISSUER"] + "/token";
    headers.add("DPoP",
                make_proof(key, {.method = "POST", .url = url, .at = now(), .nonce = nonce}));
    return client_.send("POST", url, headers,
                        "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example"
                        "&scope=read",
                        Deadline::in(std::chrono::seconds(10)));
  }
  void expect_refused(const Answer& answer, const std::string& code) {
    EXPECT_GE(answer.status, 400U) << answer.body;
    EXPECT_EQ(answer.body.value("code", ""), code) << answer.body;
  }

  const std::unique_ptr<Attester> attester_ = make_attester(GetParam());
  const PutBack put_back_{stack, {"mintd.json", "policy.json"}};
  http::Client client_ = client();
};

TEST_P(Formats, EnrolADeviceThatItsOperatorApprovesAndThatGetsATokenUntilItIsRevoked) {
  const SoftKey& key = attester_->key;
  expect_refused(post(path("begin"), {{"jwk", key.public_key().to_jwk()}}), "not_found");
  take_format();

  const Answer waits = enrol(key);
  expect_refused(waits, "enrolment_pending");
  const auto fingerprint = waits.body.value("fingerprint", "");
  attester_->client_id = waits.body.value("client_id", "");
  ASSERT_EQ(mintctl({"devices", "approve", fingerprint}).status, 0);
  const Answer enrolled = enrol(key);
  ASSERT_EQ(enrolled.status, 200U) << enrolled.body;
  const auto id = enrolled.body.value("client_id", "");
  EXPECT_EQ(id, attester_->client_id);
  const Answer again = enrol(key);
  ASSERT_EQ(again.status, 200U) << again.body;
  EXPECT_EQ(again.body["client_id"], id) << "it attests again by itself";
  const auto attestation = enrolled.body.value("client_attestation", "");

  const Answer given = token(key, attestation);
  ASSERT_EQ(given.status, 200U) << given.body;
  const auto access_token = given.body.value("access_token", "");
  const std::string url = "https://api.example/things";
  const auto verified = execute(
      {stack["MINT_BIN"] + "/mint-gate", "verify", "--issuer", stack["MINT_ISSUER"], "--ca",
       stack["MINT_CA"], "--audience", "https://api.example", "--token", access_token, "--method",
       "GET", "--url", url, "--json", "--proof",
       make_proof(key, {.method = "GET", .url = url, .at = now(), .access_token = access_token})});
  ASSERT_EQ(verified.status, 0) << verified.output;
  EXPECT_NE(verified.output.find("\"" + attester_->key_protection + "\""), std::string::npos)
      << verified.output;

  ASSERT_EQ(mintctl({"devices", "revoke", id, "--reason", "test"}).status, 0);
  expect_refused(token(key, attestation), "device_revoked");
  expect_refused(enrol(key), "enrolment_revoked");
}

TEST_P(Formats, RefuseWhatDoesNotHold) {
  take_format();
  const SoftKey& key = attester_->key;
  const SoftKey stranger;

  const std::string ticket = begin(key);
  const Json evidence = attester_->evidence(binding(key, ticket), key);
  const Json elsewhere = attester_->evidence(binding_at("https://other.example", key, ticket), key);
  expect_refused(finish(key, ticket, elsewhere), attester_->refusal_of_binding);
  expect_refused(finish(key, ticket, Json::object()), "evidence_member");
  expect_refused(post(path("finish"), {{"jwk", key.public_key().to_jwk()}, {"ticket", ticket}},
                      proof_for(key, ticket)),
                 "request_member_missing");
  expect_refused(
      post(path("finish"),
           {{"jwk", key.public_key().to_jwk()}, {"ticket", ticket}, {"evidence", evidence}}),
      "proof_missing");
  if (attester_->attests_the_key) {
    expect_refused(finish(stranger, ticket, evidence), "attested_key_mismatch");
  } else {
    expect_refused(finish(stranger, ticket, evidence), "ticket_other_keys");
    expect_refused(finish(key, begin(stranger), evidence), "ticket_other_keys");
    expect_refused(post(path("begin"), Json::object()), "request_member_missing");
  }
  expect_refused(finish(key, begin(key), evidence), attester_->refusal_of_binding);

  if (!attester_->refusal_when_revoked.empty()) {
    for (const auto& [name, octets] : attester_->revoking_files) write_new(name, as_text(octets));
    ASSERT_EQ(mintctl({"reload"}).status, 0);
    const std::string revoked = begin(key);
    expect_refused(finish(key, revoked, attester_->evidence(binding(key, revoked), key)),
                   attester_->refusal_when_revoked);
  }

  // The evidence is good, and nobody vouches for it once other roots are in force.
  for (const auto& [name, octets] : attester_->foreign_files) write_new(name, as_text(octets));
  const auto reloaded = mintctl({"reload"});
  if (attester_->refusal_of_root.empty()) {
    EXPECT_NE(reloaded.status, 0) << "such a root is not even taken";
    return;
  }
  ASSERT_EQ(reloaded.status, 0) << reloaded.output;
  const std::string late = begin(key);
  expect_refused(finish(key, late, attester_->evidence(binding(key, late), key)),
                 attester_->refusal_of_root);
}

INSTANTIATE_TEST_SUITE_P(OfEachKind, Formats, ::testing::ValuesIn(attester_names()),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mintmark::test
