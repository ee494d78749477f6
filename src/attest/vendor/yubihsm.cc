#include "attest/vendor/yubihsm.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <memory>
#include <vector>

#include "attest/x509/chain.h"
#include "jose/base64url.h"
#include "jose/key.h"

namespace mintmark::attest::vendor {
namespace {

constexpr const char* arc = "1.3.6.1.4.1.41482.4.";
constexpr std::uint8_t generated = 0x01;
constexpr std::uint64_t exportable_under_wrap = std::uint64_t{1} << 16U;
constexpr std::size_t longest_text = 16U << 10U;

tl::unexpected<Error> bad_extension(unsigned last, const std::string& right) {
  return fail(Code::vendor_attestation_extension,
              "the extension " + std::string(arc) + std::to_string(last) + " must " + right);
}

/// The extension's value: one DER element of that tag with a short length, its content.
Result<Bytes> extension(const X509* certificate, unsigned last, std::uint8_t tag) {
  const std::string oid = arc + std::to_string(last);
  const auto found = x509::extensions_numbered(certificate, oid);
  if (found.empty()) return bad_extension(last, "stand in the certificate");
  if (found.size() > 1) return bad_extension(last, "stand once");
  const BytesView der = x509::content_of(found.front());
  // Labels are at most 40 octets: no long form is needed.
  if (der.size() < 2 || der[0] != tag || der[1] >= 0x80 || der[1] != der.size() - 2)
    return bad_extension(last, "hold one value of its type");
  return to_bytes(der.subspan(2));
}

Result<std::uint64_t> integer(const X509* certificate, unsigned last) {
  auto octets = extension(certificate, last, V_ASN1_INTEGER);
  if (!octets) return pass_on(octets);
  if (octets->empty() || octets->size() > 8 || (octets->front() & 0x80U) != 0)
    return bad_extension(last, "be a number that is not negative");
  std::uint64_t number = 0;
  for (const std::uint8_t octet : *octets) number = number << 8U | octet;
  return number;
}

/// A bit string of whole octets, as a number.
Result<std::uint64_t> bits(const X509* certificate, unsigned last, std::size_t octets) {
  auto content = extension(certificate, last, V_ASN1_BIT_STRING);
  if (!content) return pass_on(content);
  if (content->size() != octets + 1 || content->front() != 0)
    return bad_extension(last, "have " + std::to_string(8 * octets) + " bits");
  std::uint64_t number = 0;
  for (std::size_t i = 1; i < content->size(); ++i) number = number << 8U | (*content)[i];
  return number;
}

Result<std::string> firmware(const X509* certificate) {
  auto octets = extension(certificate, 1, V_ASN1_OCTET_STRING);
  if (!octets) return pass_on(octets);
  if (octets->size() != 3) return bad_extension(1, "be three octets");
  return std::to_string((*octets)[0]) + "." + std::to_string((*octets)[1]) + "." +
         std::to_string((*octets)[2]);
}

Result<void> check_key_stays(const X509* certificate) {
  const auto origin = bits(certificate, 3, 1);
  if (!origin) return tl::unexpected<Error>(origin.error());
  const auto capabilities = bits(certificate, 5, 8);
  if (!capabilities) return tl::unexpected<Error>(capabilities.error());
  if (*origin != generated)
    return fail(Code::vendor_attestation_imported,
                "the key was not made by the device: whoever made it may have kept a copy");
  if ((*capabilities & exportable_under_wrap) != 0)
    return fail(Code::vendor_attestation_exportable,
                "the key has the capability exportable-under-wrap: it may be copied out");
  return {};
}

/// What the rest says is not weighed, and must be there all the same.
Result<std::string> described(const X509* certificate) {
  const auto version = firmware(certificate);
  if (!version) return tl::unexpected<Error>(version.error());
  const auto serial = integer(certificate, 2);
  if (!serial) return tl::unexpected<Error>(serial.error());
  if (const auto domains = bits(certificate, 4, 2); !domains)
    return tl::unexpected<Error>(domains.error());
  if (const auto id = integer(certificate, 6); !id) return tl::unexpected<Error>(id.error());
  if (const auto label = extension(certificate, 9, V_ASN1_UTF8STRING); !label)
    return tl::unexpected<Error>(label.error());
  return "YubiHSM 2, serial " + std::to_string(*serial) + ", firmware " + *version;
}

Result<std::vector<x509::Certificate>> certificates_of(const Json& facts) {
  const auto malformed = [] {
    return fail(Code::vendor_attestation_malformed, "\"certificates\" must be 1 to " +
                                                        std::to_string(x509::most_offered) +
                                                        " certificates, DER in base64url");
  };
  const auto listed = facts.find("certificates");
  if (listed == facts.end() || !listed->is_array() || listed->empty() ||
      listed->size() > x509::most_offered)
    return malformed();
  std::vector<Bytes> all;
  for (const Json& one : *listed) {
    if (!one.is_string() || one.get_ref<const std::string&>().size() > longest_text)
      return malformed();
    auto der = jose::from_base64url(one.get_ref<const std::string&>());
    if (!der) return malformed();
    all.push_back(std::move(*der));
  }
  return x509::parse_offered(all, Code::vendor_attestation_malformed,
                             Code::vendor_attestation_malformed);
}

Result<void> check_is_of(const X509* certificate, std::string_view kid) {
  // The thumbprint of an RSA key is the same for each of its algorithms.
  const auto key = jose::PublicKey::from_spki(x509::spki_of(certificate), jose::Algorithm::rs256);
  if (!key || key->thumbprint() != kid)
    return fail(Code::vendor_attestation_key, "the certificate is of another key");
  return {};
}

/// A key that was attested may sign anything, also what looks like an attestation of another key.
Result<void> check_only_first_is_a_keys(const std::vector<x509::Certificate>& certificates) {
  const std::string oid = std::string(arc) + "5";
  for (std::size_t i = 1; i < certificates.size(); ++i) {
    if (!x509::extensions_numbered(certificates[i].get(), oid).empty())
      return fail(Code::vendor_attestation_chain,
                  "a certificate of the chain is an attested key's, and vouches for nothing");
  }
  return {};
}

/// The root's fingerprint.
Result<std::string> check_leads_to(const tpm2::EkTrust& roots,
                                   const std::vector<x509::Certificate>& certificates, Moment now) {
  const auto chain = x509::check_chain(certificates.front().get(), certificates, roots, now,
                                       x509::ExpiredAuthorities::refuse);
  if (!chain) {
    const x509::ChainFault fault = chain.error().fault;
    const bool time =
        fault == x509::ChainFault::expired || fault == x509::ChainFault::not_yet_valid;
    return fail(time ? Code::vendor_attestation_expired : Code::vendor_attestation_chain,
                chain.error().reason);
  }
  if (chain->standing != x509::Standing::trusted)
    return fail(Code::vendor_attestation_chain, "its root is not trusted");
  return chain->root;
}

}  // namespace

Result<Statement> verify_yubihsm(const Json& facts, std::string_view kid,
                                 const tpm2::EkTrust& roots, Moment now) {
  if (!facts.is_object())
    return fail(Code::vendor_attestation_malformed, "the facts are no JSON object");
  auto certificates = certificates_of(facts);
  if (!certificates) return pass_on(certificates);
  X509* own = certificates->front().get();
  if (auto of_key = check_is_of(own, kid); !of_key) return pass_on(of_key);
  if (auto firsts = check_only_first_is_a_keys(*certificates); !firsts) return pass_on(firsts);
  auto root = check_leads_to(roots, *certificates, now);
  if (!root) return pass_on(root);
  auto hardware = described(own);
  if (!hardware) return pass_on(hardware);
  if (auto stays = check_key_stays(own); !stays) return pass_on(stays);
  return Statement{std::move(*hardware), std::move(*root)};
}

}  // namespace mintmark::attest::vendor
