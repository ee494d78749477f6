#include "attest/tpm2/binding.h"

namespace mintmark::attest::tpm2 {

Sha256 hash_fields(std::initializer_list<BytesView> fields) {
  Bytes all;
  for (const BytesView field : fields) {
    const auto length = static_cast<std::uint32_t>(field.size());
    for (const unsigned shift : {24U, 16U, 8U, 0U})
      all.push_back(static_cast<std::uint8_t>(length >> shift & 0xFFU));
    all.insert(all.end(), field.begin(), field.end());
  }
  return sha256(all);
}

Sha256 binding_of(std::string_view issuer, std::string_view ticket, BytesView ek_spki,
                  BytesView ak_name, BytesView device_name) {
  return hash_fields({as_bytes("mintmark tpm2 enrolment v1"), as_bytes(issuer), as_bytes(ticket),
                      ek_spki, ak_name, device_name});
}

}  // namespace mintmark::attest::tpm2
