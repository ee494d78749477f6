#include "agent/serve/held_tokens.h"

#include <algorithm>

#include "agent/tokens.h"

namespace mintmark::agent::serve {
namespace {

// A service that refuses every token would otherwise cost a signature of the device key each call.
constexpr std::chrono::seconds youngest_refused{2};
constexpr std::chrono::seconds shortest_pause{1};
constexpr std::chrono::seconds longest_pause{30};
constexpr unsigned doublings_to_longest = 5;

bool is_usable(const std::optional<HeldToken>& held, Moment now) {
  return held && is_fresh(held->obtained_at, held->expires_at, now);
}

}  // namespace

HeldTokens::Entry& HeldTokens::entry_of(const TokenRequest& request) {
  const Key key{request.audience, request.scope};
  if (entries_.count(key) == 0) make_room();
  return entries_[key];
}

const HeldTokens::Entry* HeldTokens::find(const TokenRequest& request) const {
  const auto found = entries_.find({request.audience, request.scope});
  return found == entries_.end() ? nullptr : &found->second;
}

void HeldTokens::make_room() {
  if (entries_.size() < most_) return;
  const auto oldest =
      std::min_element(entries_.begin(), entries_.end(), [](const auto& left, const auto& right) {
        return std::pair(left.second.wanted, left.second.asked_at) <
               std::pair(right.second.wanted, right.second.asked_at);
      });
  entries_.erase(oldest);
}

std::optional<HeldToken> HeldTokens::ask(const TokenRequest& request, Moment now,
                                         const std::string& refused) {
  Entry& entry = entry_of(request);
  entry.asked_at = now;
  if (!is_usable(entry.held, now)) return std::nullopt;
  const bool stays =
      entry.held->token != refused || now < entry.held->obtained_at + youngest_refused;
  if (stays) return entry.held;
  entry.held.reset();
  return std::nullopt;
}

std::optional<Error> HeldTokens::pausing(const TokenRequest& request, Time at) const {
  const Entry* entry = find(request);
  if (entry == nullptr || entry->failures == 0 || at >= entry->pauses_until) return std::nullopt;
  Error error = entry->last_failure;
  const auto left = std::chrono::ceil<std::chrono::seconds>(entry->pauses_until - at);
  error.retry_after = std::max(error.retry_after, static_cast<std::uint32_t>(left.count()));
  return error;
}

void HeldTokens::want(const TokenRequest& request) { entry_of(request).wanted = true; }

std::optional<TokenRequest> HeldTokens::next(Moment now, Time at) const {
  const std::pair<const Key, Entry>* due = nullptr;
  for (const auto& one : entries_) {
    const Entry& entry = one.second;
    if (at < entry.pauses_until) continue;
    if (entry.wanted) return TokenRequest{one.first.first, one.first.second};
    const bool used = entry.held && entry.asked_at >= entry.held->obtained_at;
    if (used && is_due(entry.held->obtained_at, entry.held->expires_at, now)) due = &one;
  }
  if (due == nullptr) return std::nullopt;
  return TokenRequest{due->first.first, due->first.second};
}

void HeldTokens::came(const TokenRequest& request, HeldToken token) {
  // Of a former device key, or of one that the issuer does not know any more.
  for (auto& [key, other] : entries_) {
    const auto& held = other.held;
    if (held && !held->session && !token.session && held->jkt != token.jkt) other.held.reset();
  }
  Entry& entry = entry_of(request);
  entry.held = std::move(token);
  entry.wanted = false;
  entry.failures = 0;
  entry.pauses_until = {};
  ++entry.tries;
}

void HeldTokens::failed(const TokenRequest& request, const Error& error, Time at) {
  Entry& entry = entry_of(request);
  const auto pause = std::min(
      shortest_pause * (1U << std::min(entry.failures, doublings_to_longest)), longest_pause);
  entry.failures = std::min(entry.failures + 1, doublings_to_longest);
  entry.last_failure = error;
  entry.pauses_until = at + pause;
  entry.wanted = false;
  ++entry.tries;
}

std::uint64_t HeldTokens::tries(const TokenRequest& request) const {
  const Entry* entry = find(request);
  return entry == nullptr ? 0 : entry->tries;
}

std::optional<Moment> HeldTokens::end_of(const TokenRequest& request, Moment now) const {
  const Entry* entry = find(request);
  if (entry == nullptr || !is_usable(entry->held, now)) return std::nullopt;
  return entry->held->expires_at;
}

}  // namespace mintmark::agent::serve
