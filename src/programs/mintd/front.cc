#include "programs/mintd/front.h"
#include "programs/mintd/roots.h"

#include <boost/asio/post.hpp>

#include "api/answers.h"
#include "api/device_result.h"
#include "api/enrolment.h"
#include "api/evidence_enrolment.h"
#include "api/key_enrolment.h"
#include "api/token.h"
#include "programs/mintd/algorithms.h"
#include "programs/mintd/control.h"
#include "telemetry/log.h"

namespace mintmark::mintd {

using telemetry::Level;

namespace {

constexpr std::chrono::seconds look_for_tls_key{1};
// The keeper hears of verifiers no more often.
constexpr std::chrono::seconds between_coverage{1};

issuer::EkRule::Kind kind_of(config::EkKind kind) {
  return kind == config::EkKind::rsa ? issuer::EkRule::Kind::rsa : issuer::EkRule::Kind::ecc;
}

store::EnrolmentMode mode_of(config::EnrolmentMode mode) {
  switch (mode) {
    case config::EnrolmentMode::open:
      return store::EnrolmentMode::open;
    case config::EnrolmentMode::listed:
      return store::EnrolmentMode::listed;
    case config::EnrolmentMode::approve:
      break;
  }
  return store::EnrolmentMode::approve;
}

/// Long enough to ask a second store where the first one does not answer.
std::chrono::milliseconds sign_deadline(const config::Config& config) {
  std::chrono::milliseconds longest{0};
  for (const config::HsmStore& store : config.stores)
    longest = std::max(longest, store.call_deadline);
  return config.stores.size() > 1 ? 2 * longest : longest;
}

issuer::AdmittingOptions admitting_options(const config::Config& config) {
  const config::Enrolment& enrolment = config.enrolment;
  return {.freshness = enrolment.freshness,
          .rules = {.mode = mode_of(enrolment.mode),
                    .pending = {.per_root = enrolment.pending.per_root,
                                .per_address = enrolment.pending.per_address,
                                .keep = enrolment.pending.keep},
                    .new_per_root_per_hour = enrolment.new_per_root_per_hour},
          .sign_deadline = sign_deadline(config),
          .attestation_algorithm = signing_algorithms(config).usual};
}

issuer::EnrolmentOptions enrolment_options(const config::Config& config) {
  const config::Enrolment& enrolment = config.enrolment;
  issuer::EkRule ek{kind_of(enrolment.tpm2.ek_kind), {}};
  for (const auto& [root, kind] : enrolment.tpm2.ek_kind_by_root) ek.by_root[root] = kind_of(kind);
  return {.issuer = config.issuer,
          .finish_url = config.issuer + "/attest/tpm2/finish",
          .pcrs = {enrolment.tpm2.pcr_bank, enrolment.tpm2.pcrs},
          .longest_body = config.http.evidence_octets,
          .ek = std::move(ek),
          .admitting = admitting_options(config)};
}

issuer::Results::Options result_options(const config::Config& config) {
  return {.result = {.issuer = config.issuer,
                     .build = std::string("mintd ") + MINTMARK_VERSION,
                     .life = config.results.life},
          .freshness = config.enrolment.freshness,
          .sign_deadline = sign_deadline(config),
          .algorithm = signing_algorithms(config).usual};
}

}  // namespace

Front::Front(boost::asio::io_context& io, config::Config config, FrontInheritance inheritance)
    : io_(io),
      config_(std::move(config)),
      inheritance_(std::move(inheritance)),
      strand_(boost::asio::make_strand(io)),
      timer_(strand_),
      figures_(api::path_of(config_.issuer)),
      stores_(io, config_, figures_),
      evidence_(config_.issuer),
      activation_limit_(config_.keys.evidence.activations_per_minute),
      activations_([this](const Json& message) { tell(message); }),
      tls_(config_, figures_) {
  // First of all: what begins in this process begins at a moment that may be believed.
  clock_.compare_with(inheritance_.keepers_clock);
}

Front::~Front() {
  faults_.reset();
  // Handshakes that wait for the signer hear that it is gone; then their threads can end.
  stores_.close();
  tls_.end();
  // What is still being written calls back into the others: it ends before them.
  register_.reset();
  signals_.reset();
  events_.reset();
  status_.reset();
  revocation_.reset();
}

Result<void> Front::open_parts() {
  if (auto opened = open_records(); !opened) return opened;
  if (auto loaded = load_rules(); !loaded) return loaded;
  if (auto made = make_issuer(); !made) return made;
  if (auto made = make_register(); !made) return made;
  make_enrolment();
  add_operators();
  return {};
}

Result<void> Front::open_records() {
  auto store = store::open_device_store(config_.state_directory + "/front/devices.db");
  if (!store) return pass_on(store);
  store_ = std::move(*store);
  if (auto loaded = devices_.load(*store_); !loaded) return loaded;
  auto revocation = FrontRevocation::open(config_, {clock_, gate_, figures_});
  if (!revocation) return pass_on(revocation);
  revocation_ = std::move(*revocation);
  status_ = std::make_unique<FrontStatus>(
      config_, FrontStatus::Parts{system_clock_, keyring_, stores_.in_use(),
                                  revocation_->statuses(), figures_});
  auto services = FrontServices::open(
      config_, {clock_, keyring_, stores_.in_use(), gate_, devices_, *revocation_});
  if (!services) return pass_on(services);
  services_ = std::move(*services);
  return {};
}

Result<void> Front::load_rules() {
  auto policy = policy::Policy::from(inheritance_.policy);
  if (!policy) return pass_on(policy);
  auto roots = load_roots(config_.enrolment);
  if (!roots) return pass_on(roots);
  policies_.emplace(gate_, std::make_shared<const policy::Policy>(std::move(*policy)));
  trust_.emplace(
      issuer::Roots{std::move(roots->ek), std::move(roots->ak), std::move(roots->formats)});
  return {};
}

Result<void> Front::make_issuer() {
  auto client_authorities = load_client_authorities(config_.mutual_tls);
  if (!client_authorities) return pass_on(client_authorities);
  issuer_ = std::make_unique<issuer::Issuer>(
      issuer::MintOptions{
          .issuer = config_.issuer,
          .token_url = config_.issuer + "/token",
          .challenges_required = config_.challenges_required,
          .longest_life = config_.longest_token_life,
          .freshness = config_.enrolment.freshness,
          .sign_deadline = sign_deadline(config_),
          .algorithms = signing_algorithms(config_),
          .mutual_tls = {config_.mutual_tls.self_signed, std::move(*client_authorities)}},
      issuer::Issuer::Parts{
          clock_, keyring_, devices_, stores_.in_use(), *policies_, gate_, revocation_->ledger(),
          &services_->services(), &services_->client_rate(),
          [this](std::function<void()> task) { boost::asio::post(io_, std::move(task)); }});
  services_->serve(config_, sign_deadline(config_), *issuer_);
  events_ = std::make_unique<FrontEvents>(
      config_,
      FrontEvents::Parts{*revocation_, system_clock_, keyring_, stores_.in_use(), figures_});
  services_->services().on_removed([this](const std::string& id) { events_->service_removed(id); });
  if (config_.results.enabled) {
    results_ = std::make_unique<issuer::Results>(
        result_options(config_),
        issuer::Results::Parts{clock_, keyring_, devices_, stores_.in_use(), gate_,
                               issuer_->authentication(), &services_->client_rate()});
  }
  return {};
}

Result<void> Front::make_register() {
  register_ = std::make_unique<issuer::DeviceRegister>(
      *store_, devices_,
      [this](const issuer::Ended& ended, std::function<void(Result<void>)> done) {
        revocation_->device_ended(ended, std::move(done));
      });
  if (config_.shared_signals.enabled) {
    auto signals = FrontSsf::open(config_, {system_clock_, keyring_, stores_.in_use(), *store_,
                                            *revocation_, services_->services(), figures_});
    if (!signals) return pass_on(signals);
    signals_ = std::move(*signals);
    register_->on_changed([this] { signals_->device_changed(); });
  }
  register_->check_keys_by(
      [this](const std::string& jkt) { return services_->services().check_key_is_free(jkt); });
  return {};
}

void Front::make_enrolment() {
  enrolment_ = std::make_unique<issuer::Enrolment>(
      enrolment_options(config_),
      issuer::Enrolment::Parts{clock_, keyring_, *register_, stores_.in_use(), *trust_, *policies_,
                               gate_});
  evidence_enrolment_ = std::make_unique<issuer::EvidenceEnrolment>(
      config_.issuer, admitting_options(config_),
      issuer::EvidenceEnrolment::Parts{
          *trust_, devices_, {clock_, keyring_, *register_, stores_.in_use(), *policies_, gate_}});
  key_enrolment_ = std::make_unique<issuer::KeyEnrolment>(config_.issuer + "/attest/key/finish",
                                                          clock_, *register_);
}

http::Router Front::routes() {
  const std::string path = api::path_of(config_.issuer);
  http::Router router;
  api::add_metadata(
      router,
      {.issuer = config_.issuer,
       .challenges_required = config_.challenges_required,
       .self_signed_tls = config_.mutual_tls.self_signed,
       .tls_by_authorities = !config_.mutual_tls.authorities.empty(),
       .attestation_algorithm = signing_algorithms(config_).usual,
       .keys_max_age = config_.keys.max_age},
      keyring_, [this] { return readiness(); }, acknowledged());
  const api::AddressOf address_of = [behind_proxy =
                                         config_.trusted_proxy](const http::Request& request) {
    return api::client_address(request, behind_proxy);
  };
  status_->add_routes(router);
  api::add_key_evidence(router, path, evidence_, config_.keys.max_age);
  api::add_key_activation(router, path, evidence_, activation_limit_, address_of,
                          [this](const api::Activation& wanted, hsm::Done<Bytes> done) {
                            activations_.ask(wanted, std::move(done));
                          });
  const api::CertificateSource certificates{
      .header = http::certificate_header_named(config_.mutual_tls.certificate_header)
                    .value_or(http::CertificateHeader::none),
      .proxies = {.networks = config_.mutual_tls.trusted_networks, .users = {}}};
  api::add_token(router, path + "/token", *issuer_, certificates, services_->token_door());
  services_->add_routes(router, path, certificates);
  events_->add_routes(router, path, services_->access(), services_->refusal());
  if (signals_) signals_->add_routes(router, services_->access(), services_->refusal());
  if (config_.challenges_required) api::add_challenge(router, path + "/challenge", *issuer_);
  if (results_) api::add_device_result(router, path, *results_, services_->by_address());
  api::add_enrolment(router, path + "/attest/tpm2", *enrolment_, services_->by_address());
  api::add_evidence_enrolment(router, path + "/attest", *evidence_enrolment_,
                              services_->by_address());
  api::add_key_enrolment(router, path + "/attest/key", *key_enrolment_, services_->by_address());
  return router;
}

api::Acknowledged Front::acknowledged() {
  const std::vector<std::string>& listed = config_.keys.acknowledge.verifiers;
  if (listed.empty()) return nullptr;
  acknowledgements_ = std::make_unique<Acknowledgements>(
      strand_, listed, between_coverage, [this](const std::vector<keyring::Acknowledgement>& said) {
        tell({{"type", "coverage"}, {"verifiers", keyring::to_json(said)}});
      });
  return
      [this, counts = figures_.acknowledgements()](Result<keyring::Acknowledgement> said) mutable {
        if (!said) return counts.malformed.add();
        said->heard_at = clock_.now();
        (acknowledgements_->take(std::move(*said)) ? counts.taken : counts.unlisted).add();
      };
}

Result<void> Front::start() {
  if (auto opened = open_parts(); !opened) return opened;
  // After whoever wants to be told of events is there, and before anybody can ask for anything.
  if (auto restored = revocation_->restore(*store_); !restored) return restored;
  listen_to_keeper();
  accept_when_the_second_is_over();
  return {};
}

Result<void> Front::open_doors() {
  const std::string finish = api::path_of(config_.issuer) + "/attest/tpm2/finish";
  doors_ = std::make_unique<Doors>(io_, config_.http, std::vector{finish}, config_.trusted_proxy,
                                   routes(), figures_);
  faults_ = std::make_unique<FrontFaults>(
      FrontFaults::Parts{clock_, figures_, [this] { return doors_->certificate_ends(); }},
      config_.state_directory + "/front");
  return doors_->open_figures(std::move(inheritance_.sockets.metrics));
}

void Front::accept() {
  if (!doors_ || accepting_ || looking_for_tls_) return;
  if (config_.trusted_proxy) return accept_with(TlsContexts::Context{});
  looking_for_tls_ = true;
  tls_.make(inheritance_.tls_certificate, inheritance_.tls_key,
            [this](Result<TlsContexts::Context> made) {
              boost::asio::post(strand_, [this, made = std::move(made)] {
                looking_for_tls_ = false;
                accept_with(made);
              });
            });
}

void Front::accept_with(const Result<TlsContexts::Context>& tls) {
  if (accepting_) return;  // A reload was quicker.
  if (!tls && tls_.key_is_in_store()) return wait_for_tls(tls.error());
  wipe(inheritance_.tls_key);
  auto opened = tls ? doors_->open(std::move(inheritance_.sockets.strangers), *tls)
                    : tl::unexpected<Error>(tls.error());
  if (!opened) {
    telemetry::log(Level::error, "front_cannot_accept", opened.error());
    return io_.stop();
  }
  accepting_ = true;
  tell({{"type", "ready"}});
}

void Front::wait_for_tls(const Error& why) {
  if (const std::string text = why.to_string(); text != tls_waits_for_) {
    tls_waits_for_ = text;
    telemetry::log(Level::error, "front_waits_for_tls_key", why);
    tell({{"type", "waiting"}, {"for", text}});
  }
  timer_.expires_after(look_for_tls_key);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) accept();
  });
}

