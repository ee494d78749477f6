#include "programs/mintd/front_revocation.h"

#include <future>

#include "revoke/patient_clock.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using revoke::Revocation;
using telemetry::Level;
using What = Revocation::What;

constexpr std::chrono::seconds between_sweeps{1};
constexpr unsigned sweeps_between_prunings = 60;
/// A clock that jumps ahead takes no live token from memory for so long; nor does memory hold more
/// than it takes out.
constexpr std::chrono::hours doubt{1};
/// At a start nobody knows whether the clock is right; what was pruned is not read again.
constexpr unsigned sweeps_before_pruning = 3600;

const char* name_of(What what) {
  switch (what) {
    case What::token:
      return "token";
    case What::device:
      return "device";
    case What::evidence:
      return "evidence";
    case What::key:
      return "key";
    case What::rule:
      return "rule";
    case What::issued_before:
      break;
  }
  return "issued_before";
}

}  // namespace

FrontRevocation::FrontRevocation(const config::Config& config, Parts parts)
    : parts_(parts),
      keep_issued_(config.revocation.keep_issued),
      figures_(parts.figures.revocations()),
      revoked_keys_(std::make_shared<const std::set<std::string>>()) {}

Result<std::unique_ptr<FrontRevocation>> FrontRevocation::open(const config::Config& config,
                                                               Parts parts) {
  const std::string directory = config.state_directory + "/front/";
  std::unique_ptr<FrontRevocation> made(new FrontRevocation(config, parts));
  auto events = revoke::open_event_log(directory + "events.db", parts.clock);
  if (!events) return pass_on(events);
  made->events_ = std::move(*events);
  auto log = audit::open_issuance_log(directory + "issued.db");
  if (!log) return pass_on(log);
  made->log_ = std::move(*log);
  auto statuses = revoke::open_status_indexes(
      directory + "status.db",
      {.bits = config.revocation.status_bits, .entries = config.revocation.list_entries});
  if (!statuses) return pass_on(statuses);
  made->statuses_ = std::move(*statuses);
  FrontRevocation& self = *made;
  self.revoker_.emplace(
      revoke::Revoker::Parts{
          .clock = parts.clock,
          .events = *self.events_,
          .tokens = self.tokens_,
          .statuses = *self.statuses_,
          .floor = [&self](Moment moment) { self.parts_.clock.raise_mark(moment); },
          .wait_for_decided = [&self] { self.parts_.gate.wait_for_those_inside(); },
          .told = [&self](const Revocation& what, std::size_t live) { self.told(what, live); }},
      config.longest_token_life);
  return made;
}

FrontRevocation::~FrontRevocation() {
  {
    const MutexLock lock(sweeping_mutex_);
    ending_ = true;
  }
  sweeping_ends_.notify_all();
  if (sweeper_.joinable()) sweeper_.join();
  log_.reset();
  events_.reset();
}

Result<void> FrontRevocation::read_live_again() {
  auto read = log_->read_live(parts_.clock.now(), [this](const audit::Issued& token) {
    statuses_->restore({token.list, token.index}, token.expires_at);
    tokens_.put(token);
  });
  if (!read) return read;
  revoke::restore_statuses(tokens_, *events_, *statuses_);
  return {};
}

Result<void> FrontRevocation::restore(const store::DeviceStore& devices) {
  if (auto read = read_live_again(); !read) return read;
  name_keys(events_->snapshot().revoked.keys());
  auto records = devices.list();
  if (!records) return pass_on(records);
  for (const store::DeviceRecord& record : *records) {
    if (auto done = catch_up(record); !done) return done;
  }
  policy_changed();  // While nobody listened it may have changed.
  sweeper_ = std::thread([this] { sweep(); });
  return {};
}

// Where the power failed between a device's row and its event.
Result<void> FrontRevocation::catch_up(const store::DeviceRecord& record) {
  auto ended = issuer::ended_by(record);
  if (!ended && !tokens_.of_device(record.id).empty()) {
    auto by_boot = issuer::ended_by_boot(record);
    if (!by_boot) return pass_on(by_boot);
    ended = *std::move(by_boot);
  }
  if (!ended) return {};
  std::promise<Result<void>> told;
  device_ended(*ended, [&told](Result<void> done) { told.set_value(std::move(done)); });
  return told.get_future().get();
}

