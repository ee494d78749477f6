#include "attest/tpm2/ak_certificate.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

namespace mintmark::attest::tpm2 {
namespace {

constexpr int least_rsa_bits = 2048;

// Extended key usages that an AK's certificate may have. Google's first authority gives its AKs the
// one of EKs; what tells the two apart is then the key usage.
constexpr std::array ak_usages = {
    "2.23.133.8.3",     // tcg-kp-AIKCertificate
    "2.23.133.8.1",     // tcg-kp-EKCertificate
    "2.5.29.37.0",      // anyExtendedKeyUsage
    "2.23.133.11.1.1",  // tcg-cap-verifiedTPMResidency
    "2.23.133.11.1.3",  // tcg-cap-verifiedTPMRestricted
};

struct Free {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Number = std::unique_ptr<BIGNUM, Free>;

Number number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  return Number(number);
}

bool is_rsa_key(const EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1;
}

bool same_number(const EVP_PKEY* one, const EVP_PKEY* other, const char* name) {
  const Number left = number_of(one, name);
  const Number right = number_of(other, name);
  return left && right && BN_cmp(left.get(), right.get()) == 0;
}

tl::unexpected<Error> refused(const x509::ChainRefusal& refusal) {
  using x509::ChainFault;
  if (refusal.fault == ChainFault::refused_root)
    return fail(Code::ak_untrusted_root, refusal.reason);
  if (refusal.fault == ChainFault::untrusted_root)
    return fail(Code::ak_untrusted_root,
                refusal.reason + "; the operator can add that issuer to enrolment.tpm2.ak_roots");
  return fail(x509::code_of(refusal.fault), refusal.reason);
}

Result<void> check_usage(X509* leaf) {
  if (x509::is_authority(leaf))
    return fail(Code::ak_certificate_is_ca, "an AK's certificate is no CA's");
  if ((X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0)
    return fail(Code::ak_certificate_usage, "key usage must hold digitalSignature");
  const auto usages = x509::extended_key_usages(leaf);
  if (!usages) return {};
  for (const char* usage : ak_usages) {
    if (std::find(usages->begin(), usages->end(), usage) != usages->end()) return {};
  }
  return fail(Code::ak_certificate_usage,
              "extended key usage, where there is one, must hold tcg-kp-AIKCertificate "
              "(2.23.133.8.3)");
}

Result<void> check_key(const X509* leaf) {
  const EVP_PKEY* key = X509_get0_pubkey(leaf);
  ERR_clear_error();
  const bool rsa = key != nullptr && is_rsa_key(key) && EVP_PKEY_get_bits(key) >= least_rsa_bits &&
                   x509::has_bounded_key(leaf);
  if (rsa || (key != nullptr && EVP_PKEY_is_a(key, "EC") == 1)) return {};
  return fail(Code::certificate_key_unsupported,
              "the AK is neither RSA of 2048 to 4096 bits nor ECC");
}

}  // namespace

bool same_key(const EVP_PKEY* one, const EVP_PKEY* other) {
  bool same = false;
  if (is_rsa_key(one) && is_rsa_key(other)) {
    same = same_number(one, other, OSSL_PKEY_PARAM_RSA_N) &&
           same_number(one, other, OSSL_PKEY_PARAM_RSA_E);
  } else {
    same = EVP_PKEY_eq(one, other) == 1;
  }
  ERR_clear_error();
  return same;
}

Result<AkCertificate> check_ak_certificate(BytesView der, const std::vector<Bytes>& chain,
                                           const x509::Trust& trust, Moment now) {
  std::string why;
  const Certificate leaf = x509::parse_certificate(der, &why);
  if (!leaf) return fail(Code::ak_certificate_malformed, why);
  auto offered =
      x509::parse_offered(chain, Code::ak_certificate_malformed, Code::certificate_chain_invalid);
  if (!offered) return pass_on(offered);
  if (auto key = check_key(leaf.get()); !key) return pass_on(key);
  auto vouched =
      x509::check_chain(leaf.get(), *offered, trust, now, x509::ExpiredAuthorities::refuse);
  if (!vouched) return refused(vouched.error());
  if (auto usage = check_usage(leaf.get()); !usage) return pass_on(usage);
  return AkCertificate{
      x509::spki_of(leaf.get()),   PublicKey(X509_get_pubkey(leaf.get()), &EVP_PKEY_free),
      x509::digest_of(leaf.get()), x509::name_text(X509_get_subject_name(leaf.get())),
      std::move(*vouched),         tpm_names_of(leaf.get())};
}

Result<void> check_certified_key(const AkCertificate& certificate, const TPMT_PUBLIC& ak) {
  const PublicKey key = openssl_key_of(ak);
  if (key && same_key(certificate.key.get(), key.get())) return {};
  return fail(Code::ak_certificate_key, "the certificate is of another key than the AK");
}

}  // namespace mintmark::attest::tpm2
