// Documents as AWS's Nitro security module makes them, under an authority of a test's own.
#pragma once

#include <openssl/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/json.h"
#include "base/time.h"
#include "jose/key.h"

namespace mintmark::test {

/// A root, two intermediates and their documents. Throws where OpenSSL fails. Open to a test's
/// hand: by default all is as it should be.
class NitroMaker {
 public:
  NitroMaker();

  // What a document says.
  Moment at = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  bool machine = false;  ///< NitroTPM.
  std::string module_id = "i-0123456789abcdef0-enc0123456789abcdef0";
  std::string digest = "SHA384";
  std::map<std::int64_t, Bytes> pcrs;
  std::optional<Bytes> nonce;
  std::optional<Bytes> user_data;
  std::optional<Bytes> public_key;
  std::map<std::string, Bytes> members;  ///< CBOR, in the place of what is written by default.
  std::optional<std::string> left_out;   ///< A member that is not written.

  // Who signs it, and how.
  std::int64_t algorithm = -35;
  const char* curve = "P-384";
  bool leaf_is_ca = false;
  const char* key_usage = "critical,digitalSignature";     ///< nullptr: none.
  std::chrono::seconds begins = std::chrono::minutes(-1);  ///< The leaf's life, from `at`.
  std::chrono::seconds ends = std::chrono::hours(3);
  bool by_another_key = false;  ///< Signed by none of the chain.
  bool tagged = false;
  std::size_t bundle_from = 0;  ///< Certificates of the bundle left out, from the root on.
  std::size_t bundle_to = 3;

  /// The members of the payload are as above.
  [[nodiscard]] Bytes document() const;
  /// POST /attest/nitro/finish's `evidence`; the key is bound by the binding alone.
  [[nodiscard]] Json evidence(const Sha256& binding, const jose::PublicKey& key);
  [[nodiscard]] Bytes root_pem() const;
  /// A TLS certificate, DER, with the document in a name.
  [[nodiscard]] Bytes carrier(const Bytes& document) const;

 private:
  [[nodiscard]] std::shared_ptr<X509> leaf(EVP_PKEY* key) const;
  [[nodiscard]] Bytes payload(X509* leaf) const;

  std::vector<std::shared_ptr<EVP_PKEY>> keys_;
  std::vector<std::shared_ptr<X509>> chain_;  ///< The root first.
};

}  // namespace mintmark::test
