// Evidence of an issuer's key, made by a TPM in software that a test may make lie.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <tss2/tss2_mu.h>

#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>

#include "attest/tpm2/key_evidence.h"
#include "jose/base64url.h"
#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {

inline constexpr const char* evidence_issuer = "https://issuer.example";
inline constexpr std::uint32_t evidence_index = 0x01A41234;
inline constexpr std::uint64_t evidence_value = 0x0102030405060708;

template <typename T, typename Marshal>
Bytes marshalled(const T& value, Marshal marshal) {
  Bytes octets(sizeof(T) + 64);
  std::size_t size = 0;
  if (marshal(&value, octets.data(), octets.size(), &size) != TSS2_RC_SUCCESS)
    throw std::runtime_error("marshal");
  octets.resize(size);
  return octets;
}

inline TPMT_PUBLIC area_of(const test::SoftKey& key, TPMA_OBJECT attributes) {
  TPMT_PUBLIC area{};
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = attributes;
  TPMS_ECC_PARMS& ecc = area.parameters.eccDetail;
  ecc.symmetric.algorithm = ecc.kdf.scheme = TPM2_ALG_NULL;
  ecc.scheme.scheme = TPM2_ALG_ECDSA;
  ecc.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  ecc.curveID = TPM2_ECC_NIST_P256;
  const Bytes point = key.public_key().to_point();
  area.unique.ecc.x.size = area.unique.ecc.y.size = 32;
  std::memcpy(area.unique.ecc.x.buffer, point.data() + 1, 32);
  std::memcpy(area.unique.ecc.y.buffer, point.data() + 33, 32);
  return area;
}

/// All that can be told otherwise than it is stands open.
class KeyEvidenceTest : public testing::Test {
 protected:
  static constexpr TPMA_OBJECT fixed =
      TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN;

  KeyEvidenceTest() {
    key = area_of(key_, fixed | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_NODA);
    const Sha256 policy = counted_key_policy(evidence_index, evidence_value);
    key.authPolicy.size = 32;
    std::memcpy(key.authPolicy.buffer, policy.data(), policy.size());
    ak = area_of(ak_key_, fixed | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED |
                              TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_NODA);
  }

  static Bytes sized(BytesView octets) {
    Bytes out{static_cast<std::uint8_t>(octets.size() >> 8U),
              static_cast<std::uint8_t>(octets.size() & 0xFFU)};
    out.insert(out.end(), octets.begin(), octets.end());
    return out;
  }
  static std::string public_text(const TPMT_PUBLIC& area) {
    return jose::base64url(sized(marshalled(area, Tss2_MU_TPMT_PUBLIC_Marshal)));
  }
  static Bytes name_with(BytesView content) {
    Bytes name{0x00, 0x0B};
    const Sha256 digest = sha256(content);
    name.insert(name.end(), digest.begin(), digest.end());
    return name;
  }
  static void put(TPM2B_NAME& to, const Bytes& name) {
    to.size = static_cast<UINT16>(name.size());
    std::memcpy(to.name, name.data(), name.size());
  }

  Json statement(TPMS_ATTEST attest) const {
    const Sha256 binding = key_evidence_binding(bound_issuer, kid());
    attest.magic = TPM2_GENERATED_VALUE;
    attest.firmwareVersion = 7;
    attest.extraData.size = 32;
    std::memcpy(attest.extraData.buffer, binding.data(), binding.size());
    if (before_signing) before_signing(attest);
    const Bytes octets = marshalled(attest, Tss2_MU_TPMS_ATTEST_Marshal);
    const Bytes raw = ak_key_.sign(octets);
    TPMT_SIGNATURE signature{};
    signature.sigAlg = TPM2_ALG_ECDSA;
    signature.signature.ecdsa.hash = TPM2_ALG_SHA256;
    signature.signature.ecdsa.signatureR.size = signature.signature.ecdsa.signatureS.size = 32;
    std::memcpy(signature.signature.ecdsa.signatureR.buffer, raw.data(), 32);
    std::memcpy(signature.signature.ecdsa.signatureS.buffer, raw.data() + 32, 32);
    return {{"attest", jose::base64url(octets)},
            {"signature", jose::base64url(marshalled(signature, Tss2_MU_TPMT_SIGNATURE_Marshal))}};
  }

  Json certified() const {
    TPMS_ATTEST attest{};
    attest.type = TPM2_ST_ATTEST_CERTIFY;
    put(attest.attested.certify.name, name_with(marshalled(key, Tss2_MU_TPMT_PUBLIC_Marshal)));
    return statement(attest);
  }
  Json counted() const {
    TPMS_NV_PUBLIC area{};
    area.nvIndex = evidence_index;
    area.nameAlg = TPM2_ALG_SHA256;
    area.attributes = counter_attributes;
    area.dataSize = 8;
    TPMS_ATTEST attest{};
    attest.type = TPM2_ST_ATTEST_NV;
    put(attest.attested.nv.indexName, name_with(marshalled(area, Tss2_MU_TPMS_NV_PUBLIC_Marshal)));
    attest.attested.nv.nvContents.size = 8;
    for (unsigned i = 0; i < 8; ++i)
      attest.attested.nv.nvContents.buffer[i] =
          static_cast<BYTE>(counter_says >> (8U * (7U - i)) & 0xFFU);
    return statement(attest);
  }

  /// As an issuer's store gives it.
  Json evidence() const {
    return {
        {"kid", kid()},
        {"issuer", evidence_issuer},
        {"public", public_text(key)},
        {"ak_public", public_text(ak)},
        {"certify", certified()},
        {"counter", {{"index", evidence_index}, {"value", evidence_value}, {"certify", counted()}}},
        {"ek", Json::array({{{"nv_index", 0x01C0000AU},
                             {"certificate", jose::base64url(authority.certify(
                                                 ek.get(), false, ek_certificate))}}})},
        {"ek_chain", Json::array({jose::base64url(authority.intermediate_der())})}};
  }

  Result<KeyVerdict> judge(const Json& facts) const {
    return verify_key_evidence(facts, evidence_issuer, authority.trust(false),
                               from_unix(1'800'000'000));
  }
  Code refusal(const Json& facts) const {
    const auto verdict = judge(facts);
    return verdict ? Code::not_found : verdict.error().code;
  }
  [[nodiscard]] std::string kid() const { return key_.public_key().thumbprint(); }
  [[nodiscard]] const test::SoftKey& ak_key() const { return ak_key_; }

  test::TestAuthority authority;
  test::EkCertificate ek_certificate;
  std::shared_ptr<EVP_PKEY> ek{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  TPMT_PUBLIC key{};
  TPMT_PUBLIC ak{};
  TPMA_NV counter_attributes = TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT | TPMA_NV_AUTHREAD |
                               TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | TPMA_NV_WRITTEN;
  std::uint64_t counter_says = evidence_value;
  std::string bound_issuer = evidence_issuer;
  std::function<void(TPMS_ATTEST&)> before_signing;

 private:
  test::SoftKey key_;
  test::SoftKey ak_key_;
};

}  // namespace mintmark::attest::tpm2
