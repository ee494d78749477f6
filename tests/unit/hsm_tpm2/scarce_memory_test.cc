// What OpenSSL judges for a TPM where it gets no memory: refused, or right.
#include "support/scarce_memory.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <tss2/tss2_mu.h>

#include "hsm/tpm2/boot_policy.h"
#include "hsm/tpm2/ek_public.h"
#include "hsm/tpm2/public_area.h"
#include "hsm/tpm2/signing_key.h"
#include "hsm/tpm2/templates.h"
#include "support/child_process.h"
#include "support/issued_certificate.h"
#include "support/owned_openssl.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark::hsm::tpm2 {
namespace {

using test::Asked;

Result<std::string> in_hex(const Result<Bytes>& octets) {
  if (!octets) return tl::unexpected<Error>(octets.error());
  return to_hex(*octets);
}

Result<std::string> judged(const Result<void>& verdict) {
  if (!verdict) return tl::unexpected<Error>(verdict.error());
  return std::string("the same");
}

TPMT_PUBLIC ecc_area(EVP_PKEY* key) {
  TPMT_PUBLIC area = ek_template_of(0x01C00016)->area.publicArea;
  const auto put = [key](TPM2B_ECC_PARAMETER& to, const char* name) {
    BIGNUM* raw = nullptr;
    ASSERT_EQ(EVP_PKEY_get_bn_param(key, name, &raw), 1);
    const test::Owned<BIGNUM> number(raw);
    to.size = static_cast<UINT16>(BN_bn2bin(number.get(), to.buffer));
  };
  put(area.unique.ecc.x, OSSL_PKEY_PARAM_EC_PUB_X);
  put(area.unique.ecc.y, OSSL_PKEY_PARAM_EC_PUB_Y);
  return area;
}

TEST(TpmWithoutMemory, TakesNoEkForTheCertifiedOne) {
  const test::Pair key = test::new_pair("P-384");
  const Bytes certificate = test::der_of(test::issue({.key = key}, {.key = key}).get());
  const TPMT_PUBLIC own = ecc_area(key.get());
  const TPMT_PUBLIC other = ecc_area(test::new_pair("P-384").get());
  EXPECT_GT(test::expect_closed_without_memory(
                {"its own key", [&] { return judged(same_key(certificate, own)); }}),
            0U);
  test::expect_closed_without_memory(
      {"another's key", [&] { return judged(same_key(certificate, other)); }});
}

TEST(TpmWithoutMemory, NamesNoKeyOtherwise) {
  const TPM2B_PUBLIC area = device_key_template();
  Bytes octets(1024);
  std::size_t size = 0;
  ASSERT_EQ(Tss2_MU_TPM2B_PUBLIC_Marshal(&area, octets.data(), octets.size(), &size),
            TSS2_RC_SUCCESS);
  octets.resize(size);
  EXPECT_GT(test::expect_closed_without_memory(
                {"a Name", [&] { return in_hex(name_of_public(octets)); }}),
            0U);
}

TEST(TpmWithoutMemory, SignsNoOtherDigest) {
  EXPECT_GT(test::expect_closed_without_memory(
                {"a digest",
                 [&]() -> Result<std::string> {
                   const auto digest = digest_for(jose::Algorithm::es384, as_bytes("input"));
                   if (!digest) return tl::unexpected<Error>(digest.error());
                   return to_hex(BytesView(digest->buffer, digest->size));
                 }}),
            0U);
}

TEST(TpmWithoutMemory, TakesNoBootStateForApproved) {
  const test::TemporaryDirectory files;
  const auto path = [&](const char* name) { return (files.path() / name).string(); };
  test::run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-out", path("key")});
  test::run({"openssl", "pkey", "-in", path("key"), "-pubout", "-out", path("pem")});
  const auto selection = pcr_selection_from("sha256:0").value();
  const auto load = [&]() -> Result<std::string> {
    const auto policy = BootPolicy::load(path("pem"), path("approved"));
    if (!policy) return tl::unexpected<Error>(policy.error());
    return to_hex(policy->name()) + " " + std::to_string(policy->approvals().size());
  };
  ASSERT_TRUE(approve(path("key"), path("approved"), selection, {{0, Bytes(32)}}, ""));
  EXPECT_GT(test::expect_closed_without_memory({"approvals", load}), 0U);
  EXPECT_GT(
      test::expect_closed_without_memory(
          {"one more",
           [&]() -> Result<std::string> {
             std::filesystem::remove(path("new"));
             const auto done = approve(path("key"), path("new"), selection, {{0, Bytes(32)}}, "");
             if (!done) return tl::unexpected<Error>(done.error());
             bool good = false;
             test::with_memory(
                 [&] { good = BootPolicy::load(path("pem"), path("new")).has_value(); });
             return std::string(good ? "the authority's" : "nobody's");
           }}),
      0U);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
