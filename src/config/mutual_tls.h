// "mutual_tls": which clients may authenticate by a certificate.
#pragma once

#include "config/config.h"
#include "config/directory.h"
#include "config/reader.h"

namespace mintmark::config {

/// Reads the member "mutual_tls" of the document, which may be left out. `trusted_proxy`: a proxy
/// ends TLS, so that the certificate comes by a header.
[[nodiscard]] MutualTls read_mutual_tls(ObjectReader& root, const Directory& directory,
                                        bool trusted_proxy);

}  // namespace mintmark::config
