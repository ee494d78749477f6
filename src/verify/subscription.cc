#include "verify/subscription.h"

#include <signal.h>

#include <algorithm>
#include <stdexcept>

#include "base/json.h"
#include "http/url.h"
#include "verify/refusal.h"
#include "verify/signed_frontier.h"

namespace mintmark::verify {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds call_patience{10'000};
constexpr milliseconds snapshot_patience{60'000};
constexpr milliseconds shortest_silence{1000};
// An hour of 1,900 revocations a second, which is how long they are kept past the tokens' end.
constexpr std::size_t snapshot_octets = 256U << 20U;
constexpr std::size_t refusal_octets = 16U << 10U;
constexpr std::size_t event_octets = 128U << 10U;
constexpr KeyCacheLimits key_limits{
    .grace = seconds{300}, .longest = seconds{3600}, .pause = seconds{1}};
// Each but the last may teach one thing: another token is due, the issuer's clock, its nonce.
constexpr int most_tries = 4;
// Where the issuer ended a stream in good order, as it does when its token is over: until the next
// one is there nothing is heard.
constexpr milliseconds pause_after_good_end{100};

Moment wall_clock() { return SystemClock().now(); }

bool loses_place(Code code) {
  return code == Code::event_malformed || code == Code::event_out_of_order ||
         code == Code::event_chain_broken || code == Code::event_log_changed ||
         code == Code::event_snapshot_wanted;
}

// Nothing is said by such a frontier, against whoever sent it neither: another may be good.
bool may_be_passed_over(Code code) {
  return code == Code::frontier_key_unknown || code == Code::keys_unavailable ||
         code == Code::keys_malformed || code == Code::metadata_malformed ||
         code == Code::metadata_issuer_mismatch;
}

std::uint32_t random_number() {
  const Bytes octets = random_bytes(sizeof(std::uint32_t));
  std::uint32_t number = 0;
  for (const std::uint8_t octet : octets) number = number << 8U | octet;
  return number;
}

Result<void> check_type(const http::Response& head, std::string_view type) {
  const std::string* said = head.headers.find("Content-Type");
  if (said != nullptr && said->starts_with(type)) return {};
  return fail(Code::http_answer_malformed, "the issuer's answer is not " + std::string(type));
}

http::ClientOptions client_of(const SubscriptionOptions& options) {
  http::ClientOptions client;
  client.ca_file = options.ca_file;
  client.name_lookup = http::NameLookup::by_caller;
  return client;
}

}  // namespace

EventSubscription::EventSubscription(SubscriptionOptions options, jose::FileKey key)
    : options_(std::move(options)),
      client_(client_of(options_)),
      login_({options_.issuer, options_.client_id, "events"}, std::move(key), client_),
      keys_(published_keys(options_.issuer, options_.ca_file), key_limits, "event"),
      thread_([this] { run(); }) {}

EventSubscription::~EventSubscription() {
  interruption_.raise();
  const MutexLock lock(mutex_);
  ending_ = true;
  ending_changed_.notify_all();
}

tl::expected<void, Refused> EventSubscription::judge(const Token& token) const {
  auto judged = log_.judge({.jti = token.token_id,
                            .subject = token.subject,
                            .kid = token.kid,
                            .issued_at = token.issued_at},
                           FollowedLog::clock::now());
  if (judged) return {};
  return tl::unexpected<Refused>(refused(std::move(judged.error())));
}

Subscription::Standing EventSubscription::standing() const {
  const auto known = log_.standing(FollowedLog::clock::now());
  Standing standing;
  standing.ever = known.ever;
  standing.trusted = known.trusted;
  standing.age = known.age;
  standing.bound = known.bound;
  standing.entries = known.entries;
  standing.seq = known.seq;
  const MutexLock lock(mutex_);
  standing.ends = ends_;
  standing.trouble = trouble_;
  return standing;
}

void EventSubscription::run() {
  // Signals are for the threads of whoever uses us.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  unsigned failures = 0;
  while (!interruption_.raised()) {
    had_frontier_ = false;
    Result<void> outcome;
    try {
      outcome = follow_once();
    } catch (const std::exception& problem) {  // Out of memory: what was read is not known.
      log_.lose_place();
      outcome = fail(Code::internal, problem.what());
    }
    if (interruption_.raised()) return;
    note_end(outcome);
    failures = had_frontier_ ? 0 : failures + 1;
    if (outcome && had_frontier_)
      pause(std::min(pause_after_good_end, options_.reconnect_first));
    else
      pause(options_.reconnect_first * (1U << std::min(failures, 16U)));
  }
}

Result<void> EventSubscription::follow_once() {
  if (!log_.position()) {
    if (auto loaded = load_snapshot(); !loaded) return loaded;
  }
  auto followed = follow_stream();
  if (!followed && loses_place(followed.error().code)) log_.lose_place();
  return followed;
}

Result<void> EventSubscription::load_snapshot() {
  const Deadline by = Deadline::in(snapshot_patience);
  std::string body;
  http::Headers further;
  further.add("Accept", "application/json");
  auto got =
      get("/events/snapshot", further, call_patience, [&](std::string_view part) -> Result<bool> {
        if (body.size() + part.size() > snapshot_octets)
          return fail(Code::http_answer_too_large, "the snapshot is longer than 256 MiB");
        if (by.passed()) return fail(Code::deadline_passed, "the snapshot comes too slowly");
        body += part;
        return true;
      });
  if (!got) return got;
  const auto json = parse_json(body, {.octets = snapshot_octets, .depth = 2, .elements = 16});
  const auto member = [&](const char* name) -> const std::string* {
    if (!json || !json->is_object() || !json->contains(name)) return nullptr;
    return (*json)[name].get_ptr<const std::string*>();
  };
  const std::string* text = member("snapshot");
  const std::string* jws = member("frontier");
  if (text == nullptr || jws == nullptr)
    return fail(Code::event_snapshot_malformed, R"(the snapshot: {"snapshot", "frontier"} is due)");
  const auto frontier = checked_frontier(*jws);
  if (!frontier) return tl::unexpected<Error>(frontier.error());
  const bool again = log_.standing(FollowedLog::clock::now()).ever;
  if (auto loaded = log_.load(*text, *frontier); !loaded) return loaded;
  // Whether they changed among the entries that were not sent one by one is not in it.
  if (again) keys_have_changed();
  return {};
}

void EventSubscription::keys_have_changed() {
  keys_epoch_.fetch_add(1);
  if (options_.keys_changed) options_.keys_changed();
}

Result<void> EventSubscription::follow_stream() {
  const auto place = log_.position();
  http::Headers further;
  further.add("Accept", "text/event-stream");
  further.add("Last-Event-ID", place->log + ":" + std::to_string(place->seq));
  const auto known = log_.standing(FollowedLog::clock::now());
  const milliseconds silence = std::max(shortest_silence, milliseconds(known.bound) / 2);
  http::EventReader reader(event_octets);
  return get("/events", further, silence, [&](std::string_view part) -> Result<bool> {
    part_came_at_ = FollowedLog::clock::now();
    Result<void> taken;
    const auto more = reader.take(part, [&](const http::ServerEvent& event) {
      taken = take_event(event);
      return taken.has_value();
    });
    if (!taken) return tl::unexpected<Error>(taken.error());
    return more;
  });
}

Result<void> EventSubscription::get(const std::string& path, const http::Headers& further,
                                    milliseconds silence, const TakePart& part) {
  const std::string url = options_.issuer + path;
  for (int tries = 1;; ++tries) {
    const Deadline by = Deadline::in(call_patience);
    auto headers = login_.headers_for(url, wall_clock(), by);
    if (!headers) return pass_on(headers);
    for (const auto& [name, value] : further.fields()) headers->add(name, value);
    auto answered = call({.method = "GET",
                          .url = url,
                          .headers = std::move(*headers),
                          .head_by = by,
                          .silence = silence,
                          .head = {},
                          .part = {},
                          .interruption = &interruption_},
                         part);
    if (!answered) return pass_on(answered);
    const bool another = login_.may_pass_again(answered->head, wall_clock());
    if (answered->head.status == 200) return std::move(answered->outcome);
    if (tries == most_tries || !another)
      return tl::unexpected<Error>(refusal_in(answered->head.status, answered->body));
  }
}

Result<EventSubscription::Answered> EventSubscription::call(http::StreamedCall call,
                                                            const TakePart& part) {
  Answered answered;
  answered.head.status = 0;
  const std::string type = *call.headers.find("Accept");
  call.head = [&](const http::Response& head) {
    answered.head = head;
    if (head.status == 200) answered.outcome = check_type(head, type);
    return answered.outcome.has_value();
  };
  call.part = [&](std::string_view octets) {
    if (answered.head.status != 200) {
      answered.body += octets.substr(0, refusal_octets - answered.body.size());
      return answered.body.size() < refusal_octets;
    }
    const auto more = part(octets);
    if (!more) answered.outcome = tl::unexpected<Error>(more.error());
    return more && *more;
  };
  log_.connecting(FollowedLog::clock::now());
  auto ended = http::stream(client_, call);
  const bool refused = answered.head.status != 0 && answered.head.status != 200;
  if (!ended && !refused) return pass_on(ended);
  return answered;
}

Result<void> EventSubscription::take_event(const http::ServerEvent& event) {
  if (event.type == "revocation") return take_entry(event.data);
  if (event.type == "frontier") return take_frontier(event.data);
  if (event.type == "full")
    return fail(Code::event_subscribers_full,
                "the issuer gives our place to another: more services listen than may at once");
  if (event.type != "snapshot") return {};
  const auto said = parse_json(event.data);
  const bool names = said && said->is_object() && said->contains("reason");
  return fail(Code::event_snapshot_wanted, "the issuer has us load the snapshot: " +
                                               (names ? printable((*said)["reason"].dump(), 100)
                                                      : std::string("it does not say why")));
}

Result<void> EventSubscription::take_entry(std::string_view text) {
  const auto effect = log_.take_entry(text);
  if (!effect) return tl::unexpected<Error>(effect.error());
  if (*effect == FollowedLog::Effect::keys_changed) keys_have_changed();
  return {};
}

Result<Frontier> EventSubscription::checked_frontier(std::string_view text) {
  auto jws = parse_frontier(text);
  if (!jws) return pass_on(jws);
  const std::string kid = jws->kid();
  if (log_.is_key_revoked(kid))
    return fail(Code::frontier_key_unknown, "a frontier is by a key that was revoked");
  const auto keys = keys_.holding(kid, BootClock::now(), keys_epoch_.load());
  if (!keys) return tl::unexpected<Error>(keys.error());
  return check_frontier(std::move(*jws), **keys, options_.issuer);
}

Result<void> EventSubscription::take_frontier(std::string_view jws) {
  const auto frontier = checked_frontier(jws);
  if (!frontier && may_be_passed_over(frontier.error().code)) {
    note_trouble(frontier.error().to_string());
    return {};
  }
  if (!frontier) return tl::unexpected<Error>(frontier.error());
  if (auto taken = log_.take_frontier(*frontier, part_came_at_, wall_clock()); !taken) return taken;
  had_frontier_ = true;
  note_trouble("");
  return {};
}

void EventSubscription::note_end(const Result<void>& outcome) {
  const MutexLock lock(mutex_);
  ++ends_[outcome ? std::string("ended") : std::string(facts_of(outcome.error().code).name)];
  trouble_ = outcome ? "the issuer ended the stream" : outcome.error().to_string();
}

void EventSubscription::note_trouble(std::string trouble) {
  const MutexLock lock(mutex_);
  trouble_ = std::move(trouble);
}

void EventSubscription::pause(milliseconds longest) {
  longest =
      std::clamp(longest, milliseconds{1}, std::max(options_.reconnect_longest, milliseconds{1}));
  const milliseconds chosen(random_number() % longest.count() + 1);
  const auto until = std::chrono::steady_clock::now() + chosen;
  const MutexLock lock(mutex_);
  while (!ending_ && ending_changed_.wait_until(mutex_, until)) continue;
}

}  // namespace mintmark::verify

namespace {

// The key's errors are the caller's to mend, before anything is started.
mintmark::jose::FileKey key_of(const mintmark::SubscriptionOptions& options) {
  auto key = mintmark::jose::FileKey::open(
      options.key_file, {mintmark::Code::config_invalid, "the key of this service"});
  if (!key) throw std::invalid_argument(key.error().detail);
  return std::move(*key);
}

}  // namespace

// Qualified, or it would be another beside that of the inline namespace.
std::shared_ptr<mintmark::Subscription> mintmark::subscribe(SubscriptionOptions options) {
  const auto url = http::parse_url(options.issuer);
  if (!url || url->scheme != "https" || options.issuer.ends_with('/'))
    throw std::invalid_argument("an issuer is an https URL without a slash at its end");
  if (options.client_id.empty()) throw std::invalid_argument("a subscription needs a client_id");
  auto key = key_of(options);
  return std::make_shared<verify::EventSubscription>(std::move(options), std::move(key));
}
