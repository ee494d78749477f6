#include "programs/mintd/front_stores.h"

#include <algorithm>

#include "programs/mintd/measured_signer.h"

namespace mintmark::mintd {

std::shared_ptr<hsm::Signer> FrontStores::take(const std::string& store, UniqueFd channel) {
  const auto configured =
      std::find_if(config_.stores.begin(), config_.stores.end(),
                   [&](const config::HsmStore& one) { return one.name == store; });
  if (configured == config_.stores.end()) return nullptr;
  const MutexLock lock(mutex_);
  One& one = stores_[store];
  if (one.client) {
    one.client->replace(std::move(channel));
    one.breaker->renewed();
    in_use_.renewed(store);
    return one.signer;
  }
  one.client = hsm::signer::SignerClient::make(io_, std::move(channel));
  one.breaker = SignerBreaker::make(io_, store, one.client, figures_.breaker_open(store), {});
  one.signer = std::make_shared<MeasuredSigner>(one.breaker, figures_.signing(store));
  in_use_.put(store, {.signer = one.signer,
                      .healthy =
                          [client = one.client, breaker = one.breaker] {
                            return client->connected() &&
                                   breaker->state() != SignerBreaker::State::open;
                          },
                      .call_deadline = configured->call_deadline});
  return one.signer;
}

void FrontStores::close() {
  const MutexLock lock(mutex_);
  for (const auto& [name, one] : stores_) one.client->close();
}

std::vector<std::string> FrontStores::troubles() const {
  std::vector<std::string> troubles;
  const MutexLock lock(mutex_);
  for (const config::HsmStore& store : config_.stores) {
    const auto found = stores_.find(store.name);
    if (found == stores_.end() || !found->second.client->connected())
      troubles.push_back("signer: " + store.name);
    if (found != stores_.end() && found->second.breaker->state() == SignerBreaker::State::open)
      troubles.push_back("breaker: " + store.name);
  }
  return troubles;
}

}  // namespace mintmark::mintd
