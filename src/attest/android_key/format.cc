#include "attest/android_key/format.h"

namespace mintmark::attest::android_key {
namespace {

class AndroidKeys final : public Format {
 public:
  explicit AndroidKeys(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "android-key"; }
  [[nodiscard]] Result<Verdict> check(const Submission& /*submission*/) const override {
    return fail(Code::internal, "not here yet");
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  return std::unique_ptr<Format>(std::make_unique<AndroidKeys>(std::move(options)));
}

}  // namespace mintmark::attest::android_key
