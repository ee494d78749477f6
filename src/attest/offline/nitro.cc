// Nitro documents from files: the document, what it is said to hold beside it, and for a NitroTPM
// the quote by the key that it attests.
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "attest/nitro/carrier.h"
#include "attest/nitro/document.h"
#include "attest/offline/parts.h"
#include "attest/offline/words.h"
#include "attest/tpm2/attestation_key.h"
#include "jose/base64url.h"

namespace mintmark::attest::offline {
namespace {

using nitro::Document;

constexpr std::uint8_t point_prefix = 4;

Json hex_or_null(const std::optional<Bytes>& octets) {
  return octets ? Json(to_hex(*octets)) : Json();
}

// "2022-10-12T13:50:06.081000", without the fraction where there is none.
std::string iso_time(std::uint64_t milliseconds) {
  constexpr std::uint64_t second = 1000;
  const auto seconds = static_cast<std::time_t>(milliseconds / second);
  std::tm parts{};
  std::array<char, 40> text{};
  if (gmtime_r(&seconds, &parts) == nullptr) return "";
  std::string time(text.data(), std::strftime(text.data(), text.size(), "%FT%T", &parts));
  if (milliseconds % second == 0) return time;
  std::snprintf(text.data(), text.size(), ".%03u000", static_cast<unsigned>(milliseconds % second));
  return time + text.data();
}

// "2022-10-12 13:49:51+00:00"
std::string life_time(const ASN1_TIME* time) {
  std::tm parts{};
  std::array<char, 40> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "";
  return {text.data(), std::strftime(text.data(), text.size(), "%F %T+00:00", &parts)};
}

bool is_self_issued(const Bytes& der) {
  const auto certificate = x509::parse_certificate(der);
  return certificate && X509_NAME_cmp(X509_get_subject_name(certificate.get()),
                                      X509_get_issuer_name(certificate.get())) == 0;
}

Json facts_of(const Document& document, BytesView octets) {
  constexpr unsigned major_type_shift = 5;
  constexpr unsigned tag = 6;
  Json pcrs = Json::object();
  for (const auto& [index, value] : document.pcrs) pcrs[std::to_string(index)] = to_hex(value);
  Json facts = {{"kind", document.kind == nitro::Kind::enclave ? "enclave" : "tpm"},
                {"cose_alg", "ES384 (-35)"},
                {"untagged_cose_sign1", octets[0] >> major_type_shift != tag},
                {"module_id", document.module_id},
                {"digest", document.digest},
                {"timestamp_ms", document.timestamp},
                {"utc", iso_time(document.timestamp)},
                {document.kind == nitro::Kind::enclave ? "pcrs" : "pcrs_sha384", std::move(pcrs)},
                {"nonce_hex", hex_or_null(document.nonce)},
                {"user_data", hex_or_null(document.user_data)},
                {"user_data_hex", hex_or_null(document.user_data)},
                {"public_key_hex", hex_or_null(document.public_key)},
                {"cabundle_len", document.cabundle.size()},
                {"cabundle_first_is_root", is_self_issued(document.cabundle[0])},
                {"debug", nitro::is_debug(document)}};
  if (const auto leaf = x509::parse_certificate(document.certificate)) {
    facts["leaf_not_before"] = life_time(X509_get0_notBefore(leaf.get()));
    facts["leaf_not_after"] = life_time(X509_get0_notAfter(leaf.get()));
  }
  return facts;
}

/// What was given, told apart.
struct NitroFiles {
  Bytes octets;
  Document document;
  bool carried = false;  ///< In a name of a TLS certificate.
  std::vector<Bytes> points;
  Material beside;
};

// A document as its octets, as base64 text, or in a certificate; nothing where the file is none.
std::optional<Bytes> document_octets(const Bytes& file, bool& carried) {
  constexpr std::uint8_t array_of_four = 0x84;
  constexpr std::uint8_t tag_18 = 0xD2;
  if (file.empty()) return std::nullopt;
  if (file[0] == array_of_four || file[0] == tag_18) return file;
  if (auto octets = nitro::document_in(file)) {
    carried = true;
    return octets;
  }
  if (file.size() > 2 * cbor::longest) return std::nullopt;
  std::string text(as_text(file));
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  auto octets = jose::from_base64(text);
  const bool document =
      octets && !octets->empty() && ((*octets)[0] == array_of_four || (*octets)[0] == tag_18);
  return document ? std::optional(std::move(*octets)) : std::nullopt;
}

bool is_point(const Bytes& file) {
  constexpr std::size_t p256 = 65;
  constexpr std::size_t p384 = 97;
  return !file.empty() && file[0] == point_prefix && (file.size() == p256 || file.size() == p384);
}

Result<NitroFiles> sort(const std::vector<Bytes>& all) {
  NitroFiles files;
  std::vector<Bytes> rest;
  for (const Bytes& file : all) {
    bool carried = false;
    auto octets = document_octets(file, carried);
    if (!octets) {
      (is_point(file) ? files.points : rest).push_back(file);
      continue;
    }
    if (!files.octets.empty())
      return fail(Code::evidence_files, "two attestation documents are among the files");
    files.octets = std::move(*octets);
    files.carried = carried;
  }
  if (files.octets.empty())
    return fail(Code::evidence_files, "no attestation document of AWS Nitro is among the files");
  auto document = nitro::parse(files.octets);
  if (!document) return pass_on(document);
  files.document = std::move(*document);
  files.beside = sort_files(rest);
  return files;
}

/// The key that a document attests, as a point or as SubjectPublicKeyInfo.
Result<cbor::Key> attested_key(const Document& document) {
  const Bytes octets = document.public_key.value_or(Bytes{});
  const auto algorithm = octets.size() == 65 ? jose::Algorithm::es256 : jose::Algorithm::es384;
  auto key = is_point(octets) ? jose::PublicKey::from_point(algorithm, octets)
                              : jose::PublicKey::from_spki(octets, jose::Algorithm::rs256);
  if (!key)
    return fail(Code::nitro_public_key, "a quote is given, and the document attests no key");
  const Bytes spki = key->to_spki();
  const std::uint8_t* at = spki.data();
  return cbor::Key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
}

/// One question about a document, judged step by step.
class NitroJudge {
 public:
  NitroJudge(const NitroFiles& files, const Question& question)
      : files_(files),
        document_(files.document),
        question_(question),
        facts_(facts_of(files.document, files.octets)) {
    // Judged by hand a document is good as long as its certificate lives.
    facts_["fresh_for_enrolment"] = nitro::check_time(document_, question_.at).has_value();
  }

