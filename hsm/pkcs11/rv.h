// What a module answers, and what it means to us: the one table from CK_RV to Code.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "hsm/pkcs11/cryptoki.h"

namespace mintmark::hsm::pkcs11 {

/// "CKR_PIN_INCORRECT"; "CKR_VENDOR_DEFINED + 0x12"; "CKR_ 0x1234" for one that the standard does
/// not name.
[[nodiscard]] std::string name_of_rv(CK_RV rv);

/// `what`: the Cryptoki function, or "/path/to/module.so: C_Initialize". The code is the table's:
/// `hsm_session_lost` is what opening, logging in and finding again may cure; `hsm_unavailable` may
/// pass by itself; `hsm_failed` wants a person.
[[nodiscard]] Error error_of(CK_RV rv, std::string_view what);
[[nodiscard]] inline tl::unexpected<Error> fail_with(CK_RV rv, std::string_view what) {
  return tl::unexpected<Error>(error_of(rv, what));
}

/// True if the session of that call is gone: its handle may belong to another session tomorrow, and
/// must not be closed.
[[nodiscard]] bool session_is_gone(CK_RV rv);

}  // namespace mintmark::hsm::pkcs11
