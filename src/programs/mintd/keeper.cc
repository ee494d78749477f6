#include "programs/mintd/keeper.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "admin/keeper_endpoints.h"
#include "admin/roles.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Level;

Result<void> make_directory(const std::string& path, unsigned mode,
                            const std::optional<UserIds>& owner) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return fail(Code::io_failed, path + ": " + errno_text(errno));
  struct stat now {};
  if (lstat(path.c_str(), &now) != 0 || !S_ISDIR(now.st_mode))
    return fail(Code::io_failed, path + ": is no directory");
  if (owner && lchown(path.c_str(), owner->user, owner->group) != 0)
    return fail(Code::io_failed, path + ": " + errno_text(errno));
  if (chmod(path.c_str(), mode) != 0) return fail(Code::io_failed, path + ": " + errno_text(errno));
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
      reloaded_at_(context.clock.now()) {}

Result<void> Keeper::make_directories() {
  // Others may pass through to what is theirs, and list nothing.
  if (auto made = make_directory(context_.in_force.config.state_directory, 0711, std::nullopt);
      !made)
    return made;
  if (auto made = make_directory(context_.keeper_directory(), 0700, std::nullopt); !made)
    return made;
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
          admin::keeper_router({.status = [this] { return status(); },
                                .keys = [this] { return keys(); },
                                .generate_key =
                                    [this](const hsm::KeySpec& spec, hsm::Done<Json> done) {
                                      signer_->generate(spec, std::move(done));
                                    },
                                .reload = [this](const http::Request& /*request*/,
                                                 const http::Respond& respond) { reload(respond); },
                                .front =
                                    [this](const http::Request& request, http::Respond respond) {
                                      front_->ask(request, std::move(respond));
                                    }})),
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
  key_states_ = std::move(*states);
  auto sockets = bind();
  if (!sockets) return pass_on(sockets);

  front_ = std::make_unique<FrontSlot>(
      context_, std::move(*sockets),
      FrontSlot::Events{.started = [this] { connect_front_and_signer(); },
                        .ended = [this] { stop_signer(); },
                        .coverage =
                            [this](const std::vector<keyring::Acknowledgement>& said) {
                              for (const auto& one : said) coverage_.heard(one);
                            }});
  signer_ = std::make_unique<SignerSlot>(
      context_, context_.in_force.config.stores.front(), *key_states_,
      SignerSlot::Events{.ready =
                             [this](std::shared_ptr<const keyring::Snapshot> keys) {
                               keys_changed(std::move(keys));
                             },
                         .changed = [this] { send_figures(); },
                         .ended = [this] { context_.io.stop(); }});
  if (auto opened = open_admin(); !opened) return opened;
  wait_for_signals();
  signer_->start();
  front_->start();
  return {};
}

void Keeper::wait_for_signals() {
  signals_.async_wait([this](boost::system::error_code error, int signal) {
    if (error) return;
    if (signal == SIGHUP) {
      reload([](const http::Response& /*response*/) {});  // How it ended stands in the log.
      return wait_for_signals();
    }
    telemetry::log(Level::info, "stopping", {{"signal", std::to_string(signal)}});
    stop();
  });
}

void Keeper::keys_changed(std::shared_ptr<const keyring::Snapshot> keys) {
  keys_ = std::move(keys);
  connect_front_and_signer();
}

void Keeper::connect_front_and_signer() {
  if (stopping_ || !front_->running()) return;
  send_figures();
  if (keys_) front_->send_keys(*keys_);
  auto channel = signer_->attach_front();
  if (channel) front_->send_signer(signer_->name(), std::move(*channel));
}

void Keeper::stop() {
  if (stopping_) return;
  stopping_ = true;
  front_->stop();
}

void Keeper::stop_signer() {
  // After the front: what it had under way has been signed and answered.
  unlink(context_.in_force.config.admin.socket.c_str());
  signer_->stop();
}

Json Keeper::status() const {
  const std::string purpose_access(hsm::name_of(hsm::Purpose::access_token));
  return {{"version", MINTMARK_VERSION},
          {"issuer", context_.in_force.config.issuer},
          {"keeper", {{"pid", getpid()}}},
          {"front", front_->status()},
          {"signers", Json::array({signer_->status()})},
          {"keys", keys_ ? keys_->keys().size() : 0}};
}

Result<Json> Keeper::keys() const {
  auto records = key_states_->list();
  if (!records) return pass_on(records);
  Json list = Json::array();
  for (const store::KeyRecord& key : *records) {
    list.push_back({{"kid", key.kid},
                    {"id", key.id},
                    {"store", key.store},
                    {"purpose", key.purpose},
                    {"algorithm", key.algorithm},
                    {"state", key.state},
                    {"created_at", to_unix(key.created_at)},
                    {"changed_at", to_unix(key.changed_at)}});
  }
  return Json{{"keys", std::move(list)},
              {"orphans", signer_->orphans()},
              {"verifiers", coverage_.to_json()}};
}

}  // namespace mintmark::mintd
