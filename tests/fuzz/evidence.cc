// Any octets as a file of evidence that somebody has judged, and as what an issuer publishes about
// its keys: refused with a code and a reason that JSON can hold, and never good by nobody's word.
#include "attest/evidence/judge.h"
#include "attest/offline/judge.h"
#include "attest/vendor/vendor.h"
#include "base/text.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

namespace offline = attest::offline;

const attest::x509::Trust& nobody_at_all() {
  static const auto trust = *attest::x509::Trust::from_certificates({}, {});
  return trust;
}

// The first octet says which format, the rest is its one file.
void run_evidence_file(BytesView octets) {
  if (octets.empty()) return;
  const auto& formats = offline::formats();
  offline::Question question;
  question.format = formats[octets[0] % formats.size()].name;
  question.files = {to_bytes(octets.subspan(1))};
  question.roots = &nobody_at_all();
  question.at = from_unix(1'700'000'000);
  question.challenge = Bytes(32, 7);
  const auto judgement = offline::judge(question);
  if (!judgement) return require_told(judgement.error());
  require(is_utf8(offline::to_json(*judgement).dump()));
  const bool refused = judgement->verdict == offline::Judgement::Verdict::reject;
  require(refused == judgement->refusal.has_value());
  if (refused) require_told(*judgement->refusal);
  require(judgement->verdict != offline::Judgement::Verdict::accept ||
          question.format == "eventlog" || question.format == "ima");
}

void judge_row(const attest::evidence::Row& row) {
  const Moment at = from_unix(1'700'000'000);
  const auto finding = attest::evidence::judge(row, "https://issuer.example", &nobody_at_all(), at);
  if (!finding) return require_told(finding.error());
  // A module's claim is nobody's proof, and nobody known here vouches for more.
  require(finding->level() == attest::evidence::Level::claim && !finding->to_activate());
  require(!attest::evidence::check_level(*finding, attest::evidence::Level::vendor));
}

void run_key_evidence(BytesView octets) {
  const auto document = parse_json(as_text(octets));
  if (!document) return;
  const auto rows = attest::evidence::rows_in(*document, "https://issuer.example");
  if (rows) {
    for (const auto& row : *rows) judge_row(row);
    const auto published = attest::evidence::rows_of_published(*document, *rows);
    if (!published) require_told(published.error());
  } else {
    require_told(rows.error());
  }
  for (const char* kind : {"tpm2-certify", "pkcs11-attributes", "yubihsm-attestation", "other"})
    judge_row({"a kid", "access_token", kind, *document});
}

const Registered evidence_targets{{"evidence_file", &run_evidence_file},
                                  {"key_evidence", &run_key_evidence}};

}  // namespace
}  // namespace mintmark::fuzz
