#include "attest/evidence/ak_certificate.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>
#include <memory>

#include "attest/tpm2/signature.h"
#include "attest/vendor/chain.h"
#include "attest/vendor/pem.h"
#include "jose/base64url.h"

namespace mintmark::attest::evidence {
namespace {

constexpr const char* eku_aik_certificate = "2.23.133.8.3";
constexpr std::array<std::uint8_t, 3> default_exponent{0x01, 0x00, 0x01};

struct FreeUsage {
  void operator()(EXTENDED_KEY_USAGE* usage) const { EXTENDED_KEY_USAGE_free(usage); }
};

tl::unexpected<Error> refused(const std::string& why) {
  return fail(Code::evidence_ak_certificate, "the AK's certificate: " + why);
}

Result<tpm2::Certificate> certificate_of(const Json& text) {
  const auto der = text.is_string() ? jose::from_base64url(text.get_ref<const std::string&>())
                                    : Result<Bytes>(refused("no base64url"));
  if (!der) return refused("no base64url");
  return vendor::certificate_in(*der);
}

Result<jose::PublicKey> ak_of(const Json& facts) {
  const auto octets = jose::from_base64url(facts.value("ak_public", ""));
  if (!octets) return refused("its AK is not there");
  const auto ak = tpm2::parse_public(*octets, "the AK's public area");
  if (!ak) return tl::unexpected<Error>(ak.error());
  if (ak->area.type == TPM2_ALG_RSA)
    return jose::PublicKey::from_rsa({ak->area.unique.rsa.buffer, ak->area.unique.rsa.size},
                                     default_exponent, jose::Algorithm::rs256);
  const auto point = tpm2::point_of(ak->area);
  if (!point) return tl::unexpected<Error>(point.error());
  const bool p256 = ak->area.parameters.eccDetail.curveID == TPM2_ECC_NIST_P256;
  return jose::PublicKey::from_point(p256 ? jose::Algorithm::es256 : jose::Algorithm::es384,
                                     *point);
}

bool is_of(X509* certificate, const jose::PublicKey& ak) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &octets);
  const Bytes spki(octets, octets + (length > 0 ? length : 0));
  OPENSSL_free(octets);
  const auto key = jose::PublicKey::from_spki(spki, jose::Algorithm::rs256);
  return key && key->thumbprint() == ak.thumbprint();
}

bool is_for_attestation(X509* certificate) {
  const std::unique_ptr<EXTENDED_KEY_USAGE, FreeUsage> usages(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; usages && i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    std::array<char, 80> oid{};
    OBJ_obj2txt(oid.data(), static_cast<int>(oid.size()), sk_ASN1_OBJECT_value(usages.get(), i), 1);
    if (std::strcmp(oid.data(), eku_aik_certificate) == 0) return true;
  }
  return false;
}

}  // namespace

Result<void> check_ak_certificate(const Json& facts, const tpm2::KeyVerdict& verdict,
                                  const tpm2::EkTrust& roots, Moment now) {
  const auto octets = jose::from_base64url(facts.value("ak_public", ""));
  const auto area = octets ? tpm2::parse_public(*octets, "the AK's public area")
                           : Result<tpm2::PublicArea>(refused("its AK is not there"));
  if (!area || area->name != verdict.ak_name()) return refused("its AK is another one");
  const auto ak = ak_of(facts);
  if (!ak) return refused(ak.error().detail);
  const auto certificate = certificate_of(facts.value("ak_certificate", Json()));
  if (!certificate) return refused(certificate.error().detail);
  if (!is_of(certificate->get(), *ak)) return refused("it is another key's");
  if (!is_for_attestation(certificate->get()))
    return refused("extended key usage must hold tcg-kp-AIKCertificate (2.23.133.8.3)");
  std::vector<tpm2::Certificate> helpers;
  for (const Json& one : facts.value("ak_chain", Json::array())) {
    auto helper = certificate_of(one);
    if (!helper || helpers.size() == vendor::most_certificates)
      return refused("its chain cannot be read");
    helpers.push_back(std::move(*helper));
  }
  if (const auto root = vendor::check_chain(certificate->get(), helpers, roots, now); !root)
    return refused(root.error().detail);
  return {};
}

}  // namespace mintmark::attest::evidence
