#include "programs/mintd/loaded.h"

#include <algorithm>
#include <map>

#include "admin/roles.h"
#include "attest/vocabulary.h"
#include "base/file.h"
#include "base/json.h"
#include "hsm/tls/certificate_key.h"
#include "http/tls.h"
#include "policy/policy.h"
#include "programs/mintd/roots.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

constexpr std::size_t longest_config = 1U << 20U;
constexpr std::size_t most_named = 8;

Result<void> load_tls_key(Loaded& loaded) {
  auto key = read_file(loaded.config.tls->key);
  if (!key) return pass_on(key);
  const auto context = http::TlsServerContext::from_pem(loaded.tls_certificate, *key);
  loaded.tls_key = Secret::take(*key);
  if (!context) {
    return fail(context.error().code, loaded.config.tls->certificate + " with " +
                                          loaded.config.tls->key + ": " + context.error().detail);
  }
  return {};
}

// The front finds the key itself, when its store is open.
Result<void> check_stored_tls_key(const Loaded& loaded) {
  const auto chain = http::read_server_chain(loaded.tls_certificate);
  auto key = chain ? hsm::tls::certificate_key(chain->public_key)
                   : Result<jose::PublicKey>(tl::unexpected<Error>(chain.error()));
  if (!key)
    return fail(key.error().code, loaded.config.tls->certificate + ": " + key.error().detail);
  return {};
}

Result<void> load_tls(Loaded& loaded) {
  if (!loaded.config.tls) return {};
  auto certificate = read_file(loaded.config.tls->certificate);
  if (!certificate) return pass_on(certificate);
  loaded.tls_certificate = std::move(*certificate);
  return loaded.config.tls->key.empty() ? check_stored_tls_key(loaded) : load_tls_key(loaded);
}

Result<std::vector<std::string>> warnings_about(const policy::Bundle& bundle,
                                                const std::vector<unsigned>& quoted) {
  const auto policy = policy::Policy::from(bundle);
  if (!policy) return tl::unexpected<Error>(policy.error());
  std::vector<std::string> warnings;
  for (const auto& [pcr, conditions] : policy->needed_pcrs()) {
    if (std::find(quoted.begin(), quoted.end(), pcr) != quoted.end()) continue;
    for (const std::string& condition : conditions) {
      warnings.push_back(bundle.file + ": " + condition + " goes by PCR " + std::to_string(pcr) +
                         ", which enrolment.tpm2.pcrs does not name: it never holds");
    }
  }
  return warnings;
}

using Leaves = std::map<std::string, Json>;

Leaves leaves_of(const std::string& text) {
  const auto document = parse_json_document("configuration", text);
  if (!document) return {};
  const Json flat = document->value.flatten();
  Leaves leaves;
  for (const auto& [pointer, value] : flat.items()) leaves.emplace(pointer, value);
  return leaves;
}

bool is_reloadable(const std::string& pointer) {
  static const std::vector<std::string> single = {"/policy",
                                                  "/enrolment/tpm2/intermediates",
                                                  "/enrolment/tpm2/unknown_roots",
                                                  "/enrolment/tpm2/crls",
                                                  "/enrolment/tpm2/crls_required",
                                                  "/tls/certificate",
                                                  "/tls/key"};
  std::vector<std::string> wholes = {"/log", "/rate_limits", "/enrolment/tpm2/roots",
                                     "/enrolment/tpm2/ak_roots"};
  for (const std::string& format : attest::evidence_formats())
    wholes.push_back("/enrolment/" + format);
  for (const std::string& whole : wholes) {
    if (pointer == whole || pointer.starts_with(whole + "/")) return true;
  }
  return std::find(single.begin(), single.end(), pointer) != single.end();
}

std::string dotted(std::string pointer) {
  pointer.erase(0, 1);
  std::replace(pointer.begin(), pointer.end(), '/', '.');
  return pointer;
}

