#include "book.h"

#include <algorithm>
#include <set>

namespace mintmark::test {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t life_left = 60;  // Seconds; more than clocks are apart here.
constexpr std::size_t looked_back = 64;
constexpr std::size_t sweep = 1000;
// A verifier asks for keys again not before this pause is over (VerifierOptions::keys_pause).
constexpr milliseconds keys_pause{6000};

const std::set<std::string>& words_of_revocation() {
  static const std::set<std::string> words{"token_revoked", "token_key_revoked"};
  return words;
}

// Says nothing about the token.
bool is_unavailable(const std::string& code) {
  static const std::set<std::string> words{"revocations_stale", "revocations_unavailable",
                                           "gate_starting",     "keys_unavailable",
                                           "keys_stale",        "keys_malformed"};
  return words.contains(code);
}

bool means(const Cut& cut, const Given& token) {
  switch (cut.what) {
    case Cut::What::token:
      return cut.name == token.jti;
    case Cut::What::device:
      return cut.device == token.device;
    case Cut::What::rule:
      return cut.name == token.rule;
    case Cut::What::key:
      return cut.name == token.kid;
    case Cut::What::issued_before:
      return token.issued_at < cut.before;
  }
  return false;
}

// Of what they say, not of who was there first.
bool is_of_content(Cut::What what) {
  return what == Cut::What::issued_before || what == Cut::What::key || what == Cut::What::token;
}

template <typename Time>
void take_earlier(std::optional<Time>& to, const std::optional<Time>& from) {
  if (from && (!to || *from < *to)) to = from;
}

void join(Book::Standing& standing, const Cut& cut, const Given& token) {
  if (!means(cut, token)) return;
  if (is_of_content(cut.what) || token.came < cut.asked) {
    take_earlier(standing.maybe, std::optional(std::max(cut.asked, token.came)));
    if (cut.answered)
      take_earlier(standing.revoked, std::optional(std::max(*cut.answered, token.came)));
  } else if (!cut.answered || token.asked < *cut.answered) {
    // On its way at that moment: either is right.
    take_earlier(standing.maybe, std::optional(token.came));
  }
}

bool lives_on(const Given& token, std::int64_t now) { return token.expires_at > now + life_left; }

std::string in_ms(Steady::duration span) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(span).count()) + " ms";
}

bool undisturbed(const Call& call) { return call.before.changes == call.after.changes; }

bool connected(const Call& call) {
  return undisturbed(call) && call.before.connected && *call.before.connected <= call.began;
}

bool silent_beyond(const Call& call, milliseconds span) {
  return undisturbed(call) && call.before.silent && call.began > *call.before.silent + span;
}

}  // namespace

void Book::add(Given token) {
  const std::lock_guard lock(mutex_);
  kids_.try_emplace(token.kid, token.came);
  if (tokens_.size() % sweep == sweep - 1)
    std::erase_if(tokens_,
                  [&](const GivenToken& old) { return old->expires_at < token.issued_at; });
  tokens_.push_back(std::make_shared<const Given>(std::move(token)));
}

GivenToken Book::any(std::mt19937_64& dice, std::int64_t now) const {
  const std::lock_guard lock(mutex_);
  const auto& from = !met_.empty() && dice() % 2 == 0 ? met_ : tokens_;
  for (int attempt = 0; attempt < 20 && !from.empty(); ++attempt) {
    const std::size_t back = &from == &met_ ? std::min(from.size(), looked_back) : from.size();
    const GivenToken& token = from[from.size() - 1 - dice() % back];
    if (lives_on(*token, now)) return token;
  }
  return nullptr;
}

GivenToken Book::good(std::mt19937_64& dice, std::int64_t now) const {
  const std::lock_guard lock(mutex_);
  for (int attempt = 0; attempt < 50 && !tokens_.empty(); ++attempt) {
    const GivenToken& token = tokens_[dice() % tokens_.size()];
    if (lives_on(*token, now) && !standing_locked(*token).maybe) return token;
  }
  return nullptr;
}

std::vector<GivenToken> Book::all() const {
  const std::lock_guard lock(mutex_);
  return tokens_;
}

