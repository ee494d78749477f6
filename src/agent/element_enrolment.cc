#include <openssl/evp.h>

#include "agent/element_key.h"
#include "agent/enrolment.h"
#include "agent/proof.h"
#include "attest/binding.h"
#include "attest/x509/certificate.h"
#include "attest/x509/possession.h"
#include "attest/x509/trust.h"
#include "base/file.h"
#include "jose/base64url.h"

namespace mintmark::agent {
namespace {

namespace x509 = attest::x509;

constexpr std::size_t longest_file = 128U << 10U;

tl::unexpected<Error> unfit(const std::string& what) {
  return fail(Code::agent_pkcs11_certificate, what);
}

/// The certificate that names the device, what helps to its root, and how its key signs.
struct Voucher {
  Bytes certificate;
  std::vector<Bytes> chain;
  Bytes spki;
  jose::Algorithm algorithm = jose::Algorithm::es256;

  [[nodiscard]] std::string fingerprint() const { return to_hex(sha256(spki)); }
};

Bytes der_of(X509* certificate) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate, &octets);
  Bytes der;
  if (length > 0) der.assign(octets, octets + length);
  OPENSSL_free(octets);
  return der;
}

// PEM with the device's certificate first and its chain behind it, or one in DER.
Result<std::vector<Bytes>> certificates_at(const std::string& file) {
  const auto content = read_file(file, longest_file);
  if (!content) return tl::unexpected<Error>(content.error());
  std::vector<Bytes> all;
  for (const x509::Certificate& certificate : x509::certificates_in(as_bytes(*content)))
    all.push_back(der_of(certificate.get()));
  if (!all.empty() && all.size() <= x509::most_offered + 1) return all;
  return unfit(file + ": not one to " + std::to_string(x509::most_offered + 1) + " certificates");
}

Result<jose::Algorithm> algorithm_of(const X509* certificate, BytesView spki) {
  if (EVP_PKEY_is_a(X509_get0_pubkey(certificate), "RSA-PSS") == 1) return jose::Algorithm::ps256;
  const auto key = jose::PublicKey::from_spki(spki, jose::Algorithm::rs256);
  if (key) return key->algorithm();
  return unfit("the certificate's key signs by none of " + jose::all_algorithm_names() + ": " +
               key.error().detail);
}

Result<Voucher> voucher_of(hsm::pkcs11::SecureElement& element, const ByElement& way,
                           const Bytes& identity_id) {
  std::vector<Bytes> all;
  if (way.certificate.empty()) {
    auto der = element.certificate(identity_id);
    if (!der) return pass_on(der);
    all.push_back(std::move(*der));
  } else {
    auto read = certificates_at(way.certificate);
    if (!read) return pass_on(read);
    all = std::move(*read);
  }
  std::string why;
  const x509::Certificate certificate = x509::parse_certificate(all.front(), &why);
  if (!certificate) return unfit("the identity key's certificate: " + why);
  Voucher voucher{
      .certificate = std::move(all.front()),
      .chain = {std::make_move_iterator(all.begin() + 1), std::make_move_iterator(all.end())},
      .spki = x509::spki_of(certificate.get())};
  const auto algorithm = algorithm_of(certificate.get(), voucher.spki);
  if (!algorithm) return tl::unexpected<Error>(algorithm.error());
  voucher.algorithm = *algorithm;
  return voucher;
}

/// One identity and one key of the token's, shown to the issuer.
class Showing {
 public:
  Showing(const ElementEnrolment& work, const Voucher& voucher, const Bytes& identity_id,
          ElementDeviceKey key)
      : work_(work), voucher_(voucher), identity_id_(identity_id), key_(std::move(key)) {}

  Result<Admission> run() {
    auto admission = attempt();
    if (admission || !may_pass_with_a_fresh_ticket(admission.error())) return admission;
    return attempt();
  }
  [[nodiscard]] const jose::PublicKey& public_key() const { return key_.public_key(); }

