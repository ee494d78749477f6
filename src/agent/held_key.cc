#include "agent/held_key.h"

#include "hsm/tls/key.h"

namespace mintmark::agent {
namespace {

// Whoever signs waits for it himself.
constexpr std::chrono::milliseconds patience{30'000};

class DeviceSigner final : public hsm::Signer {
 public:
  explicit DeviceSigner(std::function<Result<Bytes>(BytesView)> sign) : sign_(std::move(sign)) {}

  void sign(const hsm::KeyId& /*key*/, std::string signing_input, Deadline /*deadline*/,
            hsm::Done<Bytes> done) override {
    done(sign_(as_bytes(signing_input)));
  }
  void list(Deadline /*deadline*/, hsm::Done<std::vector<hsm::KeyInfo>> done) override {
    done(fail(Code::not_permitted, "a device has one key"));
  }

 private:
  std::function<Result<Bytes>(BytesView)> sign_;
};

}  // namespace

Result<HeldDeviceKey> hold(const jose::PublicKey& public_key,
                           std::function<Result<Bytes>(BytesView)> sign) {
  auto trouble = std::make_shared<std::optional<Error>>();
  auto key = hsm::tls::make_key({.signer = std::make_shared<DeviceSigner>(std::move(sign)),
                                 .info = {.id = hsm::random_key_id(),
                                          .purpose = hsm::Purpose::tls,
                                          .public_key = public_key,
                                          .unfit = ""},
                                 .patience = patience,
                                 .observe = [trouble](const Result<void>& how) {
                                   if (!how) *trouble = how.error();
                                 }});
  if (!key) return fail(Code::agent_certificate_failed, key.error().detail);
  return HeldDeviceKey{std::move(*key), std::move(trouble)};
}

}  // namespace mintmark::agent
