// The streams of all services: made, changed, asked and told (SSF 1.0 §8.1).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/time.h"
#include "revoke/event_log.h"
#include "revoke/signals/endpoint_rules.h"
#include "revoke/signals/outbox.h"
#include "revoke/signals/stream.h"
#include "revoke/signals/stream_wish.h"
#include "store/signal_store.h"

namespace mintmark::revoke::signals {

struct StreamLimits {
  std::size_t of_service = 8;  ///< Streams.
  std::size_t of_all = 1024;
  std::size_t removed_subjects = 256;  ///< Of a stream.
  std::size_t notices = 16;            ///< SSF's own events that wait, of a stream.
  std::chrono::seconds between_verifications{10};
};

/// What a push needs to know of its stream.
struct PushTarget {
  std::string endpoint;
  std::shared_ptr<const Secret> authorization;  ///< Null: none.
  std::vector<std::string> audience;
  Moment failing_since{};  ///< 0: the last one went well.
};

/// Thread-safe; calls wait for the disk. What a service may not see does not exist for it:
/// `ssf_stream_unknown`. Errors of all: those of the store too.
class Streams {
 public:
  struct Parts {
    const Clock& clock;
    const EventLog& log;
    store::SignalStore& store;
    /// The audiences of a service that is registered now; nothing: it is not, and its streams go.
    /// Thread-safe.
    std::function<std::optional<std::vector<std::string>>(const std::string& service)> audiences_of;
    TokenLookup lookup;
    /// Called after a stream may have something to say. Any thread; must not block.
    std::function<void()> wake = {};
  };
  Streams(std::string issuer, EndpointRules rules, Parts parts, StreamLimits limits = {});

  /// What the store holds. `store_failed` where it holds what is not ours.
  [[nodiscard]] Result<void> load();

  // What services ask for. Each gives the configuration as §8.1.1 has it. Errors: of stream_wish.h;
  // `ssf_stream_exists`: it has as many as it may.
  [[nodiscard]] Result<Json> create(const Owner& owner, const Json& wish);
  [[nodiscard]] Result<Json> read(const Owner& owner, const std::string& id) const;
  [[nodiscard]] Json read_all(const Owner& owner) const;
  [[nodiscard]] Result<Json> update(const Owner& owner, const Json& changes);
  [[nodiscard]] Result<Json> replace(const Owner& owner, const Json& whole);
  [[nodiscard]] Result<void> remove(const Owner& owner, const std::string& id);
  /// §8.1.2: {"stream_id", "status", "reason"?}.
  [[nodiscard]] Result<Json> status(const Owner& owner, const std::string& id) const;
  [[nodiscard]] Result<Json> set_status(const Owner& owner, const Json& wish);
  /// §8.1.3: `wish` has "stream_id" and "subject". `ssf_subject_malformed`.
  [[nodiscard]] Result<void> add_subject(const Owner& owner, const Json& wish);
  [[nodiscard]] Result<void> remove_subject(const Owner& owner, const Json& wish);
  /// §8.1.4: `wish` has "stream_id" and perhaps "state". `ssf_rate` (with retry_after),
  /// `ssf_queue_full`.
  [[nodiscard]] Result<void> verify(const Owner& owner, const Json& wish);

  // Delivery.
  /// Of poll, for its owner: `ssf_stream_unknown` where it is one of push.
  [[nodiscard]] Result<std::vector<std::string>> poll_audience(const Owner& owner,
                                                               const std::string& id) const;
  /// See outbox.h. A stream whose service is not registered any more is erased:
  /// `ssf_stream_unknown`.
  [[nodiscard]] Result<Outbox> next(const std::string& id, std::size_t most);
  /// On disk when it returns. `ssf_stream_unknown`.
  [[nodiscard]] Result<void> acknowledge(const std::string& id, std::set<std::string> jtis);
  /// Of push and enabled: their ids, and of which service each is.
  [[nodiscard]] std::map<std::string, std::string> pushed() const;
  /// Nothing: it is no such stream any more.
  [[nodiscard]] std::optional<PushTarget> target(const std::string& id) const;
  /// The last push did not go well, or did: since when it fails stays on disk.
  [[nodiscard]] Result<void> mark_failing(const std::string& id, bool failing);
  /// The transmitter's own decision.
  [[nodiscard]] Result<void> pause(const std::string& id, const std::string& reason);

  /// For figures: how many streams there are, and of those that wait for their receivers, since
  /// when the longest has been failing (0: none is).
  struct Census {
    std::size_t streams = 0;
    std::size_t paused = 0;
    std::uint64_t behind = 0;  ///< Entries of the log, of the enabled stream that is most behind.
    Moment failing_since{};
  };
  [[nodiscard]] Census census() const;

  [[nodiscard]] const std::string& issuer() const { return issuer_; }
  [[nodiscard]] Moment now() const { return parts_.clock.now(); }

 private:
  /// One stream in memory. Its mutex before that of the map, never the other way.
  struct Entry {
    std::string id;
    std::string service;
    mutable Mutex mutex;
    StreamSettings settings MINTMARK_GUARDED_BY(mutex);
    StreamState state MINTMARK_GUARDED_BY(mutex);
    bool gone MINTMARK_GUARDED_BY(mutex) = false;
  };
  using Found = std::shared_ptr<Entry>;

  [[nodiscard]] Found find(const std::string& id) const;
  [[nodiscard]] Result<Found> own(const Owner& owner, const std::string& id) const;
  [[nodiscard]] Result<Found> named(const Owner& owner, const Json& wish) const;
  [[nodiscard]] std::vector<Found> all() const;
  [[nodiscard]] Json configuration(const Entry& entry) const MINTMARK_REQUIRES(entry.mutex);
  [[nodiscard]] Result<void> check_supplied(const Entry& entry, const Json& wish) const
      MINTMARK_REQUIRES(entry.mutex);
  [[nodiscard]] Result<void> keep(Entry& entry) const MINTMARK_REQUIRES(entry.mutex);
  [[nodiscard]] Result<void> keep_state(Entry& entry) const MINTMARK_REQUIRES(entry.mutex);
  [[nodiscard]] OutboxRules rules_of(const Entry& entry, std::vector<std::string> audiences) const;
  template <typename Read>
  [[nodiscard]] Result<Json> change(const Owner& owner, const Json& wish, Read read_wish);
  void wake() const;

  const std::string issuer_;
  const EndpointRules rules_;
  const Parts parts_;
  const StreamLimits limits_;
  mutable Mutex mutex_;
  std::map<std::string, Found> entries_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::revoke::signals
