// The signer's server in the test's own process, over real sockets, in front of any key store.
#pragma once

#include <memory>
#include <optional>

#include "contract/key_store_contract.h"
#include "hsm/signer/client.h"
#include "hsm/signer/server.h"
#include "support/channel_ends.h"

namespace mintmark::test {

/// Rules as an issuer `contract_issuer` would have them.
inline hsm::signer::PurposeRules contract_rules() {
  return {.issuer = contract_issuer,
          .longest_life = {{hsm::Purpose::access_token, std::chrono::seconds(300)},
                           {hsm::Purpose::client_attestation, std::chrono::seconds(300)}}};
}

/// `Store`: Signer and KeyAdmin. Ends as mintd-signer does: the keeper's channel, the loop, the
/// store. Fronts' channels must be closed or with their clients before.
template <typename Store>
class SignerInProcess {
 public:
  SignerInProcess(std::unique_ptr<Store> store, const Clock& clock)
      : store_(std::move(store)), keeper_(hsm::signer::SignerClient::make_unconnected(loop_.io())) {
    keeper_->on_readiness([state = state_](const Result<void>& told) { state->told(told); });
    server_.emplace(loop_.io(), *store_, *store_, contract_rules(), clock,
                    dynamic_cast<hsm::EvidenceActivation*>(store_.get()));
    auto pair = connected();
    server_->serve(std::move(pair.right),
                   [state = state_](const Result<void>& how) { state->ended(how); });
    keeper_->replace(std::move(pair.left));
  }

  ~SignerInProcess() {
    keeper_->close();
    (void)wait_for_end();
    loop_.drain();
    store_.reset();
  }

  [[nodiscard]] hsm::signer::SignerClient& keeper() { return *keeper_; }
  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] Loop& loop() { return loop_; }

  /// A channel to the signer that a front would have.
  UniqueFd attach_front() {
    auto pair = connected();
    Answer<void> attached;
    keeper_->attach_front(std::move(pair.right), Deadline::in(std::chrono::seconds(30)),
                          attached.done());
    if (auto done = attached.wait(); !done) throw std::runtime_error(done.error().to_string());
    return std::move(pair.left);
  }
  std::shared_ptr<hsm::signer::SignerClient> make_front() {
    return hsm::signer::SignerClient::make(loop_.io(), attach_front());
  }

  /// The `nth` word of readiness, from 0.
  Result<void> wait_for_readiness(std::size_t nth = 0) {
    std::unique_lock lock(state_->mutex);
    state_->await(lock, [&] { return state_->readiness.size() > nth; });
    return state_->readiness[nth];
  }
  Result<void> wait_for_end() {
    std::unique_lock lock(state_->mutex);
    state_->await(lock, [&] { return state_->end.has_value(); });
    return *state_->end;
  }
  [[nodiscard]] bool has_ended() {
    const std::lock_guard lock(state_->mutex);
    return state_->end.has_value();
  }

 private:
  struct State {
    void told(const Result<void>& word) {
      const std::lock_guard lock(mutex);
      readiness.push_back(word);
      changed.notify_all();
    }
    void ended(const Result<void>& how) {
      const std::lock_guard lock(mutex);
      if (end) std::abort();  // Once is the promise.
      end = how;
      changed.notify_all();
    }
    template <typename Condition>
    void await(std::unique_lock<std::mutex>& lock, Condition condition) {
      if (!changed.wait_for(lock, std::chrono::seconds(30), condition)) {
        throw std::runtime_error("TIMEOUT waiting for the signer");
      }
    }
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Result<void>> readiness;
    std::optional<Result<void>> end;
  };

  std::shared_ptr<State> state_ = std::make_shared<State>();
  Loop loop_{2};
  std::unique_ptr<Store> store_;
  std::shared_ptr<hsm::signer::SignerClient> keeper_;
  std::optional<hsm::signer::SignerServer> server_;
};

}  // namespace mintmark::test
