// A device's agent: enrols it, fetches its tokens, proves their use.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/certificate.h"
#include "agent/enrolment.h"
#include "agent/held_key.h"
#include "agent/issuer_client.h"
#include "agent/proof.h"
#include "agent/session_key.h"
#include "agent/state.h"
#include "agent/transport.h"
#include "base/json.h"
#include "base/time.h"
#include "hsm/pkcs11/device_key.h"
#include "hsm/tpm2/device.h"
#include "http/message.h"

namespace mintmark::agent {

struct EnrolmentOptions {
  std::string issuer;
  std::string ca_file;  ///< "": the system's roots.
  EnrolmentWay way;
};

/// A token that nobody keeps yet.
struct FreshToken {
  std::string token;
  std::string scope;  ///< As granted.
  std::string jkt;    ///< The key it is bound to.
  Moment obtained_at{};
  Moment expires_at{};      ///< Of a session key's token: never behind the key's end.
  std::string enrolment;    ///< enrolment_of whoever asked for it.
  std::string certificate;  ///< x5t#S256 of the one it is bound to; "": none.
};

/// The certificate that a device shows in handshakes, with its key.
struct ShownCertificate {
  std::string thumbprint;  ///< x5t#S256
  std::shared_ptr<const http::ClientIdentity> identity;
  /// What the key said when a handshake came to nothing (HeldDeviceKey::trouble).
  std::shared_ptr<std::optional<Error>> trouble;
};

/// A request to a service, to be made with a token.
struct Call {
  TokenRequest token;
  std::string method;
  std::string url;
  http::Headers headers;
  std::string body;
  std::string ca_file;   ///< PEM of the roots that vouch for the service; "": those of the issuer.
  bool session = false;  ///< With a token of a session key that lives for this call alone.
};

/// What the agent stands on; opened when first needed, so that what comes from the cache touches
/// neither TPM nor network.
struct Surroundings {
  std::function<Result<std::unique_ptr<hsm::tpm2::Device>>(const std::string& tcti)> open_device;
  std::function<std::unique_ptr<Transport>(const std::string& ca_file)> open_transport;
  const Clock& clock;
  /// The kernel's name for this boot; "" where nobody knows it.
  std::function<std::string()> boot_id;
  /// A line for the owner that is no error.
  std::function<void(const std::string& line)> say;
  /// As hsm::pkcs11::open_secure_element.
  std::function<Result<std::unique_ptr<hsm::pkcs11::SecureElement>>(const std::string& uri,
                                                                    const std::string& pin_memory)>
      open_element = {};
  /// As agent::open_transport_as.
  std::function<std::unique_ptr<Transport>(const std::string& ca_file,
                                           std::shared_ptr<const http::ClientIdentity> identity)>
      open_transport_as = {};
};

/// One state directory. Not thread-safe; several processes may use one directory.
class Agent {
 public:
  Agent(StateDirectory state, Surroundings surroundings);

  /// By a TPM: new keys, a new client attestation. By a secure element: the key that it has of us,
  /// made if it has none, and a new client attestation. By a code: the key in the state directory,
  /// made if it is not there. The old enrolment stays until the new one is written, also where the
  /// new one waits for approval.
  [[nodiscard]] Result<Enrolment> enroll(const EnrolmentOptions& options);

  /// Shows the issuer this TPM and this boot (or this secure element) again, with the keys that it
  /// knows where they still load; whatever the schedule says. `agent_key_unsupported` for a key
  /// that nothing attests.
  [[nodiscard]] Result<Enrolment> attest();

  /// From the cache, else from the issuer. Who enrolled by evidence attests again first where that
  /// is due (renewal.h), once: a refusal is reported at once, any other failure only when the old
  /// attestation is over and no token is left in the cache; and also where the issuer asks for it.
  /// `enrolment_pending` where that waits for approval.
  [[nodiscard]] Result<std::string> token(const TokenRequest& request) {
    return token(request, Kept::used);
  }
  /// From the issuer in any case; it takes the place of what the cache has for this request.
  [[nodiscard]] Result<std::string> new_token(const TokenRequest& request) {
    return token(request, Kept::replaced);
  }

