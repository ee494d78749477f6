#include "api/event_hub.h"

#include <algorithm>
#include <map>

#include "base/mutex.h"
#include "http/text.h"

namespace mintmark::api {
namespace {

using Written = http::BodyWriter::Written;
using Text = std::shared_ptr<const std::string>;

constexpr std::size_t longest_log = 64;
/// Of one piece, unless one entry is longer: small beside what may wait for a client.
constexpr std::size_t piece_octets = 32U << 10U;
/// Asked of the log at once.
constexpr std::size_t events_at_once = 512;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_log &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return http::is_alphanumeric(c) || c == '-' || c == '_'; });
}

// WHATWG HTML §9.2.5. An entry and a JWS have no line ends.
void append_entry(std::string& out, const std::string& log, const revoke::Event& event) {
  out.append("id: ").append(log).append(":").append(std::to_string(event.seq));
  out.append("\nevent: revocation\ndata: ").append(*event.text).append("\n\n");
}

Text snapshot_event(Code reason) {
  return std::make_shared<const std::string>("event: snapshot\ndata: {\"reason\":\"" +
                                             std::string(facts_of(reason).name) + "\"}\n\n");
}

/// The writer's last word.
bool send_to_snapshot(http::BodyWriter& writer, Code reason) {
  // Where not even that can wait, the end says enough.
  (void)writer.write(snapshot_event(reason));
  writer.end();
  return false;
}

}  // namespace

