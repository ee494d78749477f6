#include "attest/android_key/key_chain.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/text.h"

namespace mintmark::attest::android_key {
namespace {

bool has_extension(const X509* certificate, const char* oid) {
  return !x509::extensions_numbered(certificate, oid).empty();
}

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::android_chain_malformed, what);
}

std::string subject_of(const X509* certificate) {
  return "\"" + x509::name_text(X509_get_subject_name(certificate)) + "\"";
}

Result<void> check_key(const X509* certificate) {
  const bool readable = X509_get0_pubkey(certificate) != nullptr;
  ERR_clear_error();
  if (!readable)
    return fail(Code::android_key_unsupported,
                "the key of " + subject_of(certificate) +
                    " is of a kind that this OpenSSL does not know (ML-DSA needs 3.5)");
  if (!x509::has_bounded_key(certificate))
    return fail(Code::android_key_unsupported,
                "the key of " + subject_of(certificate) +
                    " is too large, or of a kind that attests nothing: "
                    "RSA to 4096 bits and EC are taken");
  return {};
}

bool signed_by(X509* certificate, X509* issuer) {
  const bool good =
      x509::has_bounded_key(issuer) && X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
  ERR_clear_error();
  return good;
}

bool named_as_issuer(const X509* certificate, const X509* issuer) {
  return X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0;
}

const X509* known_as(const std::string& digest, const x509::Trust& trust) {
  const auto& known = trust.known();
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const X509* one) { return x509::digest_of(one) == digest; });
  return found == known.end() ? nullptr : *found;
}

bool of_one_name_and_key(const X509* one, const X509* other) {
  const Bytes key = x509::spki_of(one);
  return !key.empty() && key == x509::spki_of(other) &&
         X509_NAME_cmp(X509_get_subject_name(one), X509_get_subject_name(other)) == 0;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// The values of a name that may tell a level, in lower case.
std::vector<std::string> words_of(const X509_NAME* name) {
  std::vector<std::string> words;
  for (const int nid : {NID_organizationName, NID_title, NID_commonName}) {
    for (int at = X509_NAME_get_index_by_NID(name, nid, -1); at >= 0;
         at = X509_NAME_get_index_by_NID(name, nid, at)) {
      const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
      words.push_back(lower_case(std::string(
          as_text({ASN1_STRING_get0_data(value),
                   static_cast<std::size_t>(std::max(ASN1_STRING_length(value), 0))}))));
    }
  }
  return words;
}

}  // namespace

Result<KeyChain> parse_key_chain(const std::vector<Bytes>& certificates) {
  if (certificates.size() < 2 || certificates.size() > most_certificates)
    return malformed("a chain of two to eight certificates is wanted, not of " +
                     std::to_string(certificates.size()));
  KeyChain chain;
  for (const Bytes& der : certificates) {
    std::string why = "something stands behind it";
    x509::Certificate certificate;
    if (x509::without_padding(der).size() == der.size())
      certificate = x509::parse_certificate(der, &why);
    if (!certificate)
      return malformed("certificate " + std::to_string(chain.certificates.size()) +
                       " of the chain: " + why);
    if (auto key = check_key(certificate.get()); !key) return pass_on(key);
    chain.certificates.push_back(std::move(certificate));
  }
  return chain;
}

Result<KeyDescription> description_of(const KeyChain& chain) {
  for (const auto& certificate : chain.certificates) {
    if (certificate.get() != chain.leaf() && has_extension(certificate.get(), key_description_oid))
      return fail(Code::android_extension_misplaced,
                  subject_of(certificate.get()) +
                      " is itself an attested key: what it signed attests nothing");
  }
  const auto extension = key_description_in(chain.leaf());
  if (!extension)
    return fail(Code::android_extension_missing,
                "the first certificate has no key attestation (extension " +
                    std::string(key_description_oid) +
                    "): setAttestationChallenge() makes Keystore add it");
  return parse_key_description(*extension);
}

std::vector<bool> link_signatures(const std::vector<x509::Certificate>& certificates) {
  std::vector<bool> links;
  for (std::size_t i = 0; i + 1 < certificates.size(); ++i)
    links.push_back(signed_by(certificates[i].get(), certificates[i + 1].get()));
  return links;
}

Result<void> check_links(const KeyChain& chain) {
  for (std::size_t i = 0; i < chain.certificates.size(); ++i) {
    const bool last = i + 1 == chain.certificates.size();
    X509* one = chain.certificates[i].get();
    X509* issuer = chain.certificates[last ? i : i + 1].get();
    if (!named_as_issuer(one, issuer))
      return malformed(last ? "the chain must end with its root, as getCertificateChain() gives it"
                            : subject_of(one) + " is not issued by the certificate that follows");
    if (!signed_by(one, issuer))
      return fail(Code::certificate_signature, "the signature on " + subject_of(one) + " is wrong");
  }
  return {};
}

Result<void> check_verified(const KeyChain& chain, const x509::Chain& verified,
                            const x509::Trust& trust) {
  const auto& submitted = chain.certificates;
  bool same = submitted.size() == verified.links.size();
  for (std::size_t i = 0; same && i + 1 < submitted.size(); ++i)
    same = x509::digest_of(submitted[i].get()) == verified.links[i].sha256;
  if (!same)
    return malformed("the chain holds others than those that lead to the trusted \"" +
                     verified.root_subject +
                     "\": it must go from the key to the root, and trust must name roots");
  const X509* last = submitted.back().get();
  if (x509::digest_of(last) == verified.links.back().sha256) return {};
  const X509* anchor = known_as(verified.root, trust);
  if (anchor != nullptr && of_one_name_and_key(last, anchor)) return {};
  return malformed("the last certificate is not of the trusted root's name and key");
}

Result<Provisioning> provisioning_of(const KeyChain& chain) {
  bool remote = false;
  for (std::size_t i = 0; i < chain.certificates.size(); ++i) {
    if (!has_extension(chain.certificates[i].get(), provisioning_info_oid)) continue;
    if (i != 1)
      return fail(Code::android_provisioning, "provisioning information stands in " +
                                                  subject_of(chain.certificates[i].get()) +
                                                  ", not in the certificate above the key's");
    remote = true;
  }
  const X509* below_root = chain.certificates[chain.certificates.size() - 2].get();
  const bool numbered =
      X509_NAME_get_index_by_NID(X509_get_subject_name(below_root), NID_serialNumber, -1) >= 0;
  return numbered && !remote ? Provisioning::factory : Provisioning::remote;
}

std::optional<SecurityLevel> claimed_level(const KeyChain& chain) {
  std::optional<SecurityLevel> claimed;
  for (std::size_t i = 1; i + 1 < chain.certificates.size(); ++i) {
    for (const std::string& word : words_of(X509_get_subject_name(chain.certificates[i].get()))) {
      if (word.find("strongbox") != std::string::npos) return SecurityLevel::strongbox;
      if (word == "tee") claimed = SecurityLevel::trusted_environment;
    }
  }
  return claimed;
}

}  // namespace mintmark::attest::android_key
