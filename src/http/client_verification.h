// What a TLS server takes of its clients' certificates. For tls.cc alone.
#pragma once

struct ssl_ctx_st;

namespace mintmark::http {

/// ClientCertificates::asked_for.
void ask_for_certificates(ssl_ctx_st* context);

}  // namespace mintmark::http
