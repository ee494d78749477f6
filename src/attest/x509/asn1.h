// What OpenSSL's ASN.1 templates give, owned. For the folders of attest.
#pragma once

#include <openssl/asn1t.h>

#include <memory>

#include "base/bytes.h"

namespace mintmark::attest::x509 {

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

}  // namespace mintmark::attest::x509
