// The issuer's endpoints as the agent calls them.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/boot_logs.h"
#include "agent/transport.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "hsm/tpm2/device.h"
#include "jose/key.h"

namespace mintmark::agent {

// Formats of enrolment, as they stand in the URL.
inline constexpr std::string_view tpm2_format = "tpm2";
inline constexpr std::string_view key_format = "key";
inline constexpr std::string_view x509_format = "x509";

/// Endpoints from the issuer's metadata (RFC 8414).
struct Endpoints {
  std::string token;
  std::string challenge;   ///< "" where the issuer requires no challenges.
  std::string revocation;  ///< "" where the issuer has none (RFC 7009).
};

/// What a TPM presents (docs/http-api.md, "Enrolment"): an EK certificate, or the AK's own.
struct Presented {
  Bytes ek_certificate;
  Bytes ak_certificate;
  std::vector<Bytes> ak_chain;
  Bytes ak_public;
  Bytes device_public;
};

struct Challenge {
  std::string ticket;
  // Empty for an AK that is certified: there is nothing to activate.
  Bytes credential_blob;   ///< TPM2B_ID_OBJECT
  Bytes encrypted_secret;  ///< TPM2B_ENCRYPTED_SECRET
  std::string pcr_bank;
  std::vector<unsigned> pcr_selection;
  LogsWanted logs;
  /// Octets that the body of finish may have.
  std::size_t longest_body = std::numeric_limits<std::size_t>::max();
};

struct ChallengeAnswer {
  std::string ticket;
  std::optional<Secret> activation_secret;
  hsm::tpm2::Statement certify;
  hsm::tpm2::Quote quote;
  BootLogs logs;
};

struct Admission {
  std::string client_id;
  std::string client_attestation;
  std::chrono::seconds expires_in{};
};

struct TokenRequest {
  std::string audience;  ///< "": the issuer chooses.
  std::string scope;     ///< Words with one space between; "": the issuer chooses.
  /// Asked for, and bound to, by the certificate of the connection (RFC 8705), not by proofs.
  bool by_certificate = false;
};

struct TokenAnswer {
  std::string token;
  std::string scope;  ///< What was granted; "" where it is what was asked for (RFC 6749 §5.1).
  std::chrono::seconds expires_in{};
  std::string certificate{};  ///< x5t#S256 of the one that it was asked for with; "": none.
};

/// How a request to the token endpoint names and proves its client, beside the DPoP proof.
struct ClientCredential {
  http::Headers headers;
  http::FormFields fields;

  /// draft-ietf-oauth-attestation-based-client-auth-10 §6
  [[nodiscard]] static ClientCredential attestation(const std::string& client_attestation);
  /// RFC 7523 §2.2
  [[nodiscard]] static ClientCredential assertion(const std::string& client_assertion);
  /// RFC 8705 §2: the connection's certificate speaks for the client.
  [[nodiscard]] static ClientCredential certificate(const std::string& client_id);
};

/// An answer of the issuer, and the nonce that came with it for the next proof.
template <typename Answer>
struct Reply {
  Result<Answer> answer;
  std::string nonce;  ///< "": none came.
};
using TokenReply = Reply<TokenAnswer>;
using ResultReply = Reply<std::string>;
using RevocationReply = Reply<void>;

/// One issuer. Errors of every call: those of the transport; what the issuer refuses with comes
/// with the issuer's own code where we know it, else as `issuer_refused` or `unavailable`;
/// `issuer_answer_invalid`. Not thread-safe.
class IssuerClient {
 public:
  /// `issuer` is its URL without a slash at the end; `issuer_not_https` for anything that is no
  /// https URL.
  [[nodiscard]] static Result<IssuerClient> at(std::string issuer, Transport& transport);

  [[nodiscard]] const std::string& issuer() const { return issuer_; }
  [[nodiscard]] std::string finish_url(std::string_view format) const;

  /// From the issuer's metadata, which must name this very issuer and endpoints at its origin:
  /// `issuer_metadata_invalid`.
  [[nodiscard]] Result<Endpoints> endpoints();

  [[nodiscard]] Result<Challenge> begin(const Presented& presented);
  /// Octets of the body that finish sends with these.
  [[nodiscard]] static std::size_t finish_octets(const Presented& presented,
                                                 const ChallengeAnswer& answer);
  /// `proof` for POST to finish_url(tpm2_format).
  [[nodiscard]] Result<Admission> finish(const Presented& presented, const ChallengeAnswer& answer,
                                         const std::string& proof);

  /// The ticket for a key, in formats that ask for nothing else first.
  [[nodiscard]] Result<std::string> begin(std::string_view format, const jose::PublicKey& key);
  /// `proof` for POST to finish_url(format), its nonce the ticket; evidence as the format has it.
  [[nodiscard]] Result<Admission> finish(std::string_view format, const jose::PublicKey& key,
                                         const std::string& ticket, const Json& evidence,
                                         const std::string& proof);
  /// The client id. `proof` for POST to finish_url(key_format), its nonce the ticket.
  [[nodiscard]] Result<std::string> finish_key(const jose::PublicKey& key,
                                               const std::string& ticket, const Secret& code,
                                               const std::string& proof);

  /// A value for the `nonce` of the next proof (attestation-based-client-auth-10 §8.1).
  [[nodiscard]] Result<std::string> challenge(const std::string& endpoint);
  /// `proof` for POST to `endpoint`, by a key that the credential vouches for; "": the transport
  /// shows a certificate.
  [[nodiscard]] TokenReply token(const std::string& endpoint, const TokenRequest& request,
                                 const ClientCredential& credential, const std::string& proof);

  /// Takes a token back (RFC 7009 §2). `proof` for POST to `endpoint`.
  [[nodiscard]] RevocationReply revoke(const std::string& endpoint, const std::string& token,
                                       const ClientCredential& credential,
                                       const std::string& proof);

  /// Where the issuer's verdict on a device is.
  [[nodiscard]] std::string result_url(const std::string& client_id) const;
  /// The issuer's verdict as a compact JWS (an EAT, typ eat+jwt), its signature not checked: it is
  /// for others. `proof` for GET of `url`. `nonce`: to be echoed in it; "": none.
  [[nodiscard]] ResultReply result(const std::string& url, const std::string& nonce,
                                   const ClientCredential& credential, const std::string& proof);

 private:
  IssuerClient(std::string issuer, Transport& transport)
      : issuer_(std::move(issuer)), transport_(&transport) {}
  [[nodiscard]] Result<Admission> admitted(std::string_view format, const Json& body,
                                           const std::string& proof);
  [[nodiscard]] Result<Json> post_json(const std::string& url, http::Headers headers,
                                       const Json& body);

  std::string issuer_;
  Transport* transport_;
};

}  // namespace mintmark::agent
