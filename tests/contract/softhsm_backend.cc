#include "contract/pkcs11_losses.h"

namespace mintmark::test {

INSTANTIATE_TEST_SUITE_P(SoftHsm, KeyStoreContract,
                         ::testing::Values(pkcs11_backend<SoftHsm>("softhsm", every_algorithm)));
INSTANTIATE_TEST_SUITE_P(SoftHsm, Pkcs11Losses,
                         ::testing::Values(pkcs11_backend<SoftHsm>("softhsm", every_algorithm)));

}  // namespace mintmark::test
