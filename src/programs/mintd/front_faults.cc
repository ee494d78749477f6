#include "programs/mintd/front_faults.h"

#include <sys/statvfs.h>

#include "programs/descriptors.h"
#include "programs/out_of_memory.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Labels;
using telemetry::Level;

constexpr std::chrono::seconds between_looks{1};
/// Time enough to have a certificate renewed.
constexpr std::chrono::hours told_ahead{14 * 24};

std::string days_until(Moment moment, Moment now) {
  return std::to_string(std::chrono::duration_cast<std::chrono::hours>(moment - now).count() / 24);
}

}  // namespace

FrontFaults::FrontFaults(Parts parts, std::string directory)
    : parts_(std::move(parts)), directory_(std::move(directory)), thread_([this] { work(); }) {}

FrontFaults::~FrontFaults() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void FrontFaults::add_to(api::Readiness& readiness) const {
  for (std::string& trouble : troubles_of(store::Health::of_all()))
    readiness.missing.push_back(std::move(trouble));
  if (descriptors_scarce_) readiness.missing.emplace_back("descriptors: hardly any are left");
  const auto ends = parts_.certificate_ends();
  if (!ends) return;
  const Moment now = parts_.clock.now();
  if (*ends <= now)
    readiness.missing.emplace_back("tls certificate: it has ended");
  else if (*ends - now < told_ahead)
    readiness.warnings.push_back("tls certificate: ends in " + days_until(*ends, now) + " days");
}

void FrontFaults::work() {
  MutexLock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    look();
    lock.lock();
    const auto next = std::chrono::steady_clock::now() + between_looks;
    while (!ending_ && changed_.wait_until(mutex_, next)) continue;
  }
}

void FrontFaults::look() {
  look_at_stores();
  look_at_clock();
  look_at_descriptors();
  look_at_certificate();
  parts_.figures.memory_refused(programs::memory_refusals());
}

void FrontFaults::look_at_stores() {
  for (const auto& file : stores_.look()) parts_.figures.store_said(to_json(file));
  struct statvfs disk {};
  if (statvfs(directory_.c_str(), &disk) != 0) return;
  parts_.figures.disk_left(static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize));
}

void FrontFaults::look_at_clock() {
  const auto doubted = parts_.clock.doubted();
  const auto behind = parts_.clock.behind();
  parts_.figures.clock_stands(behind, doubted);
  tell("clock_behind",
       behind > issuer::MintingClock::tolerated
           ? "the clock is behind a moment at which this issuer worked; nothing is minted"
           : "",
       "set it right (NTP); if it is right and was ahead before: mintctl clock accept");
  tell(
      "clock_jumped",
      doubted.count() > 0 ? "the clock jumped ahead; nothing is minted until that is believed" : "",
      "set it right (NTP); if it is right and was behind before: mintctl clock accept");
}

void FrontFaults::look_at_descriptors() {
  const auto seen = programs::look_at_descriptors();
  descriptors_scarce_ = seen.scarce;
  parts_.figures.descriptors_stand(seen.limit, seen.scarce);
  tell("descriptors_scarce",
       seen.scarce ? "hardly one of " + std::to_string(seen.limit) +
                         " file descriptors is left: new connections wait"
                   : "",
       "raise LimitNOFILE, or lower http.connections and http.idle_ms");
}

void FrontFaults::look_at_certificate() {
  const auto ends = parts_.certificate_ends();
  if (!ends) return;
  const Moment now = parts_.clock.now();
  const bool ended = *ends <= now;
  const char* advice = "put a new one where tls.certificate says, then mintctl reload";
  tell("tls_certificate_ended",
       ended ? "the served TLS certificate has ended: clients refuse it" : "", advice);
  tell("tls_certificate_ends",
       !ended && *ends - now < told_ahead
           ? "the served TLS certificate ends in " + days_until(*ends, now) + " days"
           : "",
       advice);
}

void FrontFaults::tell(const std::string& event, const std::string& now,
                       const std::string& advice) {
  std::string& told = told_[event];
  if (std::exchange(told, now) == now) return;
  if (now.empty()) return telemetry::log(Level::info, event + "_over");
  telemetry::log(event == "tls_certificate_ends" ? Level::warning : Level::error, event,
                 {{"detail", now}, {"do", advice}});
}

}  // namespace mintmark::mintd
