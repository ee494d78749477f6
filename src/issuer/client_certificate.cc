#include "issuer/client_certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "attest/x509/certificate.h"
#include "attest/x509/chain.h"
#include "attest/x509/times.h"
#include "jose/base64url.h"

namespace mintmark::issuer {
namespace {

namespace x509 = attest::x509;

constexpr const char* client_auth = "1.3.6.1.5.5.7.3.2";
constexpr int most_names = 32;

Result<void> check_key(const X509* certificate, const jose::PublicKey& registered) {
  const Bytes spki = x509::spki_of(certificate);
  const auto key = jose::PublicKey::from_spki(spki, registered.algorithm());
  if (x509::has_bounded_key(certificate) && key && *key == registered) return {};
  return fail(Code::client_certificate_key,
              "the certificate is on another key than the one this device has registered: make it "
              "on the device key (mint-agent certificate)");
}

Result<void> check_time(const X509* certificate, Moment now) {
  auto at = static_cast<time_t>(to_unix(now));
  const int begun = X509_cmp_time(X509_get0_notBefore(certificate), &at);
  const int ended = X509_cmp_time(X509_get0_notAfter(certificate), &at);
  ERR_clear_error();
  if (begun < 0 && ended > 0) return {};
  return fail(Code::client_certificate_time,
              begun < 0 ? "the client's certificate has ended; make a new one"
                        : "the client's certificate is not good yet; compare the clocks");
}

tl::unexpected<Error> usage(const char* what) { return fail(Code::client_certificate_usage, what); }

Result<void> check_usage(X509* certificate) {
  const unsigned flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_CRITICAL) != 0)
    return usage("the client's certificate has a critical extension that is not known here");
  if ((flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) == 0)
    return usage("the client certificate's key usage must have digitalSignature");
  const auto extended = x509::extended_key_usages(certificate);
  if (extended && std::find(extended->begin(), extended->end(), client_auth) == extended->end())
    return usage("the client certificate's extended key usage must have clientAuth");
  return {};
}

Result<void> check_self_signed(X509* certificate, const MutualTls& taken) {
  if (!taken.self_signed) {
    return fail(Code::client_certificate_untrusted,
                "self-signed client certificates are not taken here (mutual_tls.self_signed); one "
                "of the configured authorities must have signed it");
  }
  const bool signed_itself = X509_verify(certificate, X509_get0_pubkey(certificate)) == 1;
  ERR_clear_error();
  if (signed_itself) return {};
  return fail(Code::client_certificate_signature,
              "the client's certificate names itself as its issuer and is not signed by its key");
}

Code refusal_code(x509::ChainFault fault) {
  switch (fault) {
    case x509::ChainFault::expired:
    case x509::ChainFault::not_yet_valid:
      return Code::client_certificate_time;
    case x509::ChainFault::signature:
      return Code::client_certificate_signature;
    default:
      return Code::client_certificate_untrusted;
  }
}

bool is_text(const ASN1_STRING* string, const std::string& text) {
  const BytesView octets{ASN1_STRING_get0_data(string),
                         static_cast<std::size_t>(ASN1_STRING_length(string))};
  return as_text(octets) == text;
}

/// The one common name; a certificate with two leaves open which of them counts.
bool is_common_name(const X509* certificate, const std::string& text) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return false;
  const ASN1_STRING* name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  // Other kinds of text have other octets for the same letters.
  const int kind = ASN1_STRING_type(name);
  return (kind == V_ASN1_UTF8STRING || kind == V_ASN1_PRINTABLESTRING) && is_text(name, text);
}

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

bool is_alternative_name(const X509* certificate, const std::string& text) {
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  const int count = names ? std::min(sk_GENERAL_NAME_num(names.get()), most_names) : 0;
  for (int at = 0; at < count; ++at) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), at);
    const bool of_text = name->type == GEN_URI || name->type == GEN_DNS;
    if (of_text && is_text(name->d.ia5, text)) return true;
  }
  return false;
}

Result<void> check_certified(X509* certificate, const std::string& client_id,
                             const MutualTls& taken, Moment now) {
  if (!taken.authorities) {
    return fail(Code::client_certificate_untrusted,
                "no authority of client certificates is known here (mutual_tls.authorities); a "
                "self-signed one on the device key would be right");
  }
  if (x509::is_authority(certificate)) return usage("the client's certificate is an authority's");
  const auto chain =
      x509::check_chain(certificate, {}, *taken.authorities, now, x509::ExpiredAuthorities::refuse);
  if (!chain) return fail(refusal_code(chain.error().fault), chain.error().reason);
  if (chain->standing != x509::Standing::trusted)
    return fail(Code::client_certificate_untrusted, "no trusted authority signed this certificate");
  if (is_common_name(certificate, client_id) || is_alternative_name(certificate, client_id))
    return {};
  return fail(Code::client_certificate_subject,
              "the client's certificate names another subject: its common name or a "
              "subjectAltName (URI or DNS) must be the client_id");
}

}  // namespace

Result<ClientCertificate> check_client_certificate(BytesView der, const std::string& client_id,
                                                   const jose::PublicKey& registered,
                                                   const MutualTls& taken, Moment now) {
  std::string why = "octets stand behind the certificate";
  // Padding would be another thumbprint for the same certificate.
  const bool padded = x509::without_padding(der).size() != der.size();
  const auto certificate = padded ? nullptr : x509::parse_certificate(der, &why);
  if (!certificate) return fail(Code::client_certificate_malformed, "the client's: " + why);
  if (auto key = check_key(certificate.get(), registered); !key) return pass_on(key);
  if (auto time = check_time(certificate.get(), now); !time) return pass_on(time);
  if (auto used = check_usage(certificate.get()); !used) return pass_on(used);
  const bool self = (X509_get_extension_flags(certificate.get()) & EXFLAG_SI) != 0;
  const auto vouched = self ? check_self_signed(certificate.get(), taken)
                            : check_certified(certificate.get(), client_id, taken, now);
  if (!vouched) return tl::unexpected<Error>(vouched.error());
  return ClientCertificate{.thumbprint = jose::base64url(sha256(der)),
                           .until = x509::moment_of(X509_get0_notAfter(certificate.get()))};
}

}  // namespace mintmark::issuer
