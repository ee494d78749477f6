// The name of a CK_RV, for those who know no Cryptoki.
#pragma once

#include <cstdint>
#include <string>

namespace mintmark::hsm::pkcs11 {

/// "CKR_DEVICE_ERROR" for 0x30; as name_of_rv (rv.h).
[[nodiscard]] std::string fault_name(std::uint64_t native);
/// "new_session" for 2; as name_of(Remedy).
[[nodiscard]] std::string remedy_name(std::size_t remedy);

}  // namespace mintmark::hsm::pkcs11
