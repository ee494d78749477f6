// Whose a client's certificate is (RFC 8705 §2): the device whose registered key it is on. Pure;
// thread-safe.
#pragma once

#include <memory>
#include <string>

#include "attest/x509/trust.h"
#include "base/bytes.h"
#include "base/time.h"
#include "jose/key.h"

namespace mintmark::issuer {

/// The methods that are taken. Made once, shared by threads.
struct MutualTls {
  bool self_signed = false;  ///< self_signed_tls_client_auth
  /// tls_client_auth; null: not taken. Each must sign devices' certificates itself: none comes with
  /// a chain.
  std::shared_ptr<const attest::x509::Trust> authorities = nullptr;

  [[nodiscard]] bool is_on() const { return self_signed || authorities != nullptr; }
};

/// A client's certificate that was found good.
struct ClientCertificate {
  std::string thumbprint;  ///< `cnf.x5t#S256` (RFC 8705 §3.1): base64url of SHA-256 over the DER.
  Moment until;            ///< notAfter.
};

/// `der`: whose key the client has proven. Under either method it must be the key that the device
/// has registered: what an authority says of a name makes no device of a key that nobody certified.
/// Good now; key usage, where there is one, has digitalSignature, and extended key usage, where
/// there is one, clientAuth. A certificate that names itself as its issuer is judged as
/// self-signed, any other by the authorities, one of which must have signed it, and then its common
/// name or a subjectAltName of type URI or DNS is `client_id`.
///
/// Errors: `client_certificate_malformed`, `client_certificate_key`, `client_certificate_time`,
/// `client_certificate_usage`, `client_certificate_signature`, `client_certificate_untrusted` (also
/// where the method that would judge it is off), `client_certificate_subject`.
[[nodiscard]] Result<ClientCertificate> check_client_certificate(BytesView der,
                                                                 const std::string& client_id,
                                                                 const jose::PublicKey& registered,
                                                                 const MutualTls& taken,
                                                                 Moment now);

}  // namespace mintmark::issuer
