#include "attest/tpm2/binding.h"

namespace mintmark::attest::tpm2 {

Sha256 binding_of(std::string_view issuer, std::string_view ticket, BytesView ek_spki,
                  BytesView ak_name, BytesView device_name) {
  return hash_fields({as_bytes("mintmark tpm2 enrolment v1"), as_bytes(issuer), as_bytes(ticket),
                      ek_spki, ak_name, device_name});
}

}  // namespace mintmark::attest::tpm2
