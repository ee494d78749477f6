#include "programs/mintd/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "admin/keeper_endpoints.h"
#include "admin/roles.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Level;

/// What SQLite syncs below a new directory is only as durable as the directory's own name.
Result<void> sync_names_in(const std::filesystem::path& directory) {
  const UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && fsync(fd.get()) == 0) return {};
  return fail(Code::io_failed, directory.string() + ": " + errno_text(errno));
}

constexpr unsigned ticks_between_looks_at_stores = 60;
constexpr std::chrono::seconds longest_owed{10};
// Longer than a signer's hang is found and ended, where it may be.
constexpr std::chrono::seconds longest_farewell{20};
// As long as the event log keeps what it says of a key (revoke::Revoker::key_kept).
constexpr std::chrono::hours revoked_keys_told{30 * 24};

Result<void> make_directory(const std::string& path, unsigned mode,
                            const std::optional<UserIds>& owner) {
  const bool made = mkdir(path.c_str(), mode) == 0;
  if (!made && errno != EEXIST) return fail(Code::io_failed, path + ": " + errno_text(errno));
  if (made) {
    if (auto synced = sync_names_in(std::filesystem::path(path).parent_path()); !synced)
      return synced;
  }
  struct stat now {};
  if (lstat(path.c_str(), &now) != 0 || !S_ISDIR(now.st_mode))
    return fail(Code::io_failed, path + ": is no directory");
  // What is right is left alone: a keeper that is not root can give nothing away. The mode first,
  // as long as the directory is ours.
  if ((now.st_mode & 07777U) != mode && chmod(path.c_str(), mode) != 0)
    return fail(Code::io_failed, path + ": " + errno_text(errno));
  const bool theirs = !owner || (now.st_uid == owner->user && now.st_gid == owner->group);
  if (!theirs && lchown(path.c_str(), owner->user, owner->group) != 0) {
    return fail(Code::io_failed, path + ": cannot be given to user " + std::to_string(owner->user) +
                                     ", whose it must be: " + errno_text(errno));
  }
  return {};
}

}  // namespace

