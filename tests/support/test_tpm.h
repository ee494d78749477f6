// A TPM's identity in software, vouched for by a test's own authority: for tests and benchmarks of
// the issuer. What it signs says that a TPM made it, which is exactly what no root but the test's
// believes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "attest/tpm2/enrolment.h"
#include "base/time.h"
#include "support/soft_key.h"

namespace mintmark::test {

/// What the EK certificate says; by default all that is asked for.
struct EkCertificate {
  bool is_ca = false;
  bool extended_key_usage = true;
  bool key_usage = true;
  bool names = true;
  bool unknown_critical = false;
  bool corrupt_signature = false;
  Moment not_before = from_unix(1'700'000'000);
  Moment not_after = from_unix(2'000'000'000);
};

/// What an AK's certificate says; by default all that is asked for.
struct AkCertificateOptions {
  const char* basic_constraints = "critical,CA:FALSE";
  const char* key_usage = "critical,digitalSignature";
  const char* extended_key_usage = "2.23.133.8.3";  ///< nullptr: none.
  Moment not_after = from_unix(2'000'000'000);
};

/// A root and an intermediate, both EC.
class TestAuthority {
 public:
  TestAuthority();
  [[nodiscard]] attest::tpm2::EkTrust trust(bool with_intermediate = true) const;
  [[nodiscard]] Bytes intermediate_der() const;
  /// The root as PEM, for configurations.
  [[nodiscard]] std::string root_pem() const;
  /// hex SHA-256 of the root.
  [[nodiscard]] std::string root_fingerprint() const;
  [[nodiscard]] std::string intermediate_pem() const;
  /// Root and intermediate under that rule.
  [[nodiscard]] attest::x509::Trust::Parts parts(attest::x509::RootRule rule) const;
  [[nodiscard]] Bytes certify_ak(const TPMT_PUBLIC& ak,
                                 const AkCertificateOptions& options = {}) const;
  /// Of the intermediate; every certificate that certify gives has the serial number 2.
  [[nodiscard]] attest::x509::Crl crl(const std::vector<long>& revoked, Moment next_update) const;
  [[nodiscard]] Bytes certify(EVP_PKEY* ek, bool rsa, const EkCertificate& options) const;

 private:
  std::shared_ptr<EVP_PKEY> root_key_;
  std::shared_ptr<EVP_PKEY> intermediate_key_;
  std::shared_ptr<X509> root_;
  std::shared_ptr<X509> intermediate_;
};

/// Throws where OpenSSL or tss2-mu fails. One thread.
class TestTpm {
 public:
  explicit TestTpm(const TestAuthority& authority,
                   attest::tpm2::EkKind kind = attest::tpm2::EkKind::ecc_p256,
                   const EkCertificate& certificate = {});

  // Open to a test's hand before presented() and the rest are called.
  TPMT_PUBLIC ak{};
  TPMT_PUBLIC device{};
  std::function<void(TPMS_ATTEST&)> before_certify;  ///< Changes what is signed.
  std::function<void(TPMS_ATTEST&)> before_quote;
  std::function<void(TPMT_SIGNATURE&)> after_signing;  ///< Changes the signature of both.
  attest::tpm2::PcrValues pcrs;

  [[nodiscard]] attest::tpm2::Presented presented() const;
  [[nodiscard]] const SoftKey& device_key() const { return device_key_; }
  [[nodiscard]] Bytes ak_name() const;
  [[nodiscard]] Bytes device_name() const;
  [[nodiscard]] const Bytes& ek_spki() const { return ek_spki_; }

  /// TPM2_ActivateCredential. Throws if it was not made for this EK and AK.
  [[nodiscard]] Bytes activate(const attest::tpm2::Challenge& challenge) const;
  /// What a certified AK answers: nothing to open.
  [[nodiscard]] attest::tpm2::Answer answer(BytesView binding,
                                            const attest::tpm2::PcrSelection& asked) const;
  /// Puts TPM2_CertifyCreation of the device key in the place of TPM2_Certify.
  void certify_creation(attest::tpm2::Answer& answer, BytesView binding) const;
  /// All of `finish`: opens the challenge, certifies, quotes these PCRs.
  [[nodiscard]] attest::tpm2::Answer answer(const attest::tpm2::Challenge& challenge,
                                            BytesView binding,
                                            const attest::tpm2::PcrSelection& asked) const;

 private:
  [[nodiscard]] TPMS_ATTEST attest_of(TPM2_ST type, BytesView binding) const;
  [[nodiscard]] Bytes signature_over(BytesView attest) const;

  attest::tpm2::EkKind kind_;
  std::shared_ptr<EVP_PKEY> ek_;
  Bytes ek_spki_;
  Bytes ek_certificate_;
  SoftKey ak_key_;
  SoftKey device_key_;
};

}  // namespace mintmark::test
