// EC P-256 keys in this process's own memory: how they are made and sign, whether a file keeps them
// or nothing does.
#pragma once

#include <memory>
#include <optional>

#include "jose/key.h"

namespace mintmark::jose {

/// An EVP_PKEY; its private part is wiped when freed, and lives in OpenSSL's secure memory where
/// that is set up (secure_keys).
using SoftwarePair = std::shared_ptr<void>;

/// Has OpenSSL keep private parts that are made from now on in memory that is locked and left out
/// of core dumps. Once, before any thread. Where the machine does not let it be, keys live in
/// ordinary memory and are wiped all the same: false.
bool secure_keys();

/// Null where OpenSSL makes none.
[[nodiscard]] SoftwarePair new_pair();
/// Nothing where OpenSSL cannot encode it.
[[nodiscard]] std::optional<PublicKey> public_half(const SoftwarePair& pair);
/// r || s over SHA-256 of the octets; nothing where OpenSSL makes none. Thread-safe.
[[nodiscard]] std::optional<Bytes> sign_es256(const SoftwarePair& pair, BytesView octets);

}  // namespace mintmark::jose
