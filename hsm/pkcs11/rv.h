// What a module answers, what it means to us and what is done about it: the one table of CK_RV.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "hsm/pkcs11/cryptoki.h"

namespace mintmark::hsm::pkcs11 {

/// What is done about a fault, weakest first; each does what the weaker ones do as well.
enum class Remedy : std::uint8_t {
  none,          ///< Nothing was lost: the answer is the caller's.
  wait,          ///< Nothing that we could do; it may pass by itself.
  new_session,   ///< The session is closed, the call done again on another.
  find_again,    ///< The key's handle is forgotten, the key looked for again.
  log_in,        ///< Logged out (whatever the flags say) and in again; all handles are forgotten.
  reinitialise,  ///< C_Finalize, C_Initialize, the token found again, logged in.
  restart,       ///< This process is of no use any more: the signer ends and is started again.
  stop,          ///< Nothing, until a person has changed something.
};
[[nodiscard]] std::string_view name_of(Remedy remedy);  ///< "new_session", …

/// A row of the table.
struct RvFacts {
  CK_RV rv;
  std::string_view name;  ///< "CKR_DEVICE_ERROR"
  Code code;              ///< What callers are told.
  Remedy first;           ///< What is done when it is seen.
  Remedy last;            ///< The strongest that is tried while the weaker ones do not help.
};

/// The row of `rv`; of a vendor's own or an unknown code the row that all of those share.
[[nodiscard]] const RvFacts& facts_of_rv(CK_RV rv);
/// All rows that have a name.
[[nodiscard]] std::vector<RvFacts> rv_table();

/// "CKR_PIN_INCORRECT"; "CKR_VENDOR_DEFINED + 0x12"; "CKR_ 0x1234" for one that the standard does
/// not name.
[[nodiscard]] std::string name_of_rv(CK_RV rv);

/// `what`: the Cryptoki function, or "/path/to/module.so: C_Initialize". The code is the table's.
[[nodiscard]] Error error_of(CK_RV rv, std::string_view what);
[[nodiscard]] inline tl::unexpected<Error> fail_with(CK_RV rv, std::string_view what) {
  return tl::unexpected<Error>(error_of(rv, what));
}

/// True if the session of that call is gone: its handle may belong to another session tomorrow, and
/// must not be closed.
[[nodiscard]] bool session_is_gone(CK_RV rv);

}  // namespace mintmark::hsm::pkcs11
