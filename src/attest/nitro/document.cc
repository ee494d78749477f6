#include "attest/nitro/document.h"

#include <openssl/err.h>

#include <algorithm>

namespace mintmark::attest::nitro {
namespace {

using cbor::Value;

constexpr std::size_t longest_certificate = 1024;
// The CDDL of the documentation says 1024 for each; its section 3.2.2.2 says 512 for two of them.
constexpr std::size_t longest_data = 1024;
constexpr std::size_t longest_module_id = 256;
constexpr std::size_t pcr_octets = 48;
constexpr std::int64_t last_enclave_pcr = 31;
constexpr std::int64_t last_tpm_pcr = 23;
constexpr std::int64_t milliseconds = 1000;

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::nitro_document_malformed, "the document's " + why);
}

Result<std::string> read_text(const Value& payload, const char* name) {
  const auto value = payload.find(name);
  const auto text = value ? value->text() : std::nullopt;
  if (!text || text->empty() || text->size() > longest_module_id)
    return malformed(std::string(name) + " must be a text of 1 to 256 octets");
  return std::string(*text);
}

// Null is no content, whatever the documentation says: enclaves write it for what they leave out.
Result<std::optional<Bytes>> read_data(const Value& payload, const char* name) {
  const auto value = payload.find(name);
  if (!value || value->is_null()) return std::optional<Bytes>();
  const auto octets = value->octets();
  if (!octets || octets->size() > longest_data)
    return malformed(std::string(name) + " must be at most 1024 octets");
  return std::optional(to_bytes(*octets));
}

bool is_certificate(const std::optional<BytesView>& octets) {
  return octets && !octets->empty() && octets->size() <= longest_certificate;
}

Result<void> read_certificates(const Value& payload, Document& document) {
  const auto certificate = payload.find("certificate");
  if (!certificate || !is_certificate(certificate->octets()))
    return malformed("certificate must be 1 to 1024 octets");
  document.certificate = to_bytes(*certificate->octets());
  const auto bundle = payload.find("cabundle");
  if (!bundle || !bundle->is_array() || bundle->size() == 0 || bundle->size() > x509::most_offered)
    return malformed("cabundle must be 1 to 8 certificates");
  for (std::size_t i = 0; i < bundle->size(); ++i) {
    if (!is_certificate(bundle->at(i).octets()))
      return malformed("cabundle must be certificates of 1 to 1024 octets");
    document.cabundle.push_back(to_bytes(*bundle->at(i).octets()));
  }
  return {};
}

Result<void> read_pcrs(const Value& payload, Document& document) {
  const auto enclaves = payload.find("pcrs");
  const auto machines = payload.find("nitrotpm_pcrs");
  if (enclaves.has_value() == machines.has_value())
    return malformed("PCRs must be one of pcrs and nitrotpm_pcrs");
  document.kind = enclaves ? Kind::enclave : Kind::tpm;
  const Value& pcrs = enclaves ? *enclaves : *machines;
  const std::int64_t last = enclaves ? last_enclave_pcr : last_tpm_pcr;
  if (!pcrs.is_map() || pcrs.size() == 0)
    return fail(Code::nitro_pcrs, "the document must hold a map of one PCR at least");
  for (const auto& [label, value] : pcrs.members()) {
    const auto index = label.integer();
    const auto octets = value.octets();
    if (!index || *index < 0 || *index > last || !octets || octets->size() != pcr_octets)
      return fail(Code::nitro_pcrs, "a PCR must have an index of 0 to " + std::to_string(last) +
                                        " and 48 octets (SHA-384)");
    document.pcrs[static_cast<unsigned>(*index)] = to_bytes(*octets);
  }
  return {};
}

Result<void> read_data(const Value& payload, Document& document) {
  for (const auto& [name, into] :
       {std::pair{"public_key", &document.public_key}, std::pair{"user_data", &document.user_data},
        std::pair{"nonce", &document.nonce}}) {
    auto read = read_data(payload, name);
    if (!read) return pass_on(read);
    *into = std::move(*read);
  }
  if (document.public_key && document.public_key->empty())
    return malformed("public_key must be 1 to 1024 octets");
  return {};
}

