// DPoP proofs by the device key (RFC 9449 §4.2).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "hsm/tpm2/device.h"

namespace mintmark::agent {

/// A proof is for one call and one moment.
struct ProofContent {
  std::string method;
  std::string url;           ///< Query and fragment are left out of `htu`.
  std::string access_token;  ///< "": no `ath`, as the issuer's own endpoints take it.
};

/// Signs without asking what for; for the agent's own calls to the issuer. Errors of Device::sign;
/// `agent_proof_request_malformed`.
[[nodiscard]] Result<std::string> make_proof(hsm::tpm2::Device& device,
                                             const hsm::tpm2::KeyBlobs& key,
                                             const ProofContent& content, Moment now);

/// What may be proven for others on this machine: the agent is no signing oracle. A proof for the
/// issuer would let a local program get tokens or enrol in the device's name, so there is none for
/// its origin (`agent_proof_for_issuer`), and none that is not bound to an access token
/// (`agent_proof_without_token`). `agent_proof_request_malformed`: the method is no token of RFC
/// 9110 §5.6.2, the URL is not absolute, or is neither https nor on this machine.
[[nodiscard]] Result<void> check_provable(const ProofContent& content, const std::string& issuer);

}  // namespace mintmark::agent
