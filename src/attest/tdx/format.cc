#include "attest/tdx/format.h"

namespace mintmark::attest::tdx {
namespace {

class Tdx final : public Format {
 public:
  explicit Tdx(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "tdx"; }
  [[nodiscard]] Result<Verdict> check(const Submission& /*submission*/) const override {
    return fail(Code::internal, "not here yet");
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  return std::unique_ptr<Format>(std::make_unique<Tdx>(std::move(options)));
}

}  // namespace mintmark::attest::tdx
