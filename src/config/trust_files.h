// Authorities as a configuration names them. For this folder alone.
#pragma once

#include "config/config.h"
#include "config/directory.h"
#include "config/reader.h"

namespace mintmark::config {

/// One path, all of it trusted; or a list of paths with a rule each.
[[nodiscard]] std::vector<RootSource> read_roots(ObjectReader& reader, const char* key,
                                                 bool required, const Directory& directory);
/// "roots", "unknown_roots" (with that default), "intermediates", "crls", "crls_required".
[[nodiscard]] TrustFiles read_trust(ObjectReader& reader, const char* unknown_roots,
                                    const Directory& directory);

}  // namespace mintmark::config
