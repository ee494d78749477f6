// A Signer that stops asking a key store which only fails, and asks again by itself.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/mutex.h"
#include "hsm/key_store.h"
#include "hsm/lanes.h"
#include "telemetry/metrics.h"

namespace mintmark::mintd {

/// Opens after failures in a row that are the hardware's or its signer's; then each call is
/// `hsm_breaker_open` at once, but one for each `tick`, which tries whether it still fails. The
/// first signature closes it. While nobody asks, it lists the store's keys instead: a load balancer
/// that believes /readyz would otherwise never send the request that closes it.
///
/// What is no token's and comes to no turn in time behind tokens (hsm/lanes.h) says nothing of the
/// hardware, and opens nothing.
///
/// One a store; none knows of another. Thread-safe. The io_context must outlive it and what is
/// under way through it.
class SignerBreaker final : public hsm::Signer, public std::enable_shared_from_this<SignerBreaker> {
 public:
  struct Limits {
    unsigned failures = 5;                 ///< In a row.
    std::chrono::milliseconds tick{200};   ///< Between two calls that are let through.
    unsigned quiet_ticks = 5;              ///< Without a call: then it looks by itself.
    std::chrono::milliseconds look{1000};  ///< How long that look may take.
  };
  enum class State : std::uint8_t {
    closed,    ///< Every call goes through.
    open,      ///< One a tick does.
    on_trial,  ///< Likewise; the store has answered again, but not yet signed.
  };

  /// `open` shows 1 while it is open.
  [[nodiscard]] static std::shared_ptr<SignerBreaker> make(boost::asio::io_context& io,
                                                           std::string store,
                                                           std::shared_ptr<hsm::Signer> signer,
                                                           telemetry::Gauge open, Limits limits);

  void sign(const hsm::KeyId& key, std::string signing_input, Deadline deadline,
            hsm::Done<Bytes> done) override;
  void list(Deadline deadline, hsm::Done<std::vector<hsm::KeyInfo>> done) override;

  /// There is a new signer, whose keys are in order: closed, whatever was before.
  void renewed();
  [[nodiscard]] State state() const { return state_.load(); }
  [[nodiscard]] const std::string& store() const { return store_; }

 private:
  SignerBreaker(boost::asio::io_context& io, std::string store, std::shared_ptr<hsm::Signer> signer,
                telemetry::Gauge open, Limits limits);
  [[nodiscard]] bool lets_through();
  void answered(const Error* error, hsm::Lane lane, unsigned era);
  void signed_one();
  void failed(const Error& error, unsigned era);
  void become(State state) MINTMARK_REQUIRES(mutex_);
  void open_by(const Error& error) MINTMARK_REQUIRES(mutex_);
  void wait_a_tick() MINTMARK_REQUIRES(mutex_);
  void ticked() MINTMARK_EXCLUDES(mutex_);
  void look() MINTMARK_EXCLUDES(mutex_);

  const std::string store_;
  const std::shared_ptr<hsm::Signer> signer_;
  telemetry::Gauge open_;
  const Limits limits_;

  std::atomic<State> state_{State::closed};
  std::atomic<unsigned> failures_{0};
  /// Counts the changes of state: what was asked before one says nothing of what is now.
  std::atomic<unsigned> era_{0};

  Mutex mutex_;  ///< For what follows, and every change of what stands above but `failures_`.
  boost::asio::steady_timer timer_ MINTMARK_GUARDED_BY(mutex_);
  bool may_try_ MINTMARK_GUARDED_BY(mutex_) = false;
  bool looking_ MINTMARK_GUARDED_BY(mutex_) = false;
  unsigned quiet_ MINTMARK_GUARDED_BY(mutex_) = 0;
};

}  // namespace mintmark::mintd
