// The signer's client and server, over a socketpair, in front of the fake.
#include "contract/key_store_contract.h"
#include "support/fake_key_store.h"
#include "support/signer_in_process.h"

namespace mintmark::test {
namespace {

class SignerUnderTest final : public KeyStoreUnderTest {
 public:
  explicit SignerUnderTest(const KeyStoreOptions& options) : options_(options) { reopen(); }
  hsm::Signer& signer() override { return signer_->keeper(); }
  hsm::KeyAdmin& admin() override { return signer_->keeper(); }
  void reopen() override {
    signer_.reset();
    signer_.emplace(std::make_unique<FakeKeyStore>(keys_, options_.queue), clock_);
    if (auto ready = signer_->wait_for_readiness(); !ready) {
      throw std::runtime_error(ready.error().to_string());
    }
  }

 private:
  KeyStoreOptions options_;
  SystemClock clock_;
  std::shared_ptr<FakeKeyStore::Keys> keys_ = FakeKeyStore::make_keys();
  std::optional<SignerInProcess<FakeKeyStore>> signer_;
};

INSTANTIATE_TEST_SUITE_P(Signer, KeyStoreContract,
                         ::testing::Values(KeyStoreBackend{
                             "signer",
                             [](const KeyStoreOptions& options) {
                               return std::make_unique<SignerUnderTest>(options);
                             },
                             every_algorithm}));

}  // namespace
}  // namespace mintmark::test
