#include "attest/binding.h"

#include <string>

namespace mintmark::attest {

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

Sha256 binding_of(std::string_view format, std::string_view issuer, std::string_view ticket,
                  std::string_view jkt) {
  const std::string label = "mintmark " + std::string(format) + " enrolment v1";
  return hash_fields({as_bytes(label), as_bytes(issuer), as_bytes(ticket), as_bytes(jkt)});
}

}  // namespace mintmark::attest
