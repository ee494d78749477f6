// When a device attests again, and what becomes of a try that fails: the old attestation serves on
// until it ends, unless the issuer refused. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/identity.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::agent {

/// What the last try to attest came to, whichever way it was begun. No part of the identity: it
/// also tells of an enrolment that never was.
struct RenewalRecord {
  struct Failure {
    std::string code;    ///< As error_codes.def names it.
    std::string detail;  ///< For people.
    bool refused = false;
  };

  Moment tried_at{};
  unsigned failures = 0;           ///< In a row.
  std::optional<Failure> failure;  ///< Of the last try, where it failed.
  std::string said;                ///< What the owner was last told of logs that are missing.

  void succeeded(Moment at);
  void failed(const Error& error, Moment at);
};

[[nodiscard]] Json to_json(const RenewalRecord& record);
/// `agent_state_invalid`
[[nodiscard]] Result<RenewalRecord> renewal_record_from(const Json& json);

/// Why it is time to attest again, or nothing: "reboot" (this boot is not the attested one),
/// "age" (three quarters of the attestation's life are over). `boot_id`: of this boot; "" where
/// nobody knows it.
[[nodiscard]] std::optional<std::string_view> renewal_reason(const Attestation& attestation,
                                                             const std::string& boot_id,
                                                             Moment now);

/// So near its end that it would not survive a request's way.
[[nodiscard]] bool is_over(const Attestation& attestation, Moment now);

/// Whether another try is decent: half a minute after a failure, twice as long after each further
/// one, ten minutes at most. A refusal holds nothing back: it is reported by each call, and so must
/// be asked for by each.
[[nodiscard]] bool may_try(const RenewalRecord& record, Moment now);

/// The issuer's word on this device or its evidence. All else (network, a busy issuer or TPM) may
/// pass by itself, and is no reason to give up an attestation that holds.
[[nodiscard]] bool is_refusal(const Error& error);

/// The TPM does not know the keys any more, or the issuer takes no more of them; new ones may pass.
/// Not where a TPM went back (`quote_went_back`): new keys would only hide it, and whether that was
/// on purpose its owner knows alone.
[[nodiscard]] bool fresh_keys_may_mend(const Error& error);

}  // namespace mintmark::agent
