#include "agent/serve/held_tokens.h"

#include <algorithm>
#include <utility>

#include "agent/tokens.h"

namespace mintmark::agent::serve {
namespace {

// A service that refuses every token would otherwise cost a signature of the device key each call.
constexpr std::chrono::seconds youngest_refused{2};
constexpr std::chrono::seconds shortest_pause{1};
constexpr std::chrono::seconds longest_pause{30};
constexpr unsigned doublings_to_longest = 5;
constexpr std::chrono::seconds between_asking{1};

bool is_usable(const std::optional<HeldToken>& held, Moment now) {
  return held && is_fresh(held->obtained_at, held->expires_at, now);
}

}  // namespace

HeldTokens::Place HeldTokens::place_of(const Wish& wish) {
  return {wish.enrolment, wish.request.audience, wish.request.scope, wish.request.by_certificate};
}

HeldTokens::Entry& HeldTokens::entry_of(const Wish& wish) {
  User& own = users_[wish.user];
  const Place place = place_of(wish);
  const auto found = own.entries.find(place);
  if (found != own.entries.end()) return found->second;
  make_room(own);
  ++all_;
  return own.entries[place];
}

const HeldTokens::Entry* HeldTokens::find(const Wish& wish) const {
  const auto user = users_.find(wish.user);
  if (user == users_.end()) return nullptr;
  const auto found = user->second.entries.find(place_of(wish));
  return found == user->second.entries.end() ? nullptr : &found->second;
}

// Where all users together have too many, whoever has most gives one.
void HeldTokens::make_room(User& own) {
  User* giver = own.entries.size() >= limits_.of_user ? &own : nullptr;
  if (giver == nullptr && all_ >= limits_.most) {
    giver =
        &std::max_element(users_.begin(), users_.end(), [](const auto& left, const auto& right) {
           return left.second.entries.size() < right.second.entries.size();
         })->second;
  }
  if (giver == nullptr || giver->entries.empty()) return;
  const auto rank = [](const Entry& entry) { return std::pair(entry.wanted != 0, entry.asked_at); };
  giver->entries.erase(std::min_element(
      giver->entries.begin(), giver->entries.end(),
      [&](const auto& left, const auto& right) { return rank(left.second) < rank(right.second); }));
  --all_;
}

std::optional<HeldToken> HeldTokens::ask(const Wish& wish, Moment now, const std::string& refused) {
  Entry& entry = entry_of(wish);
  entry.asked_at = now;
  if (!is_usable(entry.held, now)) return std::nullopt;
  const bool stays =
      entry.held->token != refused || now < entry.held->obtained_at + youngest_refused;
  if (stays) return entry.held;
  entry.held.reset();
  return std::nullopt;
}

std::optional<Error> HeldTokens::pausing(const Wish& wish, Time at) const {
  const auto user = users_.find(wish.user);
  if (user == users_.end()) return std::nullopt;
  const Pause* longest = nullptr;
  const auto look_at = [&](const Pause& pause) {
    if (!is_over(pause, at) && (longest == nullptr || longest->until < pause.until))
      longest = &pause;
  };
  if (const Entry* entry = find(wish)) look_at(entry->pause);
  const auto of_audience = user->second.pauses.find(wish.request.audience);
  if (of_audience != user->second.pauses.end()) look_at(of_audience->second);
  if (longest == nullptr) return std::nullopt;
  Error error = longest->last;
  const auto left = std::chrono::ceil<std::chrono::seconds>(longest->until - at);
  error.retry_after = std::max(error.retry_after, static_cast<std::uint32_t>(left.count()));
  return error;
}

void HeldTokens::want(const Wish& wish) {
  Entry& entry = entry_of(wish);
  if (entry.wanted == 0) entry.wanted = ++counted_;
}

bool HeldTokens::may_ask(const User& user, Time at) const {
  return user.paid_until + between_asking <= at + between_asking * limits_.at_once;
}

std::map<HeldTokens::Place, HeldTokens::Entry>::iterator HeldTokens::due_of(User& user, Moment now,
                                                                            Time at) {
  auto first = user.entries.end();
  for (auto one = user.entries.begin(); one != user.entries.end(); ++one) {
    const Entry& entry = one->second;
    const auto of_audience = user.pauses.find(one->first.audience);
    if (!is_over(entry.pause, at)) continue;
    if (of_audience != user.pauses.end() && !is_over(of_audience->second, at)) continue;
    const bool used = entry.held && entry.asked_at >= entry.held->obtained_at;
    const bool is_due_now = used && is_due(entry.held->obtained_at, entry.held->expires_at, now);
    if (entry.wanted == 0 && !is_due_now) continue;
    // Who waits goes first: 0 wraps to the last place.
    const auto behind = [](const Entry& of) { return of.wanted - 1; };
    if (first == user.entries.end() || behind(entry) < behind(first->second)) first = one;
  }
  return first;
}

std::optional<Wish> HeldTokens::next(Moment now, Time at) {
  Due best{users_.end(), {}};
  for (auto user = users_.begin(); user != users_.end(); ++user) {
    if (!may_ask(user->second, at)) continue;
    if (best.user != users_.end() && best.user->second.served <= user->second.served) continue;
    const auto entry = due_of(user->second, now, at);
    if (entry != user->second.entries.end()) best = {user, entry};
  }
  if (best.user == users_.end()) return std::nullopt;
  User& own = best.user->second;
  own.served = ++counted_;
  own.paid_until = std::max(own.paid_until, at) + between_asking;
  const Place& place = best.entry->first;
  return Wish{
      best.user->first, place.enrolment, {place.audience, place.scope, place.by_certificate}};
}

void HeldTokens::came(const Wish& wish, HeldToken token) {
  for (auto& [user, own] : users_) {
    for (auto& [place, entry] : own.entries) {
      if (place.enrolment != token.enrolment) entry.held.reset();
    }
  }
  users_[wish.user].pauses.erase(wish.request.audience);
  Entry& entry = entry_of(wish);
  entry.wanted = 0;
  entry.pause = {};
  ++entry.tries;
  // Enrolled anew while it was asked for: whoever waits asks again, as who the device is now.
  if (token.enrolment == wish.enrolment) entry.held = std::move(token);
}

void HeldTokens::lengthen(Pause& pause, const Error& error, Time at) {
  const auto length = std::min(
      shortest_pause * (1U << std::min(pause.failures, doublings_to_longest)), longest_pause);
  pause.failures = std::min(pause.failures + 1, doublings_to_longest);
  pause.last = error;
  pause.until = at + length;
}

void HeldTokens::failed(const Wish& wish, const Error& error, Time at) {
  Entry& entry = entry_of(wish);
  const bool may_pass = error.action() == Action::retry_later;
  lengthen(may_pass ? users_[wish.user].pauses[wish.request.audience] : entry.pause, error, at);
  entry.wanted = 0;
  ++entry.tries;
}

std::uint64_t HeldTokens::tries(const Wish& wish) const {
  const Entry* entry = find(wish);
  return entry == nullptr ? 0 : entry->tries;
}

std::optional<Moment> HeldTokens::end_of(const Wish& wish, Moment now) const {
  const Entry* entry = find(wish);
  if (entry == nullptr || !is_usable(entry->held, now)) return std::nullopt;
  return entry->held->expires_at;
}

}  // namespace mintmark::agent::serve
