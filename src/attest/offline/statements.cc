// Quotes, certifications and creations: who signed them, what of, and whether that is good enough.
#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include <algorithm>
#include <set>

#include "attest/offline/parts.h"
#include "attest/offline/words.h"
#include "attest/tpm2/ak_certificate.h"
#include "attest/tpm2/attestation_key.h"
#include "attest/tpm2/hash.h"
#include "attest/x509/description.h"

namespace mintmark::attest::offline {
namespace {

using tpm2::PublicArea;

constexpr int longest_key_bits = 4096;
constexpr std::size_t most_statements = 8;
constexpr std::size_t most_signatures = 16;

tpm2::StatementCodes codes_of(TPM2_ST type) {
  return type == TPM2_ST_ATTEST_QUOTE      ? tpm2::quote_codes
         : type == TPM2_ST_ATTEST_CREATION ? tpm2::creation_codes
                                           : tpm2::certify_codes;
}

// An ECDSA signature as DER, as if a TPM had given it: over the hash that fits the key's curve.
std::optional<TPMT_SIGNATURE> from_der(const Bytes& der, const EVP_PKEY* key) {
  const std::uint8_t* at = der.data();
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  ERR_clear_error();
  if (pair == nullptr) return std::nullopt;
  constexpr int p256_bits = 256;
  TPMT_SIGNATURE signature{};
  signature.sigAlg = TPM2_ALG_ECDSA;
  TPMS_SIGNATURE_ECDSA& ecdsa = signature.signature.ecdsa;
  ecdsa.hash = EVP_PKEY_get_bits(key) > p256_bits ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
  bool fits = true;
  for (const auto& [number, into] : {std::pair{ECDSA_SIG_get0_r(pair), &ecdsa.signatureR},
                                     std::pair{ECDSA_SIG_get0_s(pair), &ecdsa.signatureS}}) {
    const int size = BN_num_bytes(number);
    fits = fits && size <= static_cast<int>(sizeof into->buffer);
    if (fits) into->size = static_cast<UINT16>(BN_bn2bin(number, into->buffer));
  }
  ECDSA_SIG_free(pair);
  return fits ? std::optional(signature) : std::nullopt;
}

/// One question about statements, judged step by step.
class StatementJudge {
 public:
  StatementJudge(const Material& material, const Question& question, TPM2_ST wanted)
      : material_(material), question_(question), wanted_(wanted) {}

  Judgement judge() {
    describe();
    if (auto found = find_statements(); !found) return refused(found.error(), facts_);
    for (const Statement* statement : statements_) {
      if (auto bound = bound_to_challenge(*statement); !bound)
        return refused(bound.error(), facts_);
    }
    if (auto found = find_signer(); !found) return refused(found.error(), facts_);
    for (const Statement* statement : statements_) {
      if (auto right = signed_by_signer(*statement); !right) return refused(right.error(), facts_);
    }
    if (auto used = every_signature_used(); !used) return refused(used.error(), facts_);
    for (const Statement* statement : statements_) {
      if (auto right = content(*statement); !right) return refused(right.error(), facts_);
    }
    if (auto certified = certificate(); !certified) return refused(certified.error(), facts_);
    if (auto rules = rules_of_today(); !rules) return refused(rules.error(), facts_, true);
    return accepted(facts_);
  }

 private:
  // Whatever can be said before anything is checked.
  void describe() {
    if (!material_.statements.empty()) {
      const TPMS_ATTEST& first = material_.statements[0].attest;
      facts_["attest"] = attest_json(first);
      facts_["kind"] = command_of(first.type);
      facts_["nonce_hex"] = to_hex(tpm2::view_of(first.extraData));
    }
    if (material_.statements.size() > 1) {
      for (const Statement& one : material_.statements)
        facts_["statements"].push_back(attest_json(one.attest));
    }
    if (!material_.certificates.empty()) {
      const auto leaf = x509::parse_certificate(material_.certificates[0]);
      if (leaf) facts_["ak_certificate"] = x509::describe(leaf.get());
    }
    facts_["signature_alg"] = nullptr;
  }

  Result<void> find_statements() {
    for (const Statement& one : material_.statements) {
      const TPM2_ST type = one.attest.type;
      const auto codes = codes_of(wanted_ != 0 ? wanted_ : type);
      if (one.attest.magic != TPM2_GENERATED_VALUE)
        return fail(codes.magic, "the statement was not made by a TPM (magic)");
      const bool known = type == TPM2_ST_ATTEST_QUOTE || type == TPM2_ST_ATTEST_CERTIFY ||
                         type == TPM2_ST_ATTEST_CREATION;
      if (!known || (wanted_ != 0 && material_.statements.size() == 1 && type != wanted_))
        return fail(codes.type, "the statement is of another type: " + command_of(type));
      if (wanted_ == 0 || type == wanted_) statements_.push_back(&one);
    }
    if (statements_.empty() || statements_.size() > most_statements ||
        material_.signatures.empty() || material_.signatures.size() > most_signatures)
      return fail(Code::evidence_files, "one to eight statements and their signatures are judged");
    return {};
  }