  Judgement judge() {
    for (const auto step : {&NitroJudge::challenge, &NitroJudge::signature, &NitroJudge::beside,
                            &NitroJudge::quote, &NitroJudge::chain}) {
      if (auto right = (this->*step)(); !right) return refused(right.error(), facts_);
    }
    if (question_.roots == nullptr || files_.carried) return parsed(facts_);
    if (auto rules = rules_of_today(); !rules) return refused(rules.error(), facts_, true);
    return accepted(facts_);
  }

 private:
  Result<void> challenge() {
    if (!question_.challenge) return {};
    return nitro::check_nonce(document_, *question_.challenge);
  }

  Result<void> signature() {
    auto right = nitro::check_signature(document_);
    facts_["cose_signature_valid"] = right.has_value();
    return right;
  }

  // What stands beside a document must be of it: else it is another machine's.
  Result<void> beside() {
    const Material& material = files_.beside;
    const auto is_in_document = [&](const Bytes& der) {
      const auto& bundle = document_.cabundle;
      return der == document_.certificate ||
             std::find(bundle.begin(), bundle.end(), der) != bundle.end();
    };
    if (!std::all_of(material.certificates.begin(), material.certificates.end(), is_in_document))
      return fail(Code::evidence_files, "a certificate is given that the document does not hold");
    for (const Bytes& point : files_.points) {
      if (document_.public_key != point)
        return fail(Code::nitro_public_key, "a key is given that the document does not attest");
    }
    if (material.broken.empty() && material.others.empty() && material.statements.size() <= 1 &&
        material.statements.size() == material.signatures.size())
      return {};
    return fail(Code::evidence_files,
                "beside a document its certificates, its key, one quote and that quote's "
                "signature are known here" +
                    (material.broken.empty() ? "" : ": " + material.broken));
  }

