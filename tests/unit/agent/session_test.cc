// Session keys: made for an hour at most, named by the device key in an assertion, and nobody's
// secret on disk (docs/adr/0011, docs/adr/0026).
#include <gtest/gtest.h>

#include <filesystem>

#include "agent/session_key.h"
#include "base/file.h"
#include "fake_issuer.h"
#include "verify/client_assertion.h"

namespace mintmark::agent {
namespace {

using std::chrono::seconds;

const std::string token_url = "https://issuer.example/token";
const std::string begin_url = "https://issuer.example/attest/tpm2/begin";

class Session : public testing::Test {
 protected:
  Session() { bench_.enroll(); }

  std::shared_ptr<SessionKey> key(seconds life = longest_session) {
    return SessionKey::make(life, bench_.clock.now()).value();
  }
  Result<FreshToken> fetch(SessionKey& session) {
    return bench_.agent().fresh_token({"https://service.example", "write read"}, &session);
  }
  jose::PublicKey device_key() {
    const auto proof = bench_.agent().proof({"GET", "https://service.example", "token"}).value();
    return jose::PublicKey::from_jwk(read_proof(proof).header["jwk"]).value();
  }
  /// The last assertion, checked as the issuer checks it.
  verify::ClientAssertion last_assertion() {
    std::string text;
    const auto form = http::parse_form(bench_.issuer.seen_at(token_url).back().body);
    for (const auto& [name, value] : form.value()) {
      if (name == "client_assertion") text = value;
    }
    const auto registered = [this](const std::string& /*id*/) { return device_key(); };
    return verify::check_client_assertion(text, registered, "https://issuer.example",
                                          bench_.clock.now())
        .value();
  }
  [[nodiscard]] static bool holds_secret(const std::filesystem::path& directory,
                                         const std::string& secret) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (entry.is_regular_file() && read_file(entry.path())->find(secret) != std::string::npos)
        return true;
    }
    return false;
  }

  Bench bench_;
};

TEST_F(Session, KeyIsNamedByTheDeviceKeyInAnAssertionAndMakesTheProof) {
  const auto session = key();
  const auto token = fetch(*session);
  ASSERT_TRUE(token) << token.error().to_string();
  EXPECT_EQ(token->jkt, session->jkt());
  const SeenRequest request = bench_.issuer.seen_at(token_url).at(0);
  EXPECT_EQ(request.headers.find("OAuth-Client-Attestation"), nullptr);
  EXPECT_EQ(read_proof(*request.headers.find("DPoP")).jkt, session->jkt());
  const auto assertion = last_assertion();
  EXPECT_EQ(assertion.vouched_jkt(), session->jkt());
  EXPECT_EQ(assertion.client_id(), "device-1");
  EXPECT_NE(session->jkt(), bench_.state().identity()->jkt);
}

TEST_F(Session, TokenCostsOneSignatureOfTheDeviceKeyAndACallNone) {
  const auto session = key();
  const int before = bench_.tpm.signatures;
  ASSERT_TRUE(fetch(*session));
  EXPECT_EQ(bench_.tpm.signatures, before + 1);
  ASSERT_TRUE(make_proof(*session, {"GET", "https://service.example/a", "t"}, bench_.clock.now()));
  EXPECT_EQ(bench_.tpm.signatures, before + 1);
}

TEST_F(Session, EachAssertionIsAnotherOne) {
  const auto session = key();
  ASSERT_TRUE(fetch(*session));
  const std::string first = last_assertion().jti();
  ASSERT_TRUE(fetch(*session));
  EXPECT_NE(last_assertion().jti(), first);
}

TEST_F(Session, TokenEndsWithItsKeyAtTheLatest) {
  const auto session = key(seconds{120});
  const auto token = fetch(*session);
  EXPECT_EQ(token->expires_at, session->ends_at());
  EXPECT_EQ(fetch(*key())->expires_at, bench_.clock.now() + seconds{300});
}

