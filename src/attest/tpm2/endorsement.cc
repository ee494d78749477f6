#include "attest/tpm2/endorsement.h"

#include <openssl/err.h>

#include "attest/tpm2/ek_profile.h"

namespace mintmark::attest::tpm2 {
namespace {

tl::unexpected<Error> refused(const x509::ChainRefusal& refusal) {
  using x509::ChainFault;
  switch (refusal.fault) {
    case ChainFault::untrusted_root:
      return fail(Code::ek_untrusted_root,
                  refusal.reason + "; the operator can add that issuer to enrolment.tpm2.roots");
    case ChainFault::refused_root:
      return fail(Code::ek_root_refused, refusal.reason);
    case ChainFault::expired:
      return fail(Code::ek_expired, refusal.reason);
    case ChainFault::not_yet_valid:
      return fail(Code::ek_not_yet_valid, refusal.reason);
    case ChainFault::signature:
      return fail(Code::ek_signature, refusal.reason);
    case ChainFault::unhandled_critical:
      return fail(Code::ek_unhandled_critical, refusal.reason);
    case ChainFault::revoked:
      return fail(Code::ek_revoked, refusal.reason);
    case ChainFault::crl:
      return fail(Code::ek_crl, refusal.reason);
    case ChainFault::invalid:
      break;
  }
  return fail(Code::ek_chain_invalid, refusal.reason);
}

Endorsement read(X509* leaf, EkKind kind) {
  Endorsement endorsement;
  endorsement.kind = kind;
  endorsement.spki = x509::spki_of(leaf);
  endorsement.key = std::shared_ptr<const EVP_PKEY>(
      X509_get_pubkey(leaf),
      [](const EVP_PKEY* owned) { EVP_PKEY_free(const_cast<EVP_PKEY*>(owned)); });
  endorsement.certificate = x509::digest_of(leaf);
  endorsement.issuer = x509::name_text(X509_get_issuer_name(leaf));
  const ASN1_INTEGER* serial = X509_get0_serialNumber(leaf);
  endorsement.serial =
      to_hex({ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))});
  return endorsement;
}

}  // namespace

Result<Endorsement> check_endorsement(BytesView der, const std::vector<Bytes>& chain,
                                      const EkTrust& trust, Moment now) {
  std::string why;
  const Certificate leaf = x509::parse_certificate(der, &why);
  if (!leaf) return fail(Code::ek_certificate_malformed, why);
  auto offered = x509::parse_offered(chain, Code::ek_certificate_malformed, Code::ek_chain_invalid);
  if (!offered) return pass_on(offered);
  // Sizes first: no arithmetic on a modulus that a stranger made enormous.
  const EVP_PKEY* key = X509_get0_pubkey(leaf.get());
  ERR_clear_error();
  if (key == nullptr)
    return fail(Code::ek_key_unsupported, "the EK certificate's key cannot be read");
  auto kind = kind_of(key);
  if (!kind) return pass_on(kind);
  auto vouched = x509::check_chain(leaf.get(), *offered, trust, now,
                                   x509::ExpiredAuthorities::taken_if_alive_at_issue);
  if (!vouched) return refused(vouched.error());
  if (auto usage = check_ek_usage(leaf.get(), *kind); !usage) return pass_on(usage);
  auto names = tpm_names_of(leaf.get());
  if (!names)
    return fail(Code::ek_names_missing,
                "the subject alternative name must give the TPM's manufacturer, model and version "
                "(2.23.133.2.1 to .3)");
  Endorsement endorsement = read(leaf.get(), *kind);
  if (endorsement.spki.empty()) return fail(Code::internal, "OpenSSL could not encode a key");
  endorsement.chain = std::move(*vouched);
  endorsement.manufacturer = std::move(names->manufacturer);
  endorsement.model = std::move(names->model);
  endorsement.version = std::move(names->version);
  return endorsement;
}

}  // namespace mintmark::attest::tpm2
