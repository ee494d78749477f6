// The connection that keeps a followed log up to date.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "http/client_stream.h"
#include "http/event_reader.h"
#include "http/interruption.h"
#include "mintmark/verifier.h"
#include "verify/followed_log.h"
#include "verify/key_cache.h"
#include "verify/service_login.h"

namespace mintmark::verify {

/// One thread, which alone touches what is not said to be thread-safe.
class EventSubscription final : public Subscription {
 public:
  EventSubscription(SubscriptionOptions options, jose::FileKey key);
  ~EventSubscription() override;
  EventSubscription(const EventSubscription&) = delete;
  EventSubscription& operator=(const EventSubscription&) = delete;

  [[nodiscard]] tl::expected<void, Refused> judge(const Token& token) const override;
  [[nodiscard]] std::uint64_t keys_epoch() const override { return keys_epoch_.load(); }
  [[nodiscard]] Standing standing() const override;

 private:
  void run();
  /// Until the connection ends; why it did.
  [[nodiscard]] Result<void> follow_once();
  [[nodiscard]] Result<void> load_snapshot();
  void keys_have_changed();
  [[nodiscard]] Result<void> follow_stream();
  using TakePart = std::function<Result<bool>(std::string_view)>;
  struct Answered {
    http::Response head;
    std::string body;  ///< Of an answer that is not followed.
    Result<void> outcome;
  };
  /// GET of ISSUER/path, once more where the issuer wants another nonce or token. `further` names
  /// the one type that is taken, as Accept.
  [[nodiscard]] Result<void> get(const std::string& path, const http::Headers& further,
                                 std::chrono::milliseconds silence, const TakePart& part);
  [[nodiscard]] Result<Answered> call(http::StreamedCall call, const TakePart& part);
  /// An error: the stream is of no more use.
  [[nodiscard]] Result<void> take_event(const http::ServerEvent& event);
  [[nodiscard]] Result<void> take_entry(std::string_view text);
  [[nodiscard]] Result<void> take_frontier(std::string_view jws);
  [[nodiscard]] Result<Frontier> checked_frontier(std::string_view jws);
  void note_end(const Result<void>& outcome);
  void note_trouble(std::string trouble);
  void pause(std::chrono::milliseconds longest);

  const SubscriptionOptions options_;
  FollowedLog log_;
  std::atomic<std::uint64_t> keys_epoch_{0};
  http::Interruption interruption_;

  // Of the thread.
  http::ClientOptions client_;
  ServiceLogin login_;
  KeyCache keys_;
  FollowedLog::clock::time_point part_came_at_;
  bool had_frontier_ = false;  // On this connection.

  mutable Mutex mutex_;
  Condition ending_changed_;
  bool ending_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::map<std::string, std::uint64_t> ends_ MINTMARK_GUARDED_BY(mutex_);
  std::string trouble_ MINTMARK_GUARDED_BY(mutex_) = "not connected yet";

  std::jthread thread_;  // Last: it uses all of the above.
};

}  // namespace mintmark::verify
