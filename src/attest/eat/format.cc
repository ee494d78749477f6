#include "attest/eat/format.h"

namespace mintmark::attest::eat {
namespace {

class ForeignResults final : public Format {
 public:
  explicit ForeignResults(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "eat"; }
  [[nodiscard]] Result<Verdict> check(const Submission& /*submission*/) const override {
    return fail(Code::internal, "not here yet");
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  return std::unique_ptr<Format>(std::make_unique<ForeignResults>(std::move(options)));
}

}  // namespace mintmark::attest::eat
