// The keeper's hold on the front: its process, its control channel, what operators ask of it.
#pragma once

#include <functional>
#include <memory>

#include "keyring/coverage.h"
#include "keyring/keyring.h"
#include "programs/mintd/control.h"
#include "programs/mintd/keeper_context.h"

namespace mintmark::mintd {

struct BoundSockets {
  std::vector<UniqueFd> strangers;
  UniqueFd metrics;  ///< Empty where no figures are served.
};

class FrontSlot {
 public:
  struct Events {
    /// How late it is: what the front is told at its start.
    std::function<Moment()> clock;
    /// The front runs and wants its keys and its signer's channel.
    std::function<void()> started;
    /// It works by the snapshot of this epoch, and nothing decided by an earlier one leaves it.
    std::function<void(std::uint64_t epoch)> keys_in_force;
    /// It has ended, however; perhaps another one will be started.
    std::function<void()> gone;
    /// It has ended after stop().
    std::function<void()> ended;
    /// Verifiers have said which keys they hold (the frame `coverage`).
    std::function<void(const std::vector<keyring::Acknowledgement>&)> coverage;
    /// Somebody wants a credential opened (the frame `activate`); answered by tell().
    std::function<void(const Json& message)> activate;
  };

  /// `sockets`: bound, kept open here so that a new front refuses nobody.
  FrontSlot(KeeperContext& context, BoundSockets sockets, Events events);

  void start() { process_.start(); }
  /// Another one is started in its place.
  void kill_now() { process_.kill_now(); }
  /// Answers what is under way, then ends; told by Events::ended.
  void stop();
  /// Ends at once, whatever is under way, and is not started again; told by Events::ended.
  void cut_off();
  /// `revoked`: kids of keys that were taken back and may still be known to somebody.
  void send_keys(const keyring::Snapshot& keys, Moment clock_mark,
                 const std::vector<std::string>& revoked);
  /// An operator says that the clock is right now.
  void accept_clock();
  void send_signer(const std::string& store, UniqueFd channel);
  /// A message whose frame is as long as one may be at most; dropped while there is no front.
  void tell(const Json& message) { send(message); }
  /// The `figures` frame.
  void send_figures(Json figures);
  /// Hands over what is to be in force; 200 when it is, anything else when all is as it was.
  void reload(const Loaded& next, http::Respond respond);
  void ask(const http::Request& request, http::Respond respond) {
    relay_.ask(control_, request, std::move(respond));
  }

  [[nodiscard]] Json status() const;
  [[nodiscard]] bool running() const { return process_.running(); }
  /// -1 while none runs.
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  /// It has said that it accepts, or what it waits for first: its TLS key. Then it can be told to
  /// reload.
  [[nodiscard]] bool listens_to_us() const { return ready_ || !waiting_for_.empty(); }
  [[nodiscard]] unsigned restarts() const { return process_.restarts(); }
  [[nodiscard]] unsigned starts_failed() const { return process_.starts_failed(); }
  [[nodiscard]] unsigned ends_for_memory() const { return process_.ends_for_memory(); }

 private:
  [[nodiscard]] Result<Child> spawn_front();
  [[nodiscard]] Result<ChildSpec> describe(std::vector<UniqueFd>& handed);
  void received(BytesView frame);
  void malformed(const Error& error);
  void send(const Json& message, UniqueFd descriptor = {});

  KeeperContext& context_;
  BoundSockets sockets_;
  Events events_;
  AdminRelay relay_;
  std::shared_ptr<ipc::Channel> control_;
  bool ready_ = false;
  unsigned malformed_ = 0;  ///< Of what this process said, as far as it was told.
  std::string waiting_for_;
  bool stopping_ = false;
  Supervised process_;
};

}  // namespace mintmark::mintd
