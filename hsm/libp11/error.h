// What went wrong inside libp11, out of OpenSSL's queue of errors.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace mintmark::hsm::libp11 {

/// Empties this thread's queue. The module's CK_RV in it gives the code by hsm/pkcs11's table;
/// without one it is `hsm_tool_failed` with libp11's or OpenSSL's own words.
[[nodiscard]] Error last_error(std::string_view what);
[[nodiscard]] inline tl::unexpected<Error> fail_in(std::string_view what) {
  return tl::unexpected<Error>(last_error(what));
}

}  // namespace mintmark::hsm::libp11
