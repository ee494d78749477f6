// For PEM that strangers send: OpenSSL would ask a terminal for the passphrase of an encrypted
// block.
#pragma once

namespace mintmark {

/// A pem_password_cb that has none: such a block is refused like any other that cannot be read.
inline int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return 0;
}

}  // namespace mintmark
