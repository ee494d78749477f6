// KeyDescription as OpenSSL's ASN.1 templates. For this folder alone.
// (source.android.com/docs/security/features/keystore/attestation#schema)
#pragma once

#include <openssl/asn1t.h>

#include <memory>

#include "base/bytes.h"

namespace mintmark::attest::android_key {

// NOLINTBEGIN: OpenSSL's macros, and members that its templates write.
using Elements = STACK_OF(ASN1_TYPE);
struct KeyDescriptionSequence {
  ASN1_INTEGER* attestation_version;
  ASN1_ENUMERATED* attestation_level;
  ASN1_INTEGER* keymint_version;
  ASN1_ENUMERATED* keymint_level;
  ASN1_OCTET_STRING* challenge;
  ASN1_OCTET_STRING* unique_id;
  Elements* software;  // EXPLICIT context tags: new ones come with each version, so any is read.
  Elements* hardware;
};
struct RootOfTrustSequence {
  ASN1_OCTET_STRING* verified_boot_key;
  // Whatever is not zero is true (BER), as Google reads it: there are devices that write 1.
  ASN1_BOOLEAN device_locked;
  ASN1_ENUMERATED* verified_boot_state;
  ASN1_OCTET_STRING* verified_boot_hash;  // From version 3 on.
};
struct PackageSequence {
  ASN1_OCTET_STRING* name;
  ASN1_INTEGER* version;
};
using SignatureDigest = ASN1_OCTET_STRING;
struct ApplicationIdSequence {
  STACK_OF(PackageSequence) * packages;
  STACK_OF(SignatureDigest) * signatures;
};
DEFINE_STACK_OF(PackageSequence)
DEFINE_STACK_OF(SignatureDigest)

DECLARE_ASN1_ITEM(KeyDescriptionSequence)
DECLARE_ASN1_ITEM(RootOfTrustSequence)
DECLARE_ASN1_ITEM(ApplicationIdSequence)
DECLARE_ASN1_ITEM(IntegerSet)
// NOLINTEND

struct FreeItem {
  const ASN1_ITEM* item = nullptr;
  template <typename T>
  void operator()(T* value) const {
    ASN1_item_free(reinterpret_cast<ASN1_VALUE*>(value), item);
  }
};
template <typename T>
using Item = std::unique_ptr<T, FreeItem>;

/// All of the octets as one T; nullptr where they are none.
template <typename T>
[[nodiscard]] Item<T> decode(BytesView der, const ASN1_ITEM* item) {
  const std::uint8_t* at = der.data();
  Item<T> value(
      reinterpret_cast<T*>(ASN1_item_d2i(nullptr, &at, static_cast<long>(der.size()), item)),
      FreeItem{item});
  if (value && at != der.data() + der.size()) value.reset();
  return value;
}

}  // namespace mintmark::attest::android_key
