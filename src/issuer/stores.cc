#include "issuer/stores.h"

#include "jose/jws.h"

namespace mintmark::issuer {

void KeyStores::put(const std::string& name, std::shared_ptr<hsm::Signer> signer) {
  const std::unique_lock lock(mutex_);
  signers_[name] = std::move(signer);
}

void KeyStores::sign_jws(const keyring::PublishedKey& key, std::string signing_input,
                         Deadline deadline, hsm::Done<std::string> done) {
  std::shared_ptr<hsm::Signer> signer;
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = signers_.find(key.store); found != signers_.end())
      signer = found->second;
  }
  if (!signer)
    return done(fail(Code::hsm_unavailable, "key store \"" + key.store + "\" is not connected"));

  // `signer` is held so that a replaced one ends its calls.
  hsm::Signer& call = *signer;
  std::string input = signing_input;
  call.sign(key.id, std::move(input), deadline,
            [signer = std::move(signer), input = std::move(signing_input),
             done = std::move(done)](Result<Bytes> signature) {
              if (!signature) return done(pass_on(signature));
              done(jose::compact(input, *signature));
            });
}

}  // namespace mintmark::issuer
