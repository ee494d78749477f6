#include "programs/mintd/signer_slot.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <boost/asio/post.hpp>

#include "admin/key_generation.h"
#include "hsm/pkcs11/fault_name.h"
#include "ipc/channel.h"
#include "programs/mintd/network_namespace.h"
#include "programs/mintd/rotation_plan.h"
#include "programs/mintd/signer_exit.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Level;

constexpr std::chrono::seconds reconcile_patience{60};
constexpr std::chrono::seconds attach_patience{10};
constexpr std::chrono::seconds generation_patience{9};  // mintctl waits 10.
constexpr std::chrono::seconds evidence_patience{30};
constexpr std::chrono::seconds activation_patience{10};
constexpr std::chrono::milliseconds look_at_pin{200};
constexpr std::chrono::milliseconds look_at_signer{100};
constexpr unsigned looks_a_figure = 10;  // Once a second.
/// Tokens are to flow again within 2 s of a fault's end.
constexpr std::chrono::milliseconds longest_restart_delay{1000};
constexpr const char* pin_refused = "PIN refused";
constexpr const char* ready = "ready";
constexpr const char* keys_not_in_order = "keys not in order";

/// As the signer says that it shut itself in; null before it has.
Json describe(const hsm::Vitals::Sandbox& sandbox) {
  if (!sandbox.entered) return nullptr;
  return {{"network", sandbox.unix_sockets_only ? "none" : "host"},
          {"network_namespace", sandbox.own_network},
          {"seccomp", sandbox.known_calls_only},
          {"memory_locked", sandbox.memory_locked}};
}

}  // namespace

SignerSlot::SignerSlot(KeeperContext& context, const config::HsmStore& store,
                       store::KeyStateStore& states, const Clock& clock,
                       keyring::Surroundings surroundings, Events events)
    : context_(context),
      clock_(clock),
      store_(store),
      events_(std::move(events)),
      timer_(context.io),
      client_(hsm::signer::SignerClient::make_unconnected(context.io)),
      lifecycle_(
          states, {store.name, *client_, *client_}, rotation_plan(context.in_force.config),
          context.in_force.config.stores.size() == 1, clock,
          [&io = context.io](std::function<void()> work) {
            boost::asio::post(io, std::move(work));
          },
          with_signing(std::move(surroundings))),
      pin_memory_(context.keeper_directory() + "/pin-refused-" + store.name, store.pin),
      watch_timer_(context.io),
      process_(
          context.io, "signer " + store.name,
          [this] {
            auto child = spawn_signer();
            // When it has been counted.
            if (!child) boost::asio::post(context_.io, [this] { events_.changed(); });
            return child;
          },
          [this](int status) { return ended(status); }, longest_restart_delay) {
  client_->on_readiness([this](const Result<void>& readiness) {
    boost::asio::post(context_.io, [this, readiness] { told(readiness); });
  });
}

void SignerSlot::start() {
  if (stopping_) return;
  const auto objection = pin_memory_.objection();
  if (!objection) return process_.start();
  trouble(*objection);
  become(pin_refused);
  start_when_pin_may_be_tried();
}

void SignerSlot::start_when_pin_may_be_tried() {
  timer_.expires_after(look_at_pin);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopping_) return;
    if (pin_memory_.objection()) return start_when_pin_may_be_tried();
    telemetry::log(Level::info, "pin_source_changed", {{"store", store_.name}});
    process_.start();
  });
}

Result<UniqueFd> SignerSlot::open_pin() const {
  // Opened, never read: the signer's user may not be able to reach a credential or another
  // process's descriptor by itself.
  if (store_.pin.fd) {
    UniqueFd copy(fcntl(*store_.pin.fd, F_DUPFD_CLOEXEC, 0));
    if (!copy)
      return fail(Code::hsm_pin_unreadable,
                  "hsm.stores." + store_.name + ".pin.fd: " + errno_text(errno));
    return copy;
  }
  const char* directory =
      getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): one thread
  if (directory == nullptr)
    return fail(
        Code::hsm_pin_unreadable,
        "pin.credential wants a service started by systemd ($CREDENTIALS_DIRECTORY is not set)");
  const std::string path = std::string(directory) + "/" + store_.pin.credential;
  UniqueFd credential(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!credential) return fail(Code::hsm_pin_unreadable, path + ": " + errno_text(errno));
  return credential;
}

