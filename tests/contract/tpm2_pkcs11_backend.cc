#include "contract/pkcs11_backend.h"
#include "support/tpm2_pkcs11.h"

namespace mintmark::test {

INSTANTIATE_TEST_SUITE_P(Tpm2Pkcs11, KeyStoreContract,
                         ::testing::Values(pkcs11_backend<Tpm2Pkcs11>("tpm2-pkcs11")));

}  // namespace mintmark::test
