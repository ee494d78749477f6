// The OpenSSL provider of keys that live in a key store. For key.cc alone.
#pragma once

#include <openssl/core.h>

#include "hsm/tls/key.h"

namespace mintmark::hsm::tls {

inline constexpr const char* provider_name = "mintmark-tls";
inline constexpr const char* provider_properties = "provider=mintmark-tls";

/// The one parameter that its EC keys are imported from: a `const std::shared_ptr<const HeldKey>*`
/// as octets, used during the call only.
inline constexpr const char* held_key_parameter = "mintmark-held-key";

/// provider(7): what OSSL_PROVIDER_add_builtin takes.
extern OSSL_provider_init_fn init_provider;

}  // namespace mintmark::hsm::tls
