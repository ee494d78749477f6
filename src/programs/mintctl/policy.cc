#include "policy/policy.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

// The very reader that mintd has, without asking it.
Result<Json> check(AdminClient& /*mintd*/, const Arguments& arguments) {
  const std::string& file = arguments.argument();
  const auto bundle = policy::read_bundle(file);
  if (!bundle) {
    const bool unreadable = bundle.error().code == Code::io_failed;
    return fail(unreadable ? Code::policy_invalid : bundle.error().code, bundle.error().detail);
  }
  const auto policy = policy::Policy::from(*bundle);
  if (!policy) return tl::unexpected<Error>(policy.error());
  Json files = Json::array();
  for (const auto& [name, content] : bundle->files) files.push_back(name);
  Json pcrs = Json::array();
  for (const auto& [pcr, conditions] : policy->needed_pcrs()) pcrs.push_back(pcr);
  return Json{{"file", file},
              {"rules", policy->rules()},
              {"boot_rules", policy->boot_rules()},
              {"files", std::move(files)},
              {"pcrs", std::move(pcrs)}};
}

void print_check(const Json& answer) {
  std::printf("%s: good, rules: %s, boot rules: %s, files: %zu\n", text(answer, "file").c_str(),
              text(answer, "rules").c_str(), text(answer, "boot_rules").c_str(),
              answer["files"].size());
  if (answer["pcrs"].empty()) return;
  std::string pcrs;
  for (const Json& pcr : answer["pcrs"]) pcrs += (pcrs.empty() ? "" : ", ") + pcr.dump();
  std::printf("its rules go by PCR %s: enrolment.tpm2.pcrs must name them\n", pcrs.c_str());
}

/// "2026-11-24T18:30Z", with seconds or without.
Result<std::int64_t> unix_time(const std::string& text) {
  std::tm parts{};
  const char* rest = nullptr;
  for (const char* form : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ"}) {
    parts = {};
    rest = strptime(text.c_str(), form, &parts);
    if (rest != nullptr && *rest == '\0') return static_cast<std::int64_t>(timegm(&parts));
  }
  return fail(Code::invalid_argument, "--at must be a time of UTC, such as 2026-11-24T18:30Z");
}

Json scopes_of(const std::vector<std::string>& given) {
  Json scopes = Json::array();
  for (const std::string& words : given) {
    for (std::size_t start = 0; start < words.size();) {
      const std::size_t end = std::min(words.find(' ', start), words.size());
      if (end > start) scopes.push_back(words.substr(start, end - start));
      start = end + 1;
    }
  }
  return scopes;
}

Result<Json> explain(AdminClient& mintd, const Arguments& arguments) {
  const auto device = arguments.required("--device");
  if (!device) return tl::unexpected<Error>(device.error());
  Json question = {{"id", *device}, {"scopes", scopes_of(arguments.values("--scope"))}};
  if (arguments.has("--resource")) question["resource"] = arguments.value("--resource");
  if (arguments.has("--session-key")) question["session_key"] = true;
  if (arguments.has("--at")) {
    const auto at = unix_time(arguments.value("--at"));
    if (!at) return tl::unexpected<Error>(at.error());
    question["at"] = *at;
  }
  return mintd.post("/admin/v1/policy/explain", question);
}

bool says(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::string why(const Json& rule) {
  if (!says(rule, "matched")) {
    return text(rule, "condition") + ": the device has " + text(rule, "has") + ", the rule wants " +
           text(rule, "wants");
  }
  if (says(rule, "decides")) return "decides";
  return says(rule, "grants_audience") ? "comes after the one that decides"
                                       : "does not grant this audience";
}

void print_rules(const Json& rules) {
  std::size_t width = 4;
  for (const Json& rule : rules) width = std::max(width, text(rule, "rule").size());
  std::printf("\n  %-*s  %-7s  %s\n", static_cast<int>(width), "RULE", "MATCHES", "WHY");
  for (const Json& rule : rules) {
    std::printf("%s %-*s  %-7s  %s\n", says(rule, "decides") ? ">" : " ", static_cast<int>(width),
                text(rule, "rule").c_str(), says(rule, "matched") ? "yes" : "no",
                why(rule).c_str());
  }
}

void print_outcome(const Json& answer) {
  if (const auto refused = answer.find("refused"); refused != answer.end()) {
    std::printf("\nrefused   %s (%s): %s\n", text(*refused, "error").c_str(),
                text(*refused, "code").c_str(), text(*refused, "error_description").c_str());
    return;
  }
  const Json granted = answer.value("granted", Json::object());
  std::string scope;
  for (const Json& word : granted.value("scopes", Json::array()))
    scope += (scope.empty() ? "" : " ") + word.get<std::string>();
  std::printf(
      "\ngranted   for %s\n          scope %s\n          for %s s (limited by: %s)\n"
      "          key protection %s\n",
      text(granted, "audience").c_str(), scope.c_str(), text(granted, "expires_in").c_str(),
      text(granted, "life_limit").c_str(), text(granted, "key_protection").c_str());
}

void print_explanation(const Json& answer) {
  const Json device = answer.value("device", Json::object());
  std::printf("device    %s (%s, key protection %s, %s)\nat        %s\n",
              text(device, "id").c_str(), text(device, "format").c_str(),
              text(device, "key_protection").c_str(), text(device, "state").c_str(),
              moment(answer, "at").c_str());
  print_rules(answer.value("rules", Json::array()));
  print_outcome(answer);
}

}  // namespace

std::vector<Subcommand> policy_commands() {
  return {{{"policy check", "whether a policy file is good; mintd is not asked", {}, "FILE"},
           check,
           print_check},
          {{"policy explain",
            "what a token request would get, and why",
            {{"--device", "ID", "who asks; see devices list"},
             {"--scope", "S", "what it asks for (default: all that is granted)", true},
             {"--resource", "R", "the service it asks for (default: the rule's)"},
             {"--session-key", "", "the token is for a key that the device key vouched for"},
             {"--at", "TIME", "as if it were then, UTC: 2026-11-24T18:30Z"}},
            ""},
           explain,
           print_explanation}};
}

}  // namespace mintmark::programs