  Result<void> bound_to_challenge(const Statement& statement) const {
    if (!question_.challenge ||
        equal_in_constant_time(tpm2::view_of(statement.attest.extraData), *question_.challenge))
      return {};
    return fail(codes_of(statement.attest.type).binding,
                "the statement is not bound to the challenge (extraData)");
  }

  /// Whom the statements speak of: the area of that Name.
  [[nodiscard]] const PublicArea* subject_of(const Statement& statement) const {
    const bool certify = statement.attest.type == TPM2_ST_ATTEST_CERTIFY;
    const bool creation = statement.attest.type == TPM2_ST_ATTEST_CREATION;
    if (!certify && !creation) return nullptr;
    const BytesView name = tpm2::view_of(certify ? statement.attest.attested.certify.name
                                                 : statement.attest.attested.creation.objectName);
    for (const PublicArea& area : material_.areas) {
      if (equal_in_constant_time(area.name, name)) return &area;
    }
    return nullptr;
  }

  [[nodiscard]] bool is_subject(const PublicArea& area) const {
    return std::any_of(statements_.begin(), statements_.end(),
                       [&](const Statement* statement) { return subject_of(*statement) == &area; });
  }

  // A key alone says nothing of where it lives; an area does. Where both are there they are one
  // key.
  Result<void> find_signer() {
    for (const PublicArea& area : material_.areas) {
      const bool restricted = (area.area.objectAttributes & TPMA_OBJECT_RESTRICTED) != 0;
      const bool better = signer_ == nullptr || (is_subject(*signer_) && !is_subject(area));
      if ((restricted || !is_subject(area) || material_.areas.size() == 1) && better &&
          fits_a_key(area))
        signer_ = &area;
    }
    for (const tpm2::PublicKey& key : material_.keys) key_ = key;
    if (signer_ != nullptr) key_ = tpm2::openssl_key_of(signer_->area);
    describe_keys();
    if (!key_) return fail(Code::evidence_files, "no key of the signer is among the files");
    if (EVP_PKEY_get_bits(key_.get()) > longest_key_bits)
      return fail(Code::ak_type, "the signer's key is larger than is taken");
    return every_key_has_its_part();
  }

  // What is given and plays no part is another machine's, or damaged. An area of the signer's that
  // was not found to be its own for lack of memory would be judged by no rule.
  [[nodiscard]] Result<void> every_key_has_its_part() const {
    const auto is_signers = [&](const tpm2::PublicKey& key) {
      return key && tpm2::same_key(key.get(), key_.get());
    };
    const bool areas =
        std::all_of(material_.areas.begin(), material_.areas.end(), [&](const PublicArea& area) {
          return is_subject(area) ||
                 (signer_ != nullptr && is_signers(tpm2::openssl_key_of(area.area)));
        });
    const bool keys = std::all_of(material_.keys.begin(), material_.keys.end(), is_signers);
    if (areas && keys) return {};
    return fail(Code::evidence_files,
                "a key is among the files that neither signed nor is spoken of");
  }

  /// With keys as PEM given, the signer's area must be of one of them.
  [[nodiscard]] bool fits_a_key(const PublicArea& area) const {
    if (material_.keys.empty()) return true;
    const tpm2::PublicKey own = tpm2::openssl_key_of(area.area);
    return own && std::any_of(material_.keys.begin(), material_.keys.end(),
                              [&](const tpm2::PublicKey& key) {
                                return tpm2::same_key(own.get(), key.get());
                              });
  }

  void describe_keys() {
    if (signer_ != nullptr) {
      facts_["ak_name"] = to_hex(signer_->name);
      facts_["ak_attributes"] = attributes_text(signer_->area.objectAttributes);
    }
    for (const Statement* statement : statements_) {
      const bool certify = statement->attest.type == TPM2_ST_ATTEST_CERTIFY;
      if (statement->attest.type == TPM2_ST_ATTEST_QUOTE) continue;
      const PublicArea* subject = subject_of(*statement);
      facts_[certify ? "name_matches" : "object_name_matches"] = subject != nullptr;
      if (!certify || subject == nullptr) continue;
      facts_["key_name"] = to_hex(subject->name);
      facts_["key_attributes"] = attributes_text(subject->area.objectAttributes);
    }
    for (const Statement* statement : statements_) describe_creation(*statement);
  }

