#include "attest/nitro/format.h"

namespace mintmark::attest::nitro {
namespace {

class NitroDocuments final : public Format {
 public:
  explicit NitroDocuments(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "nitro"; }
  [[nodiscard]] Result<Verdict> check(const Submission& /*submission*/) const override {
    return fail(Code::internal, "not here yet");
  }

 private:
  Options options_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  return std::unique_ptr<Format>(std::make_unique<NitroDocuments>(std::move(options)));
}

}  // namespace mintmark::attest::nitro
