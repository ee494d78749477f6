#include "attest/sev_snp/format.h"

namespace mintmark::attest::sev_snp {
namespace {

class SevSnp final : public Format {
 public:
  explicit SevSnp(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "sev-snp"; }
  [[nodiscard]] Result<Verdict> check(const Submission& /*submission*/) const override {
    return fail(Code::internal, "not here yet");
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  return std::unique_ptr<Format>(std::make_unique<SevSnp>(std::move(options)));
}

}  // namespace mintmark::attest::sev_snp
