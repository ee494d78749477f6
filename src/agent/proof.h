// What the device key signs: DPoP proofs (RFC 9449 §4.2) and client assertions (RFC 7523 §3).
#pragma once

#include <string>

#include "agent/device_key.h"
#include "base/error.h"
#include "base/time.h"
#include "http/url.h"

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

/// A client assertion for one request to this issuer's token endpoint (private_key_jwt), good for a
/// minute. `vouched_jkt`: thumbprint of another key, whose proof beside it the issuer shall take
/// (docs/adr/0011); "": none. Errors of DeviceKey::sign.
[[nodiscard]] Result<std::string> make_assertion(DeviceKey& key, const std::string& client_id,
                                                 const std::string& issuer, Moment now,
                                                 const std::string& vouched_jkt = "");

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