Result<void> read_payload(const Value& payload, Document& document) {
  if (!payload.is_map()) return malformed("payload must be a map");
  auto module_id = read_text(payload, "module_id");
  if (!module_id) return pass_on(module_id);
  auto digest = read_text(payload, "digest");
  if (!digest) return pass_on(digest);
  if (*digest != "SHA384")
    return fail(Code::nitro_digest,
                "the document's PCRs must be of SHA384, not " + printable(*digest));
  const auto timestamp = payload.find("timestamp");
  if (!timestamp || timestamp->integer().value_or(0) <= 0)
    return malformed("timestamp must be milliseconds of Unix time");
  document.module_id = std::move(*module_id);
  document.digest = std::move(*digest);
  document.timestamp = static_cast<std::uint64_t>(*timestamp->integer());
  if (auto read = read_pcrs(payload, document); !read) return read;
  if (auto read = read_certificates(payload, document); !read) return read;
  return read_data(payload, document);
}

Result<x509::Certificate> leaf_of(const Document& document) {
  std::string why;
  x509::Certificate leaf = x509::parse_certificate(document.certificate, &why);
  if (!leaf) return malformed("certificate: " + why);
  return leaf;
}

Result<void> check_usage(X509* leaf) {
  if (x509::is_authority(leaf))
    return fail(Code::certificate_is_ca, "the document's certificate is no authority's");
  if ((X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0)
    return fail(Code::certificate_usage, "key usage must hold digitalSignature");
  return {};
}

}  // namespace

Result<Document> parse(BytesView octets) {
  auto message = cbor::parse_sign1(octets);
  if (!message) return pass_on(message);
  if (message->algorithm != static_cast<std::int64_t>(cbor::CoseAlgorithm::es384))
    return fail(Code::nitro_alg, "the document must be signed with ES384 (-35), not " +
                                     std::to_string(message->algorithm));
  if (message->payload.size() > longest_payload)
    return malformed("payload must be at most 16384 octets");
  auto payload = cbor::parse(message->payload);
  if (!payload) return pass_on(payload);
  Document document;
  document.message = std::move(*message);
  if (auto read = read_payload(*payload, document); !read) return pass_on(read);
  return document;
}

Moment time_of(const Document& document) {
  return from_unix(static_cast<std::int64_t>(document.timestamp) / milliseconds);
}

Result<void> check_time(const Document& document, Moment at) {
  const Moment made = time_of(document);
  if (made >= at - most_apart && made <= at + most_apart) return {};
  return fail(Code::nitro_time,
              "the document was made more than five minutes from now: ask the "
              "security module for a new one");
}

bool is_debug(const Document& document) {
  if (document.kind != Kind::enclave) return false;
  constexpr unsigned image = 3;
  for (unsigned index = 0; index < image; ++index) {
    const auto pcr = document.pcrs.find(index);
    // One that is not told is not told to be other than zero.
    if (pcr != document.pcrs.end() && pcr->second != Bytes(pcr_octets)) return false;
  }
  return true;
}

Result<void> check_signature(const Document& document) {
  auto leaf = leaf_of(document);
  if (!leaf) return pass_on(leaf);
  auto checked = cbor::check_sign1(document.message, X509_get0_pubkey(leaf->get()));
  if (checked) return {};
  if (checked.error().code == Code::cose_alg_refused)
    return fail(Code::nitro_key_unsupported, "the document's certificate must be of a P-384 key");
  return fail(Code::nitro_signature, "the document is not signed by the key of its certificate");
}

Result<x509::Chain> check_chain(const Document& document, const x509::Trust& trust) {
  auto leaf = leaf_of(document);
  if (!leaf) return pass_on(leaf);
  auto bundle = x509::parse_offered(document.cabundle, Code::nitro_document_malformed,
                                    Code::nitro_document_malformed);
  if (!bundle) return pass_on(bundle);
  auto chain = x509::check_chain(leaf->get(), *bundle, trust, time_of(document),
                                 x509::ExpiredAuthorities::refuse);
  if (!chain) return fail(x509::code_of(chain.error().fault), chain.error().reason);
  if (auto usage = check_usage(leaf->get()); !usage) return pass_on(usage);
  return std::move(*chain);
}

Result<void> check_nonce(const Document& document, BytesView wanted) {
  if (document.nonce && equal_in_constant_time(*document.nonce, wanted)) return {};
  return fail(Code::nitro_nonce,
              document.nonce ? "the document's nonce is another" : "the document has no nonce");
}

}  // namespace mintmark::attest::nitro
