// Attestation objects as authenticators make them, and FIDO's metadata, under authorities of a
// test's own: what they sign says that hardware holds the key, which no root but the test's
// believes.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <functional>
#include <memory>
#include <string>

#include "attest/x509/trust.h"
#include "base/json.h"
#include "cbor/write.h"
#include "jose/key.h"
#include "support/issued_certificate.h"

namespace mintmark::test {

/// One authenticator and the chain that vouches for it. Open to a test's hand: by default all is as
/// it should be. Throws where OpenSSL or tss2-mu fails.
class WebAuthnMaker {
 public:
  /// "packed", "self" (packed without certificates), "tpm", "android-key", "apple", "fido-u2f",
  /// "none".
  explicit WebAuthnMaker(std::string kind = "packed");

  std::string rp_id = "login.example";
  std::string origin = "https://login.example";
  std::uint8_t flags = 0x45;  ///< UP, UV, AT
  Bytes aaguid;               ///< Zero where the kind has none.
  Bytes credential_id = Bytes(32, 0xC1);
  Bytes extensions;             ///< CBOR behind the credential's key.
  std::int64_t algorithm = -7;  ///< Of the statement: -7, -257, -65535.
  std::function<void(Json&)> change_client;
  std::function<void(Bytes&)> change_auth_data;  ///< Before it is signed.
  std::function<void(IssuedCertificate&)> change_leaf;
  std::function<void(cbor::Members&)> change_statement;  ///< By the end.
  std::function<void(TPMT_PUBLIC&)> change_area;
  std::function<void(TPMS_ATTEST&)> change_certify;
  bool leaf_is_of_another_key = false;  ///< Of another than signs; than the credential's.
  bool with_intermediate = true;
  bool intermediate_is_attested = false;  ///< It is an Android key itself.

  struct Made {
    Bytes object;
    Bytes client;
  };
  [[nodiscard]] Made make(BytesView challenge) const;
  /// POST /attest/webauthn/finish's `evidence`; the key is bound by the binding alone.
  [[nodiscard]] Json evidence(const Sha256& binding, const jose::PublicKey& key) const;
  [[nodiscard]] static Json evidence_of(const Made& made);
  [[nodiscard]] Bytes root_pem() const;
  [[nodiscard]] Bytes root_der() const;
  [[nodiscard]] Bytes intermediate_der() const;
  [[nodiscard]] std::shared_ptr<const attest::x509::Trust> trust() const;
  /// From now on this authenticator names that one's credential.
  void name_credential_of(const WebAuthnMaker& other) { credential_ = other.credential_; }
  /// hex SHA-1 of the attestation key, as FIDO's metadata name U2F tokens by it.
  [[nodiscard]] std::string key_identifier() const;
  /// SubjectPublicKeyInfo of the credential.
  [[nodiscard]] Bytes credential_spki() const;

 private:
  struct Ceremony;
  [[nodiscard]] Bytes auth_data() const;
  [[nodiscard]] IssuedCertificate leaf_for(const Ceremony& ceremony) const;
  [[nodiscard]] Bytes x5c(const Ceremony& ceremony) const;
  [[nodiscard]] Pair attestation_key() const;
  [[nodiscard]] cbor::Members statement(const Ceremony& ceremony) const;
  [[nodiscard]] cbor::Members tpm_statement(const Ceremony& ceremony) const;

  std::string kind_;
  Pair root_key_;
  Pair intermediate_key_;
  Pair attestation_key_;
  Pair credential_;
  std::shared_ptr<X509> root_;
  std::shared_ptr<X509> intermediate_;
};

/// The names of a TPM, as a subjectAltName (TCG EK Credential Profile §3.2.9).
[[nodiscard]] Bytes tpm_names();

/// An Android KeyDescription of that key (KeyMint 3): security level 0 to 2; `origin` and `purpose`
/// stand in the list that the hardware enforces, of level 0 in the other.
[[nodiscard]] Bytes android_description(BytesView challenge, unsigned level = 1,
                                        unsigned origin = 0, unsigned purpose = 2,
                                        bool all_applications = false);

/// FIDO's metadata as a blob.
class MetadataMaker {
 public:
  MetadataMaker();
  Json header = {{"alg", "ES256"}, {"typ", "JWT"}};  ///< Without x5c.
  Json payload;
  std::string signer = "mds.fidoalliance.org";
  bool by_another_key = false;
  std::function<void(IssuedCertificate&)> change_signer;

  /// An entry of that model: vouched for by `roots` (DER), with these statuses.
  [[nodiscard]] static Json entry(const Bytes& aaguid, const std::vector<Bytes>& roots,
                                  const std::vector<std::string>& statuses);
  [[nodiscard]] std::string blob() const;
  [[nodiscard]] std::shared_ptr<const attest::x509::Trust> trust() const;
  [[nodiscard]] Bytes root_pem() const;

 private:
  Pair root_key_;
  Pair signer_key_;
  std::shared_ptr<X509> root_;
};

}  // namespace mintmark::test
