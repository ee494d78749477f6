// Certificates for tests of TLS: a CA in memory and what it signs. Names must match, chains must
// end at the CA: nothing here weakens what is tested.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mintmark::test {

/// PEM texts of a certificate and its key (EC P-256).
struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

struct CertificateRequest {
  std::string common_name = "test";
  /// What the certificate is for: DNS names and IP addresses in digits.
  std::vector<std::string> names = {"localhost", "127.0.0.1"};
  /// From now; both may be negative.
  std::chrono::seconds not_before{-300};
  std::chrono::seconds not_after{3600};
  /// The extended key usage: serverAuth, or clientAuth, which no server may show.
  bool for_server = true;
};

/// A certification authority with a key of its own. Throws std::runtime_error where OpenSSL fails.
class TestCa {
 public:
  explicit TestCa(const std::string& name = "Test CA");
  ~TestCa();
  TestCa(TestCa&&) noexcept;

  [[nodiscard]] std::string certificate_pem() const;
  [[nodiscard]] TestCertificate issue(const CertificateRequest& request = {}) const;
  /// A certificate (PEM) for a key that lives elsewhere: its SubjectPublicKeyInfo, DER.
  [[nodiscard]] std::string certify(const std::vector<std::uint8_t>& public_key,
                                    const CertificateRequest& request = {}) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mintmark::test
