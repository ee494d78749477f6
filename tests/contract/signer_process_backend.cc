// mintd-signer, a process of its own, in front of SoftHSM and of a TPM.
#include "contract/key_store_contract.h"
#include "support/signer_process.h"
#include "support/softhsm.h"
#include "support/tpm_store.h"

namespace mintmark::test {
namespace {

/// `Device`: SoftHsm or TpmStore.
template <typename Device>
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
  Device token_;
  std::optional<SignerProcess> signer_;
};

template <typename Device>
KeyStoreBackend signer_process(std::string name, std::vector<jose::Algorithm> algorithms,
                               std::vector<jose::Algorithm> lacking = {}) {
  return {std::move(name),
          [](const KeyStoreOptions& options) -> std::unique_ptr<KeyStoreUnderTest> {
            return std::make_unique<SignerProcessUnderTest<Device>>(options);
          },
          std::move(algorithms), std::move(lacking)};
}

INSTANTIATE_TEST_SUITE_P(SignerProcess, KeyStoreContract,
                         ::testing::Values(signer_process<SoftHsm>("signer-process",
                                                                   every_algorithm)));
INSTANTIATE_TEST_SUITE_P(
    TpmSignerProcess, KeyStoreContract,
    ::testing::Values(signer_process<TpmStore>("tpm-signer-process",
                                               {jose::Algorithm::es256, jose::Algorithm::es384,
                                                jose::Algorithm::rs256, jose::Algorithm::ps256},
                                               {jose::Algorithm::ed25519})));

}  // namespace
}  // namespace mintmark::test
