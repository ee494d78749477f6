#include "attest/evidence/judge.h"

#include "attest/evidence/ak_certificate.h"
#include "attest/evidence/module_claim.h"
#include "attest/vendor/vendor.h"

namespace mintmark::attest::evidence {
namespace {

constexpr std::string_view of_a_tpm = "tpm2-certify";
constexpr std::string_view of_a_module = "pkcs11-attributes";

std::string tpm_in_words(const tpm2::KeyVerdict& verdict) {
  const tpm2::Endorsement& ek = verdict.eks().front().endorsement;
  return "in a TPM (" + ek.manufacturer + ", model " + printable(ek.model) + ", EK " +
         ek.certificate.substr(0, 16) + ", root " + ek.chain.root.substr(0, 16) + ")";
}

}  // namespace

std::string_view name_of(Level level) {
  if (level == Level::tpm) return "tpm";
  return level == Level::vendor ? "vendor" : "claim";
}

class Judge {
 public:
  static Result<Finding> tpm(const Row& row, std::string_view issuer, const tpm2::EkTrust& roots,
                             Moment now) {
    auto verdict = tpm2::verify_key_evidence(row.facts, issuer, roots, now);
    if (!verdict) return pass_on(verdict);
    if (verdict->kid() != row.kid)
      return fail(Code::evidence_kid, "the evidence is of another key than its row names");
    if (row.facts.contains("ak_certificate")) {
      if (auto held = check_ak_certificate(row.facts, *verdict, roots, now); !held)
        return pass_on(held);
      return Finding{Level::tpm, tpm_in_words(*verdict) + "; its AK is certified"};
    }
    Finding finding{Level::claim,
                    tpm_in_words(*verdict) + "; that its AK is in that TPM is the issuer's claim"};
    finding.to_activate_ = std::move(*verdict);
    return finding;
  }

  static Result<Finding> module(const Row& row) {
    auto token = check_module_claim(row.facts, row.kid);
    if (!token) return pass_on(token);
    return Finding{Level::claim, "in the token " + *token + "; this is the module's claim"};
  }

  static Result<Finding> vendors(vendor::Verifier verify, const Row& row,
                                 const tpm2::EkTrust& roots, Moment now) {
    auto statement = verify(row.facts, row.kid, roots, now);
    if (!statement) return pass_on(statement);
    return Finding{Level::vendor, "in a " + statement->hardware + "; it says so itself, by root " +
                                      statement->root.substr(0, 16)};
  }
};

Result<Finding> judge(const Row& row, std::string_view issuer, const tpm2::EkTrust* roots,
                      Moment now) {
  if (row.kind.empty())
    return fail(Code::evidence_missing, "the issuer shows nothing that proves where this key is");
  if (row.kind == of_a_module) return Judge::module(row);
  const vendor::Verifier vendors = vendor::verifier_of(row.kind);
  if (row.kind != of_a_tpm && vendors == nullptr)
    return fail(Code::evidence_kind_unknown,
                "evidence of the kind \"" + printable(row.kind) + "\" cannot be judged here");
  if (roots == nullptr)
    return fail(Code::evidence_roots_missing,
                "evidence of the kind \"" + row.kind +
                    "\" is judged by roots: name the certificates that you trust (--roots)");
  return vendors != nullptr ? Judge::vendors(vendors, row, *roots, now)
                            : Judge::tpm(row, issuer, *roots, now);
}

Result<Finding> after_activation(const tpm2::KeyVerdict& verdict, BytesView secret,
                                 BytesView answer) {
  if (secret.empty() || !equal_in_constant_time(secret, answer))
    return fail(Code::activation_secret_wrong,
                "the issuer could not open what was sealed to its TPM: its AK is not in it");
  return Finding{Level::tpm, tpm_in_words(verdict) + "; its AK proved to be in that TPM just now"};
}

Result<void> check_level(const Finding& finding, Level required) {
  if (finding.level() >= required) return {};
  if (finding.to_activate())
    return fail(Code::evidence_ak_claimed,
                "that the attestation key is in that TPM is the issuer's claim: activate it (ask "
                "the issuer itself, without --evidence)");
  return fail(Code::evidence_claim_alone,
              finding.words() + ", and " + std::string(name_of(required)) + " was asked for");
}

}  // namespace mintmark::attest::evidence
