// What a service asks of a stream, read strictly (SSF 1.0 §8.1.1).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "revoke/signals/endpoint_rules.h"
#include "revoke/signals/stream.h"

namespace mintmark::revoke::signals {

/// Who asks: a registered service.
struct Owner {
  std::string service;
  std::vector<std::string> audiences;
};

/// Of a new stream. `aud` is as asked where that names audiences of the owner's, else its id where
/// nothing is asked. Errors: `ssf_stream_malformed`, `ssf_delivery_unsupported`,
/// `ssf_endpoint_refused`.
[[nodiscard]] Result<StreamSettings> settings_of_new(const Json& wish, const Owner& owner,
                                                     const EndpointRules& rules);
/// PATCH: what is not there stays (§8.1.1.3). Likewise.
[[nodiscard]] Result<StreamSettings> settings_changed(const Json& changes,
                                                      const StreamSettings& before,
                                                      const EndpointRules& rules);
/// PUT: what is not there goes (§8.1.1.4); the delivery must be there. Likewise.
[[nodiscard]] Result<StreamSettings> settings_replaced(const Json& whole,
                                                       const StreamSettings& before,
                                                       const EndpointRules& rules);

/// A text of at most `longest` octets; nothing where the member is not there.
/// `ssf_stream_malformed`.
[[nodiscard]] Result<std::optional<std::string>> text_in(const Json& object, const char* name,
                                                         std::size_t longest);

}  // namespace mintmark::revoke::signals