 private:
  Result<Admission> attempt() {
    const auto ticket = work_.issuer.begin(x509_format, key_.public_key());
    if (!ticket) return tl::unexpected<Error>(ticket.error());
    const auto evidence = evidence_for(*ticket);
    if (!evidence) return tl::unexpected<Error>(evidence.error());
    const auto proof = make_proof(key_, {"POST", work_.issuer.finish_url(x509_format), "", *ticket},
                                  work_.clock.now());
    if (!proof) return tl::unexpected<Error>(proof.error());
    return work_.issuer.finish(x509_format, key_.public_key(), *ticket, *evidence, *proof);
  }

  Result<Json> evidence_for(const std::string& ticket) {
    const Sha256 binding = attest::binding_of(x509_format, work_.issuer.issuer(), ticket,
                                              key_.public_key().thumbprint());
    const auto signature = work_.element.sign(identity_id_, voucher_.algorithm, binding);
    if (!signature) return tl::unexpected<Error>(signature.error());
    const std::string alg(jose::name_of(voucher_.algorithm));
    if (auto own = x509::check_possession(voucher_.spki, alg, binding, *signature); !own)
      return unfit("the certificate is not the identity key's: " + own.error().detail);
    Json evidence = {{"certificate", jose::base64url(voucher_.certificate)},
                     {"alg", alg},
                     {"signature", jose::base64url(*signature)}};
    for (const Bytes& der : voucher_.chain) evidence["chain"].push_back(jose::base64url(der));
    return evidence;
  }

  const ElementEnrolment& work_;
  const Voucher& voucher_;
  const Bytes& identity_id_;
  ElementDeviceKey key_;
};

Result<ElementDeviceKey> tokens_key(const ElementEnrolment& work, const ByElement& way,
                                    const Voucher& voucher, const Bytes& identity_id,
                                    const Pkcs11Key* former) {
  if (way.identity_key_signs) {
    auto key = jose::PublicKey::from_spki(voucher.spki, jose::Algorithm::rs256);
    if (key && key->algorithm() == jose::Algorithm::es256)
      return ElementDeviceKey(work.element, identity_id, std::move(*key));
    return fail(Code::agent_pkcs11_key,
                "--identity-key-signs takes an identity key on P-256; without it the token gets a "
                "second key, which may");
  }
  auto id = former == nullptr ? work.key_id(work.element.token()) : former->device_id;
  if (!id) return pass_on(id);
  // Who renews shows the key that is enrolled, or says that it is gone.
  auto key = former == nullptr ? work.element.find_or_make_key(*id) : work.element.find_key(*id);
  if (!key) return pass_on(key);
  return ElementDeviceKey(work.element, std::move(*id), std::move(*key));
}

}  // namespace

Result<Enrolment> enrol_by_element(const ElementEnrolment& work, const ByElement& way,
                                   const Pkcs11Key* former) {
  auto identity_id = work.element.identity_key();
  if (!identity_id) return pass_on(identity_id);
  const auto voucher = voucher_of(work.element, way, *identity_id);
  if (!voucher) return tl::unexpected<Error>(voucher.error());
  auto key = tokens_key(work, way, *voucher, *identity_id, former);
  if (!key) return pass_on(key);
  const Bytes key_id = key->id();
  Showing showing(work, *voucher, *identity_id, std::move(*key));
  auto admission = showing.run();
  if (!admission && admission.error().code == Code::enrolment_pending)
    return PendingEnrolment{voucher->fingerprint()};
  if (!admission) return pass_on(admission);
  const Moment now = work.clock.now();
  return Identity{.issuer = work.issuer.issuer(),
                  .ca_file = "",
                  .key = Pkcs11Key{.uri = way.uri,
                                   .identity_id = std::move(*identity_id),
                                   .device_id = key_id,
                                   .device_key = showing.public_key().to_jwk(),
                                   .certificate = way.certificate,
                                   .fingerprint = voucher->fingerprint()},
                  .jkt = showing.public_key().thumbprint(),
                  .client_id = std::move(admission->client_id),
                  .attestation = Attestation{.text = std::move(admission->client_attestation),
                                             .attested_at = now,
                                             .expires_at = now + admission->expires_in,
                                             .boot_id = ""}};
}

}  // namespace mintmark::agent
