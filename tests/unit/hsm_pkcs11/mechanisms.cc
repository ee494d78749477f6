// What is given to C_Sign, and what keys are called.
#include "hsm/pkcs11/mechanisms.h"

#include <gtest/gtest.h>

#include "hsm/pkcs11/key_kind.h"

namespace mintmark::hsm::pkcs11 {
namespace {

using jose::Algorithm;

const std::string abc_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string input_of(const SigningMechanism& mechanism, Algorithm algorithm) {
  const auto input = sign_input(mechanism, algorithm, "abc");
  return input ? to_hex(*input) : input.error().to_string();
}

TEST(Digest, IsTheHashOfTheAlgorithm) {
  EXPECT_EQ(to_hex(*digest_of(Algorithm::es256, "abc")), abc_sha256);
  EXPECT_EQ(to_hex(*digest_of(Algorithm::ps256, "abc")), abc_sha256);
  EXPECT_EQ(digest_of(Algorithm::es384, "abc")->size(), 48U);
}

TEST(SignInputs, AreTheMessageItsHashOrTheHashWithItsName) {
  for (const Algorithm algorithm : jose::all_algorithms) {
    ASSERT_FALSE(signing_mechanisms(algorithm).empty());
    for (const SigningMechanism& mechanism : signing_mechanisms(algorithm)) {
      const std::string input = input_of(mechanism, algorithm);
      switch (mechanism.input) {
        case SignInput::message:
          EXPECT_EQ(input, "616263") << mechanism.name;
          break;
        case SignInput::digest:
          EXPECT_EQ(input, to_hex(*digest_of(algorithm, "abc"))) << mechanism.name;
          break;
        case SignInput::digest_info:
          EXPECT_EQ(input, "3031300d060960864801650304020105000420" + abc_sha256) << mechanism.name;
          break;
      }
    }
  }
}

TEST(PssParameters, AreThoseOfPs256AndOfNothingElse) {
  for (const Algorithm algorithm : jose::all_algorithms) {
    for (const SigningMechanism& mechanism : signing_mechanisms(algorithm)) {
      MechanismCall call(mechanism);
      EXPECT_EQ(call.get()->mechanism, mechanism.type);
      EXPECT_EQ(call.get()->pParameter != nullptr, algorithm == Algorithm::ps256);
      if (algorithm != Algorithm::ps256) continue;
      const auto* pss = static_cast<const CK_RSA_PKCS_PSS_PARAMS*>(call.get()->pParameter);
      EXPECT_EQ(call.get()->ulParameterLen, sizeof *pss);
      EXPECT_EQ(pss->hash_alg, CKM_SHA256);
      EXPECT_EQ(pss->mgf, CKG_MGF1_SHA256);
      EXPECT_EQ(pss->s_len, 32U);
    }
  }
}

TEST(KeyKinds, HaveEachALabelOfTheirOwn) {
  for (const KeyKind& kind : all_kinds()) {
    const auto back = kind_of_label(label_of(kind));
    ASSERT_TRUE(back) << label_of(kind);
    EXPECT_EQ(*back, kind);
  }
  EXPECT_EQ(label_of(kind_of(Purpose::access_token, Algorithm::ed25519)), "mintmark access_token");
  EXPECT_EQ(label_of(kind_of(Purpose::access_token, Algorithm::ps256)),
            "mintmark access_token PS256");
  for (const char* label : {"", "mintmark", "mintmark access_token ES256", "mintmark access_token ",
                            "access_token", "Mintmark access_token", "mintmark unknown"})
    EXPECT_FALSE(kind_of_label(label)) << label;
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
