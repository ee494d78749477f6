// Known answers for the seed of TPM2_MakeCredential (test data,
// tpm_key_attestation/credential-activation-*), and the identity object over a TPM's own.
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <tss2/tss2_mu.h>

#include <memory>

#include "attest/tpm2/credential.h"
#include "attest/tpm2/signature.h"
#include "support/owned_openssl.h"
#include "support/test_data.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

using test::Owned;

Bytes hex(const Json& vector, const char* name) {
  return *from_hex(vector.at(name).get<std::string>());
}

TPMT_PUBLIC public_of(const Json& vector) {
  const Bytes octets = hex(vector, "PublicKey");
  TPMT_PUBLIC area{};
  std::size_t at = 0;
  if (Tss2_MU_TPMT_PUBLIC_Unmarshal(octets.data(), octets.size(), &at, &area) != TSS2_RC_SUCCESS)
    throw std::runtime_error("vector");
  return area;
}

std::vector<Json> vectors_of(const char* kind) {
  std::vector<Json> vectors;
  test::for_each_entry("tpm_key_attestation", [&](const Json& entry) {
    const Json& expect = entry.at("expect");
    if (expect.at("answer") != "known-answer" ||
        expect.at("check").get<std::string>().rfind(kind, 0) != 0)
      return;
    for (const Json& file : entry.at("files")) {
      for (const Json& vector : test::json_file(file.get<std::string>())) vectors.push_back(vector);
    }
  });
  return vectors;
}

Bytes x_of(const EC_GROUP* group, const EC_POINT* point, std::size_t field) {
  const Owned<BIGNUM> x(BN_new());
  EC_POINT_get_affine_coordinates(group, point, x.get(), nullptr, nullptr);
  Bytes out(field);
  BN_bn2binpad(x.get(), out.data(), static_cast<int>(field));
  return out;
}

const Hash& hash_for(TPM2_ALG_ID id) {
  // SHA-1 is not taken anywhere else; the derivation is the same.
  static const Hash sha1{TPM2_ALG_SHA1, "sha1", 20, &EVP_sha1};
  return id == TPM2_ALG_SHA1 ? sha1 : id == TPM2_ALG_SHA256 ? hashes[0] : hashes[1];
}

TEST(CredentialVectors, OfEcdhAndKdfeGiveTheirSecrets) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  const auto vectors = vectors_of("KDFe");
  test::expect_some(vectors.size());
  for (const Json& vector : vectors) {
    const TPMT_PUBLIC area = public_of(vector);
    const auto point = point_of(area);
    if (!point) continue;  // Curves that no EK here has.
    const std::size_t field = (point->size() - 1) / 2;
    const Owned<EC_GROUP> group(
        EC_GROUP_new_by_curve_name(field == 32 ? NID_X9_62_prime256v1 : NID_secp384r1));
    const Bytes scalar = hex(vector, "EphemeralPrivate");
    const Owned<BIGNUM> ephemeral(
        BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), nullptr));
    const Owned<EC_POINT> ours(EC_POINT_new(group.get()));
    const Owned<EC_POINT> theirs(EC_POINT_new(group.get()));
    const Owned<EC_POINT> shared(EC_POINT_new(group.get()));
    ASSERT_EQ(EC_POINT_oct2point(group.get(), theirs.get(), point->data(), point->size(), nullptr),
              1);
    EC_POINT_mul(group.get(), ours.get(), ephemeral.get(), nullptr, nullptr, nullptr);
    EC_POINT_mul(group.get(), shared.get(), nullptr, theirs.get(), ephemeral.get(), nullptr);
    const Hash& hash = hash_for(area.nameAlg);
    const Bytes secret =
        kdfe(hash, x_of(group.get(), shared.get(), field), vector.at("Label").get<std::string>(),
             x_of(group.get(), ours.get(), field), BytesView(*point).subspan(1, field),
             static_cast<unsigned>(hash.size * 8));
    EXPECT_EQ(to_hex(secret), vector.at("Secret").get<std::string>()) << vector.at("Name");
  }
}

TEST(Credential, ForAnotherObjectIsNotOpened) {
  const test::TestAuthority authority;
  test::TestTpm tpm(authority);
  const auto candidate =
      check_candidate(tpm.presented(), authority.trust(), from_unix(1'800'000'000));
  ASSERT_TRUE(candidate);
  const auto challenge = make_challenge(*candidate, random_bytes(32));
  ASSERT_TRUE(challenge);
  EXPECT_NO_THROW((void)tpm.activate(*challenge));
  tpm.ak.objectAttributes ^= TPMA_OBJECT_NODA;  // Another name.
  EXPECT_THROW((void)tpm.activate(*challenge), std::runtime_error);
}

TEST(Credential, IsFreshEachTime) {
  const test::TestAuthority authority;
  const test::TestTpm tpm(authority);
  const auto candidate =
      check_candidate(tpm.presented(), authority.trust(), from_unix(1'800'000'000));
  ASSERT_TRUE(candidate);
  const Bytes secret(32, 7);
  const auto first = make_challenge(*candidate, secret);
  const auto second = make_challenge(*candidate, secret);
  EXPECT_NE(first->credential_blob, second->credential_blob);
  EXPECT_NE(first->encrypted_secret, second->encrypted_secret);
}

TEST(Credential, WithASecretLongerThanADigestIsRefused) {
  EXPECT_FALSE(seal_identity(hashes[0], 128, Bytes(32, 1), Bytes(34, 2), Bytes(33, 3)));
}

}  // namespace
}  // namespace mintmark::attest::tpm2
