// What OpenSSL has to say, in words.
#pragma once

#include <string>

#include "base/error.h"

struct ssl_st;
struct ssl_ctx_st;

namespace mintmark::http {

/// The reasons in this thread's error queue, oldest first, and empties it.
[[nodiscard]] std::string openssl_reasons();

/// From now on, a certificate that connections of this context refuse is remembered for
/// `tls_error`, and the verdict stays what it is.
void remember_refused_certificates(ssl_ctx_st* context);

/// `tls_failed` for a broken handshake or record: a certificate that was refused is named with its
/// subject and why. Also where the peer closed in the middle of TLS. Empties the queue.
[[nodiscard]] Error tls_error(ssl_st* ssl);

}  // namespace mintmark::http
