#include "attest/apple_appattest/format.h"

namespace mintmark::attest::apple_appattest {
namespace {

class AppAttest final : public Format {
 public:
  explicit AppAttest(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "apple-appattest"; }
  [[nodiscard]] Result<Verdict> check(const Submission& /*submission*/) const override {
    return fail(Code::internal, "not here yet");
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  return std::unique_ptr<Format>(std::make_unique<AppAttest>(std::move(options)));
}

}  // namespace mintmark::attest::apple_appattest
