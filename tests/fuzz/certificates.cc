// Any octets as a certificate: what every kind of ours is made of, an EK's, an AK's, an attribute
// certificate of a platform, a file of several. Refused with a code, or told in plain words; nobody
// known here vouches for it.
#include <openssl/err.h>

#include "attest/platform/certificate.h"
#include "attest/tpm2/ak_certificate.h"
#include "attest/tpm2/ek_profile.h"
#include "attest/tpm2/endorsement.h"
#include "attest/x509/bundle.h"
#include "attest/x509/description.h"
#include "attest/x509/device_identity.h"
#include "attest/x509/possession.h"
#include "base/text.h"
#include "support/identity_maker.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

namespace tpm2 = attest::tpm2;
namespace x509 = attest::x509;

const Moment judged_at = from_unix(1'700'000'000);

const x509::Trust& one_stranger(x509::UnknownRoots unknown) {
  const auto make = [](x509::UnknownRoots of_unknown) {
    x509::Trust::Parts parts;
    parts.anchors.push_back(
        {x509::parse_certificate(test::IdentityMaker().root()), x509::RootRule::trust});
    parts.unknown = of_unknown;
    return std::move(x509::Trust::of(std::move(parts)).value());
  };
  static const x509::Trust refused = make(x509::UnknownRoots::refuse);
  static const x509::Trust reviewed = make(x509::UnknownRoots::review);
  return unknown == x509::UnknownRoots::refuse ? refused : reviewed;
}

void look_at_certificate(X509* certificate, BytesView der) {
  require(der.size() <= x509::longest_certificate);
  const Json words = x509::describe(certificate);
  require(is_utf8(words.dump(-1, ' ', false, Json::error_handler_t::replace)));
  require(is_utf8(x509::name_text(X509_get_subject_name(certificate))));
  require(x509::digest_of(certificate).size() == 64);
  require(is_utf8(x509::issuer_url(certificate)));
  const auto usages = x509::extended_key_usages(certificate);
  require(!usages || usages->size() <= x509::longest_certificate);
  for (const std::string& policy : x509::policies_of(certificate)) require(!policy.empty());
  const auto module = x509::hardware_module_of(certificate);
  require(!module || (!module->type.empty() && is_utf8(module->serial)));
  (void)x509::is_authority(certificate);
  (void)tpm2::names_gce_instance(certificate);
  const auto names = tpm2::tpm_names_of(certificate);
  require(!names || (is_utf8(names->manufacturer) && is_utf8(names->model)));
}

void require_no_possession(X509* certificate) {
  const Bytes spki = x509::spki_of(certificate);
  if (spki.empty() || !x509::has_bounded_key(certificate)) return;
  for (const char* alg : {"ES256", "RS256", "PS256", "Ed25519"}) {
    const auto shown = x509::check_possession(spki, alg, as_bytes("binding"), Bytes(64, 1));
    require(!shown);
    require_told(shown.error());
  }
}

void run_certificate(BytesView octets) {
  std::string why;
  const auto certificate = x509::parse_certificate(octets, &why);
  require(certificate != nullptr || !why.empty());
  if (certificate) {
    look_at_certificate(certificate.get(), x509::without_padding(octets));
    require_no_possession(certificate.get());
    // Padding as NV indexes have it changes nothing.
    Bytes padded = to_bytes(x509::without_padding(octets));
    padded.insert(padded.end(), 16, 0xFF);
    const auto same = x509::parse_certificate(padded);
    require(same && x509::digest_of(same.get()) == x509::digest_of(certificate.get()));
    padded.push_back(0x30);
    require(!x509::parse_certificate(padded));
  }
  const auto all = x509::der_of_all(octets, 4);
  require(all.size() <= 4);
  for (const Bytes& der : all) require(!der.empty() && der[0] == 0x30);
  const auto offered = x509::parse_offered({to_bytes(octets)}, Code::certificate_chain_invalid,
                                           Code::certificate_key_unsupported);
  if (!offered) require_told(offered.error());
  (void)x509::certificates_in(octets);
  require(ERR_peek_error() == 0);
}

void run_ek_certificate(BytesView octets) {
  using x509::UnknownRoots;
  const auto refused =
      tpm2::check_endorsement(octets, {}, one_stranger(UnknownRoots::refuse), judged_at);
  require(!refused);
  require_told(refused.error());
  const auto ek =
      tpm2::check_endorsement(octets, {}, one_stranger(UnknownRoots::review), judged_at);
  if (ek) {
    require(ek->chain.standing == x509::Standing::review && !ek->spki.empty() && ek->key);
    require(!ek->manufacturer.empty() && is_utf8(ek->manufacturer + ek->model + ek->version));
  } else {
    require_told(ek.error());
  }
  const auto ak =
      tpm2::check_ak_certificate(octets, {}, one_stranger(UnknownRoots::review), judged_at);
  if (!ak) require_told(ak.error());
  require(!ak || (ak->chain.standing == x509::Standing::review && ak->key));
  require(ERR_peek_error() == 0);
}

void run_platform_certificate(BytesView octets) {
  const auto certificate = attest::platform::parse(octets);
  if (!certificate) {
    require(certificate.error().code == Code::platform_certificate_malformed);
    return require_told(certificate.error());
  }
  require(certificate->components.size() + certificate->properties.size() <= 512);
  const Json words = attest::platform::to_json(*certificate);
  require(is_utf8(words.dump()));
  require(attest::platform::check_signature(*certificate, {}) ==
          attest::platform::Signature::issuer_unknown);
  for (const auto& component : certificate->components)
    require(component.model.size() <= 256 && component.manufacturer_id.size() <= 8);
  require(ERR_peek_error() == 0);
}

bool is_certificate(BytesView seed) {
  return seed.size() <= x509::longest_certificate && (seed[0] == 0x30 || seed[0] == '-');
}

const Registered certificate_targets{
    {"certificate", &run_certificate, {"x509", "tpm_ek_certs", "idevid"}, &is_certificate},
    {"ek_certificate", &run_ek_certificate, {"tpm_ek_certs"}, &is_certificate, 1000},
    {"platform_certificate", &run_platform_certificate, {"tpm_platform_certs"}, &is_certificate}};

}  // namespace
}  // namespace mintmark::fuzz
