// (attested device, request) -> grant or denial. Pure; default deny.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attest/boot_record.h"
#include "attest/standing.h"
#include "base/error.h"
#include "base/time.h"
#include "policy/appraisal.h"
#include "policy/bundle.h"
#include "policy/explanation.h"

namespace mintmark::policy {

/// The longest life of a token that is bound to a key which the device key vouched for.
inline constexpr std::chrono::seconds longest_session_life{3600};

struct TokenRequest {
  std::string audience;             ///< The `resource` parameter; "": the rule's default.
  std::vector<std::string> scopes;  ///< Empty: all that the rule grants.
  /// The token will be bound to another key, for which the device key vouched: a device whose key
  /// is in hardware then counts as "session".
  bool session_key = false;
  Moment now{};
  /// When the device's evidence goes stale, which no token outlives; nothing where it does not age.
  std::optional<Moment> evidence_until = std::nullopt;
  /// When the certificate ends that the token will be bound to, and with it what the token is good
  /// for; nothing where it will be bound to none.
  std::optional<Moment> certificate_until = std::nullopt;
};

/// A permission to mint one token. Only Policy::decide makes one.
class Grant {
 public:
  [[nodiscard]] const std::string& audience() const { return audience_; }
  [[nodiscard]] const std::vector<std::string>& scopes() const { return scopes_; }
  [[nodiscard]] std::chrono::seconds life() const { return life_; }
  [[nodiscard]] const std::string& rule() const { return rule_; }
  /// What the rules decided by: "hardware", "session", "unproven", "none". A session key counts as
  /// what vouched for it where that is less.
  [[nodiscard]] const std::string& key_protection() const { return key_protection_; }
  /// The token is revoked when the device's evidence ends before its time ("standing_tokens").
  [[nodiscard]] bool ends_with_evidence() const { return ends_with_evidence_; }

 private:
  friend class Policy;
  Grant() = default;
  std::string audience_;
  std::vector<std::string> scopes_;
  std::chrono::seconds life_{};
  std::string rule_;
  std::string key_protection_;
  bool ends_with_evidence_ = false;
};

struct WantedLogs {
  bool event_log = false;
  bool ima_log = false;
};

/// PCR -> the rules and conditions that go by it: `boot rule "sensors": ima`.
using NeededPcrs = std::map<unsigned, std::vector<std::string>>;

/// Reads nothing: for texts that come without files.
[[nodiscard]] ReadNamed no_files();

/// An immutable set of rules; thread-safe.
class Policy {
 public:
  /// JSON with comments. A bad file is `policy_invalid` with FILE:LINE, the key, and what would be
  /// right; a file that it names and that cannot be had or is bad, `reference_invalid` in the same
  /// words. `read` is asked for each file that the policy names, and not kept.
  [[nodiscard]] static Result<Policy> from_text(const std::string& file, std::string_view text,
                                                const ReadNamed& read = no_files());
  [[nodiscard]] static Result<Policy> from(const Bundle& bundle);

  /// The first rule that matches the device and grants the audience decides. The scopes are those
  /// that are asked for and granted, in the order of the grant; the life is the shortest of the
  /// grant's, `longest_life`, what is left until `evidence_until` and of the rule's times, and
  /// longest_session_life for a session key. Denials, each with its code: `policy_no_rule` (nothing
  /// is for the device), `policy_audience` (no rule for the device grants this audience; also when
  /// none is named and no default is), `policy_time` (a rule would grant it but for its times),
  /// `policy_scope` (nothing of what is asked for is granted), `evidence_stale` (nothing is left
  /// until `evidence_until`).
  [[nodiscard]] Result<Grant> decide(const attest::AttestedDevice& device,
                                     const TokenRequest& request,
                                     std::chrono::seconds longest_life) const;

  /// What `decide` would do and why, whatever the device's standing.
  [[nodiscard]] Explanation explain(const attest::RecordedDevice& device,
                                    const TokenRequest& request,
                                    std::chrono::seconds longest_life) const;

  /// What the boot rules say of what a device measured, by every rule that matches it. `last_good`:
  /// the last boot that passed, to tell what changed; nullptr where there is none.
  [[nodiscard]] Appraisal appraise(const attest::RecordedDevice& device,
                                   const attest::BootRecord& record,
                                   const attest::BootRecord* last_good) const;

  /// The logs that boot rules go by. The firmware's also where values of PCRs would do: without it
  /// no refusal can be explained.
  [[nodiscard]] WantedLogs wanted_logs() const;

  /// The PCRs that must be quoted for the rules to hold.
  [[nodiscard]] NeededPcrs needed_pcrs() const;

  [[nodiscard]] std::size_t rules() const;
  [[nodiscard]] std::size_t boot_rules() const;

 private:
  struct Parts;
  explicit Policy(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

}  // namespace mintmark::policy
