#include "agent/serve/hardware.h"

#include <algorithm>

#include "agent/serve/hardware_ports.h"
#include "base/mutex.h"

namespace mintmark::agent::serve {
namespace {

using Time = std::chrono::steady_clock;

constexpr std::chrono::seconds idle{1};
// An attestation makes keys, and those of an old chip take their time.
constexpr std::chrono::seconds patience_ahead{60};

std::uint32_t seconds_of(std::chrono::microseconds span) {
  return static_cast<std::uint32_t>(
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(span).count()));
}

tl::unexpected<Error> shed(const std::string& why, std::chrono::microseconds wait) {
  Error error{Code::overloaded, why};
  error.retry_after = seconds_of(wait);
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

struct Hardware::Call {
  Job job;
  enum class Phase : std::uint8_t { waits, runs, done, given_up } phase = Phase::waits;
};

Hardware::Hardware(Openers openers, HardwareLimits limits)
    : openers_(std::move(openers)), limits_(std::move(limits)), thread_([this] { work(); }) {}

Hardware::~Hardware() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Hardware::Openers Hardware::openers(Standing standing) {
  return {
      [this, standing](const std::string& tcti) { return device_through(*this, standing, tcti); },
      [this, standing](const std::string& uri, const std::string& pin_memory) {
        return element_through(*this, standing, uri, pin_memory);
      }};
}

Result<void> Hardware::join(const std::shared_ptr<Call>& call, Standing standing) {
  if (stopping_) return fail(Code::unavailable, "this agent is stopping");
  if (standing == Standing::ahead) {
    line_.push_front(call);
    return {};
  }
  const auto wait = usual_ * static_cast<std::int64_t>(line_.size());
  if (line_.size() >= limits_.waiting)
    return shed("the line for the device key is full; come back", wait);
  if (wait > limits_.patience)
    return shed("the device key is too slow for the line before it; come back", wait);
  line_.push_back(call);
  return {};
}

std::size_t Hardware::waiting() {
  const MutexLock lock(mutex_);
  return line_.size();
}

Result<void> Hardware::wait_for(Job job, Standing standing) {
  const auto call = std::make_shared<Call>();
  call->job = std::move(job);
  const auto until =
      Time::now() + (standing == Standing::ahead ? patience_ahead : limits_.patience);
  const MutexLock lock(mutex_);
  if (auto joined = join(call, standing); !joined) return joined;
  changed_.notify_all();
  while (call->phase != Call::Phase::done && changed_.wait_until(mutex_, until)) continue;
  if (call->phase == Call::Phase::done) return {};
  call->phase = Call::Phase::given_up;
  std::erase(line_, call);
  Error error{Code::deadline_passed, "the device key did not answer in time"};
  error.retry_after = seconds_of(usual_);
  return tl::unexpected<Error>(std::move(error));
}

std::shared_ptr<Hardware::Call> Hardware::next() {
  const auto idle_from = Time::now() + idle;
  while (!stopping_ && line_.empty() && changed_.wait_until(mutex_, idle_from)) continue;
  if (!stopping_ && line_.empty()) {
    const MutexUnlock meanwhile(mutex_);
    device_.reset();
  }
  while (!stopping_ && line_.empty()) changed_.wait(mutex_);
  if (stopping_) return nullptr;
  auto call = line_.front();
  line_.pop_front();
  call->phase = Call::Phase::runs;
  return call;
}

void Hardware::work() {
  MutexLock lock(mutex_);
  while (const auto call = next()) {
    lock.unlock();
    const auto begun = limits_.now();
    call->job();
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(limits_.now() - begun);
    lock.lock();
    usual_ = usual_.count() == 0 ? took : (usual_ * 3 + took) / 4;
    if (call->phase == Call::Phase::runs) call->phase = Call::Phase::done;
    changed_.notify_all();
  }
  lock.unlock();
  device_.reset();
  element_.reset();
}

Result<hsm::tpm2::Device*> Hardware::device(const std::string& tcti) {
  if (device_ && tcti_ == tcti) return device_.get();
  device_.reset();
  auto opened = openers_.open_device(tcti);
  if (!opened) return pass_on(opened);
  device_ = std::move(*opened);
  tcti_ = tcti;
  return device_.get();
}

Result<hsm::pkcs11::SecureElement*> Hardware::element(const std::string& uri,
                                                      const std::string& pin_memory) {
  if (element_ && uri_ == uri) return element_.get();
  // A module is opened once in a process: the former one ends first.
  element_.reset();
  auto opened = openers_.open_element(uri, pin_memory);
  if (!opened) return pass_on(opened);
  element_ = std::move(*opened);
  uri_ = uri;
  const MutexLock lock(mutex_);
  known_token_ = {uri, element_->token()};
  return element_.get();
}

std::string Hardware::token_of(const std::string& uri) {
  const MutexLock lock(mutex_);
  return known_token_.first == uri ? known_token_.second : "";
}

void Hardware::heed(const Error& error) {
  if (error.code == Code::tpm_unavailable) device_.reset();
  if (error.code == Code::hsm_unavailable || error.action() == Action::reset_session)
    element_.reset();
}

}  // namespace mintmark::agent::serve
