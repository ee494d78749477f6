#include "attest/evidence/ak_certificate.h"

#include <algorithm>
#include <array>

#include "attest/tpm2/signature.h"
#include "attest/x509/chain.h"
#include "jose/base64url.h"

namespace mintmark::attest::evidence {
namespace {

constexpr const char* eku_aik_certificate = "2.23.133.8.3";
constexpr std::array<std::uint8_t, 3> default_exponent{0x01, 0x00, 0x01};

tl::unexpected<Error> refused(const std::string& why) {
  return fail(Code::evidence_ak_certificate, "the AK's certificate: " + why);
}

Result<Bytes> der_of(const Json& text) {
  auto der = text.is_string() ? jose::from_base64url(text.get_ref<const std::string&>())
                              : Result<Bytes>(refused("no base64url"));
  if (!der) return refused("no base64url");
  return der;
}

/// The certificate, and those that are to lead from it to a root.
Result<std::vector<x509::Certificate>> certificates_of(const Json& facts) {
  std::vector<Bytes> all;
  auto own = der_of(facts.value("ak_certificate", Json()));
  if (!own) return pass_on(own);
  all.push_back(std::move(*own));
  for (const Json& one : facts.value("ak_chain", Json::array())) {
    auto helper = der_of(one);
    if (!helper) return pass_on(helper);
    all.push_back(std::move(*helper));
  }
  auto certificates =
      x509::parse_offered(all, Code::evidence_ak_certificate, Code::evidence_ak_certificate);
  if (!certificates) return refused(certificates.error().detail);
  return certificates;
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

bool is_of(const X509* certificate, const jose::PublicKey& ak) {
  const auto key = jose::PublicKey::from_spki(x509::spki_of(certificate), jose::Algorithm::rs256);
  return key && key->thumbprint() == ak.thumbprint();
}

bool is_for_attestation(const X509* certificate) {
  const auto usages = x509::extended_key_usages(certificate);
  return usages && std::find(usages->begin(), usages->end(), eku_aik_certificate) != usages->end();
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
  auto certificates = certificates_of(facts);
  if (!certificates) return pass_on(certificates);
  X509* own = certificates->front().get();
  if (!is_of(own, *ak)) return refused("it is another key's");
  if (!is_for_attestation(own))
    return refused("extended key usage must hold tcg-kp-AIKCertificate (2.23.133.8.3)");
  const auto chain =
      x509::check_chain(own, *certificates, roots, now, x509::ExpiredAuthorities::refuse);
  if (!chain) return refused(chain.error().reason);
  if (chain->standing != x509::Standing::trusted) return refused("its root is not trusted");
  return {};
}

}  // namespace mintmark::attest::evidence