/// Who holds how many. Thread-safe.
class EventPlaces {
 public:
  [[nodiscard]] static EventHub::Place take(const std::shared_ptr<EventPlaces>& places,
                                            const std::string& service) {
    {
      const MutexLock lock(places->mutex_);
      ++places->by_service_[service];
      ++places->taken_;
    }
    return {places.get(), [places, service](void*) { places->free(service); }};
  }
  [[nodiscard]] unsigned taken() const {
    const MutexLock lock(mutex_);
    return taken_;
  }
  [[nodiscard]] unsigned of(const std::string& service) const {
    const MutexLock lock(mutex_);
    const auto found = by_service_.find(service);
    return found == by_service_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::pair<std::string, unsigned> most() const {
    const MutexLock lock(mutex_);
    const auto found =
        std::max_element(by_service_.begin(), by_service_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (found == by_service_.end()) return {};
    return {found->first, found->second};
  }

 private:
  void free(const std::string& service) {
    const MutexLock lock(mutex_);
    --taken_;
    if (--by_service_[service] == 0) by_service_.erase(service);
  }

  mutable Mutex mutex_;
  std::map<std::string, unsigned> by_service_ MINTMARK_GUARDED_BY(mutex_);
  unsigned taken_ MINTMARK_GUARDED_BY(mutex_) = 0;
};

Result<SeenEvent> read_seen_event(std::string_view text) {
  const auto colon = text.find(':');
  const auto number =
      colon == std::string_view::npos ? std::nullopt : http::decimal(text.substr(colon + 1));
  if (!number || !is_name(text.substr(0, colon)))
    return fail(Code::event_id_malformed,
                "the last event that was seen is named as its id was: LOG:NUMBER");
  return SeenEvent{std::string(text.substr(0, colon)), *number};
}

EventHub::EventHub(revoke::FrontierParts parts, EventHubOptions options)
    : log_(parts.events),
      clock_(parts.clock),
      options_(options),
      name_(parts.events.position().log),
      places_(std::make_shared<EventPlaces>()) {}

std::shared_ptr<EventHub> EventHub::make(revoke::FrontierParts parts, EventHubOptions options,
                                         Told told) {
  revoke::EventLog& log = parts.events;
  const std::shared_ptr<EventHub> hub(new EventHub(parts, options));
  hub->frontiers_ = std::make_unique<revoke::Frontiers>(
      std::move(parts),
      [hub = hub.get(), told = std::move(told)](const Result<revoke::SignedFrontier>& frontier) {
        hub->signed_one(frontier);
        if (told) told(frontier);
      });
  log.on_appended([weak = std::weak_ptr(hub)](const std::vector<revoke::Event>& events) {
    if (const auto self = weak.lock()) self->appended(events);
  });
  return hub;
}

void EventHub::close() {
  frontiers_->stop();
  const MutexLock lock(mutex_);
  closed_ = true;
  for (const Subscriber& subscriber : subscribers_) subscriber.writer->end();
  subscribers_.clear();
  frontiers_->heard(false);
}

Result<EventHub::Place> EventHub::reserve(const std::string& service) {
  const MutexLock lock(mutex_);
  if (places_->taken() < options_.subscribers || make_room(service))
    return EventPlaces::take(places_, service);
  return fail(Code::event_subscribers_full,
              "as many services listen as may at once; come back later");
}

bool EventHub::make_room(const std::string& service) {
  const auto [most, count] = places_->most();
  const bool has_its_share = count <= places_->of(service) + 1;
  const std::string& loser = has_its_share ? service : most;
  // The first that came.
  const auto oldest =
      std::find_if(subscribers_.begin(), subscribers_.end(),
                   [&](const Subscriber& subscriber) { return subscriber.caller.id == loser; });
  if (oldest == subscribers_.end()) return false;
  // Or it would be back at once, as after a token that is over, and another would have to go.
  static const Text full = std::make_shared<const std::string>(
      "event: full\ndata: {\"reason\":\"" +
      std::string(facts_of(Code::event_subscribers_full).name) + "\"}\n\n");
  (void)oldest->writer->write(full);
  oldest->writer->end();
  subscribers_.erase(oldest);
  return places_->taken() < options_.subscribers;
}

void EventHub::join(std::shared_ptr<http::BodyWriter> writer, Place place, ServiceCaller caller,
                    const std::optional<SeenEvent>& seen) {
  if (!seen || seen->log != name_) {
    (void)send_to_snapshot(*writer, seen ? Code::event_log_changed : Code::event_snapshot_wanted);
    return;
  }
  const MutexLock lock(mutex_);
  if (closed_ || removed_.contains(caller.id)) return writer->end();
  Subscriber subscriber{std::move(writer), std::move(place), std::move(caller), seen->seq,
                        frontiers_->want()};
  if (!catch_up(subscriber, Code::event_snapshot_wanted)) return;
  subscribers_.push_back(std::move(subscriber));
  frontiers_->heard(true);
}

void EventHub::remove(const std::string& service) {
  {
    const MutexLock lock(mutex_);
    removed_.insert(service);
  }
  for_each([&](Subscriber& subscriber) {
    if (subscriber.caller.id != service) return true;
    subscriber.writer->end();
    return false;
  });
}

std::size_t EventHub::subscribers() const {
  const MutexLock lock(mutex_);
  return subscribers_.size();
}

EventHub::Pieces EventHub::encode(const std::vector<revoke::Event>& events) const {
  Pieces pieces;
  for (auto next = events.begin(); next != events.end();) {
    const std::uint64_t first = next->seq;
    auto text = std::make_shared<std::string>();
    do {
      append_entry(*text, name_, *next);
      ++next;
    } while (next != events.end() && text->size() + next->text->size() < piece_octets);
    pieces.push_back({first, std::prev(next)->seq, std::move(text)});
  }
  return pieces;
}

void EventHub::for_each(const std::function<bool(Subscriber&)>& goes_on) {
  const MutexLock lock(mutex_);
  subscribers_.remove_if([&](Subscriber& subscriber) { return !goes_on(subscriber); });
  frontiers_->heard(!subscribers_.empty());
}

void EventHub::appended(const std::vector<revoke::Event>& events) {
  const Pieces pieces = encode(events);
  for_each([&](Subscriber& subscriber)
               MINTMARK_REQUIRES(mutex_) { return advance(subscriber, pieces); });
  if (subscribers() > 0) frontiers_->want();
}

void EventHub::signed_one(const Result<revoke::SignedFrontier>& frontier) {
  const revoke::SignedFrontier* good = frontier ? &*frontier : nullptr;
  Text text;
  if (good != nullptr)
    text = std::make_shared<const std::string>("event: frontier\ndata: " + *good->jws + "\n\n");
  for_each([&](Subscriber& subscriber)
               MINTMARK_REQUIRES(mutex_) { return conclude(subscriber, good, text); });
}

bool EventHub::advance(Subscriber& subscriber, const Pieces& pieces) {
  for (const Piece& piece : pieces) {
    // It was told of the others by what it missed, or is behind.
    if (subscriber.seen + 1 != piece.first) break;
    const Written written = subscriber.writer->write(piece.text);
    if (written == Written::gone) return false;
    if (written == Written::full) break;
    subscriber.seen = piece.last;
  }
  return subscriber.seen >= pieces.back().last || catch_up(subscriber, Code::event_subscriber_slow);
}

bool EventHub::catch_up(Subscriber& subscriber, Code too_far) {
  http::BodyWriter& writer = *subscriber.writer;
  for (;;) {
    const std::uint64_t last = log_.position().seq;
    if (subscriber.seen == last) return true;
    const bool behind = last > subscriber.seen && last - subscriber.seen > options_.most_behind;
    if (behind && too_far == Code::event_subscriber_slow) slow_.fetch_add(1);
    if (behind) return send_to_snapshot(writer, too_far);
    const auto events = log_.after(subscriber.seen, events_at_once);
    if (!events) return send_to_snapshot(writer, Code::event_snapshot_wanted);
    for (const Piece& piece : encode(*events)) {
      const Written written = writer.write(piece.text);
      if (written == Written::gone) return false;
      // When it has read some, the next entry or frontier goes on from here.
      if (written == Written::full) return true;
      subscriber.seen = piece.last;
    }
  }
}

bool EventHub::conclude(Subscriber& subscriber, const revoke::SignedFrontier* frontier,
                        const Text& text) {
  const ServiceCaller& caller = subscriber.caller;
  if (clock_.now() >= caller.until || (caller.still_good && !caller.still_good())) {
    subscriber.writer->end();
    return false;
  }
  if (!catch_up(subscriber, Code::event_subscriber_slow)) return false;
  // Still on its way: it is not left alone until the next heartbeat.
  if (subscriber.seen != log_.position().seq) frontiers_->want();
  if (frontier == nullptr || frontier->number < subscriber.first_frontier ||
      subscriber.seen < frontier->position.seq)
    return true;
  return subscriber.writer->write(text) != Written::gone;
}

}  // namespace mintmark::api
