#include "agent/serve/access.h"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace mintmark::agent::serve {
namespace {

bool is_in(const http::LocalPeer& peer, gid_t group) {
  return std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
}

bool is_for(const UserRule& rule, const http::LocalPeer& peer) {
  if (rule.user && *rule.user != peer.user) return false;
  if (rule.group && !is_in(peer, *rule.group)) return false;
  return rule.user || rule.group;
}

bool reaches(const Grant& grant, const Destination& destination) {
  if (destination.audience != grant.audience) return false;
  return grant.destinations.empty() ||
         std::find(grant.destinations.begin(), grant.destinations.end(),
                   destination.url.origin()) != grant.destinations.end();
}

void add(const Grant& grant, const Settings& settings, std::vector<Allowed>& all) {
  auto found = std::find_if(all.begin(), all.end(),
                            [&](const Allowed& one) { return one.audience == grant.audience; });
  if (found == all.end()) found = all.insert(found, Allowed{grant.audience, {}});
  Share share{grant.scopes, {}};
  for (const Destination& one : settings.destinations) {
    if (reaches(grant, one)) share.destinations.push_back(&one);
  }
  found->shares.push_back(std::move(share));
}

std::string joined(const std::set<std::string>& words) {
  std::string scope;
  for (const std::string& word : words) scope += (scope.empty() ? "" : " ") + word;
  return scope;
}

std::set<std::string> words_of(const std::string& scope) {
  std::istringstream words(scope);
  return {std::istream_iterator<std::string>(words), {}};
}

bool covers(const std::set<std::string>& all, const std::set<std::string>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

bool is_host_of(const Destination& destination, const http::HostPort& host) {
  if (destination.url.host != host.host) return false;
  const std::uint16_t usual = destination.url.scheme == "https" ? 443 : 80;
  return destination.url.port == (host.port == 0 ? usual : host.port);
}

tl::unexpected<Error> unreachable(const std::string& where) {
  return fail(Code::agent_destination_refused,
              printable(where) + " is no destination that this user's grants reach");
}

template <typename Is>
Result<Reach> find_in(const std::vector<Allowed>& all, const std::string& where, const Is& is) {
  for (const Allowed& allowed : all) {
    for (const Share& share : allowed.shares) {
      const auto found = std::find_if(share.destinations.begin(), share.destinations.end(),
                                      [&](const Destination* one) { return is(*one); });
      if (found != share.destinations.end()) return allowed.reach_of(**found);
    }
  }
  return unreachable(where);
}

}  // namespace

Result<std::string> Reach::scope_for(const std::string& wished) const {
  if (wished.empty()) return joined(scopes);
  const auto words = words_of(wished);
  if (words.empty()) return fail(Code::agent_scope_refused, "the scope has no word");
  for (const std::string& word : words) {
    if (scopes.count(word) != 0) continue;
    return fail(Code::agent_scope_refused,
                "the scope \"" + printable(word) + "\" is not granted to this user");
  }
  return joined(words);
}

Reach Allowed::reach_of(const Destination& destination) const {
  Reach reach{&destination, audience, {}};
  for (const Share& share : shares) {
    const bool is_there = std::find(share.destinations.begin(), share.destinations.end(),
                                    &destination) != share.destinations.end();
    if (is_there) reach.scopes.insert(share.scopes.begin(), share.scopes.end());
  }
  return reach;
}

Result<std::string> Allowed::scope_for(const std::string& wished) const {
  Reach anywhere{nullptr, audience, {}};
  for (const Share& share : shares)
    anywhere.scopes.insert(share.scopes.begin(), share.scopes.end());
  auto scope = anywhere.scope_for(wished);
  if (!scope) return scope;
  const auto words = words_of(*scope);
  for (const Share& share : shares) {
    if (covers(share.scopes, words)) return scope;
    for (const Destination* one : share.destinations) {
      if (covers(reach_of(*one).scopes, words)) return scope;
    }
  }
  return fail(Code::agent_scope_refused, "there is no destination where this user has all of \"" +
                                             printable(*scope) + "\": name fewer scopes");
}

Result<std::vector<Allowed>> Access::all_of(const http::LocalPeer* peer) const {
  if (peer == nullptr)
    return fail(Code::agent_user_refused, "the system does not say who is asking");
  std::vector<Allowed> all;
  for (const UserRule& rule : settings_.users) {
    if (!is_for(rule, *peer)) continue;
    for (const Grant& grant : rule.grants) add(grant, settings_, all);
  }
  if (!all.empty()) return all;
  return fail(Code::agent_user_refused, "nothing is granted to the user with the number " +
                                            std::to_string(peer->user) + " and its groups");
}

Result<Allowed> Access::to_audience(const http::LocalPeer* peer,
                                    const std::string& audience) const {
  auto all = all_of(peer);
  if (!all) return pass_on(all);
  if (audience.empty() && all->size() == 1) return std::move(all->front());
  if (audience.empty()) {
    return fail(Code::agent_audience_refused,
                "several audiences are granted to this user: the request must name one");
  }
  const auto found = std::find_if(all->begin(), all->end(),
                                  [&](const Allowed& one) { return one.audience == audience; });
  if (found != all->end()) return std::move(*found);
  return fail(Code::agent_audience_refused,
              "the audience \"" + printable(audience) + "\" is not granted to this user");
}

Result<Reach> Access::to_host(const http::LocalPeer* peer, std::string_view host) const {
  auto all = all_of(peer);
  if (!all) return pass_on(all);
  const auto named = http::parse_host_port(host);
  if (!named) return unreachable(std::string(host));
  return find_in(*all, std::string(host),
                 [&](const Destination& one) { return is_host_of(one, *named); });
}

Result<Reach> Access::to_url(const http::LocalPeer* peer, const std::string& audience,
                             const http::Url& url) const {
  auto allowed = to_audience(peer, audience);
  if (!allowed) return pass_on(allowed);
  return find_in({std::move(*allowed)}, url.origin(),
                 [&](const Destination& one) { return one.url.origin() == url.origin(); });
}

}  // namespace mintmark::agent::serve
