#include "attest/tpm2/enrolment.h"

#include "attest/tpm2/attestation_key.h"
#include "attest/tpm2/attributes.h"
#include "attest/tpm2/binding.h"
#include "attest/tpm2/signature.h"
#include "attest/verdict_maker.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr std::array device_key_rules = {
    AttributeRule{TPMA_OBJECT_SIGN_ENCRYPT, true, Code::device_key_not_signing,
                  "the device key must be a signing key"},
    AttributeRule{TPMA_OBJECT_RESTRICTED, false, Code::device_key_restricted,
                  "the device key must not be restricted: it signs proofs"},
    AttributeRule{TPMA_OBJECT_DECRYPT, false, Code::device_key_decrypts,
                  "the device key must not decrypt"},
    AttributeRule{TPMA_OBJECT_FIXEDTPM, true, Code::device_key_not_fixed_tpm,
                  "the device key must be fixedTPM"},
    AttributeRule{TPMA_OBJECT_FIXEDPARENT, true, Code::device_key_not_fixed_parent,
                  "the device key must be fixedParent"},
    AttributeRule{TPMA_OBJECT_SENSITIVEDATAORIGIN, true, Code::device_key_imported,
                  "the device key must have been made by the TPM (sensitiveDataOrigin)"},
};

Result<jose::PublicKey> check_device_key(const TPMT_PUBLIC& key) {
  if (auto attributes = check_attributes(key.objectAttributes, device_key_rules); !attributes)
    return pass_on(attributes);
  const TPM2_ALG_ID scheme = signing_scheme(key);
  const bool fits = key.type == TPM2_ALG_ECC &&
                    key.parameters.eccDetail.curveID == TPM2_ECC_NIST_P256 &&
                    (scheme == TPM2_ALG_NULL ||
                     (scheme == TPM2_ALG_ECDSA && signing_hash(key) == TPM2_ALG_SHA256));
  if (!fits)
    return fail(Code::device_key_type,
                "the device key must be ECC on P-256, for ECDSA with SHA-256");
  auto point = point_of(key);
  if (!point) return pass_on(point);
  return jose::PublicKey::from_point(jose::Algorithm::es256, *point);
}

Sha256 hash_presented(const Presented& presented) {
  Bytes chain;
  for (const Bytes& certificate : presented.ek_chain) {
    const Sha256 digest = sha256(certificate);
    chain.insert(chain.end(), digest.begin(), digest.end());
  }
  return hash_fields(
      {presented.ek_certificate, chain, presented.ak_public, presented.device_public});
}

}  // namespace

struct Candidate::Parts {
  Endorsement endorsement;
  PublicArea ak;
  Bytes device_name;
  jose::PublicKey device_key;
  Sha256 hash{};
};

const Endorsement& Candidate::endorsement() const { return parts_->endorsement; }
const Bytes& Candidate::ek_spki() const { return parts_->endorsement.spki; }
const Bytes& Candidate::ak_name() const { return parts_->ak.name; }
const Bytes& Candidate::device_name() const { return parts_->device_name; }
const jose::PublicKey& Candidate::device_key() const { return parts_->device_key; }
const Sha256& Candidate::hash() const { return parts_->hash; }

class CandidateReader {
 public:
  static Result<Candidate> read(const Presented& presented, const EkTrust& trust, Moment now) {
    auto endorsement = check_endorsement(presented.ek_certificate, presented.ek_chain, trust, now);
    if (!endorsement) return pass_on(endorsement);
    auto ak = parse_public(presented.ak_public, "the AK's public area");
    if (!ak) return pass_on(ak);
    if (auto checked = check_attestation_key(ak->area); !checked) return pass_on(checked);
    auto device = parse_public(presented.device_public, "the device key's public area");
    if (!device) return pass_on(device);
    auto key = check_device_key(device->area);
    if (!key) return pass_on(key);
    return Candidate(std::make_shared<const Candidate::Parts>(
        Candidate::Parts{std::move(*endorsement), std::move(*ak), std::move(device->name),
                         std::move(*key), hash_presented(presented)}));
  }
};

Result<Candidate> check_candidate(const Presented& presented, const EkTrust& trust, Moment now) {
  return CandidateReader::read(presented, trust, now);
}

