#include "verify/followed_log.h"

#include <algorithm>

#include "jose/base64url.h"

namespace mintmark::verify {
namespace {

// Decisions wait while it lasts: a millisecond.
constexpr std::size_t forgotten_at_a_time = 2048;
constexpr JsonLimits snapshot_limits{.octets = 256U << 20U, .depth = 8, .elements = 8U << 20U};

tl::unexpected<Error> malformed_snapshot(const std::string& what) {
  return fail(Code::event_snapshot_malformed, "the snapshot of the event log: " + what);
}

std::optional<std::uint64_t> number_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Of the issuer's clock and ours the one that is behind: an entry is over by both, or kept.
Moment earlier_clock(const Frontier& frontier, Moment now) {
  const auto theirs = std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(frontier.ms)));
  return std::min(theirs, now);
}

}  // namespace

std::optional<FollowedLog::Position> FollowedLog::position() const {
  if (seen_.empty()) return std::nullopt;
  return Position{log_, seen_.back().seq};
}

Result<void> FollowedLog::load(std::string_view text, const Frontier& frontier) {
  if (frontier.snapshot != jose::base64url(sha256(text)))
    return fail(Code::event_chain_broken,
                "the snapshot is not the one that its frontier commits to");
  const auto json = parse_json(text, snapshot_limits);
  if (!json) return malformed_snapshot(json.error().detail);
  if (!json->is_object() || text_in(*json, "log").empty() || !json->contains("revoked"))
    return malformed_snapshot(R"({"log", "seq", "revoked"} is due)");
  if (text_in(*json, "log") != frontier.log || number_in(*json, "seq") != frontier.seq)
    return fail(Code::event_chain_broken,
                "the snapshot is not of the place that its frontier names");
  auto revoked = RevokedSet::from_json((*json)["revoked"]);
  if (!revoked) return pass_on(revoked);
  // An issuer whose log was lost, or was brought back from yesterday, takes nothing back by that.
  // Decisions go on meanwhile, since this thread alone writes; so they do while the old one ends.
  {
    const ReaderLock lock(mutex_);
    revoked->merge(revoked_);
  }
  log_ = frontier.log;
  seen_ = {Seen{frontier.seq, frontier.head}};
  const WriterLock lock(mutex_);
  std::swap(revoked_, *revoked);
  seq_ = frontier.seq;
  if (!made_at_) bound_ = frontier.bound;
  return {};
}

void FollowedLog::lose_place() { seen_.clear(); }

void FollowedLog::connecting(clock::time_point now) {
  asked_at_ = now;
  pace_.reset();
}

Result<FollowedLog::Effect> FollowedLog::take_entry(std::string_view text) {
  const auto entry = parse_json(text);
  if (!entry || !entry->is_object())
    return fail(Code::event_malformed, "an entry of the event log is no JSON object");
  const auto seq = number_in(*entry, "seq");
  if (seen_.empty() || seq != seen_.back().seq + 1) {
    return fail(Code::event_out_of_order,
                "entry " + (seq ? std::to_string(*seq) : "without a number") + " came after " +
                    (seen_.empty() ? "nothing" : std::to_string(seen_.back().seq)));
  }
  if (seen_.size() > most_unconfirmed) {
    return fail(Code::event_chain_broken,
                std::to_string(most_unconfirmed) + " entries came, and no frontier with them");
  }
  const Seen next{*seq, next_head(seen_.back().head, text)};
  const WriterLock lock(mutex_);
  if (auto applied = revoked_.apply(*entry); !applied) return pass_on(applied);
  seen_.push_back(next);
  seq_ = next.seq;
  return text_in(*entry, "type") == "keys" ? Effect::keys_changed : Effect::none;
}

Result<void> FollowedLog::check_place(const Frontier& frontier) const {
  if (seen_.empty() || frontier.log != log_)
    return fail(Code::event_log_changed, "a frontier is of another event log");
  if (frontier.seq < seen_.front().seq)
    return fail(Code::frontier_old, "a frontier is of before the last one");
  if (frontier.seq > seen_.back().seq) {
    return fail(Code::event_out_of_order,
                "a frontier commits to entry " + std::to_string(frontier.seq) + ", and " +
                    std::to_string(seen_.back().seq) + " was the last that came");
  }
  if (seen_[frontier.seq - seen_.front().seq].head != frontier.head)
    return fail(Code::event_chain_broken,
                "a frontier commits to other entries than those that came");
  return {};
}

