#include "attest/tpm2/enrolment.h"

#include "attest/platform/certificate.h"
#include "attest/tpm2/ak_certificate.h"
#include "attest/tpm2/attestation_key.h"
#include "attest/tpm2/attributes.h"
#include "attest/tpm2/binding.h"
#include "attest/tpm2/signature.h"
#include "attest/verdict_maker.h"
#include "attest/x509/vouched.h"

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

Bytes digests_of(const std::vector<Bytes>& chain) {
  Bytes digests;
  for (const Bytes& certificate : chain) {
    const Sha256 digest = sha256(certificate);
    digests.insert(digests.end(), digest.begin(), digest.end());
  }
  return digests;
}

Sha256 hash_presented(const Presented& presented) {
  return hash_fields({presented.ek_certificate, digests_of(presented.ek_chain),
                      presented.ak_certificate, digests_of(presented.ak_chain), presented.ak_public,
                      presented.device_public, presented.platform_certificate});
}

// What both ways say alike.
Facts facts_of(const x509::Chain& chain) {
  Facts facts;
  facts.format = "tpm2";
  const bool trusted = chain.standing == x509::Standing::trusted;
  facts.key_protection = trusted ? "hardware" : "unproven";
  x509::set_vouched(facts, chain);
  if (trusted) facts.proves = {proves::boot_state, proves::hardware, proves::token_key};
  return facts;
}

Facts facts_of(const Endorsement& ek) {
  Facts facts = facts_of(ek.chain);
  facts.manufacturer = ek.manufacturer;
  facts.model = ek.model;
  facts.version = ek.version;
  facts.ek_certificate = ek.certificate;
  return facts;
}

Facts facts_of(const AkCertificate& ak) {
  Facts facts = facts_of(ak.chain);
  facts.ak_certificate = ak.certificate;
  if (!ak.names) return facts;
  facts.manufacturer = ak.names->manufacturer;
  facts.model = ak.names->model;
  facts.version = ak.names->version;
  return facts;
}

}  // namespace

struct Candidate::Parts {
  std::optional<Endorsement> endorsement;
  x509::Chain chain;
  Bytes spki;
  Facts facts;  // Of the certificates.
  PublicArea ak;
  Bytes device_name;
  jose::PublicKey device_key;
  Sha256 hash{};
};

const Endorsement* Candidate::endorsement() const {
  return parts_->endorsement ? &*parts_->endorsement : nullptr;
}
const x509::Chain& Candidate::chain() const { return parts_->chain; }
const Bytes& Candidate::spki() const { return parts_->spki; }
const Bytes& Candidate::ak_name() const { return parts_->ak.name; }
const Bytes& Candidate::device_name() const { return parts_->device_name; }
const jose::PublicKey& Candidate::device_key() const { return parts_->device_key; }
const Sha256& Candidate::hash() const { return parts_->hash; }

class CandidateReader {
 public:
  CandidateReader(const Presented& presented, const Authorities& trust, Moment now)
      : presented_(presented), trust_(trust), now_(now) {}

  Result<Candidate> read() {
    if (auto vouched = presented_.ak_certificate.empty() ? endorsement() : ak_certificate();
        !vouched)
      return pass_on(vouched);
    if (auto read = platform(); !read) return pass_on(read);
    auto ak = parse_public(presented_.ak_public, "the AK's public area");
    if (!ak) return pass_on(ak);
    if (auto checked = check_attestation_key(ak->area); !checked) return pass_on(checked);
    if (auto same = certified_key(ak->area); !same) return pass_on(same);
    auto device = parse_public(presented_.device_public, "the device key's public area");
    if (!device) return pass_on(device);
    auto key = check_device_key(device->area);
    if (!key) return pass_on(key);
    return Candidate(std::make_shared<const Candidate::Parts>(Candidate::Parts{
        std::move(endorsement_), std::move(chain_), std::move(spki_), std::move(facts_),
        std::move(*ak), std::move(device->name), std::move(*key), hash_presented(presented_)}));
  }

 private:
  Result<void> endorsement() {
    auto checked =
        check_endorsement(presented_.ek_certificate, presented_.ek_chain, trust_.ek, now_);
    if (!checked) return pass_on(checked);
    facts_ = facts_of(*checked);
    spki_ = checked->spki;
    chain_ = checked->chain;
    endorsement_ = std::move(*checked);
    return {};
  }

