// Statements of format "tpm" (WebAuthn Level 3 §8.3).
#include <algorithm>

#include "attest/tpm2/ak_certificate.h"
#include "attest/tpm2/attestation_key.h"
#include "attest/tpm2/hash.h"
#include "attest/webauthn/statement.h"
#include "attest/webauthn/tpm.h"

namespace mintmark::attest::webauthn {
namespace {

constexpr const char* oid_aik_certificate = "2.23.133.8.3";
constexpr std::size_t longest_public_area = tpm2::longest_structure - 2;
constexpr tpm2::StatementCodes codes{Code::webauthn_tpm_magic, Code::webauthn_tpm_type,
                                     Code::webauthn_tpm_extra_data};

tl::unexpected<Error> bad_certificate(const std::string& why) {
  return fail(Code::webauthn_certificate, "the AIK's certificate " + why);
}

/// The hash of a signature algorithm (RFC 9053, RFC 8812).
std::optional<tpm2::Hash> hash_of(std::int64_t algorithm) {
  using cbor::CoseAlgorithm;
  switch (static_cast<CoseAlgorithm>(algorithm)) {
    case CoseAlgorithm::rs1:
      return tpm2::known_hash(TPM2_ALG_SHA1);
    case CoseAlgorithm::es256:
    case CoseAlgorithm::ps256:
    case CoseAlgorithm::rs256:
      return tpm2::known_hash(TPM2_ALG_SHA256);
    case CoseAlgorithm::es384:
    case CoseAlgorithm::ps384:
    case CoseAlgorithm::rs384:
      return tpm2::known_hash(TPM2_ALG_SHA384);
    case CoseAlgorithm::es512:
    case CoseAlgorithm::rs512:
      return tpm2::known_hash(TPM2_ALG_SHA512);
    default:
      return std::nullopt;
  }
}

Error as_ours(const Error& error) {
  return {error.code == Code::tpm_structure ? Code::webauthn_tpm_structure : error.code,
          error.detail};
}

/// §8.3: the statement is TPM2_Certify of `area`, over this ceremony.
Result<void> check_certify(BytesView certify, const tpm2::PublicArea& area, BytesView bound) {
  auto statement = tpm2::read_statement(certify, TPM2_ST_ATTEST_CERTIFY, bound, "certInfo", codes);
  if (!statement) return tl::unexpected<Error>(as_ours(statement.error()));
  const BytesView name = tpm2::view_of(statement->attested.certify.name);
  if (!std::equal(name.begin(), name.end(), area.name.begin(), area.name.end()))
    return fail(Code::webauthn_tpm_name, "certInfo certifies another object than pubArea");
  return {};
}

/// §8.3.1
Result<void> check_aik_certificate(X509* leaf) {
  if (auto usual = check_attestation_certificate(leaf); !usual) return usual;
  if (X509_NAME_entry_count(X509_get_subject_name(leaf)) != 0)
    return bad_certificate("must have an empty subject");
  if (!tpm2::tpm_names_of(leaf))
    return bad_certificate("must name the TPM's manufacturer, model and version");
  const auto usages = x509::extended_key_usages(leaf);
  if (!usages || std::find(usages->begin(), usages->end(), oid_aik_certificate) == usages->end())
    return bad_certificate("must have the usage tcg-kp-AIKCertificate (2.23.133.8.3)");
  return {};
}

/// A key that could leave its TPM, or was put there, is no key of this hardware alone.
std::optional<Error> rule_for(const TPMT_PUBLIC& area) {
  if ((area.objectAttributes & TPMA_OBJECT_FIXEDTPM) == 0)
    return Error{Code::device_key_not_fixed_tpm, "the credential's key may leave its TPM"};
  if ((area.objectAttributes & TPMA_OBJECT_SENSITIVEDATAORIGIN) == 0)
    return Error{Code::device_key_imported, "the credential's key was not made by its TPM"};
  return std::nullopt;
}

Result<void> check_version(const cbor::Value& statement) {
  const auto version = statement.find("ver");
  if (!version || version->text() != "2.0")
    return fail(Code::webauthn_statement, "\"ver\" must be \"2.0\"");
  return {};
}

}  // namespace

Result<TpmStatement> read_tpm(const cbor::Value& statement) {
  if (auto version = check_version(statement); !version) return pass_on(version);
  const auto certify = octets_in(statement, "certInfo");
  if (!certify) return tl::unexpected<Error>(certify.error());
  const auto area = octets_in(statement, "pubArea");
  if (!area) return tl::unexpected<Error>(area.error());
  if (area->size() > longest_public_area)
    return fail(Code::webauthn_tpm_structure, "pubArea has an impossible size");
  // TPMT_PUBLIC; tpm2 reads TPM2B_PUBLIC.
  Bytes sized{static_cast<std::uint8_t>(area->size() >> 8U),
              static_cast<std::uint8_t>(area->size() & 0xFFU)};
  sized.insert(sized.end(), area->begin(), area->end());
  auto parsed = tpm2::parse_public(sized, "pubArea");
  if (!parsed) return tl::unexpected<Error>(as_ours(parsed.error()));
  return TpmStatement{*certify, std::move(*parsed)};
}

Result<Proof> check_tpm(const Ceremony& ceremony) {
  const cbor::Value& statement = ceremony.object.statement;
  const auto read = read_tpm(statement);
  if (!read) return tl::unexpected<Error>(read.error());
  const auto algorithm = algorithm_in(statement);
  if (!algorithm) return tl::unexpected<Error>(algorithm.error());
  const auto signature = octets_in(statement, "sig");
  if (!signature) return tl::unexpected<Error>(signature.error());
  auto certificates = read_x5c(statement, Code::webauthn_statement);
  if (!certificates) return pass_on(certificates);
  const auto hash = hash_of(*algorithm);
  if (!hash) return fail(Code::webauthn_alg, "\"alg\" is no algorithm that TPMs sign with");

  const tpm2::PublicKey key = tpm2::openssl_key_of(read->area.area);
  if (!key || !tpm2::same_key(key.get(), ceremony.credential().key.key.get()))
    return fail(Code::webauthn_key_mismatch, "pubArea is another key than the credential's");
  if (auto good = check_signed_by(key_of(*certificates), *algorithm, read->certify, *signature);
      !good)
    return pass_on(good);
  if (auto certified =
          check_certify(read->certify, read->area, hash->digest(ceremony.signed_octets()));
      !certified)
    return pass_on(certified);
  X509* leaf = certificates->leaf.get();
  if (auto aik = check_aik_certificate(leaf); !aik) return pass_on(aik);
  auto model = check_certified_aaguid(leaf, ceremony.credential().aaguid);
  if (!model) return pass_on(model);
  const auto names = tpm2::tpm_names_of(leaf);
  Proof proof{*algorithm,
              std::move(*certificates),
              rule_for(read->area.area),
              names->manufacturer,
              names->model,
              names->version};
  proof.attested_model = *model;
  return proof;
}

}  // namespace mintmark::attest::webauthn
