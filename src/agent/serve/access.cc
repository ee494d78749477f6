#include "agent/serve/access.h"

#include <algorithm>
#include <sstream>

#include "agent/tokens.h"

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
  if (found == all.end()) found = all.insert(found, Allowed{grant.audience, {}, {}});
  found->scopes.insert(grant.scopes.begin(), grant.scopes.end());
  for (const Destination& one : settings.destinations) {
    const bool known = std::find(found->destinations.begin(), found->destinations.end(), &one) !=
                       found->destinations.end();
    if (!known && reaches(grant, one)) found->destinations.push_back(&one);
  }
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
Result<Reach> find_in(std::vector<Allowed> all, const std::string& where, const Is& is) {
  for (Allowed& allowed : all) {
    const auto found = std::find_if(allowed.destinations.begin(), allowed.destinations.end(),
                                    [&](const Destination* one) { return is(*one); });
    if (found == allowed.destinations.end()) continue;
    const Destination* destination = *found;
    return Reach{destination, std::move(allowed)};
  }
  return unreachable(where);
}

}  // namespace

Result<std::string> Allowed::scope_for(const std::string& wished) const {
  std::string scope;
  if (wished.empty()) {
    for (const std::string& word : scopes) scope += (scope.empty() ? "" : " ") + word;
    return scope;
  }
  scope = normalised_scope(wished);
  std::istringstream words(scope);
  for (std::string word; words >> word;) {
    if (scopes.count(word) != 0) continue;
    return fail(Code::agent_scope_refused,
                "the scope \"" + printable(word) + "\" is not granted to this user");
  }
  if (scope.empty()) return fail(Code::agent_scope_refused, "the scope has no word");
  return scope;
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
  return find_in(std::move(*all), std::string(host),
                 [&](const Destination& one) { return is_host_of(one, *named); });
}

Result<Reach> Access::to_url(const http::LocalPeer* peer, const std::string& audience,
                             const http::Url& url) const {
  auto allowed = to_audience(peer, audience);
  if (!allowed) return pass_on(allowed);
  std::vector<Allowed> only;
  only.push_back(std::move(*allowed));
  return find_in(std::move(only), url.origin(),
                 [&](const Destination& one) { return one.url.origin() == url.origin(); });
}

}  // namespace mintmark::agent::serve
