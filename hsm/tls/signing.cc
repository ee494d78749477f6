#include "hsm/tls/signing.h"

#include <condition_variable>
#include <mutex>
#include <optional>

namespace mintmark::hsm::tls {
namespace {

/// A signer answers a little after the deadline when it has to; past this it is not waited for.
constexpr std::chrono::milliseconds grace{500};

// Shared with a completion that may come after nobody waits any more.
struct Answer {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<Result<Bytes>> signature;
};

Result<Bytes> ask(const HeldKey& key, std::string message) {
  const auto answer = std::make_shared<Answer>();
  const Deadline deadline = Deadline::in(key.patience);
  key.signer->sign(key.info.id, std::move(message), deadline, [answer](Result<Bytes> signature) {
    {
      const std::lock_guard lock(answer->mutex);
      answer->signature = std::move(signature);
    }
    answer->came.notify_one();
  });
  std::unique_lock lock(answer->mutex);
  if (!answer->came.wait_until(lock, deadline.at() + grace,
                               [&] { return answer->signature.has_value(); })) {
    return fail(Code::deadline_passed, "the key store did not answer in time");
  }
  return std::move(*answer->signature);
}

}  // namespace

Result<Bytes> sign_and_wait(const HeldKey& key, std::string message) {
  auto signature = ask(key, std::move(message));
  if (signature) signature = jose::signature_to_der(key.info.public_key.algorithm(), *signature);
  if (key.observe)
    key.observe(signature ? Result<void>{} : tl::unexpected<Error>(signature.error()));
  return signature;
}

}  // namespace mintmark::hsm::tls