  // NitroTPM: a quote by the key that the document attests, over all the PCRs that it tells.
  Result<void> quote() {
    if (files_.beside.statements.empty()) return {};
    const Statement& statement = files_.beside.statements[0];
    facts_["quote"] = attest_json(statement.attest);
    auto right = signed_by_attested_key(statement);
    facts_["quote_signature_valid"] = right.has_value();
    if (!right) return right;
    const BytesView bound = tpm2::view_of(statement.attest.extraData);
    if (statement.attest.magic != TPM2_GENERATED_VALUE)
      return fail(Code::quote_magic, "the quote was not made by a TPM (magic)");
    if (statement.attest.type != TPM2_ST_ATTEST_QUOTE)
      return fail(Code::quote_type, "the statement is no quote");
    if (!document_.nonce || !equal_in_constant_time(bound, *document_.nonce))
      return fail(Code::quote_binding, "the quote is not bound to the document's nonce");
    return values(statement.attest.attested.quote);
  }

  Result<void> values(const TPMS_QUOTE_INFO& quoted) {
    tpm2::PcrSelection asked{"sha384", {}};
    for (const auto& [index, value] : document_.pcrs) asked.indexes.push_back(index);
    auto right = tpm2::check_quoted(quoted, quote_hash_, asked, document_.pcrs);
    facts_["quote_pcr_digest_matches"] = right.has_value();
    facts_["quote_pcr_digest_alg"] = bank_name(quote_hash_) + " over the sha384 PCR values";
    return right;
  }

  Result<void> signed_by_attested_key(const Statement& statement) {
    auto key = attested_key(document_);
    if (!key) return pass_on(key);
    const Signature& given = files_.beside.signatures[0];
    const bool p384 = EVP_PKEY_is_a(key->get(), "EC") == 1 && EVP_PKEY_get_bits(key->get()) == 384;
    facts_["signature_encoding"] =
        given.der.empty() ? "TPMT_SIGNATURE" : "DER ECDSA-Sig-Value (not TPMT_SIGNATURE)";
    quote_hash_ = p384 ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
    if (given.der.empty()) {
      quote_hash_ = given.tpm.signature.any.hashAlg;
      return tpm2::verify_signature(key->get(), statement.octets, given.tpm);
    }
    const auto algorithm = p384 ? cbor::CoseAlgorithm::es384 : cbor::CoseAlgorithm::es256;
    if (cbor::check_signature(static_cast<std::int64_t>(algorithm), key->get(), statement.octets,
                              given.der, false))
      return {};
    return fail(Code::signature_invalid, "the quote is not signed by the document's public_key");
  }

  Result<void> chain() {
    if (question_.roots == nullptr) return {};
    auto chain = nitro::check_chain(document_, *question_.roots);
    facts_["chain_valid_at_timestamp"] = chain.has_value();
    if (!chain) return pass_on(chain);
    facts_["chain"] = x509::to_json(chain->links);
    facts_["standing"] = x509::name_of(chain->standing);
    if (chain->standing == x509::Standing::trusted) return {};
    return fail(Code::certificate_untrusted_root, "the root of the document is under review");
  }

  // All is right; whether it is taken today.
  [[nodiscard]] Result<void> rules_of_today() const {
    if (nitro::is_debug(document_) && question_.allowed.count("debug") == 0)
      return fail(Code::nitro_debug,
                  "the document itself is good, and of an enclave in debug mode");
    const auto leaf = x509::parse_certificate(document_.certificate);
    std::time_t at = to_unix(question_.at);
    if (X509_cmp_time(X509_get0_notBefore(leaf.get()), &at) >= 0)
      return fail(Code::certificate_not_yet_valid,
                  "the document itself is good, and its certificate's life begins later");
    if (X509_cmp_time(X509_get0_notAfter(leaf.get()), &at) <= 0)
      return fail(Code::certificate_expired,
                  "the document itself is good, and its certificate's life of three hours is over");
    return {};
  }

  const NitroFiles& files_;
  const Document& document_;
  const Question& question_;
  Json facts_;
  TPM2_ALG_ID quote_hash_ = TPM2_ALG_NULL;
};

}  // namespace

Judgement judge_nitro(const Question& question) {
  auto files = sort(question.files);
  if (!files) return refused(files.error(), Json::object());
  return NitroJudge(*files, question).judge();
}

}  // namespace mintmark::attest::offline
