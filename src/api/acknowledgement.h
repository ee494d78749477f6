// What a verifier says of itself with its request for the keys (docs/http-api.md, "Verifiers that
// acknowledge").
#pragma once

#include <optional>

#include "base/error.h"
#include "http/message.h"
#include "keyring/coverage.h"

namespace mintmark::api {

/// `Mintmark-Verifier: ID` and `Mintmark-Held-Kids: KID KID …`, each at most once, the kids parted
/// by one space each; without the second it holds none. nullopt: neither is there. `http_malformed`
/// for any other form: the request is answered all the same. `heard_at` is the caller's to set.
[[nodiscard]] Result<std::optional<keyring::Acknowledgement>> acknowledgement_in(
    const http::Headers& headers);

}  // namespace mintmark::api
