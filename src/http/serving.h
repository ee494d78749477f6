// What all connections of one server share.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "http/server.h"

namespace mintmark::http {

class Session;

/// Thread-safe. Keeps every open connection alive until it says that it is closed.
class Serving {
 public:
  Serving(boost::asio::io_context& io, const ServerLimits& given, Handler handler_, Report report_,
          Observe observe_)
      : limits(given),
        handler(std::move(handler_)),
        report_to(std::move(report_)),
        observe_by(std::move(observe_)),
        io_(io) {}

  const ServerLimits limits;
  const Handler handler;
  const Report report_to;
  const Observe observe_by;

  enum class Admission {
    served,
    refused,  ///< There are as many as the limit allows: its first request is told so.
    closed,   ///< Nor is there room to tell, or the server stops.
  };
  /// `peer`: whose it is, by name and as the kernel says.
  [[nodiscard]] Admission admit(const std::shared_ptr<Session>& session, const std::string& name,
                                const LocalPeer* peer);
  /// Closes the connection that has waited longest and may give way, and some more that waited
  /// nearly as long, so that not each new one looks through all. False: there is none.
  bool make_room();
  /// Nothing more is answered on this connection; it may still be open for a while.
  void retire(const std::shared_ptr<Session>& session);
  /// Counts it, and tells of it seldom.
  void accept_failed(const Error& why);
  [[nodiscard]] std::uint64_t failed_accepts() const {
    return failed_accepts_.load(std::memory_order_relaxed);
  }
  /// Counts a connection that is closed because too many are in its way.
  void turn_away() { turned_away_.fetch_add(1, std::memory_order_relaxed); }
  /// The connection is closed.
  void forget(const std::shared_ptr<Session>& session);

  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  void stop(std::function<void()> drained);
  /// Closes what is left, without a word: the server ends.
  void abandon();
  [[nodiscard]] std::size_t open() const;
  [[nodiscard]] std::uint64_t turned_away() const {
    return turned_away_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t gave_way() const { return gave_way_.load(std::memory_order_relaxed); }
  void report(std::string_view event, const Error& error) const noexcept;
  /// What can come with every connection or request: told now and then. `event` is a literal.
  /// Wants no memory of its own: the want of it is told so.
  void report_seldom(std::string_view event, const Error& error);

 private:
  using Sessions = std::unordered_set<std::shared_ptr<Session>>;
  /// With the share that each counts to.
  using Open = std::unordered_map<std::shared_ptr<Session>, std::optional<ConnectionShare>>;
  using Time = std::chrono::steady_clock;
  /// Those that gave way: closed at its end, which comes when the lock is free again.
  struct Closed {
    Closed() = default;
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;
    ~Closed();
    std::vector<std::shared_ptr<Session>> sessions;
  };
  struct Told {
    std::string_view event;
    Time::time_point at;
  };
  void call_if_drained() MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] Admission admit_to(const std::shared_ptr<Session>& session,
                                   const std::optional<ConnectionShare>& share, Closed& closed)
      MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] bool is_full(const std::optional<ConnectionShare>& share) const
      MINTMARK_REQUIRES(mutex_);
  [[nodiscard]] std::size_t of_share(const std::optional<ConnectionShare>& share) const
      MINTMARK_REQUIRES(mutex_);
  /// All of it, or std::bad_alloc and nothing.
  void enter(const std::shared_ptr<Session>& session, const std::optional<ConnectionShare>& share)
      MINTMARK_REQUIRES(mutex_);
  void take_longest_waiting(const ConnectionShare* of, Closed& closed) MINTMARK_REQUIRES(mutex_);
  void leave(Open::iterator one) MINTMARK_REQUIRES(mutex_);
  void report_turned_away(const std::string& name) MINTMARK_EXCLUDES(mutex_);

  boost::asio::io_context& io_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> turned_away_{0};
  std::atomic<std::uint64_t> gave_way_{0};
  std::atomic<std::uint64_t> failed_accepts_{0};
  mutable Mutex mutex_;
  Open open_ MINTMARK_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, std::size_t> open_of_share_ MINTMARK_GUARDED_BY(mutex_);
  /// When report_seldom last did; the first that were never told are empty.
  std::array<Told, 4> told_ MINTMARK_GUARDED_BY(mutex_);
  Sessions serving_ MINTMARK_GUARDED_BY(mutex_);  ///< Those of `open_` that may still answer.
  std::function<void()> drained_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::http
