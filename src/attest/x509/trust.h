// The authorities that an operator knows, what is done with devices of each, and what helps to
// judge their chains.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "attest/x509/certificate.h"
#include "base/error.h"

namespace mintmark::attest::x509 {

/// What becomes of a device that an authority vouches for.
enum class RootRule : std::uint8_t {
  trust,
  review,  ///< All is checked, and a person has the last word.
  refuse,  ///< Wherever it stands in a chain.
};

/// What becomes of a device that no authority known here vouches for.
enum class UnknownRoots : std::uint8_t { refuse, review };

struct RootSource {
  std::string path;
  RootRule rule = RootRule::trust;
};

/// Where trust is read from. Each path is a directory (every regular file in it) or one file: PEM,
/// with text around it if need be, or DER.
struct TrustSources {
  std::vector<RootSource> roots;
  std::string intermediates;  ///< May be "".
  UnknownRoots unknown = UnknownRoots::refuse;
  std::string crls;            ///< "": revocation is not looked at.
  bool crls_required = false;  ///< Each certificate below an anchor needs a CRL of its issuer.
};

/// Immutable once loaded; shared by threads.
class Trust {
 public:
  /// No root at all, or a file that holds no certificate (or CRL), is `trust_unreadable` with its
  /// name.
  [[nodiscard]] static Result<Trust> load(const TrustSources& sources);
  /// All of `roots` trusted, and nothing else is.
  [[nodiscard]] static Result<Trust> load(const std::string& roots,
                                          const std::string& intermediates);

  struct Anchor {
    Certificate certificate;
    RootRule rule = RootRule::trust;
  };
  struct Parts {
    std::vector<Anchor> anchors;
    std::vector<Certificate> intermediates;
    std::vector<Crl> crls;
    UnknownRoots unknown = UnknownRoots::refuse;
    bool check_crls = false;
    bool crls_required = false;
  };
  [[nodiscard]] static Result<Trust> of(Parts parts);
  [[nodiscard]] static Result<Trust> from_certificates(std::vector<Certificate> roots,
                                                       std::vector<Certificate> intermediates);

  /// Holds the roots as anchors: each ends a chain, self-signed or not, whatever its rule.
  [[nodiscard]] X509_STORE* anchors() const { return anchors_.get(); }
  /// The strictest rule given for that certificate (hex SHA-256); nullptr where it is no anchor.
  [[nodiscard]] const RootRule* rule_of(const std::string& digest) const;
  /// Roots and intermediates.
  [[nodiscard]] const std::vector<X509*>& known() const { return known_; }
  [[nodiscard]] const std::vector<Certificate>& intermediates() const { return intermediates_; }
  [[nodiscard]] UnknownRoots unknown() const { return unknown_; }
  /// nullptr: revocation is not looked at.
  [[nodiscard]] STACK_OF(X509_CRL) * crls() const { return crls_.get(); }
  [[nodiscard]] bool crls_required() const { return crls_required_; }

 private:
  Trust() = default;
  std::unique_ptr<X509_STORE, FreeX509> anchors_;
  std::map<std::string, RootRule> rules_;
  std::vector<Certificate> intermediates_;
  std::vector<Certificate> owned_roots_;
  std::vector<X509*> known_;
  UnknownRoots unknown_ = UnknownRoots::refuse;
  std::vector<Crl> owned_crls_;
  std::unique_ptr<STACK_OF(X509_CRL), FreeX509> crls_;
  bool crls_required_ = false;
};

/// Every certificate of a file's content: PEM, DER, or a JSON array of PEM texts (as Google
/// publishes its roots); none where one of them is damaged.
[[nodiscard]] std::vector<Certificate> certificates_in(BytesView content);

}  // namespace mintmark::attest::x509
