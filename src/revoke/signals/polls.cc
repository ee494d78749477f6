#include "revoke/signals/polls.h"

#include <atomic>
#include <exception>

#include "base/bytes.h"
#include "base/mutex.h"
#include "telemetry/log.h"

namespace mintmark::revoke::signals {
namespace {

using telemetry::Level;
using steady = std::chrono::steady_clock;

/// A log that tells nobody of its entries is looked at as often.
constexpr std::chrono::milliseconds look_after{1000};
/// However many entries come.
constexpr std::chrono::milliseconds between_looks{20};

}  // namespace

struct Polls::Signed {
  Mutex mutex;
  std::map<std::string, std::map<std::string, std::string>> by_stream MINTMARK_GUARDED_BY(mutex);
};

/// One answer whose SETs are being signed.
struct Polls::Signing {
  Mutex mutex;
  std::string stream;
  PollAnswer answer MINTMARK_GUARDED_BY(mutex);
  std::optional<Error> error MINTMARK_GUARDED_BY(mutex);
  std::size_t left MINTMARK_GUARDED_BY(mutex) = 0;
  Done done;
  std::shared_ptr<Signed> kept;

  void put(const std::string& jti, Result<std::string> set) {
    const MutexLock lock(mutex);
    if (set)
      answer.sets[jti] = std::move(*set);
    else
      error = std::move(set.error());
  }
  void finish() {
    PollAnswer whole;
    std::optional<Error> trouble;
    {
      const MutexLock lock(mutex);
      if (--left > 0) return;
      whole = std::move(answer);
      trouble = std::move(error);
    }
    {
      const MutexLock lock(kept->mutex);
      kept->by_stream[stream] = whole.sets;
    }
    if (whole.sets.empty() && trouble) return done(tl::unexpected<Error>(std::move(*trouble)));
    // What could not be signed now comes at the next poll.
    whole.more = whole.more || trouble.has_value();
    done(std::move(whole));
  }
};

Polls::Polls(Streams& streams, SignSet sign, PollLimits limits)
    : streams_(streams),
      sign_(std::move(sign)),
      limits_(limits),
      signed_(std::make_shared<Signed>()),
      thread_([this] { work(); }) {}

Polls::~Polls() { end(); }

void Polls::end() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Polls::run(const std::string& service, Job job) {
  {
    const MutexLock lock(mutex_);
    const auto own = jobs_.find(service);
    const std::size_t of_service = own == jobs_.end() ? 0 : own->second.size();
    if (ending_ || jobs_waiting_ >= limits_.waiting_jobs || of_service >= limits_.jobs_of_service)
      return false;
    jobs_[service].push_back(std::move(job));
    ++jobs_waiting_;
  }
  changed_.notify_one();
  return true;
}

void Polls::wake() {
  {
    const MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void Polls::poll(PollWish wish, Done done) {
  auto waiting = std::make_shared<Waiting>(
      Waiting{std::move(wish), {}, std::move(done), steady::now() + limits_.wait});
  const std::string service = waiting->wish.owner.service;
  if (run(service, [this, waiting] { begin(std::move(*waiting)); })) return;
  waiting->done(fail(Code::overloaded, "too many ask for events at once"));
}

Polls::Job Polls::take_turn() {
  auto turn = jobs_.upper_bound(last_turn_);
  if (turn == jobs_.end()) turn = jobs_.begin();
  Job job = std::move(turn->second.front());
  turn->second.pop_front();
  --jobs_waiting_;
  last_turn_ = turn->first;
  if (turn->second.empty()) jobs_.erase(turn);
  return job;
}

Polls::Job Polls::next_job() {
  const MutexLock lock(mutex_);
  for (;;) {
    const auto due = looked_ + (woken_ ? between_looks : look_after);
    if (!waiting_.empty() && steady::now() >= due) {
      woken_ = false;
      looked_ = steady::now();
      look_again();
    }
    if (!jobs_.empty()) return take_turn();
    if (ending_) return nullptr;
    if (waiting_.empty())
      changed_.wait(mutex_);
    else
      changed_.wait_until(mutex_, due);
  }
}

void Polls::work() {
  for (;;) {
    const Job job = next_job();
    if (!job) break;
    try {
      job();
    } catch (const std::exception& problem) {  // Out of memory: who asked is told by the server.
      telemetry::log(Level::error, "ssf_call_dropped", Error{Code::internal, problem.what(), 0});
    }
  }
  for (auto& [stream, waiting] : waiting_) waiting.done(PollAnswer{});
  waiting_.clear();
}

void Polls::begin(Waiting waiting) {
  auto audience = streams_.poll_audience(waiting.wish.owner, waiting.wish.stream);
  if (!audience) return waiting.done(pass_on(audience));
  waiting.audience = std::move(*audience);
  std::set<std::string> done(waiting.wish.acknowledged.begin(), waiting.wish.acknowledged.end());
  const auto& errors = waiting.wish.errors;
  if (!errors.empty()) {
    const auto& [jti, error] = *errors.begin();
    telemetry::log(Level::warning, "ssf_set_refused",
                   {{"stream", waiting.wish.stream},
                    {"jti", printable(jti)},
                    {"why", error},
                    {"and_others", std::to_string(errors.size() - 1)}});
  }
  for (const auto& [jti, error] : errors) done.insert(jti);
  if (!done.empty()) {
    if (auto kept = streams_.acknowledge(waiting.wish.stream, std::move(done)); !kept)
      return waiting.done(pass_on(kept));
  }
  attempt(std::move(waiting));
}

// Before what its service asked later: of several who wait at one stream the last one does.
void Polls::look_again() {
  for (auto& [stream, one] : waiting_) {
    auto waiting = std::make_shared<Waiting>(std::move(one));
    jobs_[waiting->wish.owner.service].push_front(
        [this, waiting] { attempt(std::move(*waiting)); });
    ++jobs_waiting_;
  }
  waiting_.clear();
}

void Polls::attempt(Waiting waiting) {
  auto outbox = streams_.next(waiting.wish.stream, std::min(waiting.wish.most, limits_.sets));
  if (!outbox) return waiting.done(pass_on(outbox));
  const bool wants = waiting.wish.most > 0;
  if (!outbox->sets.empty()) return sign(waiting, std::move(*outbox));
  if (wants) forget_signed(waiting.wish.stream);
  if (wants && outbox->more) {
    // Many entries that do not concern it lie before: others come first.
    auto again = std::make_shared<Waiting>(std::move(waiting));
    if (run(again->wish.owner.service, [this, again] { attempt(std::move(*again)); })) return;
    return again->done(PollAnswer{{}, true});
  }
  if (!wants || waiting.wish.immediately || steady::now() >= waiting.until)
    return waiting.done(PollAnswer{{}, outbox->more});
  const std::string stream = waiting.wish.stream;
  if (const auto before = waiting_.find(stream); before != waiting_.end()) {
    before->second.done(PollAnswer{});
    waiting_.erase(before);
  }
  waiting_.emplace(stream, std::move(waiting));
}

void Polls::forget_signed(const std::string& stream) {
  const MutexLock lock(signed_->mutex);
  signed_->by_stream.erase(stream);
}

void Polls::sign(const Waiting& waiting, Outbox outbox) {
  auto signing = std::make_shared<Signing>();
  signing->stream = waiting.wish.stream;
  signing->done = waiting.done;
  signing->kept = signed_;
  {
    const MutexLock lock(signing->mutex);
    signing->answer.more = outbox.more;
    signing->left = outbox.sets.size() + 1;
  }
  std::map<std::string, std::string> known;
  {
    const MutexLock lock(signed_->mutex);
    if (const auto found = signed_->by_stream.find(signing->stream);
        found != signed_->by_stream.end())
      known = found->second;
  }
  for (const PlannedSet& set : outbox.sets) {
    if (const auto found = known.find(set.jti); found != known.end()) {
      signing->put(set.jti, found->second);
      signing->finish();
      continue;
    }
    sign_(set_claims(set, streams_.issuer(), waiting.audience, streams_.now()),
          [signing, jti = set.jti](Result<std::string> jws) {
            signing->put(jti, std::move(jws));
            signing->finish();
          });
  }
  signing->finish();
}

}  // namespace mintmark::revoke::signals
