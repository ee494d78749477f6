// Which certificate a chain goes on with, where several have the issuer's name. Of this folder
// alone.
#pragma once

#include <vector>

#include "attest/x509/certificate.h"

namespace mintmark::attest::x509 {

/// RFC 5280 does not say how a path is found, and OpenSSL takes the first issuer by name and key
/// identifier: where an authority's name has two keys, or its key two certificates, that may be
/// the wrong one. A run that failed is then repeated with what it taught.
///
/// What it costs is bounded, whoever sends the certificates: `most_runs` runs of verification and
/// `most_tried` further signatures.
class IssuerSearch {
 public:
  static constexpr int most_runs = 8;
  static constexpr int most_tried = 64;

  /// Has runs of OpenSSL's verification with these anchors ask their search, if they have one.
  static void ask_in(X509_STORE* anchors);

  /// `candidates`: all that may stand in a chain; they outlive the search.
  explicit IssuerSearch(std::vector<X509*> candidates) : candidates_(std::move(candidates)) {}
  /// `context` asks this search, which outlives the context's run.
  void attach(X509_STORE_CTX* context);

  /// Whether another run may end better than this one, which failed at `culprit` (nullptr:
  /// nowhere). In it issuers must have signed, and no chain leads through a culprit once more.
  [[nodiscard]] bool learn(const STACK_OF(X509) * failed, const X509* culprit);

 private:
  static int is_issuer(X509_STORE_CTX* context, X509* certificate, X509* issuer);
  [[nodiscard]] bool may_issue(X509* certificate, X509* issuer);
  [[nodiscard]] bool has_signed(X509* certificate, X509* issuer);
  [[nodiscard]] bool has_several_issuers(X509* certificate) const;

  std::vector<X509*> candidates_;
  bool by_signature_ = false;
  int runs_ = 1;
  int tried_ = 0;
  std::vector<const X509*> dead_ends_;
};

}  // namespace mintmark::attest::x509
