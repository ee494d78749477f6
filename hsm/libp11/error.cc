#include "hsm/libp11/error.h"

#include <libp11.h>
#include <openssl/err.h>

#include <array>

#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::libp11 {

Error last_error(std::string_view what) {
  unsigned long rv = 0;
  std::string words;
  while (const unsigned long error = ERR_get_error()) {
    if (ERR_GET_LIB(error) == ERR_get_CKR_code()) {
      rv = static_cast<unsigned long>(ERR_GET_REASON(error));
      continue;
    }
    std::array<char, 256> text{};
    ERR_error_string_n(error, text.data(), text.size());
    words = text.data();
  }
  if (rv != 0) return pkcs11::error_of(rv, what);
  return {Code::hsm_tool_failed,
          std::string(what) + ": " + (words.empty() ? "libp11 does not say why" : words)};
}

}  // namespace mintmark::hsm::libp11
