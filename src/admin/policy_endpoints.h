// The operators' endpoints on the policy; answered by the front, which decides by it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "attest/standing.h"
#include "base/time.h"
#include "http/router.h"
#include "policy/policy.h"

namespace mintmark::admin {

/// Where the answers come from. The functions are called from the thread that serves operators and,
/// with the clock, must outlive the router.
struct PolicySources {
  std::function<std::shared_ptr<const policy::Policy>()> policy;  ///< In force; never nullptr.
  std::function<std::shared_ptr<const attest::RecordedDevice>(const std::string& id)> device;
  const Clock& clock;
  std::chrono::seconds freshness;     ///< Of evidence.
  std::chrono::seconds longest_life;  ///< Of tokens.
};

/// POST /admin/v1/policy/explain {"id", "scopes"?, "resource"?, "session_key"?, "at"?}: what a
/// token request of that device gets now, or at that moment (Unix time), and why: policy::to_json's
/// members with "device": {"id", "format", "key_protection", "state"} and "at". A device in no good
/// standing is "refused" for that, whatever the rules say. `admin_member_wrong`,
/// `device_not_found`.
///
/// POST /admin/v1/policy/check {"text", "file"?}: {"rules": COUNT}, or `policy_invalid` with 400
/// and FILE:LINE, the key and what would be right. Nothing is put in force. A policy that names
/// files is `reference_invalid`: none come with the text.
void add_policy(http::Router& router, PolicySources sources);

}  // namespace mintmark::admin