void Front::accept_when_the_second_is_over() {
  // Proofs of the second in which we started are refused (docs/adr/0008); nobody should meet that
  // by being early.
  const auto next = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now());
  timer_.expires_after(next - std::chrono::system_clock::now() + std::chrono::milliseconds(1));
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    if (auto opened = open_doors(); !opened) {
      telemetry::log(Level::error, "front_cannot_accept", opened.error());
      return io_.stop();
    }
    accept();
  });
}

void Front::listen_to_keeper() {
  control_ = ipc::Channel::make(io_, std::move(inheritance_.control));
  control_->start(
      [this](BytesView frame, UniqueFd descriptor) {
        auto message = from_frame(frame);
        if (!message)
          return telemetry::log(Level::error, "keeper_message_malformed", message.error());
        boost::asio::post(strand_, [this, message = std::move(*message),
                                    descriptor = std::move(descriptor)]() mutable {
          received(message, std::move(descriptor));
        });
      },
      [this](const std::string& why) {
        // Without the keeper nobody holds the lease: no token may leave.
        telemetry::log(Level::error, "keeper_gone", {{"why", why}});
        io_.stop();
      });
}

void Front::received(const Json& message, UniqueFd descriptor) {
  const std::string& type = message["type"].get_ref<const std::string&>();
  if (type == "keys") {
    take_keys(message);
  } else if (type == "signer") {
    take_signer(message.value("store", ""), std::move(descriptor));
    accept();
  } else if (type == "evidence") {
    take_evidence(message);
  } else if (type == "activated") {
    activations_.answered(message);
  } else if (type == "admin") {
    answer_operator(message);
  } else if (type == "reload") {
    answer_reload(message, descriptor);
  } else if (type == "figures") {
    figures_.keeper_said(message);
    auto warnings = message.value("warnings", std::vector<std::string>());
    for (const Json& file : message.value("stores", Json::array())) {
      if (const std::string trouble = file.value("trouble", ""); !trouble.empty())
        warnings.push_back("store: " + file.value("file", "") + ": " + trouble);
    }
    warnings_.store(std::make_shared<const std::vector<std::string>>(std::move(warnings)));
  } else if (type == "clock") {
    accept_clock();
  } else if (type == "stop") {
    stop();
  }
}

