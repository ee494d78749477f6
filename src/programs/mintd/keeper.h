// The keeper: starts the others, holds the listening sockets and the lease, leads the keys' lives,
// answers operators. It parses what operators send and nothing that strangers send.
#pragma once

#include <memory>
#include <optional>

#include <boost/asio/signal_set.hpp>

#include "http/server.h"
#include "keyring/coverage.h"
#include "keyring/keyring.h"
#include "programs/mintd/front_slot.h"
#include "programs/mintd/keeper_context.h"
#include "programs/mintd/signer_slot.h"
#include "store/store.h"

namespace mintmark::mintd {

/// One thread: all of it runs on the context's io_context.
class Keeper {
 public:
  explicit Keeper(KeeperContext& context);

  /// Takes the lease, binds the sockets, starts the children. Errors end mintd: `lease_held`,
  /// `io_failed`, `config_invalid`.
  [[nodiscard]] Result<void> start();

 private:
  [[nodiscard]] Result<void> make_directories();
  [[nodiscard]] Result<void> open_admin();
  [[nodiscard]] Result<BoundSockets> bind();
  void wait_for_signals();
  void keys_changed(std::shared_ptr<const keyring::Snapshot> keys);
  void connect_front_and_signer();
  void stop();
  void stop_signer();

  /// Reads everything again and puts it in force, or nothing. Answers what was reloaded, or why
  /// not.
  void reload(const http::Respond& respond);
  void reloaded(Loaded next, const std::vector<std::string>& changed);
  http::Response reload_refused(const Error& error);
  void send_figures();

  [[nodiscard]] Json status() const;
  [[nodiscard]] Result<Json> keys() const;

  KeeperContext& context_;
  boost::asio::signal_set signals_;
  std::optional<store::Lease> lease_;
  std::unique_ptr<store::KeyStateStore> key_states_;
  std::shared_ptr<const keyring::Snapshot> keys_;
  keyring::Coverage coverage_;
  std::unique_ptr<http::Server> admin_;
  std::unique_ptr<SignerSlot> signer_;
  std::unique_ptr<FrontSlot> front_;
  bool stopping_ = false;
  bool reloading_ = false;
  bool reload_successful_ = true;
  Moment reloaded_at_;
};

}  // namespace mintmark::mintd
