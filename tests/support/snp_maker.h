// SEV-SNP evidence as a guest on AMD's hardware would have it, under an authority of a test's own.
#pragma once

#include <functional>
#include <optional>

#include "base/json.h"
#include "jose/key.h"
#include "support/issued_certificate.h"

namespace mintmark::test {

/// What the certificate of a signing key says; by default a good VCEK's of Genoa.
struct SnpKeyOptions {
  bool vlek = false;
  std::string product = "Genoa";
  std::string issued_as = "Genoa";  ///< The line in the issuer's name.
  std::optional<std::string> common_name = std::nullopt;
  std::string curve = "P-384";
  bool ca = false;
  /// Last numbers of AMD's extensions ("3.8") and what they hold instead; no octets: left out.
  std::vector<std::pair<std::string, Bytes>> changed = {};
  /// Extensions on top: "3.1" makes one that stands twice.
  std::vector<std::pair<std::string, Bytes>> more = {};
  Moment not_after = from_unix(2'000'000'000);
};

class SnpMaker {
 public:
  /// Roots of one name are one for OpenSSL, so authorities side by side need two.
  explicit SnpMaker(const std::string& root = "ARK-Test");

  // Open to a test's hand.
  SnpKeyOptions key_options;
  std::uint32_t version = 3;
  std::function<void(Bytes& report)> before_signing;
  std::function<void(Bytes& report)> after_signing;
  bool with_table = false;  ///< The certificates come as "auxblob".

  /// A report of 1184 octets with that report_data in front.
  [[nodiscard]] Bytes report(BytesView report_data) const;
  /// Of the signing key, then the one that signed it, DER.
  [[nodiscard]] std::vector<Bytes> certificates() const;
  /// Such two as a host's table has them.
  [[nodiscard]] Bytes table(const std::vector<Bytes>& certificates) const;
  [[nodiscard]] Json evidence(const Sha256& binding, const jose::PublicKey& key) const;
  [[nodiscard]] Bytes root_pem() const;
  [[nodiscard]] Bytes root_der() const;

  [[nodiscard]] static Bytes chip_id();  ///< 64 octets, of a Turin's 8 and zeros.

 private:
  [[nodiscard]] Bytes chip() const;
  [[nodiscard]] std::shared_ptr<X509> intermediate() const;
  Pair root_key_;
  Pair intermediate_key_;
  Pair key_;
  Pair short_key_;
  std::shared_ptr<X509> root_;
};

}  // namespace mintmark::test