void Front::accept_clock() {
  // First: whoever may ask again must meet all that is alive.
  if (auto read = revocation_->read_live_again(); !read)
    return telemetry::log(Level::error, "clock_not_accepted", read.error());
  // Then the clock: what begins again does so at the moment that is believed from now on.
  clock_.accept_present();
  issuer_->authentication().begin_again(clock_.now());
  services_->begin_again();
  enrolment_->begin_again();
  evidence_enrolment_->begin_again();
  key_enrolment_->begin_again();
}

void Front::take_keys(const Json& message) {
  auto keys = keyring::Snapshot::from_json(message.value("snapshot", Json::object()));
  if (!keys) return telemetry::log(Level::error, "keys_malformed", keys.error());
  clock_.raise_mark(from_unix(message.value("clock_mark", std::int64_t{0})));
  const std::uint64_t epoch = (*keys)->epoch();
  evidence_.take_keys(*keys);
  keyring_.swap(std::move(*keys));
  gate_.wait_for_those_inside();
  // Without these words the keeper starts another front, which tries again.
  revocation_->keys_changed(epoch, message.value("revoked", std::vector<std::string>()),
                            [this, epoch](Result<void> told) {
                              if (!told)
                                return telemetry::log(Level::error, "keys_not_told", told.error());
                              tell({{"type", "keys_in_force"}, {"epoch", epoch}});
                            });
}

