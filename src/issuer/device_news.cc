#include "issuer/device_news.h"

#include <future>

#include "telemetry/log.h"

namespace mintmark::issuer {
namespace {

/// One flush of the event log holds them.
constexpr std::size_t told_at_once = 256;

/// As check_standing has it, but for evidence that grows old in its time: that is no change.
bool is_compliant(const store::DeviceStanding& device) {
  return device.state == "enrolled" && device.evidence_ended_why.empty();
}

}  // namespace

std::vector<Json> news_of(const store::DeviceChange& change) {
  const bool was = is_compliant(change.before);
  const bool is = is_compliant(change.now);
  if (was != is) {
    const bool by_admin = change.before.state == "revoked" || change.now.state == "revoked";
    return {{{"type", "compliance"},
             {"sub", change.device},
             {"compliant", is},
             {"by", by_admin ? "admin" : "policy"}}};
  }
  if (!is || change.before.key_protection == change.now.key_protection) return {};
  return {{{"type", "claims"},
           {"sub", change.device},
           {"claims",
            {{"attestation",
              {{"format", change.format},
               {"at", to_unix(change.now.attested_at)},
               {"key_protection", change.now.key_protection}}}}},
           {"by", "system"}}};
}

DeviceNews::DeviceNews(store::DeviceStore& store, revoke::EventLog& events,
                       std::chrono::milliseconds pause)
    : store_(store), events_(events), pause_(pause) {
  store_.keep_news();
  worker_ = std::thread([this] { work(); });
}

DeviceNews::~DeviceNews() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

void DeviceNews::look() {
  {
    const MutexLock lock(mutex_);
    may_be_more_ = true;
  }
  changed_.notify_all();
}

void DeviceNews::work() {
  MutexLock lock(mutex_);
  for (bool failing = false;;) {
    while (!ending_ && !may_be_more_) changed_.wait(mutex_);
    if (ending_) return;
    may_be_more_ = false;
    lock.unlock();
    const auto more = tell_some();
    if (!more && !std::exchange(failing, true))
      telemetry::log(telemetry::Level::error, "device_change_not_told", more.error());
    lock.lock();
    if (more) {
      failing = false;
      may_be_more_ = may_be_more_ || *more;
      continue;
    }
    // In order: what comes meanwhile waits behind what could not be told.
    const auto until = std::chrono::steady_clock::now() + pause_;
    while (!ending_ && changed_.wait_until(mutex_, until)) continue;
    may_be_more_ = true;
  }
}

Result<bool> DeviceNews::tell_some() {
  const auto changes = store_.news(told_at_once);
  if (!changes) return tl::unexpected<Error>(changes.error());
  if (changes->empty()) return false;
  std::vector<Json> news;
  for (const store::DeviceChange& change : *changes) {
    for (Json& entry : news_of(change)) news.push_back(std::move(entry));
  }
  if (!news.empty()) {
    std::promise<Result<std::uint64_t>> said;
    events_.append(std::move(news),
                   [&said](Result<std::uint64_t> seq) { said.set_value(std::move(seq)); });
    if (auto seq = said.get_future().get(); !seq) return pass_on(seq);
  }
  if (auto forgotten = store_.forget_news(changes->back().number); !forgotten)
    return pass_on(forgotten);
  return changes->size() == told_at_once;
}

}  // namespace mintmark::issuer