std::vector<std::string> fixed_differences(const Leaves& before, const Leaves& after) {
  std::vector<std::string> names;
  const auto compare = [&](const Leaves& these, const Leaves& those, bool also_values) {
    for (const auto& [pointer, value] : these) {
      const auto found = those.find(pointer);
      const bool same = found != those.end() && (!also_values || found->second == value);
      if (!same && !is_reloadable(pointer)) names.push_back(dotted(pointer));
    }
  };
  compare(before, after, true);
  compare(after, before, false);
  return names;
}

}  // namespace

Result<Loaded> load_and_check(const std::string& file) {
  Loaded loaded;
  auto text = read_file(file, longest_config);
  if (!text) return fail(Code::config_unreadable, text.error().detail);
  loaded.config_text = std::move(*text);
  auto config = config::parse(file, loaded.config_text);
  if (!config) return pass_on(config);
  loaded.config = std::move(*config);
  if (auto roles = admin::Roles::of(loaded.config.admin); !roles) return pass_on(roles);

  auto policy = policy::read_bundle(loaded.config.policy_file);
  if (!policy) return pass_on(policy);
  loaded.policy = std::move(*policy);
  if (auto roots = load_roots(loaded.config.enrolment); !roots) return pass_on(roots);
  if (auto clients = load_client_authorities(loaded.config.mutual_tls); !clients)
    return pass_on(clients);
  if (auto tls = load_tls(loaded); !tls) return pass_on(tls);
  auto warnings = warnings_about(loaded.policy, loaded.config.enrolment.tpm2.pcrs);
  if (!warnings) return pass_on(warnings);
  loaded.warnings = std::move(*warnings);
  return loaded;
}

void log_warnings(const Loaded& loaded) {
  for (const std::string& warning : loaded.warnings)
    telemetry::log(telemetry::Level::warning, "policy_needs_pcr", {{"what", warning}});
}

Result<std::vector<std::string>> changes_between(const Loaded& before, const Loaded& after) {
  auto fixed = fixed_differences(leaves_of(before.config_text), leaves_of(after.config_text));
  if (before.config.enrolment.tpm2.taken != after.config.enrolment.tpm2.taken)
    fixed.emplace_back("enrolment.tpm2");
  if (!fixed.empty()) {
    std::string names;
    for (std::size_t i = 0; i < std::min(fixed.size(), most_named); ++i)
      names += (i == 0 ? "" : ", ") + fixed[i];
    if (fixed.size() > most_named) names += ", …";
    return fail(Code::reload_needs_restart,
                names + " changed, which takes a restart of mintd; nothing was reloaded");
  }
  std::vector<std::string> changed;
  // Not where it stands: the same texts elsewhere decide the same.
  if (before.policy.text != after.policy.text || before.policy.files != after.policy.files)
    changed.emplace_back("policy");
  changed.emplace_back("enrolment: roots");
  // A key was proven to fit its certificate: another key has another one.
  if (before.tls_certificate != after.tls_certificate) changed.emplace_back("tls");
  if (before.config.rate_limits != after.config.rate_limits) changed.emplace_back("rate_limits");
  if (before.config.log_level != after.config.log_level) changed.emplace_back("log.level");
  return changed;
}

void take_over(Loaded& before, Loaded after) {
  // Not the whole of it: others hold references into what stays (key stores).
  before.config.policy_file = std::move(after.config.policy_file);
  // What of it takes a restart is the same in both.
  before.config.enrolment.tpm2 = std::move(after.config.enrolment.tpm2);
  before.config.enrolment.formats = std::move(after.config.enrolment.formats);
  before.config.tls = std::move(after.config.tls);
  before.config.log_level = std::move(after.config.log_level);
  before.config_text = std::move(after.config_text);
  before.policy = std::move(after.policy);
  before.tls_certificate = std::move(after.tls_certificate);
  before.tls_key = std::move(after.tls_key);
  before.warnings = std::move(after.warnings);
}

}  // namespace mintmark::mintd
