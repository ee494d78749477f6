// A way to attest: evidence, trust, what it must be bound to and the time in; a verdict with facts,
// or a reasoned refusal, out. One folder a format; tpm2 alone takes two requests of its own
// (attest/tpm2/enrolment.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "attest/facts.h"
#include "attest/standing.h"
#include "base/json.h"

namespace mintmark::attest {

/// What a device sends when it answers a ticket. References outlive the call.
struct Submission {
  /// The format's own members (docs/http-api.md), from a stranger; octets as base64url.
  const Json& evidence;
  /// attest/binding.h: what the evidence must carry where its format has room for a challenge.
  const Sha256& binding;
  /// Tokens will be bound to it; its possession is proven (DPoP).
  const jose::PublicKey& key;
  Moment at{};
  /// A device that is known already, for formats whose later evidence leans on the first; nullptr
  /// where there is none of that id. May be empty.
  std::function<std::shared_ptr<const RecordedDevice>(const std::string& id)> known = {};
};

/// Immutable, with the trust it was made with; thread-safe. Pure: no device, no file, no clock.
class Format {
 public:
  virtual ~Format() = default;

  /// "android-key": the path's segment, Facts::format, and the word in configuration and policy.
  [[nodiscard]] virtual std::string name() const = 0;
  /// The token's key is the attested one, which is made with the binding in it: then the key does
  /// not exist when its ticket is asked for, and no thumbprint is in the binding.
  [[nodiscard]] virtual bool attests_the_key() const { return false; }
  /// Errors: of each format, told in its header; `evidence_malformed` where a member of the
  /// evidence is missing or no base64url.
  [[nodiscard]] virtual Result<Verdict> check(const Submission& submission) const = 0;
  /// Whether this evidence may follow what is known of the same device (a counter that went back).
  /// Called inside the store's transaction.
  [[nodiscard]] virtual Result<void> follows(const Facts& /*before*/, const Facts& /*now*/) const {
    return {};
  }
};

}  // namespace mintmark::attest
