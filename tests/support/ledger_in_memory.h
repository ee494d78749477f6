// What an issuer keeps of its tokens, in memory: the log can be held back, or fail.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "audit/issuance_log.h"
#include "revoke/event_log.h"
#include "revoke/live_tokens.h"
#include "revoke/revoker.h"
#include "revoke/status_lists.h"

namespace mintmark::test {

class LogInMemory final : public audit::IssuanceLog {
 public:
  void append(audit::Issued entry, std::function<void(Result<void>)> done) override {
    {
      const std::lock_guard lock(mutex_);
      if (!failing_) entries_.push_back(std::move(entry));
      if (held_) return waiting_.push_back(std::move(done));
    }
    done(outcome());
  }
  Result<void> ready() const override {
    const std::lock_guard lock(mutex_);
    if (known_to_fail_) return fail(*known_to_fail_, "the disk is full");
    return {};
  }
  Result<void> read_live(Moment now,
                         const std::function<void(const audit::Issued&)>& each) const override {
    for (const audit::Issued& entry : entries()) {
      if (entry.expires_at > now) each(entry);
    }
    return {};
  }
  Result<void> forget_before(Moment /*moment*/) override { return {}; }
  Written written() const override { return {entries().size(), entries().size()}; }

  /// Nothing is said to be on disk until release().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    std::deque<std::function<void(Result<void>)>> waiting;
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
      waiting.swap(waiting_);
    }
    for (const auto& done : waiting) done(outcome());
  }
  void fail_with(Code code) {
    const std::lock_guard lock(mutex_);
    failing_ = code;
  }
  void be_known_to_fail_with(std::optional<Code> code) {
    const std::lock_guard lock(mutex_);
    known_to_fail_ = code;
  }
  [[nodiscard]] std::vector<audit::Issued> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  [[nodiscard]] Result<void> outcome() const {
    const std::lock_guard lock(mutex_);
    if (failing_) return fail(*failing_, "the disk is full");
    return {};
  }
  mutable std::mutex mutex_;
  std::vector<audit::Issued> entries_;
  std::deque<std::function<void(Result<void>)>> waiting_;
  std::optional<Code> failing_;
  std::optional<Code> known_to_fail_;
  bool held_ = false;
};

/// One list of one bit an entry.
class IndexesInMemory final : public revoke::StatusIndexes {
 public:
  Result<revoke::StatusIndex> next(Moment /*until*/) override {
    const std::lock_guard lock(mutex_);
    if (said_.size() >= most_) return fail(Code::status_index_unavailable, "none is leased");
    said_.push_back(revoke::Status::valid);
    return revoke::StatusIndex{1, static_cast<std::uint32_t>(said_.size() - 1)};
  }
  void set(const std::vector<revoke::StatusIndex>& entries, revoke::Status status) override {
    const std::lock_guard lock(mutex_);
    // As the real ones: what was not given by it is nobody's entry.
    for (const revoke::StatusIndex& entry : entries) {
      if (entry.index < said_.size()) said_[entry.index] = status;
    }
    ++version_;
  }
  std::vector<std::uint32_t> lists() const override { return {1}; }
  Result<revoke::ListContent> content(std::uint32_t list) const override {
    return fail(Code::status_list_unknown, std::to_string(list));
  }
  std::uint64_t version(std::uint32_t /*list*/) const override { return version_; }
  void restore(const revoke::StatusIndex& entry, Moment /*until*/) override {
    const std::lock_guard lock(mutex_);
    if (said_.size() <= entry.index) said_.resize(entry.index + 1);
  }
  void forget(Moment /*now*/) override {}

  /// No more than so many are given.
  void give_at_most(std::size_t most) { most_ = most; }
  [[nodiscard]] revoke::Status of(std::uint32_t index) const {
    const std::lock_guard lock(mutex_);
    return said_.at(index);
  }
  [[nodiscard]] std::size_t given() const {
    const std::lock_guard lock(mutex_);
    return said_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<revoke::Status> said_;
  std::uint64_t version_ = 0;
  std::size_t most_ = 1U << 20U;
};

class EventsInMemory final : public revoke::EventLog {
 public:
  void append(std::vector<Json> entries, std::function<void(Result<std::uint64_t>)> done) override {
    std::uint64_t seq = 0;
    {
      const std::lock_guard lock(mutex_);
      if (failing_) return done(mintmark::fail(Code::revocation_failed, "the disk is full"));
      for (const Json& entry : entries) {
        if (auto applied = revoked_.apply(entry); !applied) return done(pass_on(applied));
        said_.push_back(entry);
      }
      seq = said_.size();
    }
    done(seq);
  }
  void on_appended(std::function<void(const std::vector<revoke::Event>&)> /*told*/) override {}
  revoke::Position position() const override { return {"log", said().size(), {}}; }
  Result<std::vector<revoke::Event>> after(std::uint64_t /*seq*/,
                                           std::size_t /*most*/) const override {
    return mintmark::fail(Code::event_snapshot_wanted, "nothing is kept");
  }
  revoke::Snapshot snapshot() const override {
    const std::lock_guard lock(mutex_);
    return {{"log", said_.size(), {}}, revoked_};
  }
  verify::RevokedSet::Verdict judge(const verify::RevocableToken& token) const override {
    const std::lock_guard lock(mutex_);
    return revoked_.judge(token);
  }

  void start_failing() {
    const std::lock_guard lock(mutex_);
    failing_ = true;
  }
  void stop_failing() {
    const std::lock_guard lock(mutex_);
    failing_ = false;
  }
  [[nodiscard]] std::vector<Json> said() const {
    const std::lock_guard lock(mutex_);
    return said_;
  }

 private:
  mutable std::mutex mutex_;
  verify::RevokedSet revoked_;
  std::vector<Json> said_;
  bool failing_ = false;
};

/// All of it, with a Revoker. What the callbacks use, and the clock, must outlive it.
struct LedgerInMemory {
  explicit LedgerInMemory(const Clock& clock, std::function<void(Moment)> floor = {},
                          std::function<void()> wait_for_decided = {})
      : revoker({.clock = clock,
                 .events = events,
                 .tokens = live,
                 .statuses = statuses,
                 .floor = std::move(floor),
                 .wait_for_decided = std::move(wait_for_decided)},
                std::chrono::seconds(300)) {}

  LogInMemory log;
  IndexesInMemory statuses;
  revoke::LiveTokens live;
  EventsInMemory events;
  revoke::Revoker revoker;
};

}  // namespace mintmark::test