TEST_F(Session, KeyThatIsOverGetsNoToken) {
  const auto session = key(seconds{120});
  bench_.clock.advance(seconds{120});
  const auto token = fetch(*session);
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::agent_session_unfit);
  EXPECT_TRUE(bench_.issuer.seen_at(token_url).empty());
}

TEST_F(Session, KeyLivesForAnHourAtMost) {
  for (const seconds life : {seconds{0}, seconds{-1}, seconds{3601}}) {
    const auto made = SessionKey::make(life, bench_.clock.now());
    ASSERT_FALSE(made) << life.count();
    EXPECT_EQ(made.error().code, Code::agent_session_unfit);
  }
  const auto session = key();
  EXPECT_EQ(session->ends_at() - session->made_at(), seconds{3600});
  EXPECT_FALSE(session->is_due(bench_.clock.now() + seconds{2699}));
  EXPECT_TRUE(session->is_due(bench_.clock.now() + seconds{2700}));
  EXPECT_FALSE(session->is_over(bench_.clock.now() + seconds{3599}));
  EXPECT_TRUE(session->is_over(bench_.clock.now() + seconds{3600}));
}

TEST_F(Session, KeyIsOverByAClockThatWentBack) {
  EXPECT_TRUE(key()->is_over(bench_.clock.now() - seconds{1}));
}

TEST_F(Session, LeavesNothingInTheStateDirectory) {
  const auto session = key();
  const auto token = fetch(*session);
  ASSERT_TRUE(token);
  EXPECT_FALSE(holds_secret(bench_.state().path(), token->token));
  EXPECT_FALSE(holds_secret(bench_.state().path(), session->jkt()));
  EXPECT_TRUE(bench_.state().tokens()->empty());
}

TEST_F(Session, OfADeviceWhoseEvidenceIsOldAttestsAgainFirst) {
  const std::size_t before = bench_.issuer.seen_at(begin_url).size();
  bench_.issuer.refuse_next(token_url, Code::evidence_stale);
  ASSERT_TRUE(fetch(*key()));
  EXPECT_EQ(bench_.issuer.seen_at(begin_url).size(), before + 1);
}

TEST_F(Session, RefusedByTheRulesIsSaidSo) {
  bench_.issuer.refuse_next(token_url, Code::policy_no_rule);
  const auto token = fetch(*key());
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::policy_no_rule);
}

TEST_F(Session, NonceOfTheIssuerIsAnsweredWithAnotherAssertion) {
  bench_.issuer.refuse_next(token_url, Code::dpop_nonce_required, "n-1");
  const auto session = key();
  ASSERT_TRUE(fetch(*session));
  const SeenRequest again = bench_.issuer.seen_at(token_url).back();
  EXPECT_EQ(read_proof(*again.headers.find("DPoP")).claims["nonce"], "n-1");
}

TEST_F(Session, OfOneCallIsBoundToAKeyThatNobodyKeeps) {
  Call call{.token = {"https://service.example", "read"},
            .method = "GET",
            .url = "https://service.example/a",
            .headers = {},
            .body = "",
            .ca_file = "",
            .session = true};
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(bench_.agent().call(call));
  const auto calls = bench_.issuer.seen_at("https://service.example/a");
  ASSERT_EQ(calls.size(), 2U);
  const std::string first = read_proof(*calls[0].headers.find("DPoP")).jkt;
  EXPECT_NE(first, bench_.state().identity()->jkt);
  EXPECT_NE(first, read_proof(*calls[1].headers.find("DPoP")).jkt);
  EXPECT_EQ(bench_.issuer.seen_at(token_url).size(), 2U);
  EXPECT_TRUE(bench_.state().tokens()->empty());
}

TEST_F(Session, CallForTheIssuerIsRefusedBeforeATokenIsFetched) {
  const auto done = bench_.agent().call({.token = {},
                                         .method = "GET",
                                         .url = "https://issuer.example/token",
                                         .headers = {},
                                         .body = "",
                                         .ca_file = "",
                                         .session = true});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::agent_proof_for_issuer);
  EXPECT_TRUE(bench_.issuer.seen_at(token_url).empty());
}

}  // namespace
}  // namespace mintmark::agent