Result<Child> SignerSlot::spawn_signer() {
  auto pair = ipc::make_socket_pair();
  if (!pair) return pass_on(pair);
  auto configuration = sealed_file("mintd", context_.in_force.config_text);
  if (!configuration) return pass_on(configuration);

  auto vitals = hsm::Vitals::make();
  if (!vitals) return pass_on(vitals);

  ChildSpec spec;
  spec.program = context_.programs + "/mintd-signer";
  spec.user = context_.signer_user;
  spec.environment = plain_environment();
  for (const auto& [name, value] : store_.environment)
    spec.environment.push_back(name + "=" + value);
  spec.arguments = {"--store",     store_.name, "--config-name", context_.config_file,
                    "--keeper-fd", "3",         "--config-fd",   "4",
                    "--vitals-fd", "5"};
  spec.own_network = !store_.sandbox.network;
  spec.arguments.insert(spec.arguments.end(), {"--keepers-network", network_namespace()});
  spec.descriptors = {pair->right.get(), configuration->get(), (*vitals)->descriptor()};
  UniqueFd pin;
  if (store_.pin.file.empty()) {
    auto opened = open_pin();
    if (!opened) return pass_on(opened);
    pin = std::move(*opened);
    spec.arguments.insert(spec.arguments.end(), {"--pin-fd", "6"});
    spec.descriptors.push_back(pin.get());
  }
  if (auto remembered = pin_memory_.attempt_begins(); !remembered) return pass_on(remembered);
  auto child = spawn(spec);
  if (!child) return child;
  vitals_ = std::move(*vitals);
  watch_.emplace(store_, vitals_, SignerWatch::Clock::now());
  fenced_ = left_alone_ = false;
  become("starting");
  client_->replace(std::move(pair->left));
  watch();
  return child;
}

void SignerSlot::watch() {
  watch_timer_.expires_after(look_at_signer);
  watch_timer_.async_wait([this](boost::system::error_code error) {
    if (error || !watch_) return;
    const SignerWatch::Finding finding = watch_->look(SignerWatch::Clock::now());
    if (finding.hung || fenced_) fence(finding);
    tell_figures();
    watch();
  });
}

void SignerSlot::tell_figures() {
  // Faults are counted where nobody tells us: what has changed is seen by looking.
  if (++looks_ % looks_a_figure != 0) return;
  Json now = figures();
  if (std::exchange(told_figures_, now) != now) events_.changed();
}

void SignerSlot::fence(const SignerWatch::Finding& finding) {
  if (!fenced_) {
    // On EOF the signer, if it can, closes the front's channel too.
    fenced_ = true;
    ++hung_;
    client_->close();
    const Error error{finding.writing ? Code::hsm_write_hung : Code::hsm_hung, finding.what, 0};
    trouble(error);
    become("hung");
  }
  if (!finding.writing) return process_.kill_now();
  if (left_alone_) return;
  left_alone_ = true;
  become("hung while it writes the token; left to end");
}

void SignerSlot::told(const Result<void>& readiness) {
  if (!readiness) return trouble(readiness.error());
  become("looking at its keys");
  reconcile([](const Result<void>& /*outcome*/) {});
}

bool SignerSlot::is_open() const {
  return client_->connected() && !fenced_ && state_ != "starting" && state_ != "down";
}

bool SignerSlot::is_ready() const { return state_ == ready; }

void SignerSlot::reconcile(hsm::Done<void> done) {
  if (!is_open())
    return done(fail(Code::hsm_unavailable, "key store \"" + store_.name + "\": " + state_));
  lifecycle_.reconcile(Deadline::in(reconcile_patience),
                       [this, done = std::move(done)](const Result<void>& outcome) {
                         reconciled(outcome);
                         done(outcome);
                       });
}

void SignerSlot::tick() {
  const auto due = lifecycle_.due();
  if (stopping_ || !is_open() || lifecycle_.busy() || !due || clock_.now() < *due) return;
  reconcile([](const Result<void>& /*outcome*/) {});
}

keyring::Surroundings SignerSlot::with_signing(keyring::Surroundings surroundings) {
  surroundings.signing = [this] { keys_sign(); };
  return surroundings;
}

void SignerSlot::keys_sign() {
  if (!is_open() || state_ == ready) return;
  trouble_.clear();
  pin_memory_.worked();
  become(ready);
  telemetry::log(Level::info, "keys_ready", {{"store", store_.name}});
  events_.ready();
}

void SignerSlot::reconciled(const Result<void>& outcome) {
  tell_key_troubles();
  if (!is_open()) return;  // It ended meanwhile; the next one is looked at again.
  if (!outcome) {
    // Tokens go on with the keys that sign: what could not be done is tried again.
    if (state_ != ready) become(keys_not_in_order);
    if (outcome.error().to_string() != trouble_) trouble(outcome.error());
    return;
  }
  keys_sign();
  trouble_.clear();
  for (const keyring::Orphan& orphan : lifecycle_.orphans()) {
    if (told_orphans_.insert(orphan.kid).second)
      telemetry::log(Level::warning, "key_without_record",
                     {{"store", store_.name}, {"kid", orphan.kid}});
  }
  events_.changed();
}

void SignerSlot::tell_key_troubles() {
  const auto& now = lifecycle_.troubles();
  for (const std::string& text : now) {
    const bool told =
        std::find(told_troubles_.begin(), told_troubles_.end(), text) != told_troubles_.end();
    if (!told)
      telemetry::log(Level::warning, "key_trouble", {{"store", store_.name}, {"detail", text}});
  }
  if (now.empty() && !told_troubles_.empty())
    telemetry::log(Level::info, "key_trouble_over", {{"store", store_.name}});
  told_troubles_ = now;
}

