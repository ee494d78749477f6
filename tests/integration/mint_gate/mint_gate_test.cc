// The program mint-gate, as its operator calls it, against an issuer that publishes its keys over
// TLS.
#include <gtest/gtest.h>

#include <chrono>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "support/child_process.h"
#include "support/issued_certificate.h"
#include "support/published_issuer.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"
#include "verify/status_list_token.h"

namespace mintmark {
namespace {

using test::SoftKey;

constexpr const char* service = "https://service.example";
constexpr const char* resource = "https://service.example/things";

struct Outcome {
  int status;
  std::string output;

  [[nodiscard]] bool says(const std::string& text) const {
    return output.find(text) != std::string::npos;
  }
};

Outcome gate(std::vector<std::string> arguments) {
  const test::TemporaryDirectory directory;
  arguments.insert(arguments.begin(), MINT_GATE);
  test::ChildProcess child(arguments, directory.path() / "output");
  const int status = child.wait();
  return {status, child.output()};
}

class MintGate : public testing::Test {
 protected:
  void SetUp() override {
    Json jwk = issuer_key_.public_key().to_jwk();
    jwk["kid"] = issuer_key_.jkt();
    jwk["mintmark_purpose"] = "access_token";
    Json list_jwk = list_key_.public_key().to_jwk();
    list_jwk["kid"] = list_key_.jkt();
    list_jwk["mintmark_purpose"] = "status_list";
    issuer_.publish({{"keys", Json::array({jwk, list_jwk})}});
    list(0);
  }
  /// The list that tokens name: one entry says `status`, all others that their tokens are good.
  void list(std::uint8_t status, std::size_t entry = index, const SoftKey* by = nullptr) {
    Bytes octets(64);
    octets[entry / 4] = static_cast<std::uint8_t>(status << (entry % 4 * 2));
    const SoftKey& key = by == nullptr ? list_key_ : *by;
    const std::string input =
        verify::status_list_jwt_input({.issuer = issuer_.url(),
                                       .uri = issuer_.url() + "/status/1",
                                       .aggregation_uri = "",
                                       .issued_at = now_ - std::chrono::seconds(7),
                                       .life = std::chrono::seconds(300),
                                       .ttl = std::chrono::seconds(60),
                                       .bits = 2,
                                       .compressed = verify::compressed_list(octets)},
                                      key.public_key());
    http::Response answer;
    answer.headers.set("Content-Type", "application/statuslist+jwt");
    answer.body = jose::compact(input, key.sign(as_bytes(input)));
    issuer_.answer("/status/1", answer);
  }

