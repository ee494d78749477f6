// What a token is bound to, and how that is shown: a key by DPoP (RFC 9449 §7.1), a certificate by
// the connection (RFC 8705 §3), both by both.
#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "support/issued_certificate.h"
#include "token_fixture.h"

namespace mintmark {
namespace {

std::string new_certificate() {
  const auto key = test::new_pair("P-256");
  const auto made = test::issue({.subject = {{"CN", "device"}}, .key = key}, {.key = key});
  return std::string(as_text(test::der_of(made.get())));
}

class Binding : public testing::Test, protected test::TokenFixture {
 protected:
  struct Shown {
    Scheme scheme = Scheme::dpop;
    bool proof = false;
    std::string certificate = {};
  };

  [[nodiscard]] std::string thumbprint() const { return jose::base64url(sha256(certificate_)); }
  [[nodiscard]] std::string bound_to(const Json& cnf) const { return token_with_claim("cnf", cnf); }
  [[nodiscard]] std::string to_key() const { return token(); }
  [[nodiscard]] std::string to_certificate() const {
    return bound_to({{"x5t#S256", thumbprint()}});
  }
  [[nodiscard]] std::string to_both() const {
    return bound_to({{"jkt", device().jkt()}, {"x5t#S256", thumbprint()}});
  }
  [[nodiscard]] auto check(const std::string& token, const Shown& shown) const {
    const std::string made = shown.proof ? proof(token) : "";
    return verifier_.check(token, {.method = "GET",
                                   .url = test::resource,
                                   .proof = made,
                                   .scheme = shown.scheme,
                                   .certificate = shown.certificate});
  }
  // "" where it is taken.
  [[nodiscard]] std::string answer(const std::string& token, const Shown& shown) const {
    const auto verified = check(token, shown);
    return verified ? "" : std::string(name_of(verified.error().refusal));
  }

