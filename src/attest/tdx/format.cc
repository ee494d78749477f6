#include "attest/tdx/format.h"

#include "attest/tdx/check.h"
#include "attest/verdict_maker.h"
#include "jose/members.h"

namespace mintmark::attest::tdx {
namespace {

class Tdx final : public Format {
 public:
  Tdx(std::shared_ptr<const x509::Trust> trust, Collateral collateral, Rules rules)
      : trust_(std::move(trust)), collateral_(std::move(collateral)), rules_(rules) {}
  [[nodiscard]] std::string name() const override { return "tdx"; }

  [[nodiscard]] Result<Verdict> check(const Submission& submission) const override {
    jose::Members members(submission.evidence, Code::evidence_member, "evidence.");
    const Bytes quote = members.octets("quote");
    if (auto read = members.result(); !read) return pass_on(read);
    const auto checked = check_quote(quote, *trust_, submission.at);
    if (!checked) return tl::unexpected<Error>(checked.error());
    const TdReport& report = checked->quote.report;
    if (auto bound = check_report_data(report, submission.binding); !bound) return pass_on(bound);
    if (auto good = check_rules(report, rules_); !good) return pass_on(good);
    const auto appraisal = appraise(*checked, collateral_, *trust_, rules_, submission.at);
    if (!appraisal) return tl::unexpected<Error>(appraisal.error());
    return VerdictMaker::make(facts_of(*checked, *appraisal), std::nullopt, submission.key,
                              to_hex(sha256("tdx " + submission.key.thumbprint())), submission.at);
  }

 private:
  std::shared_ptr<const x509::Trust> trust_;
  Collateral collateral_;
  Rules rules_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  if (options.trust == nullptr)
    return fail(Code::config_invalid, "tdx needs a root: Intel's SGX Root CA");
  auto collateral = read_collateral(options.collateral);
  if (!collateral) return pass_on(collateral);
  return std::unique_ptr<Format>(
      std::make_unique<Tdx>(std::move(options.trust), std::move(*collateral),
                            Rules{.collateral_required = options.collateral_required}));
}

}  // namespace mintmark::attest::tdx