void Front::take_evidence(const Json& message) {
  evidence_.take_evidence(message.value("kid", ""),
                          {message.value("kind", ""), message.value("facts", Json::object())});
}

void Front::take_signer(const std::string& store, UniqueFd channel) {
  auto signer = stores_.take(store, std::move(channel));
  if (signer && config_.tls && config_.tls->key_store == store) tls_.use(std::move(signer));
}

void Front::tell(const Json& message) { control_->send(to_frame(message)); }

void Front::stop() {
  timer_.cancel();
  if (signals_) signals_->stop();
  if (!doors_) return io_.stop();
  doors_->stop([this] { io_.stop(); });
  telemetry::log(Level::info, "front_stopping");
}

api::Readiness Front::readiness() const {
  api::Readiness readiness;
  const auto keys = keyring_.snapshot();
  bool all_served = true;
  for (const keyring::KeyKind& kind : signing_algorithms(config_).wanted()) {
    if (!keyring::Snapshot::current_of(keys, kind))
      readiness.missing.push_back("signing key: " + keyring::to_string(kind));
    all_served = all_served && keys && stores_.in_use().serves(*keys, kind);
  }
  if (const auto clock = clock_.check(); !clock)
    readiness.missing.push_back("clock: " + clock.error().detail);
  if (faults_) faults_->add_to(readiness);
  // One of several stores may be away as long as the others have all the keys that are wanted.
  auto& troubles = all_served ? readiness.warnings : readiness.missing;
  for (std::string& trouble : stores_.troubles()) troubles.push_back(std::move(trouble));
  if (const auto warnings = warnings_.load())
    readiness.warnings.insert(readiness.warnings.end(), warnings->begin(), warnings->end());
  return readiness;
}

}  // namespace mintmark::mintd
