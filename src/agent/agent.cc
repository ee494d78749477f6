#include "agent/agent.h"

#include <algorithm>
#include <set>

#include "agent/element_key.h"
#include "agent/file_key.h"
#include "agent/proof.h"
#include "agent/renewal.h"
#include "agent/tokens.h"
#include "agent/tpm_key.h"

namespace mintmark::agent {
namespace {

bool asks_for_enrolment(const Error& error) {
  const std::string_view oauth = facts_of(error.code).oauth_error;
  // A key of ours that the TPM lost is not the issuer's wish; a new identity is the owner's to
  // decide on.
  if (error.code == Code::tpm_key_lost) return false;
  return error.action() == Action::reattest || oauth == "invalid_client_attestation";
}

// How to enrol again without a person: with the same kind of EK, since another one would be another
// device to the issuer. A code is good for one enrolment.
struct WayToRenew {
  std::optional<EnrolmentWay> operator()(const TpmKey& key) const {
    ByTpm way{key.tcti, key.ek, key.logs};
    if (const auto* persistent = std::get_if<hsm::tpm2::PersistentKey>(&key.ak))
      way.ak = CertifiedAk{*persistent, key.ak_certificate};
    return way;
  }
  std::optional<EnrolmentWay> operator()(const FileKey& /*key*/) const { return std::nullopt; }
  std::optional<EnrolmentWay> operator()(const Pkcs11Key& key) const {
    return ByElement{key.uri, key.certificate, key.identity_id == key.device_id};
  }
};

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

Result<hsm::pkcs11::SecureElement*> Agent::element(const std::string& uri) {
  if (element_ && element_uri_ == uri) return element_.get();
  // A module is opened once in a process: the former one ends first.
  element_.reset();
  auto opened = surroundings_.open_element(uri, state_.pin_memory().string());
  if (!opened) return pass_on(opened);
  element_ = std::move(*opened);
  element_uri_ = uri;
  return element_.get();
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
  return enroll_on_record(options, nullptr);
}

// However it ends, it is written down: for the pace of the next try, and for the owner.
Result<Enrolment> Agent::enroll_on_record(const EnrolmentOptions& options, const Identity* former) {
  std::set<std::string> notes;
  auto enrolment =
      enroll_locked(options, former, [&](const std::string& note) { notes.insert(note); });

  const Moment now = surroundings_.clock.now();
  RenewalRecord record = state_.renewal();
  if (!enrolment) {
    record.failed(enrolment.error(), now);
  } else if (const auto* pending = std::get_if<PendingEnrolment>(&*enrolment)) {
    record.failed(pending->to_error(), now);
  } else {
    record.succeeded(now);
  }
  std::string said;
  for (const std::string& note : notes) said += (said.empty() ? "" : "\n") + note;
  if (!said.empty() && said != record.said) surroundings_.say(said);
  record.said = std::move(said);
  if (auto saved = state_.save(record); !saved && enrolment) return pass_on(saved);
  return enrolment;
}

Result<Enrolment> Agent::enroll_locked(const EnrolmentOptions& options, const Identity* former,
                                       const Say& say) {
  const std::string ca_file =
      options.ca_file.empty() ? "" : std::filesystem::absolute(options.ca_file).string();
  auto issuer = IssuerClient::at(options.issuer, transport(ca_file));
  if (!issuer) return pass_on(issuer);
  // Before the TPM is troubled: a wrong address or certificate shows here.
  if (const auto endpoints = issuer->endpoints(); !endpoints)
    return tl::unexpected<Error>(endpoints.error());
  auto enrolment = enroll_by(options.way, former, *issuer, say);
  if (!enrolment) return enrolment;
  auto* identity = std::get_if<Identity>(&*enrolment);
  if (identity == nullptr) return enrolment;
  identity->ca_file = ca_file;
  // Only a TPM's evidence is of one boot.
  if (identity->attestation && std::holds_alternative<TpmKey>(identity->key))
    identity->attestation->boot_id = surroundings_.boot_id();
  if (auto saved = state_.save(*identity); !saved) return pass_on(saved);
  if (former != nullptr && former->jkt == identity->jkt) return enrolment;
  // Tokens of the former key are of no use any more.
  if (auto saved = state_.save(std::vector<CachedToken>{}); !saved) return pass_on(saved);
  return enrolment;
}

Result<Enrolment> Agent::enroll_by(const EnrolmentWay& way, const Identity* former,
                                   IssuerClient& issuer, const Say& say) {
  if (const auto* by_tpm = std::get_if<ByTpm>(&way)) {
    const auto tpm = device(by_tpm->tcti);
    if (!tpm) return tl::unexpected<Error>(tpm.error());
    const auto* key = former == nullptr ? nullptr : std::get_if<TpmKey>(&former->key);
    return enrol_by_tpm({**tpm, issuer, surroundings_.clock, say}, *by_tpm, key);
  }
  if (const auto* by_element = std::get_if<ByElement>(&way)) {
    const auto opened = element(by_element->uri);
    if (!opened) return tl::unexpected<Error>(opened.error());
    const auto* key = former == nullptr ? nullptr : std::get_if<Pkcs11Key>(&former->key);
    const auto id = [this](const std::string& token) { return state_.element_key_id(token); };
    return enrol_by_element({**opened, issuer, surroundings_.clock, id}, *by_element, key);
  }
  // Written before the issuer hears of it: the code is good once, and must not be spent on a key
  // that is lost.
  auto key = FileDeviceKey::open_or_make(state_.key_file());
  if (!key) return pass_on(key);
  auto identity =
      enrol_by_code(*key, FileKey{}, issuer, std::get<ByCode>(way).code, surroundings_.clock);
  if (!identity) return pass_on(identity);
  return std::move(*identity);
}

Result<Enrolment> Agent::attest() {
  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  auto way = std::visit(WayToRenew{}, identity->key);
  if (!way) {
    return fail(Code::agent_key_unsupported,
                "this device's key is a file: there is nothing that it could attest");
  }
  return enroll_on_record({identity->issuer, identity->ca_file, std::move(*way)}, &*identity);
}

bool Agent::renews_now(const Identity& identity) const {
  const auto& attestation = identity.attestation;
  if (!attestation || !std::visit(WayToRenew{}, identity.key)) return false;
  const Moment now = surroundings_.clock.now();
  if (is_over(*attestation, now)) return true;
  return renewal_reason(*attestation, surroundings_.boot_id(), now) &&
         may_try(state_.renewal(), now);
}

Agent::Renewed Agent::renew_where_due(Identity& identity) {
  if (!renews_now(identity)) return {};
  const auto done = attest_again(identity);
  if (done) return {.tried = true};
  return {.tried = true,
          .failure = done.error(),
          .ends_it = is_refusal(done.error()),
          .leaves_nothing = is_over(*identity.attestation, surroundings_.clock.now())};
}

Result<std::optional<std::string>> Agent::kept_token(const Identity& identity,
                                                     const TokenRequest& request) const {
  const auto tokens = state_.tokens();
  if (!tokens) return tl::unexpected<Error>(tokens.error());
  std::string certificate;
  if (request.by_certificate) {
    const auto shown = kept_certificate(identity);
    if (!shown) return tl::unexpected<Error>(shown.error());
    if (!*shown) return std::nullopt;
    certificate = (*shown)->thumbprint;
  }
  const CachedToken* kept =
      find_fresh(*tokens, request, identity.jkt, surroundings_.clock.now(), certificate);
  return kept == nullptr ? std::nullopt : std::optional(kept->token);
}

Result<std::string> Agent::token(const TokenRequest& asked, Kept use) {
  const TokenRequest request = normalised(asked);
  auto identity = state_.identity();
  if (!identity) return pass_on(identity);
  if (use == Kept::used && !renews_now(*identity)) {
    auto kept = kept_token(*identity, request);
    if (!kept) return pass_on(kept);
    if (*kept) return std::move(**kept);
  }

  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  // Whoever held the lock may have fetched this very token, or enrolled anew.
  identity = state_.identity();
  if (!identity) return pass_on(identity);
  const Renewed renewed = renew_where_due(*identity);
  if (renewed.ends_it) return tl::unexpected<Error>(*renewed.failure);
  if (use == Kept::used) {
    auto kept = kept_token(*identity, request);
    if (!kept) return pass_on(kept);
    if (*kept) return std::move(**kept);
  }
  if (renewed.leaves_nothing) return tl::unexpected<Error>(*renewed.failure);
  return fetch_and_keep(*identity, request, renewed.tried);
}

Result<std::string> Agent::fetch_and_keep(Identity& identity, const TokenRequest& request,
                                          bool attested) {
  const Moment asked_at = surroundings_.clock.now();
  auto answer = fetch(identity, request, attested);
  if (!answer) return pass_on(answer);
  auto tokens = state_.tokens();
  if (!tokens) return pass_on(tokens);
  CachedToken kept{request.audience,   request.scope, identity.jkt,
                   answer->token,      asked_at,      asked_at + answer->expires_in,
                   answer->certificate};
  if (auto saved = state_.save(with_token(std::move(*tokens), std::move(kept), asked_at)); !saved)
    return pass_on(saved);
  return std::move(answer->token);
}

Result<TokenAnswer> Agent::fetch(Identity& identity, const TokenRequest& request, bool attested,
                                 SessionKey* session) {
  auto answer = ask(identity, request, session);
  if (answer || attested || !asks_for_enrolment(answer.error()) ||
      !std::visit(WayToRenew{}, identity.key)) {
    return answer;
  }
  if (auto done = attest_again(identity); !done) return pass_on(done);
  return ask(identity, request, session);
}

Result<FreshToken> Agent::fresh_token(const TokenRequest& asked, SessionKey* session) {
  const TokenRequest request = normalised(asked);
  const Moment asked_at = surroundings_.clock.now();
  if (session != nullptr && session->is_over(asked_at))
    return fail(Code::agent_session_unfit, "this session key is over; make another one");
  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  auto identity = state_.identity();
  if (!identity) return pass_on(identity);
  const Renewed renewed = renew_where_due(*identity);
  if (renewed.ends_it || renewed.leaves_nothing) return tl::unexpected<Error>(*renewed.failure);
  auto answer = fetch(*identity, request, renewed.tried, session);
  if (!answer) return pass_on(answer);
  FreshToken fresh{std::move(answer->token),
                   answer->scope.empty() ? request.scope : std::move(answer->scope),
                   session == nullptr ? identity->jkt : session->jkt(),
                   asked_at,
                   asked_at + answer->expires_in,
                   enrolment_of(*identity),
                   std::move(answer->certificate)};
  if (session != nullptr) fresh.expires_at = std::min(fresh.expires_at, session->ends_at());
  return fresh;
}

void Agent::release_hardware() {
  device_.reset();
  element_.reset();
}

Result<void> Agent::attest_again(Identity& identity) {
  auto way = std::visit(WayToRenew{}, identity.key);
  if (!way) return fail(Code::agent_not_enrolled, "this device can enrol only by its owner's hand");
  auto renewed = enroll_on_record({identity.issuer, identity.ca_file, std::move(*way)}, &identity);
  if (!renewed) return pass_on(renewed);
  if (const auto* pending = std::get_if<PendingEnrolment>(&*renewed))
    return tl::unexpected<Error>(pending->to_error());
  identity = std::get<Identity>(std::move(*renewed));
  return {};
}

Result<std::string> Agent::result(const std::string& nonce) {
  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  auto identity = state_.identity();
  if (!identity) return pass_on(identity);
  if (!identity->attestation) {
    return fail(Code::result_unavailable,
                "this device's key is a file: it has attested nothing that a result could tell");
  }
  const Renewed renewed = renew_where_due(*identity);
  if (renewed.ends_it || renewed.leaves_nothing) return tl::unexpected<Error>(*renewed.failure);
  auto result = ask_result(*identity, nonce);
  if (result || renewed.tried || !asks_for_enrolment(result.error())) return result;
  if (auto done = attest_again(*identity); !done) return pass_on(done);
  return ask_result(*identity, nonce);
}

Result<std::unique_ptr<DeviceKey>> Agent::open_key(const Identity& identity) {
  std::unique_ptr<DeviceKey> opened;
  if (const auto* in_tpm = std::get_if<TpmKey>(&identity.key)) {
    const auto tpm = device(in_tpm->tcti);
    if (!tpm) return tl::unexpected<Error>(tpm.error());
    auto key = TpmDeviceKey::in(**tpm, in_tpm->device_key);
    if (!key) return pass_on(key);
    opened = std::make_unique<TpmDeviceKey>(std::move(*key));
  } else if (const auto* in_element = std::get_if<Pkcs11Key>(&identity.key)) {
    const auto at = element(in_element->uri);
    if (!at) return tl::unexpected<Error>(at.error());
    auto key = jose::PublicKey::from_jwk(in_element->device_key);
    if (!key) return pass_on(key);
    opened = std::make_unique<ElementDeviceKey>(**at, in_element->device_id, std::move(*key));
  } else {
    auto key = FileDeviceKey::open(state_.key_file());
    if (!key) return pass_on(key);
    opened = std::make_unique<FileDeviceKey>(std::move(*key));
  }
  if (opened->public_key().thumbprint() != identity.jkt) {
    return fail(Code::agent_key_file,
                "the device key in " + state_.path().string() +
                    " is not the one that was enrolled; restore it, or enrol again");
  }
  return opened;
}

Result<std::string> Agent::proof(const ProofContent& content) {
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  if (auto provable = check_provable(content, identity->issuer); !provable)
    return pass_on(provable);
  const auto key = open_key(*identity);
  if (!key) return tl::unexpected<Error>(key.error());
  return make_proof(**key, content, surroundings_.clock.now());
}

}  // namespace mintmark::agent
