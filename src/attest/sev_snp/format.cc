#include "attest/sev_snp/format.h"

#include "attest/binding.h"
#include "attest/sev_snp/check.h"
#include "attest/verdict_maker.h"
#include "attest/x509/vouched.h"
#include "jose/members.h"

namespace mintmark::attest::sev_snp {
namespace {

constexpr std::size_t most_alone = 8;

struct Evidence {
  Bytes report;
  std::vector<Bytes> certificates;
};

Result<Evidence> read_evidence(const Json& json) {
  jose::Members members(json, Code::evidence_member, "evidence.");
  Evidence evidence;
  evidence.report = members.octets("report");
  if (members.has("certificates"))
    evidence.certificates = members.octets_list("certificates", most_alone);
  Bytes table;
  if (members.has("auxblob")) table = members.octets("auxblob");
  if (auto read = members.result(); !read) return pass_on(read);
  if (table.empty()) return evidence;
  auto listed = certificates_in_table(table);
  if (!listed) return pass_on(listed);
  for (Bytes& one : *listed) evidence.certificates.push_back(std::move(one));
  return evidence;
}

// The id is a claim: of which guest, says only who vouches.
std::string identity_of(const Checked& checked) {
  const std::string voucher = x509::voucher_of(checked.chain);
  return to_hex(hash_fields({as_bytes("sev-snp"), as_bytes(voucher), checked.report.report_id}));
}

class SevSnp final : public Format {
 public:
  explicit SevSnp(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "sev-snp"; }

  [[nodiscard]] Result<Verdict> check(const Submission& submission) const override {
    auto evidence = read_evidence(submission.evidence);
    if (!evidence) return pass_on(evidence);
    auto checked =
        check_report(evidence->report, evidence->certificates, *options_.trust, submission.at);
    if (!checked) return pass_on(checked);
    const Report& report = checked->report;
    if (auto bound = check_report_data(report, submission.binding); !bound) return pass_on(bound);
    if (auto good = check_rules(report, {}); !good) return pass_on(good);
    Facts facts = facts_of(*checked, *options_.trust);
    return VerdictMaker::make(std::move(facts), std::nullopt, submission.key, identity_of(*checked),
                              submission.at);
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  if (options.trust == nullptr)
    return fail(Code::config_invalid, "sev-snp needs roots: AMD's ARK of each product");
  return std::unique_ptr<Format>(std::make_unique<SevSnp>(std::move(options)));
}

}  // namespace mintmark::attest::sev_snp
