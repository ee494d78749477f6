// Certificates on the device key: what a device shows in a TLS handshake (RFC 8705 §2).
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "jose/key.h"

struct evp_pkey_st;

namespace mintmark::agent {

inline constexpr std::chrono::hours usual_certificate_life{24};
inline constexpr std::chrono::hours longest_certificate_life{30 * 24};

/// One that was read and is on the key that it should be on.
struct DeviceCertificate {
  std::string pem;         ///< It, then the chain that vouches for it, if any.
  std::string thumbprint;  ///< x5t#S256 (RFC 8705 §3.1)
  Moment not_before{};
  Moment not_after{};
};

/// The certificates of a PEM text; the first must be on the key with that thumbprint (RFC 7638).
/// `agent_certificate_unfit` says what is wrong.
[[nodiscard]] Result<DeviceCertificate> read_certificate(const std::string& pem,
                                                         const std::string& jkt);

/// The key of the first certificate. `agent_certificate_unfit`.
[[nodiscard]] Result<jose::PublicKey> public_key_of(const DeviceCertificate& certificate);

/// Good now.
[[nodiscard]] bool is_good(const DeviceCertificate& certificate, Moment now);
/// A tenth of its life is left, an hour at most: another one is to be made.
[[nodiscard]] bool is_ending(const DeviceCertificate& certificate, Moment now);

/// Who certificates are made for, and with what. `key` is of hsm::tls::library().
struct CertificateOwner {
  evp_pkey_st* key = nullptr;
  const jose::PublicKey& public_key;
  const std::string& client_id;  ///< Of at most 64 characters (RFC 5280, ub-common-name).
};

/// PEM of a certificate that the key signs itself: CN = client_id, clientAuth, a random serial
/// number, good from five minutes ago. `agent_certificate_failed`, and what the key says.
[[nodiscard]] Result<std::string> make_certificate(const CertificateOwner& owner,
                                                   std::chrono::hours life, Moment now);
/// PEM of a PKCS#10 request (RFC 2986) with the same subject and usage, for an authority.
[[nodiscard]] Result<std::string> make_certificate_request(const CertificateOwner& owner);

}  // namespace mintmark::agent
