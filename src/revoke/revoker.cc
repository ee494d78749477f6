#include "revoke/revoker.h"

#include <algorithm>
#include <utility>

#include "jose/base64url.h"

namespace mintmark::revoke {
namespace {

using verify::RevokedSet;
using What = Revocation::What;

constexpr std::size_t longest_name = 1024;
constexpr std::size_t jtis_an_entry = 256;

bool is_thumbprint(const std::string& name) {
  const auto octets = jose::from_base64url(name);
  return octets && octets->size() == std::tuple_size_v<Sha256>;
}

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::revocation_malformed, what);
}

std::vector<StatusIndex> places_of(const std::vector<LiveTokens::Entry>& entries) {
  std::vector<StatusIndex> places;
  places.reserve(entries.size());
  for (const auto& entry : entries) places.push_back({entry->list, entry->index});
  return places;
}

// When the last of them ends. The life that is granted today may be shorter than theirs.
Moment end_of(const std::vector<LiveTokens::Entry>& entries) {
  Moment end{};
  for (const auto& entry : entries) end = std::max(end, entry->expires_at);
  return end;
}

std::vector<Json> one(Json entry) {
  std::vector<Json> entries;
  entries.push_back(std::move(entry));
  return entries;
}

// Of tokens that have nothing in common that an entry could name.
std::vector<Json> name_each(const std::vector<LiveTokens::Entry>& met) {
  std::vector<Json> said;
  for (std::size_t at = 0; at < met.size(); at += jtis_an_entry) {
    Json jtis = Json::array();
    Moment until{};
    for (std::size_t i = at; i < std::min(at + jtis_an_entry, met.size()); ++i) {
      jtis.push_back(met[i]->jti);
      until = std::max(until, met[i]->expires_at);
    }
    said.push_back({{"type", "tokens"}, {"jtis", std::move(jtis)}, {"until", to_unix(until)}});
  }
  return said;
}

}  // namespace

verify::RevocableToken revocable(const audit::Issued& token) {
  return {
      .jti = token.jti, .subject = token.device, .kid = token.kid, .issued_at = token.issued_at};
}

struct Revoker::Order {
  Revocation what;
  Entries met;
  std::function<void(Result<Outcome>)> done;
};

Revoker::Revoker(Parts parts, std::chrono::seconds longest_life)
    : parts_(std::move(parts)), longest_life_(longest_life) {}

Result<void> Revoker::check(const Revocation& what) const {
  if (what.what == What::issued_before) {
    if (what.until_now) return {};
    if (what.before == Moment{}) return malformed("issued_before must be a time since 1970");
    if (what.before > parts_.clock.now() + std::chrono::seconds(1))
      return malformed("issued_before must not lie ahead: what is minted until then is good");
    return {};
  }
  if (what.name.empty() || what.name.size() > longest_name)
    return malformed("what is revoked has a name of 1 to 1024 octets");
  if (what.what == What::key) return check_key(what.name);
  if (what.what == What::token && !parts_.tokens.find(what.name)) {
    return fail(Code::revoked_token_unknown,
                "no token of ours that is alive has the jti " + printable(what.name));
  }
  return {};
}

Result<void> Revoker::check_key(const std::string& kid) const {
  if (!is_thumbprint(kid))
    return malformed("a kid is a thumbprint, 43 characters of base64url (RFC 7638)");
  auto named = parts_.events.snapshot().revoked.keys();
  const MutexLock lock(mutex_);
  named.insert(keys_under_way_.begin(), keys_under_way_.end());
  if (named.contains(kid) || named.size() < most_keys) return {};
  return malformed(std::to_string(most_keys) +
                   " keys are named already, and frontiers hold no more; the first is let go 30 "
                   "days after it was revoked. Rotate the keys, and revoke by issued_before");
}

Revoker::Entries Revoker::meant(const Revocation& what) const {
  switch (what.what) {
    case What::token:
      if (auto entry = parts_.tokens.find(what.name)) return {std::move(entry)};
      return {};
    case What::device:
      return parts_.tokens.of_device(what.name);
    case What::evidence: {
      Entries entries = parts_.tokens.of_device(what.name);
      std::erase_if(entries, [&](const auto& entry) {
        const bool later = what.before != Moment{} && entry->issued_at >= what.before;
        return later || !entry->ends_with_evidence;
      });
      return entries;
    }
    case What::key:
      return parts_.tokens.all([&](const audit::Issued& one) { return one.kid == what.name; });
    case What::rule:
      return parts_.tokens.all([&](const audit::Issued& one) { return one.rule == what.name; });
    case What::issued_before:
      return parts_.tokens.all(
          [&](const audit::Issued& one) { return what.until_now || one.issued_at < what.before; });
  }
  return {};
}

Revoker::Entries Revoker::good_ones(Entries entries) const {
  const Moment now = parts_.clock.now();
  std::erase_if(entries, [&](const auto& entry) {
    return entry->expires_at <= now ||
           parts_.events.judge(revocable(*entry)) != RevokedSet::Verdict::good;
  });
  return entries;
}

