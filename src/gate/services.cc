#include "gate/services.h"

#include <set>

#include "base/bytes.h"
#include "http/url.h"

namespace mintmark::gate {
namespace {

tl::unexpected<Error> unknown(std::string_view scheme, std::string_view host) {
  return fail(Code::gate_origin_unknown, printable(scheme, 8) + "://" + printable(host) +
                                             " is no origin of a service that is configured here");
}

}  // namespace

bool Services::add(const std::string& origin, std::shared_ptr<const Rules> rules) {
  return places_.emplace(origin, Place{origin, std::move(rules)}).second;
}

Result<const Place*> Services::find(std::string_view scheme, std::string_view host) const {
  std::string origin;
  origin.reserve(scheme.size() + 3 + host.size());
  origin.append(scheme).append("://").append(host);
  if (const auto found = places_.find(origin); found != places_.end()) return &found->second;
  // Another spelling of one: upper case, its default port. parse_url takes what else may stand in
  // an authority for what it is, no host.
  if (host.find_first_of("/?#@") != std::string_view::npos) return unknown(scheme, host);
  const auto url = http::parse_url(origin);
  if (!url) return unknown(scheme, host);
  const auto found = places_.find(url->origin());
  if (found == places_.end()) return unknown(scheme, host);
  return &found->second;
}

std::vector<std::string> Services::audiences() const {
  std::set<std::string> all;
  for (const auto& [origin, place] : places_) {
    for (const std::string& audience : place.rules->audiences()) all.insert(audience);
  }
  return {all.begin(), all.end()};
}

}  // namespace mintmark::gate
