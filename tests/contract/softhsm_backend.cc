#include "contract/pkcs11_backend.h"
#include "support/softhsm.h"

namespace mintmark::test {

INSTANTIATE_TEST_SUITE_P(SoftHsm, KeyStoreContract,
                         ::testing::Values(pkcs11_backend<SoftHsm>("softhsm")));

}  // namespace mintmark::test
