#include "revoke/signals/pusher.h"

#include <algorithm>
#include <array>
#include <exception>
#include <future>

#include "base/bytes.h"
#include "base/mutex.h"
#include "http/text.h"
#include "http/url.h"
#include "jose/base64url.h"
#include "telemetry/log.h"

namespace mintmark::revoke::signals {
namespace {

using telemetry::Level;

/// A log that tells nobody of its entries is looked at as often.
constexpr std::chrono::milliseconds look_after{1000};
/// However many entries come.
constexpr std::chrono::milliseconds between_looks{10};
constexpr std::chrono::seconds longest_wish{3600};
constexpr std::size_t longest_answer = 16U << 10U;
constexpr std::size_t jti_octets = 16;

tl::unexpected<Error> push_failed(const std::string& why) {
  return fail(Code::ssf_push_failed, why);
}

/// What the receiver says of itself, not of the SET: it may be mended (RFC 8935 §2.4).
bool is_of_the_sender(std::string_view err) {
  return err == "authentication_failed" || err == "access_denied";
}

Result<void> judge_refusal(const http::Response& answer) {
  const auto body = parse_json(answer.body, {.octets = longest_answer});
  const bool has = body && body->is_object() && body->contains("err") && (*body)["err"].is_string();
  if (!has) return push_failed("the receiver answered 400 without an error code");
  const std::string err = (*body)["err"].get<std::string>();
  const std::string description =
      body->contains("description") && (*body)["description"].is_string()
          ? ": " + printable((*body)["description"].get<std::string>())
          : "";
  const std::string why = "the receiver answered " + printable(err, 40) + description;
  if (is_of_the_sender(err)) return push_failed(why);
  return fail(Code::ssf_push_refused, why);
}

std::string host_of(const std::string& endpoint) {
  const auto url = http::parse_url(endpoint);
  return url ? url->authority() : std::string();
}

}  // namespace

Result<void> judge_push(const Result<http::Response>& answer) {
  if (!answer) return push_failed(answer.error().to_string());
  if (answer->status == 202) return {};
  if (answer->status == 400) return judge_refusal(*answer);
  Error error{Code::ssf_push_failed,
              "the receiver answered " + std::to_string(answer->status) + ", not 202", 0};
  const std::string* wish = answer->headers.find("Retry-After");
  const auto seconds = wish == nullptr ? std::nullopt : http::decimal(*wish);
  if (seconds) {
    error.retry_after = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(*seconds, static_cast<std::uint64_t>(longest_wish.count())));
  }
  return tl::unexpected<Error>(std::move(error));
}

Pusher::Pusher(Streams& streams, SignSet sign, std::function<SendSet()> make_send, Told told,
               PushLimits limits)
    : streams_(streams),
      sign_(std::move(sign)),
      make_send_(std::move(make_send)),
      told_(std::move(told)),
      limits_(limits) {
  for (unsigned i = 0; i < limits_.threads; ++i) threads_.emplace_back([this] { work(); });
}

Pusher::~Pusher() { end(); }

