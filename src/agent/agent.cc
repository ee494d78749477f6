#include "agent/agent.h"

#include "agent/tokens.h"

namespace mintmark::agent {
namespace {

// So that a client attestation does not end on its way.
constexpr std::chrono::seconds attestation_margin{10};

bool asks_for_enrolment(const Error& error) {
  const std::string_view oauth = facts_of(error.code).oauth_error;
  // A key of ours that the TPM lost is not the issuer's wish; a new identity is the owner's to
  // decide on.
  if (error.code == Code::tpm_key_lost) return false;
  return error.action() == Action::reattest || oauth == "invalid_client_attestation";
}

TokenRequest normalised(TokenRequest request) {
  request.scope = normalised_scope(request.scope);
  return request;
}

}  // namespace

Agent::Agent(StateDirectory state, Surroundings surroundings)
    : state_(std::move(state)), surroundings_(std::move(surroundings)) {}

Result<hsm::tpm2::Device*> Agent::device(const std::string& tcti) {
  if (device_ && device_tcti_ == tcti) return device_.get();
  device_.reset();
  auto opened = surroundings_.open_device(tcti);
  if (!opened) return pass_on(opened);
  device_ = std::move(*opened);
  device_tcti_ = tcti;
  return device_.get();
}

Transport& Agent::transport(const std::string& ca_file) {
  if (!transport_ || transport_ca_ != ca_file) {
    transport_ = surroundings_.open_transport(ca_file);
    transport_ca_ = ca_file;
  }
  return *transport_;
}

Result<Enrolment> Agent::enroll(const EnrolmentOptions& options) {
  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  return enroll_locked(options);
}

Result<Enrolment> Agent::enroll_locked(const EnrolmentOptions& options) {
  const std::string ca_file =
      options.ca_file.empty() ? "" : std::filesystem::absolute(options.ca_file).string();
  auto issuer = IssuerClient::at(options.issuer, transport(ca_file));
  if (!issuer) return pass_on(issuer);
  // Before the TPM is troubled: a wrong address or certificate shows here.
  if (const auto endpoint = issuer->token_endpoint(); !endpoint)
    return tl::unexpected<Error>(endpoint.error());
  const auto tpm = device(options.tcti);
  if (!tpm) return tl::unexpected<Error>(tpm.error());
  auto enrolment = enrol(**tpm, *issuer, options.ek, surroundings_.clock);
  if (!enrolment) return enrolment;
  auto* identity = std::get_if<Identity>(&*enrolment);
  if (identity == nullptr) return enrolment;
  identity->ca_file = ca_file;
  identity->tcti = options.tcti;
  if (auto saved = state_.save(*identity); !saved) return pass_on(saved);
  // Tokens of the former key are of no use any more.
  if (auto saved = state_.save(std::vector<CachedToken>{}); !saved) return pass_on(saved);
  return enrolment;
}

Result<std::string> Agent::token(const TokenRequest& asked) {
  const TokenRequest request = normalised(asked);
  auto identity = state_.identity();
  if (!identity) return pass_on(identity);
  auto tokens = state_.tokens();
  if (!tokens) return pass_on(tokens);
  if (const CachedToken* cached =
          find_fresh(*tokens, request, identity->jkt, surroundings_.clock.now()))
    return cached->token;

  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  // Whoever held the lock may have fetched this very token, or enrolled anew.
  identity = state_.identity();
  if (!identity) return pass_on(identity);
  tokens = state_.tokens();
  if (!tokens) return pass_on(tokens);
  if (const CachedToken* cached =
          find_fresh(*tokens, request, identity->jkt, surroundings_.clock.now()))
    return cached->token;

  const Moment asked_at = surroundings_.clock.now();
  auto answer = fetch(*identity, request);
  if (!answer) return pass_on(answer);
  CachedToken kept{request.audience, request.scope, identity->jkt,
                   answer->token,    asked_at,      asked_at + answer->expires_in};
  if (auto saved = state_.save(with_token(std::move(*tokens), std::move(kept), asked_at)); !saved)
    return pass_on(saved);
  return std::move(answer->token);
}

Result<TokenAnswer> Agent::fetch(Identity& identity, const TokenRequest& request) {
  bool enrolled_again = false;
  if (surroundings_.clock.now() + attestation_margin >= identity.expires_at) {
    if (auto done = enroll_again(identity); !done) return pass_on(done);
    enrolled_again = true;
  }
  auto answer = ask(identity, request);
  if (answer || enrolled_again || !asks_for_enrolment(answer.error())) return answer;
  if (auto done = enroll_again(identity); !done) return pass_on(done);
  return ask(identity, request);
}

// With the same kind of EK: another one would be another device to the issuer.
Result<void> Agent::enroll_again(Identity& identity) {
  auto renewed = enroll_locked({identity.issuer, identity.ca_file, identity.tcti, identity.ek});
  if (!renewed) return pass_on(renewed);
  if (const auto* pending = std::get_if<PendingEnrolment>(&*renewed))
    return tl::unexpected<Error>(pending->to_error());
  identity = std::get<Identity>(std::move(*renewed));
  return {};
}

Result<TokenAnswer> Agent::ask(const Identity& identity, const TokenRequest& request) {
  auto issuer = IssuerClient::at(identity.issuer, transport(identity.ca_file));
  if (!issuer) return pass_on(issuer);
  const auto endpoint = issuer->token_endpoint();
  if (!endpoint) return tl::unexpected<Error>(endpoint.error());
  const auto tpm = device(identity.tcti);
  if (!tpm) return tl::unexpected<Error>(tpm.error());

  const auto ask_once = [&]() -> Result<TokenAnswer> {
    const auto proof =
        make_proof(**tpm, identity.device_key, {"POST", *endpoint, ""}, surroundings_.clock.now());
    if (!proof) return tl::unexpected<Error>(proof.error());
    return issuer->token(*endpoint, request, identity.client_attestation, *proof);
  };
  auto answer = ask_once();
  if (!answer && is_about_proof(answer.error())) answer = ask_once();
  return answer;
}

Result<std::string> Agent::proof(const ProofContent& content) {
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  if (auto provable = check_provable(content, identity->issuer); !provable)
    return pass_on(provable);
  const auto tpm = device(identity->tcti);
  if (!tpm) return tl::unexpected<Error>(tpm.error());
  return make_proof(**tpm, identity->device_key, content, surroundings_.clock.now());
}

}  // namespace mintmark::agent