  Verifier verifier_ = verifier();
  std::string certificate_ = new_certificate();
};

TEST_F(Binding, ToACertificateIsShownByItAsBearer) {
  const auto verified =
      check(to_certificate(), {.scheme = Scheme::bearer, .certificate = certificate_});
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_TRUE(verified->proof_checked());
  EXPECT_EQ(verified->certificate_thumbprint(), thumbprint());
  EXPECT_EQ(verified->jkt(), "");
  EXPECT_FALSE(verified->proof_jti());
}

TEST_F(Binding, ToBothIsShownByBoth) {
  const auto verified = check(to_both(), {.proof = true, .certificate = certificate_});
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_EQ(verified->certificate_thumbprint(), thumbprint());
  EXPECT_EQ(verified->jkt(), device().jkt());
  EXPECT_TRUE(verified->proof_jti());
}

TEST_F(Binding, ToAKeyAsksForNoCertificate) {
  EXPECT_EQ(answer(to_key(), {.proof = true}), "");
  EXPECT_EQ(answer(to_key(), {.proof = true, .certificate = certificate_}), "");
  EXPECT_EQ(answer(to_key(), {.proof = true, .certificate = "none of ours"}), "");
}

TEST_F(Binding, ToAKeyIsRefusedAsBearer) {
  for (const bool with_proof : {false, true}) {
    EXPECT_EQ(answer(to_key(), {.scheme = Scheme::bearer, .proof = with_proof}), "token_scheme");
    EXPECT_EQ(answer(to_both(),
                     {.scheme = Scheme::bearer, .proof = with_proof, .certificate = certificate_}),
              "token_scheme");
  }
}

TEST_F(Binding, ToACertificateAloneIsRefusedAsDpop) {
  for (const bool with_proof : {false, true}) {
    EXPECT_EQ(answer(to_certificate(), {.proof = with_proof, .certificate = certificate_}),
              "token_scheme");
  }
}

TEST_F(Binding, ToACertificateIsRefusedWithoutIt) {
  EXPECT_EQ(answer(to_certificate(), {.scheme = Scheme::bearer}), "token_certificate_missing");
  EXPECT_EQ(answer(to_certificate(), {.scheme = Scheme::bearer, .proof = true}),
            "token_certificate_missing");
  EXPECT_EQ(answer(to_both(), {.proof = true}), "token_certificate_missing");
}

TEST_F(Binding, ToACertificateIsRefusedWithAnother) {
  const std::string other = new_certificate();
  EXPECT_EQ(answer(to_certificate(), {.scheme = Scheme::bearer, .certificate = other}),
            "token_certificate_mismatch");
  EXPECT_EQ(answer(to_both(), {.proof = true, .certificate = other}), "token_certificate_mismatch");
}

TEST_F(Binding, ToACertificateIsRefusedWithWhatIsNone) {
  for (const std::string& none : {std::string("x"), certificate_ + "x", certificate_.substr(1),
                                  certificate_.substr(0, certificate_.size() - 1)}) {
    EXPECT_EQ(answer(to_certificate(), {.scheme = Scheme::bearer, .certificate = none}),
              "token_certificate_malformed");
  }
}

TEST_F(Binding, ToACertificateIsRefusedWithOneLongerThanAnyIs) {
  certificate_ = std::string(20'000, '\x30');
  EXPECT_EQ(answer(to_certificate(), {.scheme = Scheme::bearer, .certificate = certificate_}),
            "token_certificate_malformed");
}

TEST_F(Binding, ToBothIsRefusedWithoutItsProof) {
  EXPECT_EQ(answer(to_both(), {.certificate = certificate_}), "proof_missing");
}

TEST_F(Binding, OfACallThatIsRefusedForItsCertificateUsesNoProofUp) {
  const std::string both = to_both();
  const std::string made = proof(both);
  const ProofContext bare{.method = "GET", .url = test::resource, .proof = made};
  EXPECT_FALSE(verifier_.check(both, bare));
  ProofContext shown = bare;
  shown.certificate = certificate_;
  EXPECT_TRUE(verifier_.check(both, shown));
}

TEST_F(Binding, ToAThumbprintThatIsNoneIsRefused) {
  const std::string good = thumbprint();
  for (const Json& wrong :
       {Json(""), Json("AA"), Json(good + "="), Json(good.substr(1)), Json(good + "A"), Json(1),
        Json(jose::base64(sha256(certificate_))), Json(to_hex(sha256(certificate_)))}) {
    EXPECT_EQ(answer(bound_to({{"x5t#S256", wrong}}),
                     {.scheme = Scheme::bearer, .certificate = certificate_}),
              "token_malformed")
        << wrong;
    EXPECT_EQ(answer(bound_to({{"jkt", device().jkt()}, {"x5t#S256", wrong}}), {.proof = true}),
              "token_malformed");
  }
}

TEST_F(Binding, ToAnEmptyKeyIsNotGoodForItsCertificateAlone) {
  EXPECT_EQ(answer(bound_to({{"jkt", ""}, {"x5t#S256", thumbprint()}}),
                   {.scheme = Scheme::bearer, .certificate = certificate_}),
            "token_unbound");
}

TEST_F(Binding, ToMoreThanIsKnownHereGoesByWhatIsKnown) {
  // RFC 7800 §3.1: "all confirmation members that are not understood … MUST be ignored".
  EXPECT_EQ(answer(bound_to({{"jkt", device().jkt()}, {"kid", "a"}}), {.proof = true}), "");
  EXPECT_EQ(answer(bound_to({{"x5t#S256", thumbprint()}, {"jku", "https://evil.example"}}),
                   {.scheme = Scheme::bearer, .certificate = certificate_}),
            "");
}

TEST_F(Binding, IsLookedAtAgainWhenTheTokenIsKnown) {
  const std::string both = to_both();
  ASSERT_EQ(answer(both, {.proof = true, .certificate = certificate_}), "");
  EXPECT_EQ(answer(both, {.proof = true, .certificate = new_certificate()}),
            "token_certificate_mismatch");
  EXPECT_EQ(answer(both, {.proof = true}), "token_certificate_missing");
  EXPECT_EQ(answer(both, {.certificate = certificate_}), "proof_missing");
  EXPECT_EQ(answer(both, {.scheme = Scheme::bearer, .certificate = certificate_}), "token_scheme");
}

}  // namespace
}  // namespace mintmark