std::vector<std::string> plain_environment() {
  // tss2-mu writes an error line for every structure it cannot read; strangers would fill the log.
  return {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TSS2_LOG=all+NONE"};
}

Keeper::Keeper(KeeperContext& context)
    : context_(context),
      signals_(context.io, SIGTERM, SIGINT, SIGHUP),
      coverage_(context.in_force.config.keys.acknowledge.verifiers,
                context.in_force.config.keys.acknowledge.forget, context.clock.now()),
      timer_(context.io),
      evidence_(context.in_force.config.stores, evidence_sources(), Deadline::clock::now),
      reloaded_at_(context.clock.now()) {}

Result<void> Keeper::make_directories() {
  // Others may pass through to what is theirs, and list nothing.
  if (auto made = make_directory(context_.in_force.config.state_directory, 0711, std::nullopt);
      !made)
    return made;
  if (auto made = make_directory(context_.keeper_directory(), 0700, std::nullopt); !made)
    return made;
  for (const config::HsmStore& store : context_.in_force.config.stores) {
    if (!store.tpm) continue;
    auto made = make_directory(store.tpm->blobs, 0700, context_.signer_user);
    if (!made) return made;
  }
  return make_directory(context_.front_directory(), 0700, context_.front_user);
}

Result<BoundSockets> Keeper::bind() {
  BoundSockets sockets;
  for (const config::Listen& listen : context_.in_force.config.listen) {
    auto socket = http::listen_tcp(listen.address, listen.port);
    if (!socket) return pass_on(socket);
    sockets.strangers.push_back(std::move(*socket));
  }
  if (const auto& metrics = context_.in_force.config.metrics) {
    auto socket = http::listen_tcp(metrics->address, metrics->port);
    if (!socket) return pass_on(socket);
    sockets.metrics = std::move(*socket);
  }
  return sockets;
}

Result<void> Keeper::open_admin() {
  auto roles = admin::Roles::of(context_.in_force.config.admin);
  if (!roles) return pass_on(roles);
  auto socket = http::listen_unix(context_.in_force.config.admin.socket, roles->socket_mode());
  if (!socket) return pass_on(socket);
  admin_ = std::make_unique<http::Server>(
      context_.io, http::ServerLimits{},
      admin::guarded(
          std::move(*roles),
          admin::keeper_router(
              {.status = [this] { return status(); },
               .keys = [this] { return keys(); },
               .key_evidence = [this] { return key_evidence(); },
               .generate_key = [this](const hsm::KeySpec& spec,
                                      hsm::Done<Json> done) { generate(spec, std::move(done)); },
               .key_changes = key_changes(),
               .reload = [this](const http::Request& /*request*/,
                                const http::Respond& respond) { reload(respond); },
               .front = [this](
                            const http::Request& request,
                            http::Respond respond) { front_->ask(request, std::move(respond)); }})),
      [](std::string_view event, const Error& error) {
        telemetry::log(Level::error, event, error);
      });
  return admin_->accept_on(std::move(*socket), nullptr);
}

Result<void> Keeper::start() {
  if (auto made = make_directories(); !made) return made;
  auto lease = store::Lease::take(context_.keeper_directory() + "/lease");
  if (!lease) return pass_on(lease);
  lease_.emplace(std::move(*lease));
  auto states = store::open_key_state_store(context_.keeper_directory() + "/keys.db");
  if (!states) return pass_on(states);
  key_states_ = std::make_unique<LeasedKeyStates>(std::move(*states));
  clock_mark_.emplace(*key_states_, context_.clock, revoke::PatientClock::of_an_issuer());
  if (auto loaded = clock_mark_->load(); !loaded) return loaded;
  publisher_.emplace(*key_states_, *clock_mark_,
                     [this](const Publisher::SnapshotPtr&) { send_keys(); });
  auto sockets = bind();
  if (!sockets) return pass_on(sockets);

  front_ = std::make_unique<FrontSlot>(
      context_, std::move(*sockets),
      FrontSlot::Events{
          .clock = [this] { return clock_mark_->present(); },
          .started = [this] { front_started(); },
          .keys_in_force = [this](std::uint64_t epoch) { publisher_->front_took(epoch); },
          .gone = [this] { publisher_->front_gone(); },
          .ended = [this] { stop_signers(); },
          .coverage =
              [this](const std::vector<keyring::Acknowledgement>& said) {
                for (const auto& one : said) coverage_.heard(one);
              },
          .activate = [this](const Json& message) { activate(message); }});
  make_signers();
  leave_stores_behind();
  // What is published does not wait for the hardware.
  if (auto published = publisher_->refresh(); !published) return published;
  if (auto opened = open_admin(); !opened) return opened;
  wait_for_signals();
  for (const auto& signer : signers_) signer->start();
  front_->start();
  tick();
  return {};
}

void Keeper::make_signers() {
  for (const config::HsmStore& store : context_.in_force.config.stores) {
    signers_.push_back(std::make_unique<SignerSlot>(context_, store, *key_states_, *clock_mark_,
                                                    surroundings(store.name),
                                                    events_of(signers_.size())));
  }
}

SignerSlot::Events Keeper::events_of(std::size_t signer) {
  return {.ready = [this, signer] { connect(*signers_[signer]); },
          .changed = [this] { send_figures(); },
          .ended = [this] { signer_ended(); }};
}

void Keeper::tick() {
  if (const auto held = lease_->check(); !held && !stopping_) return lose_lease(held.error());
  look_at_stores();
  reap_left_behind();
  log_once("clock_mark_not_written", clock_mark_->tick());
  if (!stopping_) {
    if (publisher_->stale()) log_once("keys_not_published", publisher_->refresh());
    if (++ticks_ % ticks_between_looks_at_stores == 0) leave_stores_behind();
    replace_a_front_that_owes();
    for (const auto& signer : signers_) signer->tick();
    for (SignerSlot* signer : std::exchange(unconnected_, {})) connect(*signer);
    look_for_evidence();
  }
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) tick();
  });
}

void Keeper::log_once(const std::string& event, const Result<void>& outcome) {
  std::string& told = told_[event];
  const std::string now = outcome ? "" : outcome.error().to_string();
  if (std::exchange(told, now) == now || outcome) return;
  telemetry::log(Level::error, event, outcome.error());
}

void Keeper::replace_a_front_that_owes() {
  // It may go on with keys that were taken back: a new one begins with the present ones.
  if (publisher_->owed_for() < longest_owed) return;
  telemetry::log(Level::error, "front_hung",
                 {{"detail", "it did not say within 10 s that it works by the present keys"}});
  publisher_->ask_again();
  front_->kill_now();  // Those who wait are told when it is gone.
}

