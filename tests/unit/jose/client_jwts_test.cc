// What clients sign: verified as an authorisation server would.
#include "jose/client_jwts.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "jose/software_key.h"

namespace mintmark::jose {
namespace {

const Moment now = from_unix(1'000'000);

class MemoryKey final : public SigningKey {
 public:
  [[nodiscard]] const PublicKey& public_key() const override { return public_key_; }
  [[nodiscard]] Result<Bytes> sign(BytesView octets) override {
    if (broken) return fail(Code::agent_key_file, "the key is gone");
    return sign_es256(pair_, octets).value();
  }
  bool broken = false;

 private:
  SoftwarePair pair_ = new_pair();
  PublicKey public_key_ = public_half(pair_).value();
};

VerifiedJws opened(const std::string& jws, const PublicKey& key) {
  return UnverifiedJws::parse(jws).value().verify(key).value();
}

TEST(ClientProof, SaysWhatItIsForAndShowsItsKey) {
  MemoryKey key;
  const auto proof = sign_proof(key, {"POST", "https://rs.example/a", "the token", "n1"}, now);
  ASSERT_TRUE(proof) << proof.error().to_string();
  const VerifiedJws jws = opened(*proof, key.public_key());
  EXPECT_EQ(jws.header(),
            (Json{{"typ", "dpop+jwt"}, {"alg", "ES256"}, {"jwk", key.public_key().to_jwk()}}));
  Json claims = jws.claims();
  EXPECT_EQ(from_base64url(claims["jti"].get<std::string>()).value().size(), 16U);
  claims.erase("jti");
  EXPECT_EQ(claims, (Json{{"htm", "POST"},
                          {"htu", "https://rs.example/a"},
                          {"iat", 1'000'000},
                          {"nonce", "n1"},
                          {"ath", base64url(sha256("the token"))}}));
}

TEST(ClientProof, WithoutTokenAndNonceHasNeitherAndIsAnotherEachTime) {
  MemoryKey key;
  const ProofClaims said{"GET", "https://as.example/token", ""};
  const auto proof = sign_proof(key, said, now);
  ASSERT_TRUE(proof) << proof.error().to_string();
  const Json claims = opened(*proof, key.public_key()).claims();
  EXPECT_FALSE(claims.contains("ath"));
  EXPECT_FALSE(claims.contains("nonce"));
  EXPECT_NE(opened(sign_proof(key, said, now).value(), key.public_key()).claims()["jti"],
            claims["jti"]);
}

TEST(ClientAssertion, IsForOneIssuerAndAMinute) {
  MemoryKey key;
  const auto assertion = make_assertion(key, "client", "https://as.example", now);
  ASSERT_TRUE(assertion) << assertion.error().to_string();
  const VerifiedJws jws = opened(*assertion, key.public_key());
  EXPECT_EQ(jws.header(), (Json{{"typ", "client-authentication+jwt"}, {"alg", "ES256"}}));
  Json claims = jws.claims();
  claims.erase("jti");
  EXPECT_EQ(claims, (Json{{"iss", "client"},
                          {"sub", "client"},
                          {"aud", "https://as.example"},
                          {"iat", 1'000'000},
                          {"exp", 1'000'060}}));
}

TEST(ClientAssertion, VouchesForAnotherKeyWhereThereIsOne) {
  MemoryKey key;
  const auto assertion = make_assertion(key, "client", "https://as.example", now, "thumbprint");
  ASSERT_TRUE(assertion) << assertion.error().to_string();
  EXPECT_EQ(opened(*assertion, key.public_key()).claims()["cnf"], (Json{{"jkt", "thumbprint"}}));
}

TEST(ClientJwts, ByAKeyThatDoesNotSignAreItsError) {
  MemoryKey key;
  key.broken = true;
  for (const auto& jwt : {sign_proof(key, {"GET", "https://rs.example/", ""}, now),
                          make_assertion(key, "client", "https://as.example", now)}) {
    ASSERT_FALSE(jwt);
    EXPECT_EQ(jwt.error().code, Code::agent_key_file);
    EXPECT_EQ(jwt.error().detail, "the key is gone");
  }
}

}  // namespace
}  // namespace mintmark::jose
