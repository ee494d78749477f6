#include "issuer/stores.h"

#include "jose/jws.h"

namespace mintmark::issuer {

void KeyStores::put(const std::string& name, std::shared_ptr<hsm::Signer> signer) {
  const std::unique_lock lock(mutex_);
  signers_[name] = std::move(signer);
}

void KeyStores::sign_jws(std::shared_ptr<const keyring::Snapshot> keys,
                         const keyring::PublishedKey& key, std::string signing_input,
                         Deadline deadline, hsm::Done<std::string> done) {
  std::shared_ptr<hsm::Signer> signer;
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = signers_.find(key.store); found != signers_.end())
      signer = found->second;
  }
  if (!signer)
    return done(fail(Code::hsm_unavailable, "key store \"" + key.store + "\" is not connected"));

  // `keys` is held so that `key` lives until the answer; `signer` so that a replaced one ends its
  // calls.
  hsm::Signer& call = *signer;
  auto input = std::make_shared<const std::string>(std::move(signing_input));
  call.sign(key.id, *input, deadline,
            [keys = std::move(keys), signer = std::move(signer), &key, input,
             done = std::move(done)](Result<Bytes> signature) {
              if (!signature) return done(pass_on(signature));
              if (!key.public_key.verify(as_bytes(*input), *signature)) {
                return done(fail(Code::hsm_signature_wrong, "key store \"" + key.store +
                                                                "\" gave a signature that key " +
                                                                key.kid() + " did not make"));
              }
              done(jose::compact(*input, *signature));
            });
}

}  // namespace mintmark::issuer
