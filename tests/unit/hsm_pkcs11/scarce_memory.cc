// Public keys as tokens show them where OpenSSL gets no memory: right, or not shown.
#include "support/scarce_memory.h"

#include <gtest/gtest.h>

#include "hsm/pkcs11/curve.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/pkcs11/spki.h"

namespace mintmark::hsm::pkcs11 {
namespace {

using test::Asked;

Result<std::string> shown(const PublicKeyFacts& facts) {
  if (facts.spki.empty()) return fail(Code::internal, "no key is shown");
  return facts.curve + " " + std::to_string(facts.bits) + " " + to_hex(facts.spki);
}

const Bytes p256 = from_hex("06082a8648ce3d030107").value();
const Bytes point = from_hex(
                        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
                        .value();
const Bytes ed25519 = from_hex("06032b6570").value();
const Bytes edwards_point =
    from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").value();

TEST(ScarceMemory, APublicKeyIsShownRightlyOrNotAtAll) {
  std::size_t refused = 0;
  for (const Asked& asked :
       {Asked{"P-256", [] { return shown(ec_facts(p256, point)); }},
        Asked{"Ed25519", [] { return shown(ec_facts(ed25519, edwards_point)); }},
        Asked{"RSA",
              [] {
                return shown(rsa_facts(Bytes(256, 0xC1), Bytes{1, 0, 1}));
              }},
        Asked{"the store's own", []() -> Result<std::string> {
                const auto key = public_key_of(p256, point);
                if (!key) return tl::unexpected<Error>(key.error());
                return key->thumbprint();
              }}})
    refused += test::expect_closed_without_memory(asked);
  EXPECT_GT(refused, 0U);
}

TEST(ScarceMemory, WhatIsSignedIsHashedOrNotSigned) {
  const auto& raw = signing_mechanisms(jose::Algorithm::rs256).back();
  ASSERT_EQ(raw.input, SignInput::digest_info);
  EXPECT_GT(test::expect_closed_without_memory({"digest",
                                                [&]() -> Result<std::string> {
                                                  const auto input = sign_input(
                                                      raw, jose::Algorithm::rs256, "text");
                                                  if (!input)
                                                    return tl::unexpected<Error>(input.error());
                                                  return to_hex(*input);
                                                }}),
            0U);
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