void FrontRevocation::device_ended(const issuer::Ended& ended,
                                   std::function<void(Result<void>)> done) {
  const bool goes_by_moment = ended.standing || ended.long_ago;
  revoker_->revoke({.what = ended.standing ? What::device : What::evidence,
                    .name = ended.device,
                    .before = goes_by_moment ? ended.at + std::chrono::seconds(1) : Moment{},
                    .why = ""},
                   [done = std::move(done)](Result<revoke::Outcome> outcome) {
                     if (!outcome) return done(pass_on(outcome));
                     done({});
                   });
}

void FrontRevocation::keys_changed(std::uint64_t epoch, const std::vector<std::string>& revoked,
                                   std::function<void(Result<void>)> done) {
  // One after the other, then the news of the keys.
  for (const std::string& kid : revoked) {
    if (revoked_keys()->contains(kid)) continue;
    const std::vector<std::string> rest(&kid + 1, revoked.data() + revoked.size());
    return revoker_->revoke(
        {.what = What::key, .name = kid, .before = {}, .why = ""},
        [this, epoch, rest, kid, done = std::move(done)](Result<revoke::Outcome> outcome) {
          if (!outcome) return done(pass_on(outcome));
          name_keys({kid});
          keys_changed(epoch, rest, done);
        });
  }
  if (told_keys_epoch_.exchange(epoch) == epoch) return done({});
  say({{"type", "keys"}, {"epoch", epoch}}, std::move(done));
}

void FrontRevocation::policy_changed() {
  // Grows over restarts too.
  const std::int64_t epoch = std::max(policy_epoch_ + 1, to_unix(parts_.clock.now()));
  policy_epoch_ = epoch;
  say({{"type", "policy"}, {"epoch", epoch}}, [](Result<void> said) {
    if (!said) telemetry::log(Level::error, "policy_change_not_told", said.error());
  });
}

void FrontRevocation::say(Json entry, std::function<void(Result<void>)> done) {
  std::vector<Json> entries;
  entries.push_back(std::move(entry));
  events_->append(std::move(entries), [done = std::move(done)](Result<std::uint64_t> seq) {
    if (!seq) return done(pass_on(seq));
    done({});
  });
}

void FrontRevocation::told(const Revocation& what, std::size_t live) {
  parts_.figures.revocations_of(name_of(what.what)).add();
  figures_.revoked_tokens.add(live);
  if (what.what == What::key) name_keys({what.name});
  telemetry::log(Level::info, "revoked",
                 {{"what", name_of(what.what)},
                  {"name", printable(what.name)},
                  {"before", std::to_string(to_unix(what.before))},
                  {"live", std::to_string(live)},
                  {"why", printable(what.why, 200)}});
}

void FrontRevocation::name_keys(const std::set<std::string>& kids) {
  const MutexLock lock(keys_mutex_);
  auto all = std::make_shared<std::set<std::string>>(*revoked_keys_.load());
  all->insert(kids.begin(), kids.end());
  revoked_keys_.store(std::move(all));
}

// Those whose event is over. One that comes anew meanwhile is in the log already.
void FrontRevocation::let_go_of_keys() {
  const MutexLock lock(keys_mutex_);
  auto left = std::make_shared<std::set<std::string>>(*revoked_keys_.load());
  std::erase_if(*left, [this](const std::string& kid) {
    return events_->judge({.jti = "", .subject = "", .kid = kid, .issued_at = {}}) !=
           verify::RevokedSet::Verdict::key_revoked;
  });
  revoked_keys_.store(std::move(left));
}

void FrontRevocation::sweep() {
  revoke::PatientClock clock(parts_.clock, {.doubt = doubt});
  MutexLock lock(sweeping_mutex_);
  for (unsigned sweeps = 0; !ending_; ++sweeps) {
    lock.unlock();
    const Moment now = clock.now();
    tokens_.forget(now);
    statuses_->forget(now);
    figures_.live.set(static_cast<double>(tokens_.size()));
    const auto written = log_->written();
    figures_.logged.raise_to(written.entries);
    figures_.groups.raise_to(written.groups);
    if (sweeps % sweeps_between_prunings == 0) let_go_of_keys();
    if (sweeps % sweeps_between_prunings == 0 && sweeps >= sweeps_before_pruning) {
      if (auto pruned = log_->forget_before(now - keep_issued_); !pruned)
        telemetry::log(Level::error, "issuance_log_not_pruned", pruned.error());
    }
    lock.lock();
    const auto due = std::chrono::steady_clock::now() + between_sweeps;
    while (!ending_ && sweeping_ends_.wait_until(sweeping_mutex_, due)) continue;
  }
}

}  // namespace mintmark::mintd
