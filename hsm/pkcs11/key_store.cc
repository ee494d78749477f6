#include "hsm/pkcs11/key_store.h"

#include <algorithm>

#include "hsm/pkcs11/token.h"
#include "hsm/pkcs11/work_queue.h"

namespace mintmark::hsm::pkcs11 {

struct Pkcs11KeyStore::Parts {
  Parts(std::unique_ptr<Token> opened, const config::HsmStore& store)
      : token(std::move(opened)), queue(std::max(1U, store.sessions), store.queue) {}

  /// Does `work` on a worker; if a session was lost, once more after what was lost is restored.
  template <typename T, typename Work>
  void submit(Deadline deadline, const Done<T>& done, Work work) {
    queue.submit(
        {.deadline = deadline,
         .run = [this, deadline, done,
                 work = std::move(work)] { done(restoring<T>(deadline, work)); },
         .refuse = [done](Error error) { done(tl::unexpected<Error>(std::move(error))); }});
  }

  template <typename T, typename Work>
  Result<T> restoring(Deadline deadline, const Work& work) {
    const std::uint64_t era = token->era();
    Result<T> result = work(*token);
    if (result || result.error().code != Code::hsm_session_lost || deadline.passed()) return result;
    if (auto restored = token->restore(era); !restored) return pass_on(restored);
    return work(*token);
  }

  std::unique_ptr<Token> token;
  WorkQueue queue;  // last: its workers end first
};

Result<std::unique_ptr<Pkcs11KeyStore>> open_key_store(const config::HsmStore& store) {
  auto token = Token::open(store);
  if (!token) return pass_on(token);
  auto parts = std::make_unique<Pkcs11KeyStore::Parts>(std::move(*token), store);
  return std::unique_ptr<Pkcs11KeyStore>(new Pkcs11KeyStore(std::move(parts)));
}

Pkcs11KeyStore::Pkcs11KeyStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Pkcs11KeyStore::~Pkcs11KeyStore() = default;

void Pkcs11KeyStore::sign(const KeyId& key, std::string signing_input, Deadline deadline,
                          Done<Bytes> done) {
  parts_->submit<Bytes>(deadline, done,
                        [key, input = std::move(signing_input), deadline](Token& token) {
                          return token.sign(key, input, deadline);
                        });
}

void Pkcs11KeyStore::list(Deadline deadline, Done<std::vector<KeyInfo>> done) {
  parts_->submit<std::vector<KeyInfo>>(deadline, done,
                                       [deadline](Token& token) { return token.list(deadline); });
}

void Pkcs11KeyStore::generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) {
  parts_->submit<KeyInfo>(
      deadline, done, [spec, deadline](Token& token) { return token.generate(spec, deadline); });
}

void Pkcs11KeyStore::destroy(const KeyId& key, Deadline deadline, Done<void> done) {
  parts_->submit<void>(deadline, done,
                       [key, deadline](Token& token) { return token.destroy(key, deadline); });
}

void Pkcs11KeyStore::evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) {
  parts_->submit<KeyEvidence>(
      deadline, done, [key, deadline](Token& token) { return token.evidence(key, deadline); });
}

}  // namespace mintmark::hsm::pkcs11
