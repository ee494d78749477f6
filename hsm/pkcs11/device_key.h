// The port to a device's secure element, whatever PKCS#11 module it has: the key whose certificate
// names the device, and the key that its tokens are bound to. No Cryptoki here: the agent includes
// it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "jose/key.h"

namespace mintmark::hsm::pkcs11 {

/// CKA_LABEL of the key that we make.
inline constexpr const char* device_key_label = "mintmark device key";

/// One token, logged in. Keys are named by CKA_ID. Blocks. Not thread-safe. Errors of every call
/// beside those that it names: what the module answers (`hsm_unavailable`, `hsm_session_lost`,
/// `hsm_failed`, …).
class SecureElement {
 public:
  virtual ~SecureElement() = default;

  /// Of the token, as a PKCS#11 URI: with its serial number, as long as it has one.
  [[nodiscard]] virtual const std::string& token() const = 0;
  /// The CKA_ID of the key that the URI names. `agent_pkcs11_key`: there is none, there are
  /// several, it has no CKA_ID, or it could leave the token (CKA_EXTRACTABLE, CKA_SENSITIVE).
  [[nodiscard]] virtual Result<Bytes> identity_key() = 0;
  /// DER of the one X.509 certificate with that CKA_ID. `agent_pkcs11_certificate`: there is none,
  /// or there are several.
  [[nodiscard]] virtual Result<Bytes> certificate(const Bytes& id) = 0;
  /// A key that we made. `agent_pkcs11_key`: it is not there, or may not sign: it was not made in
  /// the token for good.
  [[nodiscard]] virtual Result<jose::PublicKey> find_key(const Bytes& id) = 0;
  /// The same; made (EC P-256) where no key has that CKA_ID.
  [[nodiscard]] virtual Result<jose::PublicKey> find_or_make_key(const Bytes& id) = 0;
  /// As a JWS has it, over the octets. `agent_pkcs11_key`: there is no such key, or the token does
  /// not sign so.
  [[nodiscard]] virtual Result<Bytes> sign(const Bytes& id, jose::Algorithm algorithm,
                                           BytesView octets) = 0;
};

/// `uri`: parse_key_uri. `pin_memory`: the beginning of a name of files of ours, one for each PIN
/// file; a PIN that the token refused is not offered again, by whichever process, before its file
/// has changed: tokens lock themselves. Errors:
/// `agent_pkcs11_uri`, `agent_pkcs11_module` (cannot be loaded or used), `agent_pkcs11_token`
/// (missing, or several fit), `agent_pkcs11_pin` (cannot be read, refused now or before, locked).
[[nodiscard]] Result<std::unique_ptr<SecureElement>> open_secure_element(
    const std::string& uri, const std::string& pin_memory);

/// `agent_pkcs11_uri`
[[nodiscard]] Result<void> check_element_uri(const std::string& uri);

}  // namespace mintmark::hsm::pkcs11
