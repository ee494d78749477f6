#include "hsm/tpm2/ek_public.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

#include "hsm/tpm2/octets.h"

namespace mintmark::hsm::tpm2 {
namespace {

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

bool parameter_is(const EVP_PKEY* key, const char* name, BytesView expected) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return false;
  const Owned<BIGNUM> actual(raw);
  const Owned<BIGNUM> wanted(
      BN_bin2bn(expected.data(), static_cast<int>(expected.size()), nullptr));
  return wanted && BN_cmp(actual.get(), wanted.get()) == 0;
}

bool is_same_rsa(const EVP_PKEY* key, const TPMT_PUBLIC& area) {
  // TPM 2.0 Part 2, 12.2.3.5: an exponent of zero stands for 2^16 + 1.
  const UINT32 given = area.parameters.rsaDetail.exponent;
  const UINT32 exponent = given == 0 ? 65537 : given;
  const std::array<std::uint8_t, 4> big_endian = {
      static_cast<std::uint8_t>(exponent >> 24U), static_cast<std::uint8_t>(exponent >> 16U),
      static_cast<std::uint8_t>(exponent >> 8U), static_cast<std::uint8_t>(exponent)};
  return EVP_PKEY_is_a(key, "RSA") == 1 &&
         parameter_is(key, OSSL_PKEY_PARAM_RSA_N, content_of(area.unique.rsa)) &&
         parameter_is(key, OSSL_PKEY_PARAM_RSA_E, big_endian);
}

bool is_same_ecc(const EVP_PKEY* key, const TPMT_PUBLIC& area) {
  const int field_bits = area.parameters.eccDetail.curveID == TPM2_ECC_NIST_P384 ? 384 : 256;
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_bits(key) == field_bits &&
         parameter_is(key, OSSL_PKEY_PARAM_EC_PUB_X, content_of(area.unique.ecc.x)) &&
         parameter_is(key, OSSL_PKEY_PARAM_EC_PUB_Y, content_of(area.unique.ecc.y));
}

}  // namespace

std::size_t der_length(BytesView octets) {
  constexpr std::uint8_t sequence = 0x30;
  if (octets.size() < 2 || octets[0] != sequence) return 0;
  if (octets[1] < 0x80) return 2U + octets[1];
  const std::size_t count = octets[1] & 0x7FU;
  if (count == 0 || count > 3 || octets.size() < 2 + count) return 0;
  std::size_t length = 0;
  for (const std::uint8_t octet : octets.subspan(2, count)) length = length << 8U | octet;
  return 2 + count + length;
}

Result<void> same_key(BytesView certificate_der, const TPMT_PUBLIC& area) {
  const std::uint8_t* position = certificate_der.data();
  const Owned<X509> certificate(
      d2i_X509(nullptr, &position, static_cast<long>(certificate_der.size())));
  const EVP_PKEY* key = certificate ? X509_get0_pubkey(certificate.get()) : nullptr;
  if (key == nullptr)
    return fail(Code::tpm_ek_mismatch, "the key of the EK certificate cannot be read");
  const bool same = area.type == TPM2_ALG_RSA ? is_same_rsa(key, area)
                                              : area.type == TPM2_ALG_ECC && is_same_ecc(key, area);
  if (!same)
    return fail(Code::tpm_ek_mismatch,
                "the TPM's EK of the default template is not the key of the EK certificate");
  return {};
}

}  // namespace mintmark::hsm::tpm2
