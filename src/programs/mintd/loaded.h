// The configuration and the texts it names, read and checked as one: what is in force, and what a
// reload would put in its place.
#pragma once

#include <string>
#include <vector>

#include "base/secret.h"
#include "config/config.h"
#include "policy/bundle.h"

namespace mintmark::mintd {

/// Kept by the keeper, so that a front that is started again runs on what was checked, whatever
/// stands in the files by then. EK roots are not kept: the front reads their directory.
struct Loaded {
  config::Config config;
  std::string config_text;
  policy::Bundle policy;        ///< With the files that it names.
  std::string tls_certificate;  ///< PEM; "" behind a trusted proxy, like the key.
  Secret tls_key;               ///< "" too where it lives in a key store.
  /// What is good and yet cannot be meant, a line each: rules that go by PCRs which no device is
  /// asked for, so that they never hold.
  std::vector<std::string> warnings;
};

/// Everything that can be checked without starting: configuration, policy, EK roots, TLS, groups.
/// Errors say what would be right: config_unreadable, config_invalid, policy_invalid,
/// reference_invalid, trust_unreadable, tls_certificate_unusable, io_failed.
[[nodiscard]] Result<Loaded> load_and_check(const std::string& file);

/// Each warning as a line of the log.
void log_warnings(const Loaded& loaded);

/// What differs of what a reload may change: "policy" (also for a file that it names), "tls",
/// "log.level", "enrolment: roots" (always: what the directory holds is read again).
/// `reload_needs_restart` names every other key that differs.
[[nodiscard]] Result<std::vector<std::string>> changes_between(const Loaded& before,
                                                               const Loaded& after);

/// Puts the reloadable parts of `after` in the place of `before`'s.
void take_over(Loaded& before, Loaded after);

}  // namespace mintmark::mintd
