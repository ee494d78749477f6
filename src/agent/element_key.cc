#include "agent/element_key.h"

namespace mintmark::agent {

Result<Bytes> ElementDeviceKey::sign(BytesView octets) {
  auto signature = element_->sign(id_, public_key_.algorithm(), octets);
  if (!signature || public_key_.verify(octets, *signature)) return signature;
  return fail(Code::agent_pkcs11_key,
              element_->token() + ": the key with CKA_ID " + to_hex(id_) +
                  " is not the one that was enrolled; bring that one back, or enrol again");
}

}  // namespace mintmark::agent