bool Revoker::already_said(const Revocation& what) const {
  const auto judged = [&](const verify::RevocableToken& token) {
    return parts_.events.judge(token) != RevokedSet::Verdict::good;
  };
  const auto second = std::chrono::seconds(1);
  switch (what.what) {
    case What::token:
    case What::evidence:
    case What::rule:
      return true;  // They name tokens, of which there are none.
    case What::device: {
      const Moment since = what.before == Moment{} ? parts_.clock.now() : what.before - second;
      // Past its tokens' lives nothing is left to be said.
      return since + longest_life_ < parts_.clock.now() ||
             judged({.jti = "", .subject = what.name, .kid = "", .issued_at = since});
    }
    case What::key:
      return judged({.jti = "", .subject = "", .kid = what.name, .issued_at = {}});
    case What::issued_before:
      return what.before - second + longest_life_ < parts_.clock.now() ||
             judged({.jti = "", .subject = "", .kid = "", .issued_at = what.before - second});
  }
  return false;
}

// Exclusive: one second after all that is meant. Only a device that was revoked and reinstated
// within one second has tokens that are ahead of the clock.
Moment Revoker::cut_of(const Revocation& what, const Entries& met) const {
  Moment newest = parts_.clock.now();
  for (const auto& entry : met) newest = std::max(newest, entry->issued_at);
  return what.what == What::issued_before ? what.before : newest + std::chrono::seconds(1);
}

std::vector<Json> Revoker::say(const Revocation& what, const Entries& met) const {
  const Moment cut = cut_of(what, met);
  const std::int64_t until = to_unix(std::max(cut + longest_life_, end_of(met)));
  switch (what.what) {
    case What::token:
      return one({{"type", "token"},
                  {"jti", met.front()->jti},
                  {"sub", met.front()->device},
                  {"until", to_unix(met.front()->expires_at)}});
    case What::device:
      return one(
          {{"type", "device"}, {"sub", what.name}, {"before", to_unix(cut)}, {"until", until}});
    case What::key:
      return one(
          {{"type", "key"}, {"kid", what.name}, {"until", to_unix(parts_.clock.now() + key_kept)}});
    case What::issued_before:
      return one({{"type", "issued_before"}, {"before", to_unix(cut)}, {"until", until}});
    case What::evidence:
    case What::rule:
      break;
  }
  return name_each(met);
}

void Revoker::revoke(const Revocation& what, std::function<void(Result<Outcome>)> done) {
  if (auto good = check(what); !good) return done(pass_on(good));
  const Revocation settled = settle(what);
  auto order = std::make_shared<Order>(Order{settled, good_ones(meant(settled)), std::move(done)});
  if (order->met.empty() && already_said(settled)) return order->done(Outcome{});
  carry_out(order);
}

// Before it is looked at what is meant: from here on nothing leaves that was decided before.
Revocation Revoker::settle(Revocation what) {
  if (what.what != What::rule && what.what != What::issued_before) return what;
  const auto raise = [&] {
    if (what.what == What::issued_before && parts_.floor) parts_.floor(what.before);
  };
  if (!what.until_now) raise();
  ++epoch_;
  if (parts_.wait_for_decided) parts_.wait_for_decided();
  if (!std::exchange(what.until_now, false)) return what;
  Moment newest = parts_.clock.now();
  for (const auto& entry : parts_.tokens.all([](const audit::Issued&) { return true; }))
    newest = std::max(newest, entry->issued_at);
  what.before = newest + std::chrono::seconds(1);
  raise();
  return what;
}

void Revoker::revoke_proven(const audit::Issued& token, std::string why,
                            std::function<void(Result<Outcome>)> done) {
  if (token.expires_at > parts_.clock.now() && !parts_.tokens.find(token.jti)) {
    if (token.list != 0) parts_.statuses.restore({token.list, token.index}, token.expires_at);
    parts_.tokens.put(token);
  }
  revoke({.what = What::token, .name = token.jti, .before = {}, .why = std::move(why)},
         std::move(done));
}

void Revoker::carry_out(const std::shared_ptr<const Order>& order) {
  const Revocation& what = order->what;
  if (what.what == What::device && parts_.floor)
    parts_.floor(parts_.clock.now() + std::chrono::seconds(1));
  note(what, true);
  parts_.events.append(say(what, order->met), [this, order](Result<std::uint64_t> seq) {
    note(order->what, false);
    if (!seq) return order->done(pass_on(seq));
    flip(*order);
    if (parts_.told) parts_.told(order->what, order->met.size());
    order->done(Outcome{order->met.size(), *seq});
  });
}

void Revoker::note(const Revocation& what, bool under_way) {
  if (what.what != What::key) return;
  const MutexLock lock(mutex_);
  if (under_way)
    keys_under_way_.insert(what.name);
  else
    keys_under_way_.extract(what.name);
}

// By now the last look of every token sees the entry: one that is good by it is not meant, and one
// that left before is among the live ones.
void Revoker::flip(const Order& order) {
  const What what = order.what.what;
  if (what == What::token || what == What::evidence || what == What::rule)
    return parts_.statuses.set(places_of(order.met), Status::invalid);
  Entries revoked = meant(order.what);
  std::erase_if(revoked, [&](const auto& entry) {
    return parts_.events.judge(revocable(*entry)) == RevokedSet::Verdict::good;
  });
  parts_.statuses.set(places_of(revoked), Status::invalid);
}

Result<Outcome> Revoker::dry_run(const Revocation& what) const {
  if (auto good = check(what); !good) return pass_on(good);
  return Outcome{good_ones(meant(what)).size(), 0};
}

void restore_statuses(const LiveTokens& tokens, const EventLog& events, StatusIndexes& statuses) {
  statuses.set(places_of(tokens.all([&](const audit::Issued& one) {
                 return events.judge(revocable(one)) != RevokedSet::Verdict::good;
               })),
               Status::invalid);
}

}  // namespace mintmark::revoke
