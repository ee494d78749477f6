#include "programs/mintd/front_slot.h"

#include <fcntl.h>

#include <cerrno>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>

#include "admin/keeper_endpoints.h"
#include "base/secret.h"
#include "telemetry/log.h"

namespace mintmark::mintd {

using telemetry::Level;

namespace {

// One in strange hands says it as fast as the socket goes: the log is not his to fill.
constexpr unsigned most_malformed_told = 3;

// What the front says is looked at before it is taken for anything: it may be in strange hands.
std::optional<std::uint64_t> number_in(const Json& message, const char* member) {
  const auto found = message.find(member);
  if (found == message.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

std::string text_in(const Json& message, const char* member) {
  const auto found = message.find(member);
  return found != message.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

FrontSlot::FrontSlot(KeeperContext& context, BoundSockets sockets, Events events)
    : context_(context),
      sockets_(std::move(sockets)),
      events_(std::move(events)),
      process_(
          context.io, "front", [this] { return spawn_front(); },
          [this](int /*status*/) {
            ready_ = false;
            waiting_for_.clear();
            if (control_) control_->close();
            control_.reset();
            relay_.front_gone();
            events_.gone();
            if (stopping_) events_.ended();
            return !stopping_;
          }) {}

Result<ChildSpec> FrontSlot::describe(std::vector<UniqueFd>& handed) {
  ChildSpec spec;
  spec.program = context_.programs + "/mintd-front";
  spec.environment = plain_environment();
  spec.user = context_.front_user;
  const auto hand = [&](const std::string& option, UniqueFd descriptor) {
    spec.arguments.push_back(option);
    spec.arguments.push_back(std::to_string(3 + handed.size()));
    handed.push_back(std::move(descriptor));
  };
  const auto hand_file = [&](const std::string& option, std::string_view content) -> Result<void> {
    auto file = sealed_file("mintd", content);
    if (!file) return pass_on(file);
    hand(option, std::move(*file));
    return {};
  };
  const auto hand_socket = [&](const std::string& option, const UniqueFd& socket) -> Result<void> {
    UniqueFd copy(fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail(Code::io_failed, "dup: " + errno_text(errno));
    hand(option, std::move(copy));
    return {};
  };
  const Loaded& in_force = context_.in_force;
  spec.arguments = {"--config-name", context_.config_file, "--clock",
                    std::to_string(to_unix(events_.clock()))};
  auto done = hand_file("--config-fd", in_force.config_text);
  if (done) done = hand_file("--policy-fd", in_force.policy.packed());
  if (done && in_force.config.tls) {
    // The key's file belongs to the keeper's user; the front gets its content and never the path.
    done = hand_file("--tls-certificate-fd", in_force.tls_certificate);
    if (done && !in_force.config.tls->key.empty())
      done = hand_file("--tls-key-fd", as_text(in_force.tls_key.view()));
  }
  for (const UniqueFd& socket : sockets_.strangers) {
    if (done) done = hand_socket("--listen-fd", socket);
  }
  if (done && sockets_.metrics) done = hand_socket("--metrics-fd", sockets_.metrics);
  if (!done) return pass_on(done);
  return spec;
}

Result<Child> FrontSlot::spawn_front() {
  std::vector<UniqueFd> handed;
  auto spec = describe(handed);
  if (!spec) return pass_on(spec);
  auto pair = ipc::make_socket_pair();
  if (!pair) return pass_on(pair);
  spec->arguments.insert(spec->arguments.end(),
                         {"--control-fd", std::to_string(3 + handed.size())});
  handed.push_back(std::move(pair->right));
  for (const UniqueFd& descriptor : handed) spec->descriptors.push_back(descriptor.get());

  auto child = spawn(*spec);
  if (!child) return child;
  malformed_ = 0;
  control_ = ipc::Channel::make(context_.io, std::move(pair->left));
  control_->start([this](BytesView frame, UniqueFd /*descriptor*/) { received(frame); },
                  [](const std::string& /*why*/) {});
  // After spawn has returned to Supervised, so that a start and its failure are told apart.
  boost::asio::post(context_.io, [this] { events_.started(); });
  return child;
}

void FrontSlot::received(BytesView frame) {
  const auto message = from_frame(frame);
  if (!message) return malformed(message.error());
  const std::string& type = (*message)["type"].get_ref<const std::string&>();
  if (type == "ready") {
    waiting_for_.clear();
    if (!std::exchange(ready_, true)) telemetry::log(Level::info, "front_ready");
  } else if (type == "waiting") {
    waiting_for_ = text_in(*message, "for");
  } else if (type == "keys_in_force") {
    if (const auto epoch = number_in(*message, "epoch")) events_.keys_in_force(*epoch);
  } else if (type == "answer") {
    relay_.answered(*message);
  } else if (type == "coverage") {
    const auto said = keyring::acknowledgements_from(message->value("verifiers", Json()));
    if (!said) return malformed(said.error());
    events_.coverage(*said);
  } else if (type == "activate") {
    events_.activate(*message);
  }
}

void FrontSlot::malformed(const Error& error) {
  if (malformed_ == most_malformed_told) return;
  ++malformed_;
  telemetry::log(
      Level::error, "front_message_malformed", error,
      {{"pid", std::to_string(process_.pid())},
       {"of_it", malformed_ == most_malformed_told ? "no more is told" : "more is told"}});
}

void FrontSlot::send(const Json& message, UniqueFd descriptor) {
  if (control_) control_->send(to_frame(message), std::move(descriptor));
}

void FrontSlot::send_keys(const keyring::Snapshot& keys, Moment clock_mark,
                          const std::vector<std::string>& revoked) {
  send({{"type", "keys"},
        {"snapshot", keys.to_json()},
        {"clock_mark", to_unix(clock_mark)},
        {"revoked", revoked}});
}

void FrontSlot::accept_clock() { send({{"type", "clock"}}); }

void FrontSlot::send_signer(const std::string& store, UniqueFd channel) {
  send({{"type", "signer"}, {"store", store}}, std::move(channel));
}

void FrontSlot::send_figures(Json figures) {
  figures["type"] = "figures";
  send(figures);
}

void FrontSlot::reload(const Loaded& next, http::Respond respond) {
  ReloadTexts texts;
  texts.config_name = context_.config_file;
  texts.config = next.config_text;
  texts.policy = next.policy.packed();
  texts.tls_certificate = next.tls_certificate;
  texts.tls_key = as_text(next.tls_key.view());
  std::string packed = texts.packed();
  auto file = sealed_file("mintd", packed);
  wipe(packed);
  if (!file) return respond(admin::error_response(file.error()));
  relay_.ask(control_, {{"type", "reload"}}, std::move(*file), std::move(respond));
}

void FrontSlot::stop() {
  stopping_ = true;
  process_.let_end();
  if (!process_.running()) return events_.ended();
  send({{"type", "stop"}});
}

void FrontSlot::cut_off() {
  stopping_ = true;
  process_.let_end();
  if (!process_.running()) return events_.ended();
  process_.kill_now();
}

Json FrontSlot::status() const {
  return {{"state", ready_                  ? "ready"
                    : !waiting_for_.empty() ? "waiting"
                    : process_.running()    ? "starting"
                                            : "down"},
          {"trouble", waiting_for_},
          {"pid", process_.pid()},
          {"restarts", process_.restarts()}};
}

}  // namespace mintmark::mintd
