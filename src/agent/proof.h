// DPoP proofs by the device key (RFC 9449 §4.2): for which calls.
#pragma once

#include <string>

#include "agent/device_key.h"
#include "base/error.h"
#include "base/time.h"
#include "http/url.h"
#include "jose/client_jwts.h"

namespace mintmark::agent {

/// A proof is for one call and one moment.
struct ProofContent {
  std::string method;
  std::string url;           ///< Query and fragment are left out of `htu`.
  std::string access_token;  ///< "": no `ath`, as the issuer's own endpoints take it.
  std::string nonce{};       ///< "": none.
};

/// Signs without asking what for; for the agent's own calls to the issuer. Errors of
/// DeviceKey::sign; `agent_proof_request_malformed`.
[[nodiscard]] Result<std::string> make_proof(DeviceKey& key, const ProofContent& content,
                                             Moment now);

/// The same host and port, however they are spelt: the scheme is left out of it, and a dot at the
/// end makes a name absolute in the DNS and is the same host.
[[nodiscard]] bool is_same_place(const http::Url& left, const http::Url& right);
[[nodiscard]] bool is_on_this_machine(const http::Url& url);

/// What may be proven for others on this machine: the agent is no signing oracle. A proof for the
/// issuer would let a local program get tokens or enrol in the device's name, so there is none for
/// its origin (`agent_proof_for_issuer`), and none that is not bound to an access token
/// (`agent_proof_without_token`). `agent_proof_request_malformed`: the method is no token of RFC
/// 9110 §5.6.2, the URL is not absolute, or is neither https nor on this machine.
[[nodiscard]] Result<void> check_provable(const ProofContent& content, const std::string& issuer);

}  // namespace mintmark::agent
