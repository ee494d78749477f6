#include "contract/pkcs11_losses.h"

namespace mintmark::test {

INSTANTIATE_TEST_SUITE_P(Tpm2Pkcs11, KeyStoreContract,
                         ::testing::Values(pkcs11_backend<Tpm2Pkcs11>("tpm2-pkcs11")));
INSTANTIATE_TEST_SUITE_P(Tpm2Pkcs11, Pkcs11Losses,
                         ::testing::Values(pkcs11_backend<Tpm2Pkcs11>("tpm2-pkcs11")));

}  // namespace mintmark::test
