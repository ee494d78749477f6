#include "programs/mintd/signer_breaker.h"

#include "issuer/stores.h"
#include "telemetry/log.h"

namespace mintmark::mintd {

using telemetry::Level;

std::shared_ptr<SignerBreaker> SignerBreaker::make(boost::asio::io_context& io, std::string store,
                                                   std::shared_ptr<hsm::Signer> signer,
                                                   telemetry::Gauge open, Limits limits) {
  return std::shared_ptr<SignerBreaker>(
      new SignerBreaker(io, std::move(store), std::move(signer), open, limits));
}

SignerBreaker::SignerBreaker(boost::asio::io_context& io, std::string store,
                             std::shared_ptr<hsm::Signer> signer, telemetry::Gauge open,
                             Limits limits)
    : store_(std::move(store)),
      signer_(std::move(signer)),
      open_(open),
      limits_(limits),
      timer_(io) {
  open_.set(0);
}

void SignerBreaker::sign(const hsm::KeyId& key, std::string signing_input, Deadline deadline,
                         hsm::Done<Bytes> done) {
  const unsigned era = era_.load();
  if (state_.load() != State::closed && !lets_through()) {
    return done(fail(Code::hsm_breaker_open,
                     "the key store does not sign at present; it is tried again all the time"));
  }
  const hsm::Lane lane = hsm::lane_of(signing_input);
  signer_->sign(
      key, std::move(signing_input), deadline,
      [weak = weak_from_this(), lane, era, done = std::move(done)](Result<Bytes> signature) {
        // The signer keeps this call, and must not be kept by it.
        if (const auto self = weak.lock())
          self->answered(signature ? nullptr : &signature.error(), lane, era);
        done(std::move(signature));
      });
}

void SignerBreaker::list(Deadline deadline, hsm::Done<std::vector<hsm::KeyInfo>> done) {
  signer_->list(deadline, std::move(done));
}

bool SignerBreaker::lets_through() {
  const MutexLock lock(mutex_);
  if (state_.load() == State::closed) return true;
  quiet_ = 0;
  return std::exchange(may_try_, false);
}

void SignerBreaker::answered(const Error* error, hsm::Lane lane, unsigned era) {
  if (error == nullptr) return signed_one();
  if (lane == hsm::Lane::others && error->code == Code::deadline_passed) return;
  if (issuer::is_trouble_of_the_store(error->code)) failed(*error, era);
}

void SignerBreaker::signed_one() {
  // Signatures share no line of memory that is written, as long as all goes well.
  if (failures_.load() != 0) failures_.store(0);
  if (state_.load() == State::closed) return;
  const MutexLock lock(mutex_);
  become(State::closed);
}

void SignerBreaker::failed(const Error& error, unsigned era) {
  if (era != era_.load()) return;
  const unsigned in_a_row = ++failures_;
  if (state_.load() == State::closed && in_a_row < limits_.failures) return;
  const MutexLock lock(mutex_);
  if (era == era_.load() && state_.load() != State::open) open_by(error);
}

void SignerBreaker::renewed() {
  const MutexLock lock(mutex_);
  become(State::closed);
}

void SignerBreaker::become(State state) {
  failures_.store(0);
  ++era_;
  may_try_ = false;
  quiet_ = 0;
  const State before = state_.exchange(state);
  open_.set(state == State::open ? 1 : 0);
  if (state != State::closed || before == State::closed) return;
  timer_.cancel();
  telemetry::log(Level::info, "signer_breaker_closed", {{"store", store_}});
}

void SignerBreaker::open_by(const Error& error) {
  const bool ticking = state_.load() != State::closed;
  become(State::open);
  telemetry::log(Level::error, "signer_breaker_open", error, {{"store", store_}});
  if (!ticking) wait_a_tick();
}

void SignerBreaker::wait_a_tick() {
  timer_.expires_after(limits_.tick);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    if (const auto self = error ? nullptr : weak.lock()) self->ticked();
  });
}

void SignerBreaker::ticked() {
  bool quiet = false;
  {
    const MutexLock lock(mutex_);
    if (state_.load() == State::closed) return;
    may_try_ = true;
    quiet = state_.load() == State::open && ++quiet_ > limits_.quiet_ticks && !looking_;
    looking_ = looking_ || quiet;
    wait_a_tick();
  }
  if (quiet) look();
}

void SignerBreaker::look() {
  signer_->list(Deadline::in(limits_.look),
                [weak = weak_from_this()](const Result<std::vector<hsm::KeyInfo>>& keys) {
                  const auto self = weak.lock();
                  if (!self) return;
                  const MutexLock lock(self->mutex_);
                  self->looking_ = false;
                  if (!keys || self->state_.load() != State::open) return;
                  self->become(State::on_trial);
                  self->may_try_ = true;
                });
}

}  // namespace mintmark::mintd