Result<UniqueFd> SignerSlot::attach_front() {
  if (state_ != ready) return fail(Code::hsm_unavailable, "the signer is not ready");
  auto pair = ipc::make_socket_pair();
  if (!pair) return pass_on(pair);
  client_->attach_front(std::move(pair->right), Deadline::in(attach_patience),
                        [](const Result<void>& attached) {
                          if (!attached)
                            telemetry::log(Level::error, "front_not_attached", attached.error());
                        });
  return std::move(pair->left);
}

void SignerSlot::generate(const hsm::KeySpec& spec, hsm::Done<Json> done) {
  client_->generate(spec, Deadline::in(generation_patience),
                    [this, done = std::move(done)](Result<hsm::KeyInfo> key) mutable {
                      boost::asio::post(
                          context_.io, [this, done = std::move(done), key = std::move(key)] {
                            if (!key) return done(tl::unexpected<Error>(key.error()));
                            done(admin::describe_key(*key, store_.name, store_.token));
                          });
                    });
}

void SignerSlot::evidence(const hsm::KeyId& key, hsm::Done<hsm::KeyEvidence> done) {
  if (state_ != ready) return done(fail(Code::hsm_unavailable, "the signer is not ready"));
  client_->evidence(key, Deadline::in(evidence_patience),
                    [this, done = std::move(done)](Result<hsm::KeyEvidence> evidence) mutable {
                      boost::asio::post(context_.io, [done = std::move(done),
                                                      evidence = std::move(evidence)]() mutable {
                        done(std::move(evidence));
                      });
                    });
}

void SignerSlot::activate(const hsm::SealedCredential& credential, hsm::Done<Bytes> done) {
  if (state_ != ready) return done(fail(Code::hsm_unavailable, "the signer is not ready"));
  client_->activate(credential, Deadline::in(activation_patience),
                    [this, done = std::move(done)](Result<Bytes> secret) mutable {
                      boost::asio::post(context_.io, [done = std::move(done),
                                                      secret = std::move(secret)]() mutable {
                        done(std::move(secret));
                      });
                    });
}

bool SignerSlot::ended(int wait_status) {
  become("down");
  client_->close();
  watch_.reset();
  watch_timer_.cancel();
  past_.add(*vitals_);
  if (auto remembered = pin_memory_.attempt_ended(vitals_->logins()); !remembered) {
    telemetry::log(Level::error, "refused_pin_not_remembered", remembered.error());
  }
  vitals_.reset();
  if (stopping_) {
    events_.ended();
    return false;
  }
  const bool refused =
      WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == signer_exit_pin_refused;
  if (!refused && !pin_memory_.objection()) return true;
  become(pin_refused);
  start_when_pin_may_be_tried();
  return false;
}

void SignerSlot::trouble(const Error& error) {
  trouble_ = error.to_string();
  telemetry::log(Level::error, "signer_trouble", error, {{"store", store_.name}});
}

void SignerSlot::become(const std::string& state) {
  state_ = state;
  events_.changed();
}

void SignerSlot::stop() {
  stopping_ = true;
  timer_.cancel();
  process_.let_end();
  if (!process_.running()) return events_.ended();
  client_->close();
}

Json SignerSlot::status() const {
  return {{"store", store_.name},
          {"state", state_},
          {"pid", process_.pid()},
          {"restarts", process_.restarts()},
          {"sandbox", vitals_ ? describe(vitals_->sandbox()) : Json()},
          {"trouble", trouble_}};
}

Json SignerSlot::figures() const {
  hsm::VitalsSum sum = past_;
  if (vitals_) sum.add(*vitals_);
  // The usual ones from the start: a rate needs a zero to begin with.
  for (const std::uint64_t usual : {0x30U, 0x32U, 0xB3U, 0x101U}) sum.faults.try_emplace(usual, 0U);
  Json faults = Json::object();
  for (const auto& [native, count] : sum.faults) faults[hsm::pkcs11::fault_name(native)] = count;
  Json remedies = Json::object();
  for (std::size_t i = 0; i < sum.remedies.size(); ++i) {
    remedies[hsm::pkcs11::remedy_name(i)] = sum.remedies.at(i);
  }
  return {{"store", store_.name},
          {"up", state_ == ready},
          {"pin_refused", state_ == pin_refused},
          {"restarts", process_.restarts()},
          {"starts_failed", process_.starts_failed()},
          {"out_of_memory", process_.ends_for_memory()},
          {"hung", hung_},
          {"left_alone", left_alone_},
          {"logins", sum.logins},
          {"sessions", vitals_ ? vitals_->sessions() : 0},
          {"faults", std::move(faults)},
          {"recoveries", std::move(remedies)}};
}

}  // namespace mintmark::mintd
