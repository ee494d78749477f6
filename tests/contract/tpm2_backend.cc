// An issuer's keys in a TPM: swtpm, by ESAPI alone.
#include "contract/key_store_contract.h"
#include "hsm/tpm2/issuer_key_store.h"
#include "support/tpm_store.h"

namespace mintmark::test {
namespace {

class TpmUnderTest final : public KeyStoreUnderTest {
 public:
  explicit TpmUnderTest(const KeyStoreOptions& options) : options_(options) { reopen(); }
  hsm::Signer& signer() override { return *store_; }
  hsm::KeyAdmin& admin() override { return *store_; }
  void reopen() override {
    store_.reset();
    config::HsmStore settings = device_.store();
    settings.queue = options_.queue;
    auto opened = hsm::tpm2::open_key_store(settings, contract_issuer);
    if (!opened) throw std::runtime_error(opened.error().to_string());
    store_ = std::move(*opened);
  }

 private:
  KeyStoreOptions options_;
  TpmStore device_;
  std::unique_ptr<hsm::tpm2::TpmKeyStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Tpm2, KeyStoreContract,
                         ::testing::Values(KeyStoreBackend{
                             "tpm2",
                             [](const KeyStoreOptions& options) {
                               return std::make_unique<TpmUnderTest>(options);
                             },
                             {jose::Algorithm::es256, jose::Algorithm::es384,
                              jose::Algorithm::rs256, jose::Algorithm::ps256},
                             {jose::Algorithm::ed25519}}));

}  // namespace
}  // namespace mintmark::test
