// Who listens to the event log: each gets every entry once and in order, and the frontiers that
// commit to what it got.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "api/service_access.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"
#include "http/message.h"
#include "revoke/event_log.h"
#include "revoke/frontiers.h"

namespace mintmark::api {

/// The last entry that a subscriber saw: `LOG:SEQ`.
struct SeenEvent {
  std::string log;
  std::uint64_t seq = 0;
};
/// `event_id_malformed`.
[[nodiscard]] Result<SeenEvent> read_seen_event(std::string_view text);

struct EventHubOptions {
  unsigned subscribers = 1024;  ///< At once.
  /// Who lags by more entries is told to load the snapshot: it is the shorter way. As many are in
  /// memory, a restart notwithstanding (revoke::EventLog).
  std::uint64_t most_behind = 16384;
};

class EventPlaces;

/// Has frontiers made while anybody listens. Thread-safe.
class EventHub {
 public:
  /// What holds a subscriber's place; it is free again when this is dropped.
  using Place = std::shared_ptr<void>;
  /// Told how each frontier came about.
  using Told = std::function<void(const Result<revoke::SignedFrontier>&)>;

  /// Listens to `parts.events` from now on.
  [[nodiscard]] static std::shared_ptr<EventHub> make(revoke::FrontierParts parts,
                                                      EventHubOptions options, Told told = {});
  ~EventHub() { close(); }
  EventHub(const EventHub&) = delete;
  EventHub& operator=(const EventHub&) = delete;

  /// Ends all streams; no frontier is made any more. From here on `parts` may end.
  void close();

  /// Where all places are taken, the service that has most of them loses its oldest stream, if it
  /// has at least two more than `service`, or is the same; else `event_subscribers_full`.
  [[nodiscard]] Result<Place> reserve(const std::string& service);
  /// Writes what came after `seen`, then what comes, until the writer's connection is gone, the
  /// caller's token is over or revoked (looked at with each frontier) or the service was removed.
  /// Where `seen` is nothing,
  /// of another log or too old: `event: snapshot` alone.
  void join(std::shared_ptr<http::BodyWriter> writer, Place place, ServiceCaller caller,
            const std::optional<SeenEvent>& seen);
  /// Ends the service's streams, and those that are just about to begin: it does not come back.
  void remove(const std::string& service);

  [[nodiscard]] std::size_t subscribers() const;
  /// How often one could not keep up and was told so.
  [[nodiscard]] std::uint64_t slow() const { return slow_.load(); }
  [[nodiscard]] std::chrono::milliseconds frontier_age() const { return frontiers_->age(); }

 private:
  /// Some entries as they are sent.
  struct Piece {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::shared_ptr<const std::string> text;
  };
  using Pieces = std::vector<Piece>;
  struct Subscriber {
    std::shared_ptr<http::BodyWriter> writer;
    Place place;
    ServiceCaller caller;
    std::uint64_t seen = 0;  ///< Number of the last entry that was written.
    /// Frontiers with a lower number may have been signed before it came.
    std::uint64_t first_frontier = 0;
  };

  EventHub(revoke::FrontierParts parts, EventHubOptions options);
  /// Calls it under the lock for each; who is gone, or is done, is let go.
  void for_each(const std::function<bool(Subscriber&)>& goes_on) MINTMARK_EXCLUDES(mutex_);
  [[nodiscard]] Pieces encode(const std::vector<revoke::Event>& events) const;
  void appended(const std::vector<revoke::Event>& events);
  void signed_one(const Result<revoke::SignedFrontier>& frontier);
  // False: the stream is over.
  [[nodiscard]] bool make_room(const std::string& service) MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] bool advance(Subscriber& subscriber, const Pieces& pieces)
      MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] bool catch_up(Subscriber& subscriber, Code too_far) MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] bool conclude(Subscriber& subscriber, const revoke::SignedFrontier* frontier,
                              const std::shared_ptr<const std::string>& text)
      MINTMARK_REQUIRES(mutex_);

  revoke::EventLog& log_;
  const Clock& clock_;
  const EventHubOptions options_;
  const std::string name_;  ///< Of the log.
  const std::shared_ptr<EventPlaces> places_;
  std::atomic<std::uint64_t> slow_{0};
  mutable Mutex mutex_;
  std::list<Subscriber> subscribers_ MINTMARK_GUARDED_BY(mutex_);
  std::set<std::string> removed_ MINTMARK_GUARDED_BY(mutex_);  ///< Services.
  bool closed_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::unique_ptr<revoke::Frontiers> frontiers_;
};

}  // namespace mintmark::api
