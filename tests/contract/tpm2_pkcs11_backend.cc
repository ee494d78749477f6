#include "contract/pkcs11_losses.h"

namespace mintmark::test {

static const std::vector<jose::Algorithm> tpm_algorithms{
    jose::Algorithm::es256, jose::Algorithm::es384, jose::Algorithm::rs256, jose::Algorithm::ps256};

INSTANTIATE_TEST_SUITE_P(Tpm2Pkcs11, KeyStoreContract,
                         ::testing::Values(pkcs11_backend<Tpm2Pkcs11>("tpm2-pkcs11", tpm_algorithms,
                                                                      {jose::Algorithm::ed25519})));
INSTANTIATE_TEST_SUITE_P(Tpm2Pkcs11, Pkcs11Losses,
                         ::testing::Values(pkcs11_backend<Tpm2Pkcs11>("tpm2-pkcs11", tpm_algorithms,
                                                                      {jose::Algorithm::ed25519})));

}  // namespace mintmark::test