  [[nodiscard]] std::string token(std::int64_t life = 300) const {
    return bound_to({{"jkt", device_.jkt()}}, life);
  }
  [[nodiscard]] std::string bound_to(const Json& cnf, std::int64_t life = 300) const {
    Json claims = {{"iss", issuer_.url()}, {"aud", service},
                   {"sub", "device-1"},    {"jti", "token-1"},
                   {"iat", to_unix(now_)}, {"exp", to_unix(now_) + life},
                   {"cnf", cnf},           {"key_protection", "hardware"}};
    if (!status_.is_null()) claims["status"] = status_;
    return issuer_key_.sign_jws({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", issuer_key_.jkt()}},
                                claims);
  }
  void expect_refused(const char* code, int exit) {
    const Outcome outcome = gate(call(token(), {"--no-proof"}));
    EXPECT_EQ(outcome.status, exit) << outcome.output;
    EXPECT_TRUE(outcome.says(code)) << outcome.output;
    EXPECT_EQ(gate(call(token(), {"--no-proof", "--no-status"})).status, 0);
  }
  [[nodiscard]] std::string proof(const std::string& token) const {
    return make_proof(device_,
                      {.method = "GET", .url = resource, .at = now_, .access_token = token});
  }
  [[nodiscard]] std::vector<std::string> call(const std::string& token,
                                              const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{"verify", "--issuer",        issuer_.url(),
                                       "--ca",   issuer_.ca_file(), "--audience",
                                       service,  "--token",         token};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  [[nodiscard]] std::vector<std::string> with_proof(const std::string& proof) const {
    return {"--proof", proof, "--method", "GET", "--url", resource};
  }

  static constexpr std::size_t index = 5;
  test::PublishedIssuer issuer_;
  Json status_{{"status_list", {{"idx", index}, {"uri", issuer_.url() + "/status/1"}}}};
  SoftKey issuer_key_;
  SoftKey list_key_;
  SoftKey device_;
  Moment now_ = SystemClock().now();
};

TEST_F(MintGate, TakesATokenWithItsProof) {
  const std::string good = token();
  const Outcome outcome = gate(call(good, with_proof(proof(good))));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_TRUE(outcome.says("valid")) << outcome.output;
  EXPECT_TRUE(outcome.says("device-1")) << outcome.output;
}

TEST_F(MintGate, SaysAllClaimsAsJson) {
  const std::string good = token();
  auto arguments = call(good, with_proof(proof(good)));
  arguments.push_back("--json");
  const Outcome outcome = gate(arguments);
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  const Json answer = Json::parse(outcome.output);
  EXPECT_EQ(answer["valid"], true);
  EXPECT_EQ(answer["proof_checked"], true);
  EXPECT_EQ(answer["claims"]["sub"], "device-1");
}

TEST_F(MintGate, RefusesATokenWithoutItsProof) {
  const Outcome outcome = gate(call(token(), {}));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.says("proof_missing")) << outcome.output;
}

TEST_F(MintGate, SaysHowOldTheListIsThatCallsTheTokenValid) {
  const Outcome outcome = gate(call(token(), {"--no-proof"}));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_TRUE(outcome.says("status          valid, by a list of ")) << outcome.output;
  const Json answer = Json::parse(gate(call(token(), {"--no-proof", "--json"})).output);
  EXPECT_EQ(answer["status"]["status"], "valid");
  EXPECT_EQ(answer["status"]["list"], issuer_.url() + "/status/1");
  EXPECT_GE(answer["status"]["list_age_seconds"], 7);
}

TEST_F(MintGate, RefusesATokenThatItsListCallsRevokedOrSuspended) {
  list(1);
  expect_refused("token_revoked", 1);
  list(2);
  expect_refused("token_suspended", 1);
  list(1, index + 1);
  EXPECT_EQ(gate(call(token(), {"--no-proof"})).status, 0);
}

TEST_F(MintGate, SaysNothingAboutATokenWhoseListCannotBeHadOrBelieved) {
  issuer_.answer("/status/1", http::json_response(503, "{}"));
  expect_refused("status_list_unavailable", 3);
  list(0, index, &issuer_key_);
  expect_refused("status_list_key_unknown", 3);
  http::Response page;
  page.body = "<html>";
  issuer_.answer("/status/1", page);
  expect_refused("status_list_malformed", 3);
}

TEST_F(MintGate, RefusesATokenThatNamesNoListOrNoEntryOfIt) {
  status_["status_list"]["idx"] = 256;
  expect_refused("status_index_out_of_range", 1);
  status_ = nullptr;
  expect_refused("status_missing", 1);
  for (const Json& status :
       {Json(1), Json::object(), Json{{"status_list", 1}}, Json{{"status_list", {{"idx", 1}}}},
        Json{{"status_list", {{"idx", -1}, {"uri", "x"}}}}}) {
    status_ = status;
    expect_refused("status_malformed", 1);
  }
}

TEST_F(MintGate, AsksForNoListOutsideOfItsIssuer) {
  const test::PublishedIssuer stranger;
  for (const std::string& uri :
       {stranger.url() + "/status/1", issuer_.url() + "@" + stranger.url().substr(8) + "/status/1",
        issuer_.url() + ".example/status/1", issuer_.url() + "/../status/1",
        issuer_.url() + "/status/1?x=1", issuer_.url() + "/%2e%2e/status/1",
        std::string("/status/1"), "http" + issuer_.url().substr(5) + "/status/1"}) {
    status_["status_list"]["uri"] = uri;
    expect_refused("status_malformed", 1);
  }
  EXPECT_EQ(stranger.asked("/status/1"), 0);
  EXPECT_EQ(issuer_.asked("/status/1"), 0);
}

TEST_F(MintGate, PrintsTheJwkOfAKeyThatItMakesOnce) {
  const test::TemporaryDirectory directory;
  const std::string file = directory.path() / "client.pem";
  const Outcome made = gate({"client-key", "--file", file});
  EXPECT_EQ(made.status, 0) << made.output;
  const Json jwk = Json::parse(made.output);
  EXPECT_EQ(jwk["crv"], "P-256");
  EXPECT_FALSE(jwk.contains("d"));
  EXPECT_EQ(gate({"client-key", "--file", file}).output, made.output);
  EXPECT_EQ(gate({"client-key", "--file", directory.path()}).status, 2);
}

TEST_F(MintGate, TakesATokenWithoutItsProofOnlyByName) {
  const Outcome outcome = gate(call(token(), {"--no-proof"}));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_TRUE(outcome.says("not checked")) << outcome.output;
}

TEST_F(MintGate, TakesATokenOfACertificateWithThatCertificateAlone) {
  const auto key = test::new_pair("P-256");
  const auto own = test::issue({.subject = {{"CN", "device"}}, .key = key}, {.key = key});
  const auto other = test::issue({.subject = {{"CN", "other"}}, .key = key}, {.key = key});
  const test::TemporaryDirectory files;
  const std::string pem = files.write("own.pem", test::pem_text_of(own.get()));
  const std::string der = files.write("own.der", as_text(test::der_of(own.get())));
  const std::string wrong = files.write("other.pem", test::pem_text_of(other.get()));
  const std::string thumbprint = jose::base64url(sha256(test::der_of(own.get())));
  const std::string bound = bound_to({{"x5t#S256", thumbprint}});
  for (const std::string& file : {pem, der}) {
    const Outcome taken = gate(call(bound, {"--certificate", file}));
    EXPECT_EQ(taken.status, 0) << taken.output;
    EXPECT_TRUE(taken.says("certificate     " + thumbprint)) << taken.output;
  }
  const std::string both = bound_to({{"jkt", device_.jkt()}, {"x5t#S256", thumbprint}});
  auto with_both = call(both, with_proof(proof(both)));
  EXPECT_TRUE(gate(with_both).says("token_certificate_missing"));
  with_both.insert(with_both.end(), {"--certificate", pem});
  EXPECT_EQ(gate(with_both).status, 0);

  EXPECT_TRUE(gate(call(bound, {"--certificate", wrong})).says("token_certificate_mismatch"));
  const Outcome bare = gate(call(bound, {}));
  EXPECT_EQ(bare.status, 1);
  EXPECT_TRUE(bare.says("token_certificate_missing")) << bare.output;
  EXPECT_TRUE(gate(call(bound, {"--certificate", pem, "--scheme", "dpop"})).says("token_scheme"));
  EXPECT_TRUE(gate(call(token(), {"--scheme", "bearer"})).says("token_scheme"));
}

TEST_F(MintGate, RefusesACopiedTokenWithAProofByAnotherKey) {
  const std::string copied = token();
  const std::string by_thief =
      make_proof(SoftKey(), {.method = "GET", .url = resource, .at = now_, .access_token = copied});
  const Outcome outcome = gate(call(copied, with_proof(by_thief)));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.says("proof_key_mismatch")) << outcome.output;
}

TEST_F(MintGate, RefusesWithCodeAndDetailAsJson) {
  auto arguments = call(token(-100), {"--no-proof"});
  arguments.insert(arguments.begin(), "--json");
  const Outcome outcome = gate(arguments);
  EXPECT_EQ(outcome.status, 1);
  const Json answer = Json::parse(outcome.output);
  EXPECT_EQ(answer["valid"], false);
  EXPECT_EQ(answer["code"], "token_expired");
  EXPECT_FALSE(answer["detail"].get<std::string>().empty());
}

TEST_F(MintGate, SaysNothingAboutATokenWithoutTheIssuersKeys) {
  auto arguments = call(token(), {"--no-proof", "--json"});
  arguments[2] = "https://127.0.0.1:1";
  const Outcome outcome = gate(arguments);
  EXPECT_EQ(outcome.status, 3);
  const Json answer = Json::parse(outcome.output);
  EXPECT_TRUE(answer["valid"].is_null());
  EXPECT_EQ(answer["code"], "keys_unavailable");
}

TEST_F(MintGate, TrustsNoIssuerWhoseCertificateNobodyVouchesFor) {
  auto arguments = call(token(), {"--no-proof"});
  arguments[4] = issuer_.other_ca_file();
  const Outcome outcome = gate(arguments);
  EXPECT_EQ(outcome.status, 3);
  EXPECT_TRUE(outcome.says("keys_unavailable")) << outcome.output;
}

TEST_F(MintGate, EndsWithTwoAndSaysWhatIsMissingOrTooMuch) {
  const std::string good = token();
  const std::pair<std::vector<std::string>, std::string> wrong[] = {
      {{"verify"}, "--issuer"},
      {{"verify", "--issuer", issuer_.url(), "--token", good}, "--audience"},
      {call(good, {"--proof", "x"}), "--method"},
      {call(good, {"--proof", "x", "--method", "GET"}), "--url"},
      {call(good, {"--method", "GET"}), "--proof"},
      {call(good, {"--no-proof", "--proof", "x"}), "exclude"},
      {call(good, {"--no-proof", "--certificate", "x"}), "exclude"},
      {call(good, {"--certificate", "/nowhere"}), "--certificate"},
      {call(good, {"--certificate", "/dev/null"}), "holds no certificate"},
      {call(good, {"--scheme", "basic"}), "dpop or bearer"},
      {call("-", with_proof("-")), "standard input"},
      {call(good, {"--nonsense"}), "--nonsense"},
      {call(good, {"-kid"}), "put --"},
      {call(good, {"--", "--no-proof"}), "one word too many"},
      {call("", {"--no-proof"}), "empty"},
      {{"serve"}, "--config"},
      {{"verify-evidence"}, "--issuer"},
      {{}, "command"}};
  for (const auto& [arguments, text] : wrong) {
    const Outcome outcome = gate(arguments);
    EXPECT_EQ(outcome.status, 2) << text << ": " << outcome.output;
    EXPECT_TRUE(outcome.says(text)) << text << ": " << outcome.output;
  }
}

TEST_F(MintGate, ShowsNoTokenThatStandsWithoutItsOption) {
  const std::string good = token();
  const Outcome outcome = gate({"verify", "--issuer", issuer_.url(), good});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_TRUE(outcome.says("one word too many")) << outcome.output;
  EXPECT_FALSE(outcome.says(good)) << outcome.output;
}

TEST_F(MintGate, EndsWithTwoWhereAnAddressOrFileIsWrong) {
  for (const auto& [place, value] :
       {std::pair<std::size_t, std::string>{2, "http://issuer.example"},
        {2, "issuer"},
        {4, "/nowhere/ca.pem"},
        {4, "/dev/null"},
        {6, ""}}) {
    auto arguments = call(token(), {"--no-proof"});
    arguments[place] = value;
    EXPECT_EQ(gate(arguments).status, 2) << value;
  }
}

TEST_F(MintGate, SaysHowItIsUsedAndClaimsNothingThatIsNotThere) {
  const Outcome help = gate({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_TRUE(help.says("verify"));
  EXPECT_TRUE(help.says("serve"));
  EXPECT_TRUE(help.says("verify-evidence"));
  const Outcome version = gate({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_TRUE(version.says("mint-gate "));
}

}  // namespace
}  // namespace mintmark
