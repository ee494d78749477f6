#include "programs/mintd/activations.h"

#include <utility>

#include "jose/base64url.h"

namespace mintmark::mintd {
namespace {

Result<Bytes> outcome_in(const Json& message) {
  if (message.contains("secret")) return jose::from_base64url(message.value("secret", ""));
  return tl::unexpected<Error>(Error{code_named(message.value("code", "")),
                                     message.value("detail", ""), 0,
                                     message.value("retry_after", std::uint32_t{0})});
}

}  // namespace

void Activations::ask(const api::Activation& wanted, hsm::Done<Bytes> done) {
  std::uint64_t id = 0;
  {
    const MutexLock lock(mutex_);
    if (!pending_) {
      id = ++last_;
      pending_ = Pending{id, std::move(done)};
    }
  }
  if (id == 0)
    return done(fail(Code::activation_busy, "another activation is under way; one at a time"));
  tell_({{"type", "activate"},
         {"id", id},
         {"kid", wanted.kid},
         {"ek_nv_index", wanted.ek_nv_index},
         {"credential_blob", jose::base64url(wanted.credential_blob)},
         {"encrypted_secret", jose::base64url(wanted.encrypted_secret)}});
}

void Activations::answered(const Json& message) {
  std::optional<Pending> ended;
  {
    const MutexLock lock(mutex_);
    if (pending_ && message.value("id", std::uint64_t{0}) == pending_->id)
      ended = std::exchange(pending_, std::nullopt);
  }
  if (ended) ended->done(outcome_in(message));
}

}  // namespace mintmark::mintd