Result<Challenge> make_challenge(const Candidate& candidate, BytesView secret) {
  const Endorsement& endorsement = candidate.parts_->endorsement;
  return make_credential(endorsement.kind, *endorsement.key, candidate.ak_name(), secret);
}

// Judges the two attestations of one answer; both are by the same AK and bound to the same ticket.
class AnswerJudge {
 public:
  AnswerJudge(const Candidate& candidate, const Answer& answer, BytesView binding)
      : parts_(*candidate.parts_), answer_(answer), binding_(binding) {}

  Result<void> certify() const {
    auto attest =
        read_statement(answer_.certify_attest, TPM2_ST_ATTEST_CERTIFY, binding_, "certify.attest");
    if (!attest) return pass_on(attest);
    if (!equal_in_constant_time(view_of(attest->attested.certify.name), parts_.device_name)) {
      return fail(Code::certify_name, "certify.attest speaks of another key than the device key");
    }
    return check_signed(parts_.ak.area, answer_.certify_attest, answer_.certify_signature,
                        "certify.signature");
  }

  Result<TPMS_ATTEST> quote(const PcrSelection& asked) const {
    auto attest = parse_attest(answer_.quote_attest, "quote.attest");
    if (!attest) return attest;
    if (attest->magic != TPM2_GENERATED_VALUE)
      return fail(Code::quote_magic, "quote.attest was not made by a TPM (magic)");
    if (attest->type != TPM2_ST_ATTEST_QUOTE)
      return fail(Code::quote_type, "quote.attest is no TPM2_Quote");
    if (!equal_in_constant_time(view_of(attest->extraData), binding_)) {
      return fail(Code::quote_binding, "quote.attest is not bound to this ticket (extraData)");
    }
    auto signed_by_ak = check_signed(parts_.ak.area, answer_.quote_attest, answer_.quote_signature,
                                     "quote.signature");
    if (!signed_by_ak) return pass_on(signed_by_ak);
    auto quoted =
        check_quoted(attest->attested.quote, signing_hash(parts_.ak.area), asked, answer_.pcrs);
    if (!quoted) return pass_on(quoted);
    return attest;
  }

  Verdict verdict(const TPMS_ATTEST& quoted, const PcrSelection& asked, Moment now) const {
    const Endorsement& ek = parts_.endorsement;
    Facts facts;
    facts.format = "tpm2";
    facts.key_protection = "hardware";
    facts.root = ek.root;
    facts.root_subject = ek.root_subject;
    facts.manufacturer = ek.manufacturer;
    facts.model = ek.model;
    facts.version = ek.version;
    facts.ek_certificate = ek.certificate;
    facts.firmware = quoted.firmwareVersion;
    facts.reset_count = quoted.clockInfo.resetCount;
    facts.restart_count = quoted.clockInfo.restartCount;
    facts.clock = quoted.clockInfo.clock;
    facts.clock_safe = quoted.clockInfo.safe == TPM2_YES;
    facts.ak = to_hex(parts_.ak.name);
    facts.pcr_bank = asked.bank;
    for (const auto& [index, value] : answer_.pcrs) facts.pcrs[index] = to_hex(value);
    return VerdictMaker::make(std::move(facts),
                              boot_record_of(quoted, asked, answer_.pcrs, answer_.logs),
                              parts_.device_key, to_hex(sha256(ek.spki)), now);
  }

 private:
  const Candidate::Parts& parts_;
  const Answer& answer_;
  BytesView binding_;
};

Result<Verdict> check_answer(const Candidate& candidate, const Answer& answer,
                             BytesView expected_secret, BytesView binding,
                             const PcrSelection& asked, Moment now) {
  // Nothing sealed is nothing opened: an empty secret proves no TPM.
  if (expected_secret.empty() ||
      !equal_in_constant_time(answer.activation_secret, expected_secret)) {
    return fail(Code::activation_secret_wrong,
                "the credential was not opened by the TPM of this EK holding this AK");
  }
  const AnswerJudge judge(candidate, answer, binding);
  if (auto certified = judge.certify(); !certified) return pass_on(certified);
  auto quoted = judge.quote(asked);
  if (!quoted) return pass_on(quoted);
  return judge.verdict(*quoted, asked, now);
}

}  // namespace mintmark::attest::tpm2
