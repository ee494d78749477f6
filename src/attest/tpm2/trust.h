// The certificates that an operator trusts to vouch for EKs, and those that help to reach them.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace mintmark::attest::tpm2 {

struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
using Certificate = std::unique_ptr<X509, FreeX509>;

/// Immutable once loaded; shared by threads.
class EkTrust {
 public:
  /// Each path is a directory (every regular file in it) or one file: PEM, with text around it if
  /// need be, or DER. `intermediates` may be "". No root at all, or a file that holds no
  /// certificate, is `trust_unreadable` with its name.
  [[nodiscard]] static Result<EkTrust> load(const std::string& roots,
                                            const std::string& intermediates);
  [[nodiscard]] static Result<EkTrust> from_certificates(std::vector<Certificate> roots,
                                                         std::vector<Certificate> intermediates);

  /// Holds the roots as anchors: each ends a chain, self-signed or not.
  [[nodiscard]] X509_STORE* anchors() const { return anchors_.get(); }
  [[nodiscard]] const std::vector<Certificate>& intermediates() const { return intermediates_; }

 private:
  EkTrust() = default;
  std::unique_ptr<X509_STORE, FreeX509> anchors_;
  std::vector<Certificate> intermediates_;
};

}  // namespace mintmark::attest::tpm2
