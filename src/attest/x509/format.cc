#include "attest/x509/format.h"

namespace mintmark::attest::x509 {
namespace {

class DeviceIdentities final : public Format {
 public:
  explicit DeviceIdentities(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "x509"; }
  [[nodiscard]] Result<Verdict> check(const Submission& /*submission*/) const override {
    return fail(Code::internal, "not here yet");
  }

 private:
  Options options_;
};

}  // namespace

std::unique_ptr<Format> make_format(Options options) {
  return std::make_unique<DeviceIdentities>(std::move(options));
}

}  // namespace mintmark::attest::x509