  Result<void> ak_certificate() {
    if (trust_.ak == nullptr || !presented_.ek_certificate.empty())
      return fail(Code::ak_certificate_refused,
                  trust_.ak == nullptr
                      ? "certificates of AKs are not taken here (enrolment.tpm2.ak_roots)"
                      : "a device shows its EK's certificate or its AK's, not both");
    auto checked =
        check_ak_certificate(presented_.ak_certificate, presented_.ak_chain, *trust_.ak, now_);
    if (!checked) return pass_on(checked);
    facts_ = facts_of(*checked);
    spki_ = checked->spki;
    chain_ = checked->chain;
    certified_ = std::move(*checked);
    return {};
  }

  [[nodiscard]] Result<void> certified_key(const TPMT_PUBLIC& ak) const {
    if (!certified_) return {};
    return check_certified_key(*certified_, ak);
  }

  Result<void> platform() {
    if (presented_.platform_certificate.empty()) return {};
    auto certificate = platform::parse(presented_.platform_certificate);
    if (!certificate) return pass_on(certificate);
    PlatformFacts platform{certificate->manufacturer, certificate->model, certificate->version_text,
                           certificate->serial, certificate->issuer};
    platform.verified =
        platform::check_signature(*certificate, trust_.ek.known()) == platform::Signature::good;
    platform.of_this_tpm = endorsement_ && certificate->holder_issuer == endorsement_->issuer &&
                           certificate->holder_serial_hex == endorsement_->serial;
    facts_.platform = std::move(platform);
    return {};
  }

  const Presented& presented_;
  const Authorities& trust_;
  Moment now_;
  std::optional<Endorsement> endorsement_;
  std::optional<AkCertificate> certified_;
  x509::Chain chain_;
  Bytes spki_;
  Facts facts_;
};

Result<Candidate> check_candidate(const Presented& presented, const Authorities& trust,
                                  Moment now) {
  return CandidateReader(presented, trust, now).read();
}

Result<Challenge> make_challenge(const Candidate& candidate, BytesView secret) {
  const Endorsement* endorsement = candidate.endorsement();
  if (endorsement == nullptr)
    return fail(Code::internal, "a certified AK has no EK to seal a credential for");
  return make_credential(endorsement->kind, *endorsement->key, candidate.ak_name(), secret);
}

// Judges the two attestations of one answer; both are by the same AK and bound to the same ticket.
class AnswerJudge {
 public:
  AnswerJudge(const Candidate& candidate, const Answer& answer, BytesView binding)
      : parts_(*candidate.parts_), answer_(answer), binding_(binding) {}

  Result<void> certify() const {
    if (!answer_.creation_data.empty()) return certify_creation();
    auto attest =
        read_statement(answer_.certify_attest, TPM2_ST_ATTEST_CERTIFY, binding_, "certify.attest");
    if (!attest) return pass_on(attest);
    if (!equal_in_constant_time(view_of(attest->attested.certify.name), parts_.device_name)) {
      return fail(Code::certify_name, "certify.attest speaks of another key than the device key");
    }
    return check_signed(parts_.ak.area, answer_.certify_attest, answer_.certify_signature,
                        "certify.signature");
  }

  Result<void> certify_creation() const {
    auto attest = read_statement(answer_.certify_attest, TPM2_ST_ATTEST_CREATION, binding_,
                                 "certify.attest", creation_codes);
    if (!attest) return pass_on(attest);
    auto creation = parse_creation(answer_.creation_data, "certify.creation_data");
    if (!creation) return pass_on(creation);
    auto fits = check_creation(attest->attested.creation, parts_.device_name, *creation);
    if (!fits) return fits;
    return check_signed(parts_.ak.area, answer_.certify_attest, answer_.certify_signature,
                        "certify.signature");
  }

  Result<TPMS_ATTEST> quote(const PcrSelection& asked) const {
    auto attest = read_statement(answer_.quote_attest, TPM2_ST_ATTEST_QUOTE, binding_,
                                 "quote.attest", quote_codes);
    if (!attest) return attest;
    auto signed_by_ak = check_signed(parts_.ak.area, answer_.quote_attest, answer_.quote_signature,
                                     "quote.signature");
    if (!signed_by_ak) return pass_on(signed_by_ak);
    auto quoted =
        check_quoted(attest->attested.quote, signing_hash(parts_.ak.area), asked, answer_.pcrs);
    if (!quoted) return pass_on(quoted);
    return attest;
  }

  Verdict verdict(const TPMS_ATTEST& quoted, const PcrSelection& asked, Moment now) const {
    Facts facts = parts_.facts;
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
                              parts_.device_key, to_hex(sha256(parts_.spki)), now);
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
  const bool sealed = candidate.endorsement() != nullptr;
  if (sealed && (expected_secret.empty() ||
                 !equal_in_constant_time(answer.activation_secret, expected_secret))) {
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