  /// From the issuer, whatever the cache has, and into it goes nothing. Attests again as token
  /// does. With `session` the token is bound to that key, for which the device key vouches in an
  /// assertion; `agent_session_unfit` where it is over.
  [[nodiscard]] Result<FreshToken> fresh_token(const TokenRequest& request,
                                               SessionKey* session = nullptr);

  /// Tells the issuer that a token of this device is not wanted any more (RFC 7009), and forgets
  /// it; "": every token that is kept. Gives how many that were. By the device key itself, whatever
  /// became of the evidence. `issuer_metadata_invalid` where the issuer takes none back.
  [[nodiscard]] Result<std::size_t> revoke(const std::string& token);

  /// The issuer's verdict on this device as an EAT, for whoever does not want tokens: never kept,
  /// its signature not checked. `nonce`: to be echoed in it, 8 to 88 characters; "": none. Attests
  /// again first where that is due, as for a token. `result_unavailable` for a key that nothing
  /// attests.
  [[nodiscard]] Result<std::string> result(const std::string& nonce);

  /// Lets go of the TPM or secure element: without a resource manager a connection shuts others
  /// out. The next call that needs it opens it again.
  void release_hardware();

  /// Errors of check_provable.
  [[nodiscard]] Result<std::string> proof(const ProofContent& content);

  /// With `Authorization: DPoP` and `DPoP`, or `Bearer` over a connection with the certificate. A
  /// token that the service refuses as no good (401, `invalid_token`) is forgotten.
  /// Errors of token and proof; `agent_header_refused` for headers that the agent itself must set.
  /// Redirects are answers, not followed: a proof is for one URL.
  [[nodiscard]] Result<http::Response> call(const Call& call);

  /// PEM of the certificate that this device shows: the installed one, else one that the device key
  /// signs itself, made anew where there is none or it is about to end. `life`: made anew for so
  /// long (at most longest_certificate_life). Errors of the key; `agent_certificate_unfit`,
  /// `agent_certificate_failed`.
  [[nodiscard]] Result<std::string> certificate(std::optional<std::chrono::hours> life = {});
  /// The certificate in use, for connections of the caller's own: each handshake calls this object,
  /// which must live as long. `agent_certificate_missing` where there is none that is good.
  [[nodiscard]] Result<ShownCertificate> shown_certificate();
  /// PEM of a PKCS#10 request for an authority.
  [[nodiscard]] Result<std::string> certificate_request();
  /// What the authority gave, PEM with its chain behind it. `agent_certificate_unfit` where it is
  /// on another key or not good now.
  [[nodiscard]] Result<void> install_certificate(const std::string& pem);

  /// Who is enrolled, how long it holds, which tokens are there; no token text.
  [[nodiscard]] Result<Json> status() const;

 private:
  using Say = std::function<void(const std::string& note)>;
  struct Proven {
    std::string token;
    std::string proof;
  };

  struct CertifiedTransport {
    std::unique_ptr<Transport> transport;
    std::shared_ptr<std::optional<Error>> trouble;  ///< HeldDeviceKey::trouble
  };
  /// What came of attesting again where that was due.
  struct Renewed {
    bool tried = false;
    std::optional<Error> failure = {};
    bool ends_it = false;  ///< The issuer's last word: a token that is kept does not count either.
    bool leaves_nothing = false;  ///< The attestation that there was is over.
  };

