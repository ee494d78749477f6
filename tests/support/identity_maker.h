// Device identities (IEEE 802.1AR) of a test's own maker: a root, an issuing authority, devices
// with certificates, and what they answer to a ticket of format "x509".
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "jose/key.h"

namespace mintmark::test {

/// What a device's certificate says; by default an IDevID of a key in a TPM.
struct IdentityOptions {
  std::string common_name = "Gateway 7";  ///< "": no subject at all.
  std::string organisation = "Test Maker";
  std::string module_type = "2.23.133.1.2";  ///< hwType; "": no hardwareModuleName.
  std::string module_serial = "GW7:0001";
  std::vector<std::string> policies = {"2.23.133.11.1.1", "2.23.133.11.1.2"};
  const char* basic_constraints = "critical,CA:FALSE";
  const char* key_usage = "critical,digitalSignature";  ///< nullptr: none.
  long serial = 2;
  Moment not_before = from_unix(1'700'000'000);
  Moment not_after = from_unix(2'000'000'000);
  bool unknown_critical = false;
};

/// A root and an IDevID authority below it, both EC. Throws where OpenSSL fails; so do devices.
class IdentityMaker {
 public:
  IdentityMaker();
  /// DER.
  [[nodiscard]] Bytes root() const;
  [[nodiscard]] Bytes authority() const;
  [[nodiscard]] Bytes root_pem() const;
  [[nodiscard]] Bytes authority_pem() const;
  /// PEM, of the authority: revokes these serial numbers.
  [[nodiscard]] Bytes crl_pem(const std::vector<long>& revoked, Moment next_update) const;
  /// DER. `spki`: the device's public key, DER.
  [[nodiscard]] Bytes certify(BytesView spki, const IdentityOptions& options = {}) const;

 private:
  std::shared_ptr<EVP_PKEY> root_key_;
  std::shared_ptr<EVP_PKEY> authority_key_;
  std::shared_ptr<X509> root_;
  std::shared_ptr<X509> authority_;
};

/// A device with an identity key in memory and its certificate.
class IdentityDevice {
 public:
  explicit IdentityDevice(const IdentityMaker& maker, const IdentityOptions& options = {},
                          jose::Algorithm algorithm = jose::Algorithm::es256);
  /// With a key that the test made: `alg` is the name that its evidence gives.
  IdentityDevice(const IdentityMaker& maker, std::shared_ptr<EVP_PKEY> key,
                 jose::Algorithm algorithm, const IdentityOptions& options = {});

  /// For this binding. `key`, the token's, is in the binding already: this format says no more of
  /// it.
  [[nodiscard]] Json evidence(const Sha256& binding, const jose::PublicKey& key) const;
  [[nodiscard]] Bytes sign(BytesView octets) const;
  [[nodiscard]] const Bytes& certificate() const { return certificate_; }
  [[nodiscard]] const Bytes& spki() const { return spki_; }

 private:
  std::shared_ptr<EVP_PKEY> key_;
  jose::Algorithm algorithm_;
  Bytes spki_;
  Bytes certificate_;
  Bytes authority_;
};

/// A certificate (DER) as PEM.
[[nodiscard]] Bytes pem_of(BytesView certificate);

/// A key for RSASSA-PSS alone (RFC 4055 §1.2), and what its parameters restrict it to.
enum class PssParameters : std::uint8_t { none, sha256, sha384, long_salt };
[[nodiscard]] std::shared_ptr<EVP_PKEY> make_pss_pair(PssParameters parameters);

}  // namespace mintmark::test
