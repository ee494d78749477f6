// mintd-signer, a process of its own, in front of SoftHSM.
#include "contract/key_store_contract.h"
#include "support/signer_process.h"
#include "support/softhsm.h"

namespace mintmark::test {
namespace {

class SignerProcessUnderTest final : public KeyStoreUnderTest {
 public:
  explicit SignerProcessUnderTest(const KeyStoreOptions& options) : options_(options) { reopen(); }
  hsm::Signer& signer() override { return signer_->keeper(); }
  hsm::KeyAdmin& admin() override { return signer_->keeper(); }
  void reopen() override {
    signer_.reset();
    config::HsmStore store = token_.store();
    store.sessions = options_.sessions;
    store.queue = options_.queue;
    signer_.emplace(store);
    if (auto ready = signer_->wait_for_readiness(); !ready) {
      throw std::runtime_error(ready.error().to_string());
    }
  }

 private:
  KeyStoreOptions options_;
  SoftHsm token_;
  std::optional<SignerProcess> signer_;
};

INSTANTIATE_TEST_SUITE_P(SignerProcess, KeyStoreContract,
                         ::testing::Values(KeyStoreBackend{
                             "signer-process",
                             [](const KeyStoreOptions& options) {
                               return std::make_unique<SignerProcessUnderTest>(options);
                             },
                             every_algorithm}));

}  // namespace
}  // namespace mintmark::test
