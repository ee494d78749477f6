// The issuer's endpoints as the agent calls them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/transport.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "hsm/tpm2/device.h"

namespace mintmark::agent {

/// What a TPM presents (docs/http-api.md, "Enrolment").
struct Presented {
  Bytes ek_certificate;
  Bytes ak_public;
  Bytes device_public;
};

struct Challenge {
  std::string ticket;
  Bytes credential_blob;   ///< TPM2B_ID_OBJECT
  Bytes encrypted_secret;  ///< TPM2B_ENCRYPTED_SECRET
  std::string pcr_bank;
  std::vector<unsigned> pcr_selection;
};

struct ChallengeAnswer {
  std::string ticket;
  Secret activation_secret;
  hsm::tpm2::Statement certify;
  hsm::tpm2::Quote quote;
};

struct Admission {
  std::string client_id;
  std::string client_attestation;
  std::chrono::seconds expires_in{};
};

struct TokenRequest {
  std::string audience;  ///< "": the issuer chooses.
  std::string scope;     ///< Words with one space between; "": the issuer chooses.
};

struct TokenAnswer {
  std::string token;
  std::chrono::seconds expires_in{};
};

/// One issuer. Errors of every call: those of the transport; what the issuer refuses with comes
/// with the issuer's own code where we know it, else as `issuer_refused` or `unavailable`;
/// `issuer_answer_invalid`. Not thread-safe.
class IssuerClient {
 public:
  /// `issuer` is its URL without a slash at the end; `issuer_not_https` for anything that is no
  /// https URL.
  [[nodiscard]] static Result<IssuerClient> at(std::string issuer, Transport& transport);

  [[nodiscard]] const std::string& issuer() const { return issuer_; }
  [[nodiscard]] std::string finish_url() const;

  /// From the issuer's metadata (RFC 8414), which must name this very issuer and an endpoint at its
  /// origin: `issuer_metadata_invalid`.
  [[nodiscard]] Result<std::string> token_endpoint();

  [[nodiscard]] Result<Challenge> begin(const Presented& presented);
  /// `proof` for POST to finish_url().
  [[nodiscard]] Result<Admission> finish(const Presented& presented, const ChallengeAnswer& answer,
                                         const std::string& proof);
  /// `proof` for POST to `endpoint`, by the key that the client attestation names.
  [[nodiscard]] Result<TokenAnswer> token(const std::string& endpoint, const TokenRequest& request,
                                          const std::string& client_attestation,
                                          const std::string& proof);

 private:
  IssuerClient(std::string issuer, Transport& transport)
      : issuer_(std::move(issuer)), transport_(&transport) {}
  [[nodiscard]] Result<Json> post_json(const std::string& url, http::Headers headers,
                                       const Json& body);

  std::string issuer_;
  Transport* transport_;
};

}  // namespace mintmark::agent
