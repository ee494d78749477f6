// Who on this machine may have what: by the kernel's word on who is at the socket, and by
// configuration. What is not granted is refused. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/serve/settings.h"
#include "http/message.h"

namespace mintmark::agent::serve {

/// One grant of one rule: its scopes are for its destinations, and for no others.
struct Share {
  std::set<std::string> scopes;
  std::vector<const Destination*> destinations;  ///< Point into the settings.
};

/// Where a request goes, and with what at most: the scopes of all shares that reach it.
struct Reach {
  const Destination* destination = nullptr;
  std::string audience;
  std::set<std::string> scopes;

  /// The normalised scope to ask for: `wished`, or "" for all. `agent_scope_refused`.
  [[nodiscard]] Result<std::string> scope_for(const std::string& wished) const;
};

/// All that one peer may have of one audience, by the rules that match it.
struct Allowed {
  std::string audience;
  std::vector<Share> shares;

  [[nodiscard]] Reach reach_of(const Destination& destination) const;
  /// The normalised scope to ask for: `wished`, or "" for all. `agent_scope_refused`: a word of it
  /// is not granted, or there is no place where all of it is.
  [[nodiscard]] Result<std::string> scope_for(const std::string& wished) const;
};

/// `settings` must outlive it. Thread-safe. Whatever is refused does not tell whether it is there
/// for others.
class Access {
 public:
  explicit Access(const Settings& settings) : settings_(settings) {}

  /// In the order of the rules; never empty. `agent_user_refused`: no rule is for this peer, or the
  /// kernel does not say who it is (null).
  [[nodiscard]] Result<std::vector<Allowed>> all_of(const http::LocalPeer* peer) const;
  /// `audience` "": the only one that the peer has. `agent_audience_refused`.
  [[nodiscard]] Result<Allowed> to_audience(const http::LocalPeer* peer,
                                            const std::string& audience) const;
  /// The destination that a request's Host names. `agent_destination_refused`.
  [[nodiscard]] Result<Reach> to_host(const http::LocalPeer* peer, std::string_view host) const;
  /// The destination that a URL is of, among those of this audience. `agent_destination_refused`.
  [[nodiscard]] Result<Reach> to_url(const http::LocalPeer* peer, const std::string& audience,
                                     const http::Url& url) const;

 private:
  const Settings& settings_;
};

}  // namespace mintmark::agent::serve
