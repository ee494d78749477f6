// mint-gate verify-evidence: whether an issuer's keys live where it says.
#include <algorithm>
#include <map>
#include <optional>

#include "programs/mint_gate/commands.h"
#include "programs/mint_gate/evidence_answer.h"
#include "programs/mint_gate/evidence_sources.h"

namespace mintmark::programs {
namespace {

using attest::evidence::Finding;
using attest::evidence::Level;
using attest::evidence::Row;
using attest::tpm2::EkTrust;
using attest::tpm2::KeyVerdict;

struct Question {
  std::string issuer, ca, file;
  std::optional<EkTrust> roots;
  Level required = Level::claim;
  std::vector<std::string> purposes;
};

tl::unexpected<Error> usage(std::string detail) {
  return fail(Code::invalid_argument, std::move(detail));
}

Result<Level> level_named(const std::string& name) {
  for (const Level level : {Level::claim, Level::vendor, Level::tpm}) {
    if (name == name_of(level)) return level;
  }
  return usage("--require must be tpm, vendor or claim");
}

Result<Question> read_question(const Arguments& arguments) {
  Question question;
  auto issuer = arguments.required("--issuer");
  if (!issuer) return pass_on(issuer);
  question.issuer = std::move(*issuer);
  if (auto good = check_issuer(question.issuer); !good) return pass_on(good);
  question.ca = arguments.value("--ca");
  question.file = arguments.value("--evidence");
  if (!question.file.empty() && !question.ca.empty())
    return usage("--ca and --evidence exclude each other: a file is judged without the issuer");
  if (auto good = check_ca(question.ca); !good) return pass_on(good);
  auto level = level_named(arguments.value("--require", "claim"));
  if (!level) return pass_on(level);
  question.required = *level;
  question.purposes = arguments.values("--purpose");
  if (!arguments.has("--roots")) {
    if (arguments.has("--intermediates"))
      return usage("--intermediates helps to reach --roots, and --roots is missing");
    return question;
  }
  auto roots = EkTrust::load(arguments.value("--roots"), arguments.value("--intermediates"));
  if (!roots) return usage("--roots, --intermediates: " + roots.error().detail);
  question.roots = std::move(*roots);
  return question;
}

/// What was sealed to one AK and what came back: an AK is asked once, however many keys it vouches
/// for.
class Activated {
 public:
  explicit Activated(IssuerAsked& issuer) : issuer_(issuer) {}

  Result<Finding> confirm(const KeyVerdict& verdict) {
    // Of that EK: another one in the evidence of another key has proven nothing yet.
    const std::pair link{verdict.ak_name(), verdict.eks().front().endorsement.certificate};
    auto known = by_link_.find(link);
    if (known == by_link_.end()) known = by_link_.emplace(link, ask(verdict)).first;
    if (!known->second) return tl::unexpected<Error>(known->second.error());
    const auto& [secret, answer] = *known->second;
    return attest::evidence::after_activation(verdict, secret, answer);
  }

 private:
  using Exchange = std::pair<Bytes, Bytes>;
  Result<Exchange> ask(const KeyVerdict& verdict) {
    const attest::tpm2::VouchedEk& ek = verdict.eks().front();
    Bytes secret = attest::tpm2::activation_secret();
    const auto sealed = attest::tpm2::seal_for(verdict, ek, secret);
    if (!sealed) return tl::unexpected<Error>(sealed.error());
    auto answer = issuer_.activate(verdict.kid(), ek.nv_index, *sealed);
    if (!answer) return pass_on(answer);
    return Exchange{std::move(secret), std::move(*answer)};
  }

  IssuerAsked& issuer_;
  std::map<std::pair<Bytes, std::string>, Result<Exchange>> by_link_;
};

JudgedKey judged(const Question& question, Activated* activated, const Row& row, Moment now) {
  JudgedKey key{row, std::nullopt, std::nullopt};
  const EkTrust* roots = question.roots ? &*question.roots : nullptr;
  auto found = attest::evidence::judge(row, question.issuer, roots, now);
  if (found && found->to_activate() && activated != nullptr)
    found = activated->confirm(*found->to_activate());
  if (!found) {
    key.refusal = std::move(found.error());
    return key;
  }
  if (auto enough = check_level(*found, question.required); !enough)
    key.refusal = std::move(enough.error());
  key.found = std::move(*found);
  return key;
}

/// What an issuer says wrongly about itself is no proof; only what cannot be heard is unknown.
int report_source(const Program& program, const Error& error, bool json) {
  const int status = report(program, error, json);
  const bool said = error.code == Code::evidence_document_malformed ||
                    error.code == Code::evidence_issuer_mismatch ||
                    error.code == Code::keys_malformed ||
                    error.code == Code::metadata_issuer_mismatch;
  return said ? exit_denied : status;
}

}  // namespace

Command verify_evidence_command() {
  return {
      "verify-evidence",
      "check what proves where an issuer's signing keys live. Asks the issuer, and its TPMs too "
      "where --roots is given; with --evidence asks nobody, and then takes the issuer's word that "
      "a "
      "TPM's attestation key is in it. Ends with 0 only if every key is proven as --require wants.",
      {{"--issuer", "URL", "the issuer, as in its tokens' iss"},
       {"--ca", "FILE", "PEM of the roots to trust for the issuer's TLS (default: the system's)"},
       {"--roots", "PATH",
        "certificates, a directory or one file, of those who vouch for hardware: TPM vendors, "
        "Yubico"},
       {"--intermediates", "PATH", "likewise, certificates that help to reach those"},
       {"--evidence", "FILE", "judge this file (mintctl keys evidence --json) and ask nobody"},
       {"--require", "LEVEL",
        "tpm: a TPM's own word; vendor: that of hardware whose vendor vouches for it; claim "
        "(default): the PKCS#11 module's claim will do"},
       {"--purpose", "P",
        "only keys of this purpose: access_token, client_attestation, result, status_list, event",
        true}},
      ""};
}

int verify_evidence(const Program& program, const Arguments& arguments) {
  const bool json = arguments.has("--json");
  const auto question = read_question(arguments);
  if (!question) return report(program, question.error(), json);
  const bool offline = !question->file.empty();
  IssuerAsked issuer(question->issuer, question->ca);
  auto rows = offline ? rows_of_file(question->file, question->issuer) : issuer.rows();
  if (!rows) return report_source(program, rows.error(), json);
  Activated activated(issuer);
  std::vector<JudgedKey> keys;
  for (const Row& row : *rows) {
    const auto& purposes = question->purposes;
    if (!purposes.empty() &&
        std::find(purposes.begin(), purposes.end(), row.purpose) == purposes.end())
      continue;
    keys.push_back(judged(*question, offline ? nullptr : &activated, row, SystemClock().now()));
  }
  return answer(question->issuer, question->required, keys, json);
}

}  // namespace mintmark::programs