std::size_t Book::ask(Cut cut) {
  const std::lock_guard lock(mutex_);
  for (const GivenToken& token : tokens_) {
    if (means(cut, *token)) met_.push_back(token);
  }
  cut.asked = Steady::now();
  cuts_.push_back(std::move(cut));
  return cuts_.size() - 1;
}

void Book::answer(std::size_t cut) {
  const std::lock_guard lock(mutex_);
  cuts_[cut].answered = Steady::now();
}

Book::Standing Book::standing(const Given& token) const {
  const std::lock_guard lock(mutex_);
  return standing_locked(token);
}

Book::Standing Book::standing_locked(const Given& token) const {
  Standing standing;
  for (const Cut& cut : cuts_) join(standing, cut, token);
  return standing;
}

std::string Book::complaint(const Given& token, const Call& call) {
  const std::lock_guard lock(mutex_);
  const Standing standing = standing_locked(token);
  if (call.status == 0) {
    ++counts_["unreachable"];
    return connected(call) ? "cannot be reached" : "";
  }
  return call.status == 200 ? of_taken(standing, call) : of_refused(token, standing, call);
}

std::string Book::complaint_of_list(const Given& token, bool valid, Steady::time_point asked,
                                    Steady::time_point came) {
  const std::lock_guard lock(mutex_);
  const Standing standing = standing_locked(token);
  if (valid) {
    ++counts_["listed: good"];
    if (!standing.revoked || asked <= *standing.revoked + promises_.listed) return "";
    return "a status list has a token as good " + in_ms(asked - *standing.revoked) +
           " after it was revoked";
  }
  ++counts_["listed: revoked"];
  return standing.maybe && *standing.maybe <= came ? ""
                                                   : "a status list has a good token as revoked";
}

std::string Book::of_taken(const Standing& standing, const Call& call) {
  const milliseconds bound = promises_.bound + promises_.beyond;
  if (silent_beyond(call, bound))
    return "takes a token " + in_ms(call.began - *call.before.silent) + " after it was cut off";
  if (!standing.revoked) {
    ++counts_[standing.maybe ? "taken: revocation under way" : "taken: good"];
    if (!connected(call)) ++counts_["taken: good, not connected"];
    return "";
  }
  const auto since = call.began - *standing.revoked;
  if (since > bound) return "takes a token " + in_ms(since) + " after it was revoked";
  if (connected(call) && since > promises_.news)
    return "is connected and takes a token " + in_ms(since) + " after it was revoked";
  ++counts_["taken: revoked, within the bound"];
  return "";
}

// Keys are looked up when they are met, but not as often as strangers like.
bool Book::is_new_key(const Given& token, const Call& call) const {
  const auto known = kids_.find(token.kid);
  return known != kids_.end() && call.began < known->second + keys_pause;
}

std::string Book::of_refused(const Given& token, const Standing& standing, const Call& call) {
  ++counts_["refused: " + call.code];
  if (silent_beyond(call, promises_.bound + promises_.beyond)) {
    ++counts_["refused: cut off beyond the bound"];
    // A key that it has not heard of is looked for before anything is asked about the token; and
    // one that was started shortly before may have none at all.
    static const std::set<std::string> right{"revocations_stale", "revocations_unavailable",
                                             "token_key_unknown", "gate_starting"};
    return right.contains(call.code) ? "" : "is cut off beyond the bound and says " + call.code;
  }
  const bool by_word = words_of_revocation().contains(call.code);
  const bool key_unknown = call.code == "token_key_unknown";
  if (standing.maybe && *standing.maybe <= call.ended) {
    if (by_word || key_unknown) return "";
    return !connected(call) && is_unavailable(call.code)
               ? ""
               : "says " + call.code + " of a revoked token";
  }
  if (key_unknown && (is_new_key(token, call) || !connected(call))) return "";
  if (connected(call)) return "is connected and says " + call.code + " of a good token";
  const bool lost_lately =
      undisturbed(call) && call.before.lost &&
      call.ended < *call.before.lost + promises_.trusted_at_least(call.before.reckoned);
  if (lost_lately)
    return "says " + call.code + " of a good token, " + in_ms(call.ended - *call.before.lost) +
           " after it was cut off";
  return is_unavailable(call.code) || key_unknown ? "" : "says " + call.code + " of a good token";
}

std::map<std::string, std::size_t> Book::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace mintmark::test
