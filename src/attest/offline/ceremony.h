// What the judges of WebAuthn and App Attest share: files told apart by content, certificates in
// words. For this folder alone.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "attest/webauthn/certificates.h"
#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::attest::offline {

struct CeremonyFiles {
  std::vector<Bytes> certificates;  ///< DER
  std::vector<Json> objects;        ///< JSON objects…
  std::vector<Bytes> texts;         ///< … and their octets.
  std::vector<Bytes> messages;      ///< DER that is no certificate: CMS.
  std::vector<Bytes> others;        ///< CBOR, or nothing that is known.
};
[[nodiscard]] CeremonyFiles sort_ceremony(const std::vector<Bytes>& files);

/// The one that all of them are; `evidence_files` where there is none, or two differ. `what` names
/// it.
[[nodiscard]] Result<Bytes> the_one(const std::vector<Bytes>& all, const std::string& what);

/// Certificates given beside help to a root.
void offer(webauthn::Certificates& to, const std::vector<Bytes>& beside);

/// "2025-05-22 20:32:21+00:00"
[[nodiscard]] std::string utc_text(const ASN1_TIME* time);
/// RFC 4514; "" where it is empty.
[[nodiscard]] std::string subject_text(const X509* certificate);

}  // namespace mintmark::attest::offline
