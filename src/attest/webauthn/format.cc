#include "attest/webauthn/format.h"

namespace mintmark::attest::webauthn {
namespace {

class WebAuthn final : public Format {
 public:
  explicit WebAuthn(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "webauthn"; }
  [[nodiscard]] Result<Verdict> check(const Submission& /*submission*/) const override {
    return fail(Code::internal, "not here yet");
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  return std::unique_ptr<Format>(std::make_unique<WebAuthn>(std::move(options)));
}

}  // namespace mintmark::attest::webauthn
