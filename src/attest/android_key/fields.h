// The known fields of AuthorizationList: their types and Google's names. For this folder alone.
#pragma once

#include <optional>

#include "attest/android_key/key_description.h"

namespace mintmark::attest::android_key {

enum class Kind : std::uint8_t {
  nothing,  ///< NULL: there or not.
  integer,
  integers,  ///< SET OF INTEGER
  octets,
  text,  ///< OCTET STRING that holds UTF-8.
  origin,
  patch_level,
  root_of_trust,
  application_id,  ///< OCTET STRING that holds DER.
};

struct Field {
  Tag tag;
  Kind kind;
  const char* name;  ///< As Google's verifier writes it in JSON.
};

/// nullptr: no such tag is known.
[[nodiscard]] const Field* field_of(std::uint32_t tag);

/// The value inside the EXPLICIT tag; nothing where it is none of that kind.
[[nodiscard]] std::optional<AuthorizationList::Value> read_value(Kind kind, BytesView der);

}  // namespace mintmark::attest::android_key
