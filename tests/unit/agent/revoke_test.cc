// A token that is not wanted any more: the issuer is told, and it is forgotten.
#include <gtest/gtest.h>

#include "agent/tokens.h"
#include "fake_issuer.h"

namespace mintmark::agent {
namespace {

const std::string metadata_at = "https://issuer.example/.well-known/oauth-authorization-server";
const std::string revocation_at = "https://issuer.example/revoke";

class RevocationByTheAgent : public testing::Test {
 protected:
  RevocationByTheAgent() {
    bench_.enroll();
    (void)bench_.agent().token({"https://a.example", ""}).value();
    (void)bench_.agent().token({"https://b.example", ""}).value();
    bench_.issuer.seen.clear();
    offer();
  }

  void offer(const std::string& endpoint = revocation_at) {
    const Json metadata = {{"issuer", bench_.issuer.issuer},
                           {"token_endpoint", bench_.issuer.token_endpoint},
                           {"revocation_endpoint", endpoint}};
    bench_.issuer.instead[metadata_at].push_back(http::json_response(200, metadata.dump()));
  }
  std::vector<std::string> kept() {
    std::vector<std::string> texts;
    const auto tokens = bench_.state().tokens().value();
    for (const CachedToken& token : tokens) texts.push_back(token.token);
    return texts;
  }

  Bench bench_;
};

TEST_F(RevocationByTheAgent, IsByTheDeviceKeyWithAProofForTheEndpoint) {
  EXPECT_EQ(bench_.agent().revoke("token1").value(), 1U);
  const auto requests = bench_.issuer.seen_at(revocation_at);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].headers.count("OAuth-Client-Attestation"), 0U)
      << "evidence may be stale by now";
  EXPECT_NE(requests[0].body.find("token=token1&client_assertion_type="), std::string::npos);
  const ReadProof proof = read_proof(*requests[0].headers.find("DPoP"));
  EXPECT_EQ(proof.claims["htm"], "POST");
  EXPECT_EQ(proof.claims["htu"], revocation_at);
  EXPECT_EQ(kept(), std::vector<std::string>{"token2"});
}

TEST_F(RevocationByTheAgent, IsOfAllThatAreKeptWhereNoneIsNamed) {
  EXPECT_EQ(bench_.agent().revoke("").value(), 2U);
  EXPECT_EQ(bench_.issuer.seen_at(revocation_at).size(), 2U);
  EXPECT_TRUE(kept().empty());
}

TEST_F(RevocationByTheAgent, IsTriedAgainWithTheNonceThatTheIssuerWants) {
  bench_.issuer.refuse_next(revocation_at, Code::dpop_nonce_required, "nonce-1");
  ASSERT_TRUE(bench_.agent().revoke("token1"));
  const auto requests = bench_.issuer.seen_at(revocation_at);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(read_proof(*requests[1].headers.find("DPoP")).claims["nonce"], "nonce-1");
}

TEST_F(RevocationByTheAgent, KeepsATokenThatTheIssuerDidNotTakeBack) {
  bench_.issuer.refuse_next(revocation_at, Code::revoked_token_foreign);
  EXPECT_EQ(bench_.agent().revoke("token1").error().code, Code::revoked_token_foreign);
  EXPECT_EQ(kept().size(), 2U);
}

TEST_F(RevocationByTheAgent, GoesToNoOtherPlaceThanTheIssuer) {
  bench_.issuer.instead.clear();
  offer("https://elsewhere.example/revoke");
  EXPECT_EQ(bench_.agent().revoke("token1").error().code, Code::issuer_metadata_invalid);
  EXPECT_EQ(bench_.agent().revoke("token1").error().code, Code::issuer_metadata_invalid)
      << "an issuer that offers none";
  EXPECT_EQ(kept().size(), 2U);
}

TEST(RevocationOfNobody, IsRefused) {
  Bench bench;
  EXPECT_EQ(bench.agent().revoke("").error().code, Code::agent_not_enrolled);
}

}  // namespace
}  // namespace mintmark::agent