void Pusher::end() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Pusher::wake() {
  {
    const MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void Pusher::work() {
  const SendSet send = make_send_();
  MutexLock lock(mutex_);
  while (!ending_) {
    if (steady::now() >= looked_ + (woken_ ? between_looks : look_after)) look_for_streams();
    std::string id;
    Run* run = next_run(id);
    if (run == nullptr) {
      changed_.wait_until(mutex_, next_due());
      continue;
    }
    run->busy = true;
    run->ready = false;
    lock.unlock();
    const Turn turn = deliver(id, *run, send);
    lock.lock();
    settle(*run, turn);
    changed_.notify_one();
  }
}

void Pusher::look_for_streams() {
  woken_ = false;
  looked_ = steady::now();
  std::map<std::string, std::string> ids;
  {
    const MutexUnlock meanwhile(mutex_);
    ids = streams_.pushed();
  }
  std::erase_if(runs_,
                [&](const auto& one) { return !one.second.busy && !ids.contains(one.first); });
  for (const auto& [id, service] : ids) {
    runs_[id].service = service;
    runs_[id].ready = true;
  }
}

std::set<std::string> Pusher::services_at_their_limit() const {
  std::map<std::string, unsigned> busy;
  for (const auto& [id, run] : runs_) {
    if (run.busy) ++busy[run.service];
  }
  std::set<std::string> full;
  for (const auto& [service, threads] : busy) {
    if (threads >= limits_.threads_of_service) full.insert(service);
  }
  return full;
}

Pusher::Run* Pusher::next_run(std::string& id) {
  const auto full = services_at_their_limit();
  Run* first = nullptr;
  for (auto& [name, run] : runs_) {
    const bool may =
        run.ready && !run.busy && run.due <= steady::now() && !full.contains(run.service);
    if (!may || (first != nullptr && first->due <= run.due)) continue;
    first = &run;
    id = name;
  }
  return first;
}

Pusher::steady::time_point Pusher::next_due() const {
  const auto full = services_at_their_limit();
  auto due = looked_ + (woken_ ? between_looks : look_after);
  for (const auto& [name, run] : runs_) {
    const bool may = run.ready && !run.busy && !full.contains(run.service);
    if (may) due = std::min(due, run.due);
  }
  return due;
}

void Pusher::settle(Run& run, const Turn& turn) const {
  run.busy = false;
  if (!turn.failed) {
    run.retry = std::chrono::milliseconds{0};
    run.due = steady::now();
    run.ready = run.ready || turn.more;
    return;
  }
  run.retry = std::clamp(run.retry * 2, limits_.first_retry, limits_.longest_retry);
  run.due = steady::now() + std::max(run.retry, turn.retry_after);
  run.ready = true;
}

Pusher::Turn Pusher::deliver(const std::string& id, Run& run, const SendSet& send) {
  try {
    const auto target = streams_.target(id);
    if (!target) return {};
    return deliver_to(*target, id, run, send);
  } catch (const std::exception& problem) {  // Out of memory, or whoever signs forgot us.
    telemetry::log(Level::error, "ssf_push_put_off", Error{Code::internal, problem.what(), 0},
                   {{"stream", id}});
    return {.failed = true};
  }
}

Pusher::Turn Pusher::deliver_to(const PushTarget& target, const std::string& id, Run& run,
                                const SendSet& send) {
  const auto own_trouble = [&](const Error& error) {
    telemetry::log(Level::error, "ssf_push_put_off", error, {{"stream", id}});
    return Turn{.failed = true};
  };
  auto outbox = streams_.next(id, limits_.at_once);
  if (!outbox && outbox.error().code == Code::ssf_stream_unknown) return {};
  if (!outbox) return own_trouble(outbox.error());
  std::set<std::string> over;
  std::optional<Error> trouble;
  bool ours = false;
  const auto until = steady::now() + limits_.turn;
  for (const PlannedSet& set : outbox->sets) {
    outbox->more = outbox->more || steady::now() >= until;
    if (!over.empty() && steady::now() >= until) break;
    auto jws = signed_set(target, set, &run);
    ours = !jws;
    if (ours) trouble = jws.error();
    if (ours) break;
    const auto pushed = push(target, *jws, send);
    told_(pushed ? nullptr : &pushed.error());
    if (!pushed && pushed.error().code != Code::ssf_push_refused) trouble = pushed.error();
    if (trouble) break;
    if (!pushed)
      telemetry::log(Level::warning, "ssf_set_refused", pushed.error(),
                     {{"stream", id}, {"jti", set.jti}});
    over.insert(set.jti);
  }
  if (!over.empty()) {
    if (const auto kept = streams_.acknowledge(id, std::move(over)); !kept)
      return own_trouble(kept.error());
  }
  if (trouble && ours) return own_trouble(*trouble);
  if (trouble) return failed(id, target, *trouble, send);
  if (!outbox->sets.empty()) (void)streams_.mark_failing(id, false);
  return {.more = outbox->more};
}

Pusher::Turn Pusher::failed(const std::string& id, const PushTarget& target, const Error& error,
                            const SendSet& send) {
  telemetry::log(Level::warning, "ssf_push_failed", error,
                 {{"stream", id}, {"receiver", host_of(target.endpoint)}});
  (void)streams_.mark_failing(id, true);
  const bool long_ago =
      target.failing_since != Moment{} && streams_.now() - target.failing_since >= limits_.give_up;
  if (long_ago) give_up(id, target, send);
  return {.failed = !long_ago, .retry_after = std::chrono::seconds(error.retry_after)};
}

// SSF 1.0 §8.1.5: the receiver is told before the stream stops; that it does not hear it is why.
void Pusher::give_up(const std::string& id, const PushTarget& target, const SendSet& send) {
  const std::string reason = "The receiver took no event for " +
                             std::to_string(limits_.give_up.count() / 3600) +
                             " hours. Enable the stream to get what is still kept.";
  const std::string jti = jose::random_name(jti_octets);
  const PlannedSet last{jti,
                        jti,
                        {std::string(stream_updated),
                         {{"format", "opaque"}, {"id", id}},
                         {{"status", "paused"}, {"reason", reason}},
                         ""}};
  if (const auto jws = signed_set(target, last, nullptr)) (void)push(target, *jws, send);
  const auto paused = streams_.pause(id, reason);
  if (!paused) telemetry::log(Level::error, "ssf_stream_not_paused", paused.error());
  telemetry::log(Level::error, "ssf_stream_paused", {{"stream", id}, {"why", reason}});
}

Result<std::string> Pusher::signed_set(const PushTarget& target, const PlannedSet& set, Run* run) {
  if (run != nullptr && run->signed_set && run->signed_set->first == set.jti)
    return run->signed_set->second;
  auto promise = std::make_shared<std::promise<Result<std::string>>>();
  auto answer = promise->get_future();
  sign_(set_claims(set, streams_.issuer(), target.audience, streams_.now()),
        [promise = std::move(promise)](Result<std::string> jws) {
          promise->set_value(std::move(jws));
        });
  if (answer.wait_for(limits_.signature) != std::future_status::ready)
    return fail(Code::deadline_passed, "no key store has signed the event in time");
  auto jws = answer.get();
  if (jws && run != nullptr) run->signed_set.emplace(set.jti, *jws);
  return jws;
}

Result<void> Pusher::push(const PushTarget& target, const std::string& set, const SendSet& send) {
  http::Headers headers;
  headers.add("Content-Type", "application/secevent+jwt");
  headers.add("Accept", "application/json");
  if (target.authorization)
    headers.add("Authorization", std::string(as_text(target.authorization->view())));
  return judge_push(send(target.endpoint, headers, set, Deadline::in(limits_.call)));
}

}  // namespace mintmark::revoke::signals
