// What Apple's App Attest gives, under an authority of a test's own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "attest/x509/trust.h"
#include "base/json.h"
#include "cbor/write.h"
#include "jose/key.h"
#include "support/issued_certificate.h"

namespace mintmark::test {

/// One app on one device, with the key that it attests. Open to a test's hand: by default all is as
/// it should be. Throws where OpenSSL fails.
class AppAttestMaker {
 public:
  AppAttestMaker();

  std::string app_id = "ABCDE12345.org.example.agent";
  std::string aaguid = "appattest";  ///< Padded with zeros to 16 octets.
  std::uint32_t counter = 0;         ///< Of the attestation.
  std::optional<Bytes> credential_id;
  std::optional<Bytes> receipt = Bytes{1, 2, 3};
  std::string format = "apple-appattest";
  std::function<void(IssuedCertificate&)> change_leaf;
  bool leaf_is_of_another_key = false;
  std::function<void(Bytes&)> change_assertion;  ///< The authenticator data, before signing.

  [[nodiscard]] Bytes attestation(BytesView client_data_hash) const;
  [[nodiscard]] Bytes assertion(BytesView client_data_hash, std::uint32_t count) const;
  [[nodiscard]] Bytes key_id() const;
  [[nodiscard]] Bytes spki() const;
  /// POST /attest/apple-appattest/finish's `evidence` of a new device.
  [[nodiscard]] Json evidence(const Sha256& binding, const jose::PublicKey& key) const;
  /// Of a device that is known by that id.
  [[nodiscard]] Json known_evidence(const Sha256& binding, const std::string& client_id,
                                    std::uint32_t count) const;
  [[nodiscard]] Bytes root_pem() const;
  [[nodiscard]] std::string root_digest() const;
  [[nodiscard]] std::shared_ptr<const attest::x509::Trust> trust() const;
  /// The root and the intermediate, both trusted.
  [[nodiscard]] std::shared_ptr<const attest::x509::Trust> trust_in_both() const;

 private:
  Pair root_key_;
  Pair intermediate_key_;
  Pair key_;
  std::shared_ptr<X509> root_;
  std::shared_ptr<X509> intermediate_;
};

}  // namespace mintmark::test
