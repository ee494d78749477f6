// The keeper's hold on one key store: its signer process, the admin channel to it, and the keys'
// lifecycle over that channel. A signer that hangs is cut off and killed, unless the call it hangs
// in writes the token: then it is left to end.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "hsm/pin_memory.h"
#include "hsm/signer/client.h"
#include "hsm/vitals.h"
#include "keyring/lifecycle.h"
#include "programs/mintd/keeper_context.h"
#include "programs/mintd/signer_watch.h"
#include "store/store.h"

namespace mintmark::mintd {

class SignerSlot {
 public:
  struct Events {
    /// The store is open and its keys are in order.
    std::function<void()> ready;
    /// status() has changed.
    std::function<void()> changed;
    /// The signer has ended after stop().
    std::function<void()> ended;
  };

  /// `clock`: of the keys' lives.
  SignerSlot(KeeperContext& context, const config::HsmStore& store, store::KeyStateStore& states,
             const Clock& clock, keyring::Surroundings surroundings, Events events);

  /// Not before a PIN that was refused has changed (the token would be locked by our restarts).
  void start();
  /// Closes the channel: the signer finishes the call it is in and ends.
  void stop();
  /// A new channel for the front, its other end already with the signer; nothing while no signer is
  /// ready.
  [[nodiscard]] Result<UniqueFd> attach_front();

  /// A key that no record of the journal leads: `done` gets admin::describe_key's, on the
  /// io_context.
  void generate(const hsm::KeySpec& spec, hsm::Done<Json> done);

  /// `hsm_unavailable` while no signer is ready; `done` on the io_context, perhaps at once.
  void evidence(const hsm::KeyId& key, hsm::Done<hsm::KeyEvidence> done);
  /// See hsm::EvidenceActivation.
  void activate(const hsm::SealedCredential& credential, hsm::Done<Bytes> done);

  [[nodiscard]] const std::string& name() const { return store_.name; }
  [[nodiscard]] bool is_ready() const;
  /// -1 while none runs.
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  /// After stop(), and nothing of it runs any more.
  [[nodiscard]] bool has_stopped() const { return stopping_ && !process_.running(); }
  /// The life of this store's keys. After a change of the journal: reconcile().
  [[nodiscard]] keyring::Lifecycle& lifecycle() { return lifecycle_; }
  [[nodiscard]] const keyring::Lifecycle& lifecycle() const { return lifecycle_; }
  /// Does what the journal wants done; `done` is told when it is, or why it is not: without a
  /// signer `hsm_unavailable`, and then it is done when there is one.
  void reconcile(hsm::Done<void> done);
  /// Once a second: does what is due.
  void tick();
  [[nodiscard]] Json status() const;
  /// As the `figures` frame has it (control.h).
  [[nodiscard]] Json figures() const;

 private:
  [[nodiscard]] Result<Child> spawn_signer();
  [[nodiscard]] Result<UniqueFd> open_pin() const;
  bool ended(int wait_status);
  void told(const Result<void>& readiness);
  [[nodiscard]] keyring::Surroundings with_signing(keyring::Surroundings surroundings);
  void keys_sign();
  void reconciled(const Result<void>& outcome);
  void tell_key_troubles();
  [[nodiscard]] bool is_open() const;
  void start_when_pin_may_be_tried();
  void watch();
  void tell_figures();
  void fence(const SignerWatch::Finding& finding);
  void trouble(const Error& error);
  void become(const std::string& state);

  KeeperContext& context_;
  const Clock& clock_;
  const config::HsmStore& store_;
  Events events_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<hsm::signer::SignerClient> client_;
  keyring::Lifecycle lifecycle_;
  hsm::PinMemory pin_memory_;
  boost::asio::steady_timer watch_timer_;
  std::shared_ptr<hsm::Vitals> vitals_;
  std::optional<SignerWatch> watch_;  ///< Of the process that runs now.
  bool fenced_ = false;
  bool left_alone_ = false;  ///< It hangs while it writes the token.
  unsigned hung_ = 0;
  unsigned looks_ = 0;
  Json told_figures_;
  hsm::VitalsSum past_;  ///< Of the processes before.
  std::string state_ = "down";
  std::string trouble_;
  std::set<std::string> told_orphans_;
  std::vector<std::string> told_troubles_;  ///< Of its keys, as the log has them.
  bool stopping_ = false;
  Supervised process_;
};

}  // namespace mintmark::mintd
