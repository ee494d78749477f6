// mint-gate verify-evidence against an issuer that may say what it likes.
#include <gtest/gtest.h>

#include "support/child_process.h"
#include "support/published_issuer.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark {
namespace {

using test::SoftKey;

constexpr const char* evidence_path = "/.well-known/key-evidence";

struct Outcome {
  int status;
  std::string output;

  [[nodiscard]] bool says(const std::string& text) const {
    return output.find(text) != std::string::npos;
  }
};

class VerifyEvidence : public testing::Test {
 protected:
  void SetUp() override {
    issuer_.publish({{"keys", {jwk(tokens_, "access_token"), jwk(other_, "client_attestation")}}});
    show({row(tokens_), row(other_)});
  }
  static Json jwk(const SoftKey& key, const std::string& purpose) {
    Json jwk = key.public_key().to_jwk();
    jwk["kid"] = key.jkt();
    jwk["mintmark_purpose"] = purpose;
    return jwk;
  }
  static Json row(const SoftKey& key) {
    return {{"kid", key.jkt()},
            {"purpose", "access_token"},
            {"alg", "ES256"},
            {"evidence",
             {{"kind", "pkcs11-attributes"},
              {"claim", "the module's"},
              {"facts",
               {{"jwk", key.public_key().to_jwk()},
                {"private_key",
                 {{"CKA_LOCAL", true},
                  {"CKA_SENSITIVE", true},
                  {"CKA_ALWAYS_SENSITIVE", true},
                  {"CKA_EXTRACTABLE", false},
                  {"CKA_NEVER_EXTRACTABLE", true}}}}}}}};
  }
  void show(const Json& rows) {
    issuer_.answer(evidence_path, {{"issuer", issuer_.url()}, {"keys", rows}});
  }
  [[nodiscard]] Outcome gate(std::vector<std::string> more = {}) const {
    const test::TemporaryDirectory directory;
    std::vector<std::string> words = {MINT_GATE, "verify-evidence", "--issuer", issuer_.url(),
                                      "--ca",    issuer_.ca_file()};
    words.insert(words.end(), more.begin(), more.end());
    test::ChildProcess child(words, directory.path() / "output");
    const int status = child.wait();
    return {status, child.output()};
  }
  void expect_refused(const std::string& code) const {
    const Outcome outcome = gate();
    EXPECT_EQ(outcome.status, 1) << code << ": " << outcome.output;
    EXPECT_TRUE(outcome.says(code)) << code << ": " << outcome.output;
  }

  test::PublishedIssuer issuer_;
  SoftKey tokens_;
  SoftKey other_;
};

TEST_F(VerifyEvidence, TakesAClaimForAClaim) {
  const Outcome outcome = gate();
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_TRUE(outcome.says("the module's claim")) << outcome.output;
  EXPECT_EQ(gate({"--require", "vendor"}).status, 1);
  EXPECT_EQ(gate({"--require", "tpm"}).status, 1);
}

TEST_F(VerifyEvidence, NamesKidAndReasonAsJson) {
  Json bare = row(other_);
  bare["evidence"] = nullptr;
  show({row(tokens_), bare});
  const Outcome outcome = gate({"--json"});
  EXPECT_EQ(outcome.status, 1);
  const Json answer = Json::parse(outcome.output);
  EXPECT_EQ(answer["proven"], false);
  EXPECT_EQ(answer["keys"][0]["proven"], true);
  EXPECT_EQ(answer["keys"][1]["kid"], other_.jkt());
  EXPECT_EQ(answer["keys"][1]["code"], "evidence_missing");
}

TEST_F(VerifyEvidence, RefusesAPublishedKeyThatTheEvidenceDoesNotName) {
  show(Json::array({row(tokens_)}));
  expect_refused("evidence_missing");
  show(Json::array());
  expect_refused("evidence_missing");
}

TEST_F(VerifyEvidence, RefusesAnotherKeysEvidence) {
  Json swapped = row(other_);
  swapped["evidence"] = row(tokens_)["evidence"];
  show({row(tokens_), swapped});
  expect_refused("evidence_kid");
}

TEST_F(VerifyEvidence, RefusesAnotherIssuersEvidence) {
  issuer_.answer(evidence_path,
                 {{"issuer", "https://other.example"}, {"keys", {row(tokens_), row(other_)}}});
  expect_refused("evidence_issuer_mismatch");
}

TEST_F(VerifyEvidence, RefusesWhatIsNoEvidence) {
  issuer_.answer(evidence_path, Json::array());
  expect_refused("evidence_document_malformed");
  show({row(tokens_), row(tokens_)});
  expect_refused("evidence_document_malformed");
  Json unknown = row(other_);
  unknown["evidence"]["kind"] = "believe-me";
  show({row(tokens_), unknown});
  expect_refused("evidence_kind_unknown");
}

TEST_F(VerifyEvidence, JudgesThePurposesThatAreAsked) {
  Json bare = row(other_);
  bare["evidence"] = nullptr;
  show({row(tokens_), bare});
  EXPECT_EQ(gate({"--purpose", "access_token"}).status, 0);
  EXPECT_EQ(gate({"--purpose", "client_attestation"}).status, 1);
  EXPECT_EQ(gate({"--purpose", "access_token", "--purpose", "client_attestation"}).status, 1);
  // Nothing that was asked for is nothing proven.
  EXPECT_EQ(gate({"--purpose", "status"}).status, 1);
}

TEST_F(VerifyEvidence, KnowsNothingWhereTheIssuerHasNoEvidenceToShow) {
  issuer_.answer(evidence_path, http::json_response(404, "{}"));
  const Outcome outcome = gate();
  EXPECT_EQ(outcome.status, 3);
  EXPECT_TRUE(outcome.says("evidence_unavailable")) << outcome.output;
}

}  // namespace
}  // namespace mintmark