  void describe_creation(const Statement& statement) {
    const PublicArea* subject = subject_of(statement);
    if (statement.attest.type != TPM2_ST_ATTEST_CREATION || material_.creations.empty()) return;
    facts_["creation_hash_matches"] =
        subject != nullptr && tpm2::check_creation(statement.attest.attested.creation,
                                                   subject->name, material_.creations[0])
                                  .has_value();
  }

  Result<void> signed_by_signer(const Statement& statement) {
    Result<void> outcome = fail(Code::signature_invalid, "no signature is by this key");
    for (std::size_t i = 0; i < material_.signatures.size(); ++i) {
      const Signature& given = material_.signatures[i];
      const auto signature =
          given.der.empty() ? std::optional(given.tpm) : from_der(given.der, key_.get());
      if (!signature) continue;
      auto right = tpm2::verify_signature(key_.get(), statement.octets, *signature);
      if (right) {
        note_signature(*signature);
        used_.insert(i);
        outcome = {};
      } else if (!outcome) {
        outcome = std::move(right);
      }
    }
    return outcome;
  }

  void note_signature(const TPMT_SIGNATURE& signature) {
    hash_ = signature.signature.any.hashAlg;
    const char* scheme = signature.sigAlg == TPM2_ALG_RSASSA   ? "rsassa"
                         : signature.sigAlg == TPM2_ALG_RSAPSS ? "rsapss"
                                                               : "ecdsa";
    facts_["signature_alg"] = {scheme, bank_name(hash_)};
    sha1_ = sha1_ || hash_ == TPM2_ALG_SHA1;
  }

  [[nodiscard]] Result<void> every_signature_used() const {
    const bool all_judged = statements_.size() == material_.statements.size();
    if (!all_judged || used_.size() == material_.signatures.size()) return {};
    return fail(Code::signature_invalid, "a signature that was given is of no statement here");
  }

  Result<void> content(const Statement& statement) {
    if (statement.attest.type == TPM2_ST_ATTEST_QUOTE) return quoted(statement);
    const PublicArea* subject = subject_of(statement);
    const bool certify = statement.attest.type == TPM2_ST_ATTEST_CERTIFY;
    if (subject == nullptr)
      return fail(certify ? Code::certify_name : Code::creation_name,
                  "the statement speaks of a key that is not among the files");
    if (certify) return {};
    if (material_.creations.size() != 1)
      return fail(Code::evidence_files, "a statement of creation needs its creation data");
    return tpm2::check_creation(statement.attest.attested.creation, subject->name,
                                material_.creations[0]);
  }

  Result<void> quoted(const Statement& statement) {
    const TPMS_QUOTE_INFO& quote = statement.attest.attested.quote;
    const TPMS_PCR_SELECTION* selection = nullptr;
    for (UINT32 i = 0; i < quote.pcrSelect.count && i < TPM2_NUM_PCR_BANKS; ++i) {
      const TPMS_PCR_SELECTION& one = quote.pcrSelect.pcrSelections[i];
      const bool any = std::any_of(one.pcrSelect, one.pcrSelect + one.sizeofSelect,
                                   [](std::uint8_t bits) { return bits != 0; });
      if (!any) continue;
      if (selection != nullptr)
        return fail(Code::quote_selection, "the quote is over more than one bank");
      selection = &one;
    }
    const auto bank = selection == nullptr ? std::nullopt : tpm2::known_hash(selection->hash);
    if (!bank) return fail(Code::quote_selection, "the quote selects no PCR of a bank known here");
    refused_bank_ = tpm2::hash_of(bank->id) ? "" : bank->name;
    if (material_.values.empty()) return {};
    return values_fit(quote, *selection, *bank);
  }

  Result<void> values_fit(const TPMS_QUOTE_INFO& quote, const TPMS_PCR_SELECTION& selection,
                          const tpm2::Hash& bank) {
    const auto digest_hash = tpm2::known_hash(hash_);
    tpm2::PcrValues selected;
    for (const Values& values : material_.values) {
      auto given = values.banks.find(bank.name);
      if (given == values.banks.end()) given = values.banks.find("");
      if (given == values.banks.end())
        return fail(Code::quote_values, std::string("the PCR values given are of another bank than "
                                                    "the quoted ") +
                                            bank.name);
      selected.clear();
      for (unsigned index = 0; index < selection.sizeofSelect * 8U; ++index) {
        if ((selection.pcrSelect[index / 8] >> index % 8 & 1U) == 0) continue;
        const auto value = given->second.find(index);
        if (value == given->second.end() || value->second.size() != bank.size)
          return fail(Code::quote_values, "PCR " + std::to_string(index) + " must be given with " +
                                              std::to_string(bank.size) + " octets");
        selected[index] = value->second;
      }
      Bytes all;
      for (const auto& [index, value] : selected) all.insert(all.end(), value.begin(), value.end());
      const bool matches = digest_hash && equal_in_constant_time(digest_hash->digest(all),
                                                                 tpm2::view_of(quote.pcrDigest));
      facts_["pcr_digest_matches"] = matches;
      if (!matches) return fail(Code::quote_digest, "the PCR values given are not the quoted ones");
    }
    auto logs = judge_logs(material_, bank.name, selected);
    if (!logs) return pass_on(logs);
    facts_.update(*logs);
    return {};
  }

