// What all connections of one server share.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "http/server.h"

namespace mintmark::http {

class Session;

/// Thread-safe. Keeps every open connection alive until it says that it is closed.
class Serving {
 public:
  Serving(boost::asio::io_context& io, const ServerLimits& given, Handler handler_, Report report_)
      : limits(given), handler(std::move(handler_)), report_to(std::move(report_)), io_(io) {}

  const ServerLimits limits;
  const Handler handler;
  const Report report_to;

  /// False: there are as many as the limit allows, or the server stops; the connection is not to be
  /// served.
  [[nodiscard]] bool admit(const std::shared_ptr<Session>& session);
  /// Nothing more is answered on this connection; it may still be open for a while.
  void retire(const std::shared_ptr<Session>& session);
  /// The connection is closed.
  void forget(const std::shared_ptr<Session>& session);

  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  void stop(std::function<void()> drained);
  /// Closes what is left, without a word: the server ends.
  void abandon();
  [[nodiscard]] std::size_t open() const;
  void report(std::string_view event, const Error& error) const noexcept;

 private:
  using Sessions = std::unordered_set<std::shared_ptr<Session>>;
  void call_if_drained();

  boost::asio::io_context& io_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  Sessions open_;
  Sessions serving_;  ///< Those of `open_` that may still answer.
  std::function<void()> drained_;
};

}  // namespace mintmark::http