// Not before it was: with the first of a connection the slack is all that it can have waited, since
// it was made after it was asked for. What the others waited shows in how far they come behind the
// earliest.
Result<FollowedLog::clock::time_point> FollowedLog::made_at(const Frontier& frontier,
                                                            clock::time_point arrived,
                                                            Pace& pace) const {
  if (pace_ && frontier.ms < pace_->last_ms)
    return fail(Code::frontier_old, "a frontier was made before the one that came before it");
  const auto behind = std::chrono::floor<std::chrono::milliseconds>(arrived.time_since_epoch()) -
                      std::chrono::milliseconds(frontier.ms);
  if (pace_)
    pace = *pace_;
  else
    pace = {.slack = arrived - asked_at_.value_or(arrived), .earliest = behind, .last_ms = 0};
  pace.earliest = std::min(pace.earliest, behind);
  pace.last_ms = frontier.ms;
  const auto late = behind - pace.earliest;
  if (late < frontier.bound && late + pace.slack < frontier.bound)
    return arrived - late - pace.slack;
  return fail(Code::frontier_old, "a frontier comes later than its bound of " +
                                      std::to_string(frontier.bound.count()) + " s");
}

Result<void> FollowedLog::take_frontier(const Frontier& frontier, clock::time_point arrived,
                                        Moment now) {
  if (auto place = check_place(frontier); !place) return place;
  Pace pace;
  const auto made = made_at(frontier, arrived, pace);
  if (!made) return tl::unexpected<Error>(made.error());
  pace_ = pace;
  while (seen_.front().seq < frontier.seq) seen_.pop_front();
  decltype(revoked_keys_) keys(frontier.revoked_keys.begin(), frontier.revoked_keys.end());
  const WriterLock lock(mutex_);
  std::swap(revoked_keys_, keys);
  revoked_.forget(earlier_clock(frontier, now), forgotten_at_a_time);
  // Another connection may be slower: what an earlier frontier has shown is not unlearned.
  if (!made_at_ || bound_ != frontier.bound || *made > *made_at_) made_at_ = *made;
  bound_ = frontier.bound;
  trusted_until_.store((*made_at_ + bound_).time_since_epoch().count(), std::memory_order_release);
  return {};
}

Result<void> FollowedLog::judge(const RevocableToken& token, clock::time_point now) const {
  const auto until = trusted_until_.load(std::memory_order_acquire);
  if (until == 0) return fail(Code::revocations_unavailable, "what was revoked is not known yet");
  if (now.time_since_epoch().count() > until) {
    return fail(Code::revocations_stale,
                "the issuer has not said for too long what was revoked; nobody is let in");
  }
  const ReaderLock lock(mutex_);
  if (revoked_keys_.find(token.kid) != revoked_keys_.end())
    return fail(Code::token_key_revoked, "the key that signed the token was revoked");
  switch (revoked_.judge(token)) {
    case RevokedSet::Verdict::key_revoked:
      return fail(Code::token_key_revoked, "the key that signed the token was revoked");
    case RevokedSet::Verdict::revoked:
      return fail(Code::token_revoked, "the token was revoked");
    case RevokedSet::Verdict::good:
      break;
  }
  return {};
}

bool FollowedLog::is_key_revoked(std::string_view kid) const {
  const ReaderLock lock(mutex_);
  return revoked_keys_.find(kid) != revoked_keys_.end() ||
         revoked_.judge({.jti = "", .subject = "", .kid = kid, .issued_at = Moment::max()}) ==
             RevokedSet::Verdict::key_revoked;
}

FollowedLog::Standing FollowedLog::standing(clock::time_point now) const {
  const ReaderLock lock(mutex_);
  Standing standing{.ever = made_at_.has_value(),
                    .trusted = false,
                    .age = {},
                    .bound = bound_,
                    .entries = revoked_.size(),
                    .seq = seq_};
  if (!made_at_) return standing;
  standing.trusted = now <= *made_at_ + bound_;
  standing.age = std::chrono::ceil<std::chrono::milliseconds>(now - *made_at_);
  return standing;
}

}  // namespace mintmark::verify