void Keeper::wait_for_signals() {
  signals_.async_wait([this](boost::system::error_code error, int signal) {
    if (error) return;
    if (signal == SIGHUP) {
      reload([](const http::Response& /*response*/) {});  // How it ended stands in the log.
      return wait_for_signals();
    }
    telemetry::log(Level::info, "stopping", {{"signal", std::to_string(signal)}});
    told_to_stop_ = true;
    stop();
  });
}

void Keeper::front_started() {
  publisher_->front_started();
  send_keys();
  evidence_.tell_all();
  for (const auto& signer : signers_) connect(*signer);
}

void Keeper::send_keys() {
  if (!publisher_->snapshot() || !front_ || !front_->running()) return;
  const auto revoked = revoked_kids();
  // Then the front owes its word, and is replaced.
  if (!revoked) return telemetry::log(Level::error, "keys_not_sent", revoked.error());
  front_->send_keys(*publisher_->snapshot(), clock_mark_->mark(), *revoked);
}

Result<std::vector<std::string>> Keeper::revoked_kids() const {
  auto all = key_states_->list();
  if (!all) return pass_on(all);
  std::vector<std::string> kids;
  for (const store::KeyRecord& key : *all) {
    const Moment last = *std::max_element(key.since.begin(), key.since.end());
    if (key.revoked() && !key.kid.empty() && last + revoked_keys_told > clock_mark_->now())
      kids.push_back(key.kid);
  }
  return kids;
}

void Keeper::connect(SignerSlot& signer) {
  if (stopping_ || !front_->running()) return;
  send_figures();
  auto channel = signer.attach_front();
  if (channel) return front_->send_signer(signer.name(), std::move(*channel));
  // For want of descriptors, say; one that is not ready comes again by itself.
  if (signer.is_ready()) unconnected_.insert(&signer);
}

void Keeper::look_at_stores() {
  Json now = Json::array();
  for (const auto& file : store_watch_.look()) now.push_back(to_json(file));
  if (now == stores_) return;
  stores_ = std::move(now);
  send_figures();
}

// A child of the mintd that began anew as this one (lose_lease): nobody else waits for it.
void Keeper::reap_left_behind() {
  siginfo_t ended{};
  if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return;
  const bool watched = ended.si_pid == front_->pid() ||
                       std::any_of(signers_.begin(), signers_.end(), [&](const auto& signer) {
                         return signer->pid() == ended.si_pid;
                       });
  if (watched) return;
  waitpid(ended.si_pid, nullptr, WNOHANG);
  telemetry::log(Level::info, "child_left_behind_ended", {{"pid", std::to_string(ended.si_pid)}});
}

void Keeper::lose_lease(const Error& how) {
  // Two writers of one journal are worse than none. No signature waits to be answered.
  telemetry::log(Level::error, "lease_lost", how,
                 {{"do", "nothing: mintd starts anew when it can take the lease again"}});
  lease_lost_ = stopping_ = true;
  key_states_->lose_lease();
  admin_.reset();
  // A signer that hangs while it writes its token is never killed; all else goes on without it.
  timer_.expires_after(longest_farewell);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    telemetry::log(Level::error, "children_left_behind",
                   {{"detail", "a signer or the front has not ended; mintd goes on without it"}});
    context_.io.stop();
  });
  front_->cut_off();
}

void Keeper::stop() {
  if (stopping_) return;
  stopping_ = true;
  front_->stop();
}

void Keeper::stop_signers() {
  // After the front: what it had under way has been signed and answered.
  unlink(context_.in_force.config.admin.socket.c_str());
  for (const auto& signer : signers_) signer->stop();
}

void Keeper::signer_ended() {
  const bool all = std::all_of(signers_.begin(), signers_.end(),
                               [](const auto& signer) { return signer->has_stopped(); });
  if (all) context_.io.stop();
}

Json Keeper::status() const {
  Json signers = Json::array();
  for (const auto& signer : signers_) signers.push_back(signer->status());
  const auto& keys = publisher_->snapshot();
  return {{"version", MINTMARK_VERSION},
          {"issuer", context_.in_force.config.issuer},
          {"keeper", {{"pid", getpid()}}},
          {"front", front_->status()},
          {"signers", std::move(signers)},
          {"keys", keys ? keys->keys().size() : 0},
          {"clock_behind_seconds", clock_mark_->behind().count()},
          {"warnings", warnings()}};
}

}  // namespace mintmark::mintd
