// Attestation documents of AWS Nitro: Enclaves (aws-nitro-enclaves-nsm-api,
// docs/attestation_process.md) and NitroTPM (EC2 User Guide, "NitroTPM Attestation Document").
// Pure; thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attest/x509/chain.h"
#include "base/time.h"
#include "cbor/cose.h"

namespace mintmark::attest::nitro {

/// The most octets of a document's payload (§3.1 there).
inline constexpr std::size_t longest_payload = 16384;
/// How far a document's own time may be from ours, either way, where a device enrols with it.
inline constexpr std::chrono::seconds most_apart = std::chrono::minutes(5);

enum class Kind : std::uint8_t { enclave, tpm };

/// A document that nobody has checked: shapes and bounds are right, no more.
struct Document {
  cbor::Sign1 message;
  Kind kind = Kind::enclave;
  std::string module_id;
  std::string digest;              ///< "SHA384"
  std::uint64_t timestamp = 0;     ///< Milliseconds of Unix time.
  std::map<unsigned, Bytes> pcrs;  ///< 48 octets each; of a NitroTPM those of the machine.
  Bytes certificate;               ///< DER, of the key that signed.
  std::vector<Bytes> cabundle;     ///< DER; the root first.
  std::optional<Bytes> public_key;
  std::optional<Bytes> user_data;
  std::optional<Bytes> nonce;
};

/// Errors of cbor::parse and cbor::parse_sign1, `nitro_document_malformed`, `nitro_alg` (not
/// ES384), `nitro_digest` (not SHA384), `nitro_pcrs` (none, an index beyond 31, of a NitroTPM 23,
/// or another length than 48 octets).
[[nodiscard]] Result<Document> parse(BytesView octets);

/// When it was made, in whole seconds.
[[nodiscard]] Moment time_of(const Document& document);
/// Made not more than most_apart before or after: `nitro_time`.
[[nodiscard]] Result<void> check_time(const Document& document, Moment at);
/// Whoever started the enclave can read its memory: PCR 0, 1 and 2 are all zero then.
[[nodiscard]] bool is_debug(const Document& document);

/// Over the whole document, by the key of its certificate, which is nobody's word yet:
/// `nitro_document_malformed` (the certificate is none), `nitro_key_unsupported` (not ECC on
/// P-384), `nitro_signature`.
[[nodiscard]] Result<void> check_signature(const Document& document);
/// From its certificate to an authority that is known, at the document's own time: its certificate
/// lives three hours. `nitro_document_malformed`, `certificate_is_ca`, `certificate_usage` and the
/// codes of x509::ChainFault.
[[nodiscard]] Result<x509::Chain> check_chain(const Document& document, const x509::Trust& trust);
/// The nonce must be just that: `nitro_nonce`.
[[nodiscard]] Result<void> check_nonce(const Document& document, BytesView wanted);

}  // namespace mintmark::attest::nitro
