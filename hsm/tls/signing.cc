#include "hsm/tls/signing.h"

#include <optional>

#include "base/mutex.h"

namespace mintmark::hsm::tls {
namespace {

/// A signer answers a little after the deadline when it has to; past this it is not waited for.
constexpr std::chrono::milliseconds grace{500};

// Shared with a completion that may come after nobody waits any more.
struct Answer {
  Mutex mutex;
  Condition came;
  std::optional<Result<Bytes>> signature MINTMARK_GUARDED_BY(mutex);
};

Result<Bytes> ask(const HeldKey& key, std::string message) {
  const auto answer = std::make_shared<Answer>();
  const Deadline deadline = Deadline::in(key.patience);
  key.signer->sign(key.info.id, std::move(message), deadline, [answer](Result<Bytes> signature) {
    {
      const MutexLock lock(answer->mutex);
      answer->signature = std::move(signature);
    }
    answer->came.notify_one();
  });
  const auto until = deadline.at() + grace;
  const MutexLock lock(answer->mutex);
  while (!answer->signature && answer->came.wait_until(answer->mutex, until)) continue;
  if (!answer->signature)
    return fail(Code::deadline_passed, "the key store did not answer in time");
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
