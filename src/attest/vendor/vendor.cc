#include "attest/vendor/vendor.h"

#include "attest/vendor/yubihsm.h"

namespace mintmark::attest::vendor {

Verifier verifier_of(std::string_view kind) {
  if (kind == yubihsm_kind) return &verify_yubihsm;
  return nullptr;
}

}  // namespace mintmark::attest::vendor
