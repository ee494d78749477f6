#include "hsm/pkcs11/signing.h"

#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {
namespace {

/// The longest there is: RSA of 8192 bits.
constexpr std::size_t longest_signature = 1024;

}  // namespace

Result<Bytes> raw_signature(const Session& session, const SigningMechanism& mechanism,
                            CK_OBJECT_HANDLE key, BytesView input) {
  MechanismCall call(mechanism);
  CK_RV rv = session.calls().C_SignInit(session.handle(), call.get(), key);
  if (rv != CKR_OK) return fail_with(rv, "C_SignInit");
  Bytes signature(longest_signature);
  auto size = static_cast<CK_ULONG>(signature.size());
  rv = session.calls().C_Sign(session.handle(), for_reading(input),
                              static_cast<CK_ULONG>(input.size()), signature.data(), &size);
  if (rv != CKR_OK) return fail_with(rv, "C_Sign");
  if (size > signature.size()) {
    return fail(Code::hsm_signature_wrong, "C_Sign gave " + std::to_string(size) + " octets");
  }
  signature.resize(size);
  return signature;
}

}  // namespace mintmark::hsm::pkcs11
