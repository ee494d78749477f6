#include "hsm/pkcs11/key_store.h"

#include <algorithm>

#include "hsm/pkcs11/token.h"
#include "hsm/pkcs11/work_queue.h"

namespace mintmark::hsm::pkcs11 {

namespace {

/// One for each remedy that a call can be done again after, and the first.
constexpr unsigned most_tries = 5;

}  // namespace

struct Pkcs11KeyStore::Parts {
  Parts(std::unique_ptr<Token> opened, const config::HsmStore& store,
        std::shared_ptr<Vitals> watched)
      : vitals(std::move(watched)),
        token(std::move(opened)),
        queue(std::max(1U, store.sessions), store.queue) {}

  /// Does `work` on a worker, and again for as long as what is done about its faults may help.
  template <typename T, typename Work>
  void submit(Operation operation, Lane lane, Deadline deadline, const Done<T>& done, Work work) {
    queue.submit({.deadline = deadline,
                  .run = [this, operation, deadline, done,
                          work = std::move(work)] { done(watched<T>(operation, deadline, work)); },
                  .refuse = [done](Error error) { done(tl::unexpected<Error>(std::move(error))); },
                  .lane = lane});
  }

  template <typename T, typename Work>
  Result<T> watched(Operation operation, Deadline deadline, const Work& work) {
    const Vitals::Scope scope(vitals.get(), operation);
    return outliving_faults<T>(deadline, work);
  }

  template <typename T, typename Work>
  Result<T> outliving_faults(Deadline deadline, const Work& work) {
    for (unsigned tries = 1;; ++tries) {
      const std::uint64_t era = token->era();
      Result<T> result = work(*token);
      if (result) {
        token->went_well();
        return result;
      }
      if (vitals && result.error().native != 0) vitals->count_fault(result.error().native);
      auto recovered = token->recover(result.error(), era);
      if (!recovered) return pass_on(recovered);
      if (!*recovered || tries == most_tries || deadline.passed()) return result;
    }
  }

  std::shared_ptr<Vitals> vitals;
  std::unique_ptr<Token> token;
  WorkQueue queue;  // last: its workers end first
};

Result<std::unique_ptr<Pkcs11KeyStore>> open_key_store(const config::HsmStore& store,
                                                       const std::vector<jose::Algorithm>& needed,
                                                       std::shared_ptr<Vitals> vitals) {
  auto token = Token::open(store, needed, vitals.get());
  if (!token) return pass_on(token);
  auto parts = std::make_unique<Pkcs11KeyStore::Parts>(std::move(*token), store, std::move(vitals));
  return std::unique_ptr<Pkcs11KeyStore>(new Pkcs11KeyStore(std::move(parts)));
}

Pkcs11KeyStore::Pkcs11KeyStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Pkcs11KeyStore::~Pkcs11KeyStore() = default;

void Pkcs11KeyStore::sign(const KeyId& key, std::string signing_input, Deadline deadline,
                          Done<Bytes> done) {
  const Lane lane = lane_of(signing_input);
  parts_->submit<Bytes>(Operation::sign, lane, deadline, done,
                        [key, input = std::move(signing_input), deadline](Token& token) {
                          return token.sign(key, input, deadline);
                        });
}

void Pkcs11KeyStore::list(Deadline deadline, Done<std::vector<KeyInfo>> done) {
  parts_->submit<std::vector<KeyInfo>>(Operation::list, Lane::tokens, deadline, done,
                                       [deadline](Token& token) { return token.list(deadline); });
}

void Pkcs11KeyStore::generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) {
  parts_->submit<KeyInfo>(Operation::generate, Lane::tokens, deadline, done,
                          [spec, deadline, begun = std::make_shared<bool>(false)](Token& token) {
                            return token.generate(spec, deadline, *begun);
                          });
}

void Pkcs11KeyStore::destroy(const KeyId& key, Deadline deadline, Done<void> done) {
  parts_->submit<void>(Operation::destroy, Lane::tokens, deadline, done,
                       [key, deadline, begun = std::make_shared<bool>(false)](Token& token) {
                         return token.destroy(key, deadline, *begun);
                       });
}

void Pkcs11KeyStore::evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) {
  parts_->submit<KeyEvidence>(
      Operation::evidence, Lane::others, deadline, done,
      [key, deadline](Token& token) { return token.evidence(key, deadline); });
}

}  // namespace mintmark::hsm::pkcs11
