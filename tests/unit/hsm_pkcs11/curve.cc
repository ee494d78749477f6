#include "hsm/pkcs11/curve.h"

#include <gtest/gtest.h>

#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {
namespace {

/// The generator of P-256 (SEC 2 §2.4.2).
const char* const point =
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
const char* const params = "06082a8648ce3d030107";

Result<jose::PublicKey> key_of(const std::string& params_hex, const std::string& point_hex) {
  return public_key_of(*from_hex(params_hex), *from_hex(point_hex));
}

Code code_of(const Result<jose::PublicKey>& key) { return key ? Code::internal : key.error().code; }

TEST(EcPoint, IsTakenBareAndAsAnOctetString) {
  const auto bare = key_of(params, point);
  const auto wrapped = key_of(params, std::string("0441") + point);
  ASSERT_TRUE(bare);
  ASSERT_TRUE(wrapped);
  EXPECT_EQ(*bare, *wrapped);
  EXPECT_EQ(bare->to_point(), *from_hex(point));
}

TEST(EcPoint, OffTheCurveIsRefused) {
  std::string off = point;
  off.back() = '4';
  EXPECT_EQ(code_of(key_of(params, off)), Code::key_off_curve);
}

TEST(EcPoint, OfAnotherLengthIsRefused) {
  for (const std::string& odd :
       {std::string(), std::string("04"), std::string("0441"), std::string(point) + "00",
        std::string("0442") + point + "00", std::string("0440") + point,
        std::string(point).substr(2), "02" + std::string(point).substr(2, 64)}) {
    EXPECT_FALSE(key_of(params, odd)) << odd;
  }
}

TEST(EcParams, OfACurveThatIsNotOursAreRefused) {
  EXPECT_EQ(code_of(key_of("06052b8104000a", point)), Code::jwk_unsupported);  // secp256k1
  EXPECT_EQ(code_of(key_of("", point)), Code::jwk_unsupported);
  EXPECT_EQ(code_of(key_of("06082a8648ce3d0301", point)), Code::jwk_unsupported);
  EXPECT_EQ(code_of(key_of("06082a8648ce3d03010700", point)), Code::jwk_unsupported);
  EXPECT_FALSE(key_of("06052b81040022", point));  // P-384's name on a point of P-256
}

TEST(EdwardsPoint, IsTakenByOidAndByNameBareAndAsAnOctetString) {
  // RFC 8032 §7.1, test 1.
  const std::string key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  for (const std::string& named : {std::string("06032b6570"), to_hex(edwards25519_by_name())}) {
    const auto bare = key_of(named, key);
    const auto wrapped = key_of(named, "0420" + key);
    ASSERT_TRUE(bare) << named;
    ASSERT_TRUE(wrapped) << named;
    EXPECT_EQ(*bare, *wrapped);
    EXPECT_EQ(bare->algorithm(), jose::Algorithm::ed25519);
    EXPECT_FALSE(key_of(named, key + "00"));
    EXPECT_FALSE(key_of(named, "0421" + key));
  }
  EXPECT_EQ(to_hex(params_of(jose::Algorithm::ed25519)), "06032b6570");
  EXPECT_TRUE(params_of(jose::Algorithm::rs256).empty());
}

TEST(ReturnValue, IsNamedAndHasACode) {
  EXPECT_EQ(name_of_rv(CKR_PIN_INCORRECT), "CKR_PIN_INCORRECT");
  EXPECT_EQ(name_of_rv(CKR_VENDOR_DEFINED + 0x12), "CKR_VENDOR_DEFINED + 0x12");
  EXPECT_EQ(name_of_rv(0x7777), "CKR_ 0x7777");
  const Error error = error_of(CKR_SESSION_HANDLE_INVALID, "C_Sign");
  EXPECT_EQ(error.code, Code::hsm_session_lost);
  EXPECT_EQ(error.native, CKR_SESSION_HANDLE_INVALID);
  EXPECT_EQ(error.detail, "C_Sign: CKR_SESSION_HANDLE_INVALID");
  EXPECT_EQ(error_of(0x7777, "C_Sign").code, Code::hsm_failed);
  EXPECT_EQ(error_of(CKR_PIN_LOCKED, "C_Login").code, Code::hsm_pin_locked);
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