  // An AK certificate beside the statements must be of their signer; a root's word is asked where
  // roots are given.
  Result<void> certificate() {
    if (material_.certificates.empty()) return {};
    const auto own = std::find_if(material_.certificates.begin(), material_.certificates.end(),
                                  [&](const Bytes& der) { return is_of_signer(der); });
    if (own == material_.certificates.end())
      return fail(Code::ak_certificate_key, "no certificate is of the signer's key");
    if (question_.roots == nullptr) return {};
    std::vector<Bytes> chain = material_.certificates;
    chain.erase(chain.begin() + (own - material_.certificates.begin()));
    auto checked = tpm2::check_ak_certificate(*own, chain, *question_.roots, question_.at);
    if (!checked) return pass_on(checked);
    facts_["chain"] = x509::to_json(checked->chain.links);
    if (checked->chain.standing == x509::Standing::trusted) return {};
    return fail(Code::ak_untrusted_root, "the root of the AK's certificate is under review");
  }

  [[nodiscard]] bool is_of_signer(const Bytes& der) const {
    const auto certificate = x509::parse_certificate(der);
    const EVP_PKEY* certified = certificate ? X509_get0_pubkey(certificate.get()) : nullptr;
    ERR_clear_error();
    return certified != nullptr && x509::has_bounded_key(certificate.get()) &&
           tpm2::same_key(certified, key_.get());
  }

  // All is right; whether it is taken today.
  [[nodiscard]] Result<void> rules_of_today() const {
    if (sha1_)
      return fail(Code::signature_hash,
                  "the signature itself is good, and its hash is SHA-1, which is not taken");
    if (!refused_bank_.empty())
      return fail(Code::quote_bank_refused, "the quote itself is good, and it is of the bank " +
                                                refused_bank_ + ", which is not taken");
    if (!tpm2::hash_of(hash_))
      return fail(Code::signature_hash, "the signature itself is good, and its hash is not taken");
    for (const Statement* statement : statements_) {
      const PublicArea* subject = subject_of(*statement);
      if (subject == nullptr) continue;
      if (auto lives = lives_in_its_tpm(subject->area.objectAttributes); !lives) return lives;
    }
    return signer_ == nullptr ? Result<void>() : tpm2::check_attestation_key(signer_->area);
  }

  // What is certified of another key says nothing of where it was, or will be.
  static Result<void> lives_in_its_tpm(TPMA_OBJECT attributes) {
    if ((attributes & TPMA_OBJECT_FIXEDTPM) == 0)
      return fail(Code::device_key_not_fixed_tpm, "the certified key is not fixedTPM");
    if ((attributes & TPMA_OBJECT_FIXEDPARENT) == 0)
      return fail(Code::device_key_not_fixed_parent, "the certified key is not fixedParent");
    if ((attributes & TPMA_OBJECT_SENSITIVEDATAORIGIN) == 0)
      return fail(Code::device_key_imported, "the certified key was not made by its TPM");
    return {};
  }

  const Material& material_;
  const Question& question_;
  TPM2_ST wanted_;
  Json facts_ = Json::object();
  std::vector<const Statement*> statements_;
  const PublicArea* signer_ = nullptr;
  tpm2::PublicKey key_;
  std::set<std::size_t> used_;  // Signatures, by their place.
  TPM2_ALG_ID hash_ = TPM2_ALG_NULL;
  bool sha1_ = false;
  std::string refused_bank_;
};

}  // namespace

Judgement judge_statements(const Material& material, const Question& question, TPM2_ST wanted) {
  if (material.statements.empty())
    return refused(
        {Code::evidence_files, wanted == 0 ? std::string("no statement of a TPM is among "
                                                         "the files")
                                           : "no " + command_of(wanted) + " is among the files"},
        {});
  return StatementJudge(material, question, wanted).judge();
}

}  // namespace mintmark::attest::offline