  [[nodiscard]] Result<HeldDeviceKey> hold_key(const Identity& identity,
                                               const jose::PublicKey& key);
  [[nodiscard]] Result<std::optional<DeviceCertificate>> installed_certificate(
      const Identity& identity) const;
  [[nodiscard]] Result<std::optional<DeviceCertificate>> kept_certificate(
      const Identity& identity) const;
  [[nodiscard]] Result<DeviceCertificate> renewed_certificate(const Identity& identity,
                                                              std::chrono::hours life);
  [[nodiscard]] Result<DeviceCertificate> certificate_of(const Identity& identity);
  [[nodiscard]] Result<ShownCertificate> shown(const Identity& identity,
                                               const DeviceCertificate& certificate);
  /// Of one operation: it calls this object for each handshake.
  [[nodiscard]] Result<CertifiedTransport> certified_transport(const Identity& identity,
                                                               const DeviceCertificate& certificate,
                                                               const std::string& ca_file);
  [[nodiscard]] Result<TokenAnswer> ask_by_certificate(const Identity& identity,
                                                       const TokenRequest& request);
  [[nodiscard]] Result<http::Response> call_by_certificate(const Call& call);
  [[nodiscard]] Result<Proven> prove(const Call& call);
  [[nodiscard]] Result<Proven> prove_by_session(const Call& call);

  [[nodiscard]] Result<Enrolment> enroll_on_record(const EnrolmentOptions& options,
                                                   const Identity* former);
  [[nodiscard]] Result<Enrolment> enroll_locked(const EnrolmentOptions& options,
                                                const Identity* former, const Say& say);
  [[nodiscard]] bool renews_now(const Identity& identity) const;
  [[nodiscard]] Renewed renew_where_due(Identity& identity);
  enum class Kept : std::uint8_t { used, replaced };
  [[nodiscard]] Result<std::string> token(const TokenRequest& request, Kept kept);
  [[nodiscard]] Result<void> forget(const std::string& token);
  /// What a service answered to this token; it, or why it could not be forgotten.
  [[nodiscard]] Result<http::Response> answered(Result<http::Response> response,
                                                const std::string& token);
  [[nodiscard]] Result<std::optional<std::string>> kept_token(const Identity& identity,
                                                              const TokenRequest& request) const;
  [[nodiscard]] Result<std::string> fetch_and_keep(Identity& identity, const TokenRequest& request,
                                                   bool attested);
  [[nodiscard]] Result<TokenAnswer> fetch(Identity& identity, const TokenRequest& request,
                                          bool attested, SessionKey* session = nullptr);
  [[nodiscard]] Result<TokenAnswer> ask(const Identity& identity, const TokenRequest& request,
                                        SessionKey* session);
  [[nodiscard]] Result<ClientCredential> credential_for(const Identity& identity, DeviceKey& key,
                                                        const SessionKey* session);
  [[nodiscard]] Result<void> take_back(const Identity& identity, IssuerClient& issuer,
                                       const Endpoints& endpoints, const std::string& token);
  [[nodiscard]] Result<std::string> ask_result(const Identity& identity, const std::string& echoed);
  [[nodiscard]] Result<void> keep_nonce(const std::string& issuer, const std::string& nonce);
  [[nodiscard]] Result<void> attest_again(Identity& identity);
  [[nodiscard]] Result<Enrolment> enroll_by(const EnrolmentWay& way, const Identity* former,
                                            IssuerClient& issuer, const Say& say);
  [[nodiscard]] Result<std::string> nonce_for(IssuerClient& issuer, const Endpoints& endpoints);
  [[nodiscard]] Result<std::unique_ptr<DeviceKey>> open_key(const Identity& identity);
  [[nodiscard]] Result<hsm::pkcs11::SecureElement*> element(const std::string& uri);
  [[nodiscard]] Result<hsm::tpm2::Device*> device(const std::string& tcti);
  [[nodiscard]] Transport& transport(const std::string& ca_file);

  StateDirectory state_;
  Surroundings surroundings_;
  std::unique_ptr<hsm::tpm2::Device> device_;
  std::string device_tcti_;
  std::unique_ptr<hsm::pkcs11::SecureElement> element_;
  std::string element_uri_;
  std::unique_ptr<Transport> transport_;
  std::string transport_ca_;
};

}  // namespace mintmark::agent
