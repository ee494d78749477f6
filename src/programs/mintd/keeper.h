// The keeper: starts the others, holds the listening sockets and the lease, leads the keys' lives,
// answers operators. It parses what operators send and nothing that strangers send.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "admin/key_changes.h"
#include "http/server.h"
#include "keyring/coverage.h"
#include "keyring/keyring.h"
#include "programs/mintd/clock_mark.h"
#include "programs/mintd/front_slot.h"
#include "programs/mintd/keeper_context.h"
#include "programs/mintd/key_evidence.h"
#include "programs/mintd/leased_key_states.h"
#include "programs/mintd/publisher.h"
#include "programs/mintd/signer_slot.h"
#include "programs/mintd/store_watch.h"
#include "store/store.h"

namespace mintmark::mintd {

/// One thread: all of it runs on the context's io_context.
class Keeper {
 public:
  explicit Keeper(KeeperContext& context);

  /// Takes the lease, binds the sockets, starts the children. Errors end mintd: `lease_held`,
  /// `io_failed`, `config_invalid`.
  [[nodiscard]] Result<void> start();
  /// It stopped all work because the lease was gone, and nobody has told it to stop. Another mintd
  /// may have it.
  [[nodiscard]] bool lost_lease() const { return lease_lost_ && !told_to_stop_; }

 private:
  [[nodiscard]] Result<void> make_directories();
  [[nodiscard]] Result<void> open_admin();
  [[nodiscard]] Result<BoundSockets> bind();
  void wait_for_signals();
  void make_signers();
  [[nodiscard]] SignerSlot::Events events_of(std::size_t signer);
  void front_started();
  void send_keys();
  [[nodiscard]] Result<std::vector<std::string>> revoked_kids() const;
  void connect(SignerSlot& signer);
  void tick();
  /// Errors of what is done again and again: where they begin, and where they change.
  void log_once(const std::string& event, const Result<void>& outcome);
  void replace_a_front_that_owes();
  void look_at_stores();
  void reap_left_behind();
  void lose_lease(const Error& how);
  void stop();
  void stop_signers();
  void signer_ended();

  // keeper_keys.cc: what operators do with keys, and what is told of them.
  [[nodiscard]] keyring::Surroundings surroundings(const std::string& store);
  [[nodiscard]] bool signs_elsewhere(const keyring::KeyKind& kind, const std::string& store) const;
  void leave_stores_behind();
  void journal_changed(std::span<const store::KeyRecord> records);
  [[nodiscard]] admin::KeyChanges key_changes();
  void rotate(std::optional<hsm::Purpose> purpose, const hsm::Done<Json>& done);
  void revoke(const std::string& kid, const std::string& why, const hsm::Done<Json>& done);
  void would_revoke(const std::string& kid, const http::Respond& respond);
  void change_one(const std::string& kid, const hsm::Done<Json>& done,
                  const std::function<Result<void>(keyring::Lifecycle&)>& change);
  void accept_clock(const hsm::Done<Json>& done);
  [[nodiscard]] Result<bool> revoke_left_behind(store::KeyRecord key, const std::string& why);
  void tell_revoked(const std::string& kid, bool signed_until_now, bool news,
                    const Result<void>& hardware, const hsm::Done<Json>& done) const;
  void generate(const hsm::KeySpec& spec, hsm::Done<Json> done);
  void reconcile_all(const std::function<void()>& done);
  [[nodiscard]] Result<SignerSlot*> slot_of(const std::string& kid);
  [[nodiscard]] Result<Json> keys() const;
  [[nodiscard]] Json describe(const store::KeyRecord& key,
                              const std::vector<store::KeyRecord>& all) const;
  [[nodiscard]] Json key_figures() const;
  [[nodiscard]] std::vector<std::string> warnings() const;

  // keeper_evidence.cc: what proves where keys live, and who asks their TPMs.
  [[nodiscard]] EvidenceCollection::Ask evidence_sources();
  void look_for_evidence();
  [[nodiscard]] Result<Json> key_evidence() const;
  void activate(const Json& message);
  [[nodiscard]] Result<SignerSlot*> slot_of_published(const std::string& kid);

  /// Reads everything again and puts it in force, or nothing. Answers what was reloaded, or why
  /// not.
  void reload(const http::Respond& respond);
  void reloaded(Loaded next, const std::vector<std::string>& changed);
  http::Response reload_refused(const Error& error);
  void send_figures();

  [[nodiscard]] Json status() const;

  KeeperContext& context_;
  boost::asio::signal_set signals_;
  std::optional<store::Lease> lease_;
  std::unique_ptr<LeasedKeyStates> key_states_;
  keyring::Coverage coverage_;
  std::optional<Publisher> publisher_;
  std::optional<ClockMark> clock_mark_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<http::Server> admin_;
  std::vector<std::unique_ptr<SignerSlot>> signers_;
  std::unique_ptr<FrontSlot> front_;
  unsigned ticks_ = 0;
  std::map<std::string, std::string> told_;
  StoreWatch store_watch_;
  Json stores_ = Json::array();  ///< As the frame `figures` has them.
  std::set<SignerSlot*> unconnected_;
  bool lease_lost_ = false;
  bool told_to_stop_ = false;
  EvidenceCollection evidence_;
  bool stopping_ = false;
  bool reloading_ = false;
  bool reload_successful_ = true;
  Moment reloaded_at_;
};

}  // namespace mintmark::mintd
