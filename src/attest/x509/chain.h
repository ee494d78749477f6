// From a certificate to an authority that an operator knows (RFC 5280 §6, by OpenSSL; what it lets
// pass is in conformance.h, which issuer it takes in issuer_search.h). Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "attest/x509/certificate.h"
#include "attest/x509/trust.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::attest::x509 {

/// Why a chain does not hold; each profile has codes of its own for these (`code_of`).
enum class ChainFault : std::uint8_t {
  untrusted_root,  ///< It ends at an issuer that nobody here knows.
  refused_root,
  expired,
  not_yet_valid,
  signature,
  unhandled_critical,
  revoked,
  crl,  ///< Revocation cannot be judged: a CRL is missing where it must not be, or bad.
  invalid
};

/// The codes of certificates in general (`certificate_…`); profiles with codes of their own for
/// some of these take those.
[[nodiscard]] Code code_of(ChainFault fault);

struct ChainRefusal {
  ChainFault fault = ChainFault::invalid;
  std::string reason;  ///< For people; names the certificate, and where its issuer is published.
};

enum class Standing : std::uint8_t { trusted, review };
[[nodiscard]] const char* name_of(Standing standing);

struct Link {
  std::string subject;  ///< RFC 4514
  std::string issuer;
  std::string sha256;  ///< hex
};

/// A chain that holds: signatures, lives, constraints, revocation.
struct Chain {
  Standing standing = Standing::review;
  /// hex SHA-256 of the last certificate; "unknown" where no anchor was reached. Then the last
  /// certificate's signature is nobody's word.
  std::string root;
  std::string root_subject;  ///< RFC 4514; of an unknown authority the name it is said to have.
  std::vector<Link> links;   ///< From the leaf to the last certificate that was found.
};
inline constexpr const char* unknown_root = "unknown";

/// What of an authority whose certificate has expired.
enum class ExpiredAuthorities : std::uint8_t {
  refuse,
  /// Taken where it lived when the leaf's life began: an EK certificate is made once, in a
  /// factory, and outlives many of those that signed it (docs/adr/0020).
  taken_if_alive_at_issue,
  /// Taken whenever it lived: where the maker of a profile cannot renew them
  /// (docs/attestation/android-key.md).
  taken
};

/// What the keys and digests below an anchor must be worth.
enum class Strength : std::uint8_t {
  bits_112,  ///< No SHA-1 in a signature, no RSA below 2,048.
  bits_80,   ///< RSA of 1,024, for chains that prove nothing anyhow.
  any,       ///< No profile has it. Published paths of another time are judged by all else: of 472
             ///< some forty are signed with SHA-1, and would be refused for that alone.
};

/// What a profile takes beyond RFC 5280. By default nothing.
struct Leniency {
  // NOLINTNEXTLINE(google-explicit-constructor): most profiles differ in nothing else.
  Leniency(ExpiredAuthorities authorities) : expired(authorities) {}
  ExpiredAuthorities expired;
  /// The leaf's issuer need not be marked as an authority (basicConstraints, keyCertSign): the
  /// caller knows by other means that it is one.
  bool unmarked_issuer = false;
  Strength strength = Strength::bits_112;
};

/// `leaf` and `offered` have bounded keys. The nearest anchor's rule decides, but one that is
/// refused refuses wherever it stands.
[[nodiscard]] tl::expected<Chain, ChainRefusal> check_chain(X509* leaf,
                                                            const std::vector<Certificate>& offered,
                                                            const Trust& trust, Moment now,
                                                            const Leniency& leniency);

/// Those that a device offers, each as parse_certificate; `code` where there are too many, one is
/// none, or has a key that is too large.
[[nodiscard]] Result<std::vector<Certificate>> parse_offered(const std::vector<Bytes>& chain,
                                                             Code malformed, Code unbounded);

[[nodiscard]] Json to_json(const std::vector<Link>& links);

}  // namespace mintmark::attest::x509
