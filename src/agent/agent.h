// A device's agent: enrols it, fetches its tokens, proves their use.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/enrolment.h"
#include "agent/issuer_client.h"
#include "agent/proof.h"
#include "agent/state.h"
#include "agent/transport.h"
#include "base/json.h"
#include "base/time.h"
#include "hsm/tpm2/device.h"
#include "http/message.h"

namespace mintmark::agent {

struct EnrolmentOptions {
  std::string issuer;
  std::string ca_file;  ///< "": the system's roots.
  EnrolmentWay way;
};

/// A request to a service, to be made with a token.
struct Call {
  TokenRequest token;
  std::string method;
  std::string url;
  http::Headers headers;
  std::string body;
  std::string ca_file;  ///< PEM of the roots that vouch for the service; "": those of the issuer.
};

/// What the agent stands on; opened when first needed, so that what comes from the cache touches
/// neither TPM nor network.
struct Surroundings {
  std::function<Result<std::unique_ptr<hsm::tpm2::Device>>(const std::string& tcti)> open_device;
  std::function<std::unique_ptr<Transport>(const std::string& ca_file)> open_transport;
  const Clock& clock;
};

/// One state directory. Not thread-safe; several processes may use one directory.
class Agent {
 public:
  Agent(StateDirectory state, Surroundings surroundings);

  /// By a TPM: new keys, a new client attestation. By a code: the key in the state directory, made
  /// if it is not there. The old enrolment stays until the new one is written, also where the new
  /// one waits for approval.
  [[nodiscard]] Result<Enrolment> enroll(const EnrolmentOptions& options);

  /// From the cache, else from the issuer. Who enrolled by evidence enrols again, once, when the
  /// attestation is over or the issuer asks for it; `enrolment_pending` where that one waits for
  /// approval.
  [[nodiscard]] Result<std::string> token(const TokenRequest& request);

  /// Errors of check_provable.
  [[nodiscard]] Result<std::string> proof(const ProofContent& content);

  /// With `Authorization: DPoP` and `DPoP`. Errors of token and proof; `agent_header_refused` for
  /// headers that the agent itself must set. Redirects are answers, not followed: a proof is for
  /// one URL.
  [[nodiscard]] Result<http::Response> call(const Call& call);

  /// Who is enrolled, how long it holds, which tokens are there; no token text.
  [[nodiscard]] Result<Json> status() const;

 private:
  [[nodiscard]] Result<Enrolment> enroll_locked(const EnrolmentOptions& options);
  [[nodiscard]] Result<TokenAnswer> fetch(Identity& identity, const TokenRequest& request);
  [[nodiscard]] Result<TokenAnswer> ask(const Identity& identity, const TokenRequest& request);
  [[nodiscard]] Result<void> enroll_again(Identity& identity);
  [[nodiscard]] Result<Enrolment> enroll_by(const EnrolmentWay& way, IssuerClient& issuer);
  [[nodiscard]] Result<ClientCredential> credential_of(const Identity& identity, DeviceKey& key);
  [[nodiscard]] Result<std::string> nonce_for(IssuerClient& issuer, const Endpoints& endpoints);
  [[nodiscard]] Result<std::unique_ptr<DeviceKey>> open_key(const Identity& identity);
  [[nodiscard]] Result<hsm::tpm2::Device*> device(const std::string& tcti);
  [[nodiscard]] Transport& transport(const std::string& ca_file);

  StateDirectory state_;
  Surroundings surroundings_;
  std::unique_ptr<hsm::tpm2::Device> device_;
  std::string device_tcti_;
  std::unique_ptr<Transport> transport_;
  std::string transport_ca_;
};

}  // namespace mintmark::agent
