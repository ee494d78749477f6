// All that stands on a token, ours and others', for an operator's eyes. No Cryptoki here: programs
// include it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "hsm/key_store.h"
#include "hsm/pkcs11/uri.h"

namespace mintmark::hsm::pkcs11 {

/// What the key stores say of a private key with a label of ours.
struct OursFacts {
  Purpose purpose;
  std::string kid;
  std::string unfit;  ///< As KeyInfo::unfit.
};

struct ObjectFacts {
  enum class Class : std::uint8_t { private_key, public_key, secret_key, certificate, other };

  Class object_class = Class::other;
  std::string class_name;  ///< "private key"; "CKO 0x…" for one that is none of the above.
  std::string label;       ///< As it stands there: of strangers.
  Bytes id;                ///< CKA_ID; empty where it has none.
  std::string key_type;    ///< "EC", "RSA", "Ed25519", "AES", "CKK 0x…"; "" where it is no key.
  std::string curve;       ///< "P-256", or OpenSSL's name; "" where there is none.
  unsigned bits = 0;       ///< Of the field or the modulus; 0 where it is not shown.
  /// Flags by name ("CKA_SIGN"), in a fixed order; what the module does not show is left out.
  std::vector<std::pair<std::string, bool>> attributes;
  /// SubjectPublicKeyInfo, DER. Of a private key: of its public half (same CKA_ID and type), or
  /// what it shows itself. Empty where nothing shows it.
  Bytes public_key;
  std::optional<OursFacts> ours;
};

/// Logs in and lists every object that the user sees, in the module's order, in a life of the
/// module of its own: C_Initialize to C_Finalize, so no key store may be open in this process. One
/// try with the PIN. Blocks. Errors: those of open_key_store.
[[nodiscard]] Result<std::vector<ObjectFacts>> list_objects(const std::string& module,
                                                            const TokenSelector& token,
                                                            const Secret& pin);

}  // namespace mintmark::hsm::pkcs11
