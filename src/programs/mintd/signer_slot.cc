#include "programs/mintd/signer_slot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <boost/asio/post.hpp>

#include "ipc/channel.h"
#include "programs/mintd/algorithms.h"
#include "programs/mintd/signer_exit.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Level;

constexpr std::chrono::seconds reconcile_patience{60};
constexpr std::chrono::seconds attach_patience{10};
constexpr std::chrono::seconds look_at_pin{1};
constexpr const char* pin_refused = "PIN refused";

}  // namespace

SignerSlot::SignerSlot(KeeperContext& context, const config::HsmStore& store,
                       store::KeyStateStore& states, Events events)
    : context_(context),
      store_(store),
      events_(std::move(events)),
      timer_(context.io),
      client_(hsm::signer::SignerClient::make_unconnected(context.io)),
      lifecycle_(states, {store.name, *client_, *client_},
                 signing_algorithms(context.in_force.config).wanted(), context.clock,
                 [&io = context.io](std::function<void()> work) {
                   boost::asio::post(io, std::move(work));
                 }),
      process_(
          context.io, "signer " + store.name, [this] { return spawn_signer(); },
          [this](int status) { return ended(status); }) {
  client_->on_readiness([this](const Result<void>& readiness) {
    boost::asio::post(context_.io, [this, readiness] { told(readiness); });
  });
}

void SignerSlot::start() {
  if (stopping_) return;
  auto refused = read_file(refused_pin_file());
  if (refused && *refused == pin_stamp()) {
    trouble(Error{
        Code::hsm_pin_refused,
        "the token refused this PIN before; it is not tried again until its source changes", 0});
    return start_when_pin_changes();
  }
  process_.start();
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

  ChildSpec spec;
  spec.program = context_.programs + "/mintd-signer";
  spec.user = context_.signer_user;
  spec.environment = plain_environment();
  for (const auto& [name, value] : store_.environment)
    spec.environment.push_back(name + "=" + value);
  spec.arguments = {"--store",     store_.name, "--config-name", context_.config_file,
                    "--keeper-fd", "3",         "--config-fd",   "4"};
  spec.descriptors = {pair->right.get(), configuration->get()};
  UniqueFd pin;
  if (store_.pin.file.empty()) {
    auto opened = open_pin();
    if (!opened) return pass_on(opened);
    pin = std::move(*opened);
    spec.arguments.insert(spec.arguments.end(), {"--pin-fd", "5"});
    spec.descriptors.push_back(pin.get());
  }
  auto child = spawn(spec);
  if (!child) return child;
  become("starting");
  client_->replace(std::move(pair->left));
  return child;
}

void SignerSlot::told(const Result<void>& readiness) {
  if (!readiness) return trouble(readiness.error());
  reconcile();
}

void SignerSlot::reconcile() {
  lifecycle_.reconcile(Deadline::in(reconcile_patience), [this](Result<std::shared_ptr<
                                                                    const keyring::Snapshot>>
                                                                    keys) {
    if (!keys) {
      become("keys not in order");
      return trouble(keys.error());
    }
    become("ready");
    trouble_.clear();
    unlink(refused_pin_file().c_str());
    for (const std::string& kid : lifecycle_.orphans()) {
      telemetry::log(Level::warning, "key_without_record", {{"store", store_.name}, {"kid", kid}});
    }
    telemetry::log(Level::info, "keys_ready",
                   {{"store", store_.name}, {"published", std::to_string((*keys)->keys().size())}});
    events_.ready(std::move(*keys));
  });
}

Result<UniqueFd> SignerSlot::attach_front() {
  if (state_ != "ready") return fail(Code::hsm_unavailable, "the signer is not ready");
  auto pair = ipc::make_socket_pair();
  if (!pair) return pass_on(pair);
  client_->attach_front(std::move(pair->right), Deadline::in(attach_patience),
                        [](const Result<void>& attached) {
                          if (!attached)
                            telemetry::log(Level::error, "front_not_attached", attached.error());
                        });
  return std::move(pair->left);
}

bool SignerSlot::ended(int wait_status) {
  become("down");
  client_->close();
  if (stopping_) {
    events_.ended();
    return false;
  }
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == signer_exit_pin_refused) {
    pin_was_refused();
    return false;
  }
  return true;
}

void SignerSlot::pin_was_refused() {
  // On disk: a restart of mintd must not spend another of the token's tries.
  if (auto written = write_file_atomically(refused_pin_file(), pin_stamp()); !written) {
    telemetry::log(Level::error, "refused_pin_not_remembered", written.error());
  }
  become(pin_refused);
  start_when_pin_changes();
}

void SignerSlot::start_when_pin_changes() {
  if (state_ != pin_refused) become(pin_refused);
  timer_.expires_after(look_at_pin);
  timer_.async_wait([this, stamp = pin_stamp()](boost::system::error_code error) {
    if (error || stopping_) return;
    if (pin_stamp() == stamp) return start_when_pin_changes();
    telemetry::log(Level::info, "pin_source_changed", {{"store", store_.name}});
    unlink(refused_pin_file().c_str());
    process_.start();
  });
}

std::string SignerSlot::pin_stamp() const {
  if (store_.pin.fd) return "fd";  // Cannot change while this mintd runs.
  std::string path = store_.pin.file;
  if (path.empty()) {
    const char* directory =
        getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): one thread
    path = std::string(directory == nullptr ? "" : directory) + "/" + store_.pin.credential;
  }
  struct stat now {};
  if (stat(path.c_str(), &now) != 0) return path + " absent";
  return path + " " + std::to_string(now.st_ino) + " " + std::to_string(now.st_size) + " " +
         std::to_string(now.st_mtim.tv_sec) + "." + std::to_string(now.st_mtim.tv_nsec);
}

std::string SignerSlot::refused_pin_file() const {
  return context_.keeper_directory() + "/pin-refused-" + store_.name;
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
          {"trouble", trouble_}};
}

Json SignerSlot::figures() const {
  return {{"store", store_.name},
          {"up", state_ == "ready"},
          {"pin_refused", state_ == pin_refused},
          {"restarts", process_.restarts()}};
}

}  // namespace mintmark::mintd
