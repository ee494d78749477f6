#include "contract/key_store_contract.h"
#include "support/fake_key_store.h"

namespace mintmark::test {
namespace {

class FakeUnderTest final : public KeyStoreUnderTest {
 public:
  explicit FakeUnderTest(const KeyStoreOptions& options) : options_(options) { reopen(); }
  hsm::Signer& signer() override { return *store_; }
  hsm::KeyAdmin& admin() override { return *store_; }
  void reopen() override {
    store_.reset();
    store_ = std::make_unique<FakeKeyStore>(keys_, options_.queue);
  }

 private:
  KeyStoreOptions options_;
  std::shared_ptr<FakeKeyStore::Keys> keys_ = FakeKeyStore::make_keys();
  std::unique_ptr<FakeKeyStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Fake, KeyStoreContract,
                         ::testing::Values(KeyStoreBackend{"fake",
                                                           [](const KeyStoreOptions& options) {
                                                             return std::make_unique<FakeUnderTest>(
                                                                 options);
                                                           },
                                                           every_algorithm}));

}  // namespace
}  // namespace mintmark::test
