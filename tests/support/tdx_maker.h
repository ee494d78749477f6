// TDX evidence as a TD on Intel's hardware would have it, and what Intel would publish of it, under
// an authority of a test's own.
#pragma once

#include <functional>

#include "base/json.h"
#include "jose/key.h"
#include "support/issued_certificate.h"

namespace mintmark::test {

class TdxMaker {
 public:
  TdxMaker();

  // Open to a test's hand.
  std::uint16_t version = 4;
  bool tdx_15 = false;  ///< Of version 5.
  std::function<void(Bytes& header_and_body)> before_signing;
  std::function<void(Bytes& enclave_report)> before_qe_signing;
  std::function<void(Bytes& quote)> after_signing;
  Bytes auth_data = Bytes(32, 0x21);
  std::uint16_t outer_type = 6;
  std::uint16_t inner_type = 5;
  std::string after_chain;  ///< Behind the PEM, inside its size.
  Bytes after_inner;        ///< Behind it, inside the outer one's.
  std::string pck_curve = "P-256";
  bool pck_ca = false;
  bool without_chain = false;
  /// Of the PCK certificate, on top of its one.
  std::vector<std::pair<std::string, Bytes>> more_extensions;
  /// Its SGX extension; sgx_extension() by default.
  std::function<Bytes()> pck_extension;
  Moment pck_not_after = from_unix(2'000'000'000);
  std::string signer_common_name = "Intel SGX TCB Signing";
  Moment signer_not_after = from_unix(2'000'000'000);

  [[nodiscard]] Bytes quote(BytesView report_data) const;
  [[nodiscard]] Json evidence(const Sha256& binding, const jose::PublicKey& key) const;
  [[nodiscard]] Bytes root_pem() const;
  [[nodiscard]] Bytes root_der() const;
  /// A TD's own report, 1024 octets.
  [[nodiscard]] Bytes local_report() const;

  /// Bodies as Intel's PCS serves them for these quotes: up to date.
  [[nodiscard]] static Json tcb_info();
  [[nodiscard]] static Json qe_identity();
  /// The response around a body, signed.
  [[nodiscard]] Bytes response(const std::string& name, const Json& body) const;
  [[nodiscard]] Bytes signing_chain_pem() const;
  [[nodiscard]] Bytes root_crl(const std::vector<long>& revoked = {},
                               Moment next_update = from_unix(1'900'000'000)) const;
  [[nodiscard]] Bytes pck_crl(const std::vector<long>& revoked = {},
                              Moment next_update = from_unix(1'900'000'000)) const;
  /// All of that.
  [[nodiscard]] std::vector<Bytes> collateral() const;

  /// TCB components' SVN (one for all), PCE SVN.
  [[nodiscard]] static Bytes sgx_extension(unsigned svn = 5, unsigned pce_svn = 11);

  static constexpr long intermediate_serial = 2;
  static constexpr long signer_serial = 3;
  static constexpr long pck_serial = 4;

 private:
  [[nodiscard]] std::string pck_chain_pem() const;
  [[nodiscard]] Bytes signature_data(BytesView signed_part) const;
  Pair root_key_;
  Pair intermediate_key_;
  Pair pck_key_;
  Pair wrong_curve_key_;
  Pair signer_key_;
  Pair attestation_key_;
  std::shared_ptr<X509> root_;
  std::shared_ptr<X509> intermediate_;
};

}  // namespace mintmark::test
