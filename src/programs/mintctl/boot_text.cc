#include "programs/mintctl/boot_text.h"

#include <algorithm>

#include "base/bytes.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

constexpr std::size_t width = 160;

/// Members that may be missing, or of another kind than expected.
const Json& member(const Json& object, const char* name) {
  static const Json nothing;
  const auto found = object.find(name);
  return object.is_object() && found != object.end() ? *found : nothing;
}

/// Of texts that a device had its part in, on one line.
std::string shown(const Json& object, const char* name) {
  return printable(text(object, name), 2048);
}

bool is_true(const Json& object, const char* name) { return member(object, name) == Json(true); }

std::string line(const std::string& title, const std::string& value) {
  return title + std::string(title.size() < 12 ? 12 - title.size() : 1, ' ') +
         printable(value, 1024) + "\n";
}

std::string list_text(const Json& list) {
  std::string text;
  for (const Json& one : list)
    text += (text.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : one.dump());
  return text.empty() ? "-" : text;
}

std::string mode_mark(const Json& finding) {
  return text(finding, "mode") == "monitor" ? "MONITOR  " : "REFUSED  ";
}

std::string proposal_text(const Json& proposal, const std::string& policy_file) {
  const std::string file = shown(proposal, "file");
  return "             to allow it: into " + (file.empty() ? policy_file : file) + ", " +
         (text(proposal, "at").empty() ? "a line each" : shown(proposal, "at")) + ": " +
         printable(list_text(member(proposal, "add")), 400) + "\n";
}

std::string failed_text(const Json& finding, const std::string& policy_file) {
  std::string out = "  " + mode_mark(finding) + shown(finding, "rule") + ": " +
                    shown(finding, "condition") + "\n             " + shown(finding, "text") + "\n";
  out += "             has " + printable(text(finding, "has"), 400) + "\n             wants " +
         printable(text(finding, "wants"), 400) + "\n";
  for (const Json& proposal : member(finding, "proposals"))
    out += proposal_text(proposal, policy_file);
  return out;
}

std::string next_steps(const Json& answer, const Json& appraisal) {
  const std::string id = shown(member(answer, "device"), "id");
  const Json& findings = member(appraisal, "findings");
  const bool some_fail = std::any_of(findings.begin(), findings.end(),
                                     [](const Json& finding) { return !is_true(finding, "ok"); });
  const bool can_allow = std::any_of(findings.begin(), findings.end(), [](const Json& finding) {
    return !member(finding, "proposals").empty();
  });
  if (!some_fail) return "";
  std::string out = "\nwhat next\n";
  if (can_allow) {
    out += "  if that change was meant:  mintctl policy allow --from " + id +
           "  (prints a diff; applies nothing)\n";
  }
  if (text(appraisal, "outcome") == "refused")
    out += "  if it was not:             look at the machine; it gets no token while it boots so\n";
  return out + "  what it booted:            mintctl devices boot " + id + "\n";
}

std::string device_line(const Json& answer) {
  const Json& device = member(answer, "device");
  return line("device", text(device, "id") + " (" + text(device, "state") + ")");
}

std::string facts_text(const Json& record) {
  const Json& facts = member(record, "facts");
  const Json& secure_boot = member(facts, "secure_boot");
  std::string out =
      line("secure boot",
           secure_boot.is_boolean() ? (secure_boot.get<bool>() ? "on" : "off") : "not known");
  if (member(facts, "firmware_version").is_string())
    out += line("firmware", text(facts, "firmware_version"));
  for (const char* name : {"pk", "kek", "db", "dbx"})
    out += line(name, std::to_string(member(facts, name).size()) + " entries");
  for (const Json& image : member(facts, "images"))
    out += line("image", text(image, "digest") + "  " + text(image, "path"));
  for (const Json& authority : member(facts, "authorities")) {
    const Json& entry = member(authority, "entry");
    out += line("authority", text(authority, "variable") + "  " + text(entry, "digest") + "  " +
                                 text(entry, "subject"));
  }
  for (const Json& command : member(facts, "kernel_command_lines"))
    out += line("kernel", list_text(Json::array({command})));
  for (const auto& [name, why] : member(facts, "not_known").items())
    out += line("not known", name + ": " + list_text(Json::array({why})));
  return out;
}

std::string ima_text(const Json& record) {
  const Json& ima = member(record, "ima");
  if (!ima.is_object()) return "";
  const std::string unnamed = text(ima, "unnamed");
  const bool all_named = unnamed.empty() || unnamed == "0";
  return line("ima", text(ima, "covered") + " entries, " +
                         (all_named ? "" : unnamed + " of no known file, ") +
                         text(ima, "violations") + " violations, " + text(ima, "later") +
                         " after the quote");
}

std::string events_text(const Json& record) {
  const Json& events = member(record, "events");
  if (events.empty()) return line("events", is_true(record, "log_given") ? "none" : "no log");
  std::string out = "\n  EVENT  PCR  TYPE                              DIGEST            WHAT\n";
  for (const Json& event : events) {
    const auto column = [](std::string value, std::size_t wide) {
      value = printable(value, wide);
      return value + std::string(wide - std::min(value.size(), wide) + 2, ' ');
    };
    out += "  " + column(text(event, "event"), 5) + column(text(event, "pcr"), 3) +
           column(text(event, "type"), 32) + column(text(event, "digest").substr(0, 16), 16) +
           printable(text(event, "what"), width) + "\n";
  }
  return out;
}

}  // namespace

std::string explanation_text(const Json& answer) {
  const Json& appraisal = member(answer, "appraisal");
  const std::string policy_file = shown(answer, "policy_file");
  std::string out =
      device_line(answer) + line("attested", moment(answer, "at")) +
      line("outcome",
           text(appraisal, "outcome") + (is_true(appraisal, "would_refuse")
                                             ? ", and would be refused if monitored rules were "
                                               "enforced"
                                             : "")) +
      line("policy", policy_file) + line("rules", list_text(member(appraisal, "rules"))) +
      line("summary", text(appraisal, "text"));
  std::string failed;
  std::string held;
  for (const Json& finding : member(appraisal, "findings")) {
    if (is_true(finding, "ok"))
      held += "  ok       " + shown(finding, "rule") + ": " + shown(finding, "condition") + "\n";
    else
      failed += failed_text(finding, policy_file);
  }
  if (!failed.empty() || !held.empty()) out += "\n" + failed + held;
  return out + next_steps(answer, appraisal);
}

std::string boot_text(const Json& answer) {
  const Json& last = member(answer, "last");
  const Json& good = member(answer, "good");
  std::string out = device_line(answer);
  out += line("last good", good.is_object() ? moment(good, "at") : "none");
  if (!last.is_object()) return out + line("last boot", "none was attested");
  const Json& record = member(last, "record");
  out += line("last boot", moment(last, "at") + ", " + text(last, "outcome"));
  if (const Json& problem = member(record, "log_problem"); problem.is_object())
    out += line("log", text(problem, "code") + ": " + text(problem, "text"));
  const std::string bank = text(record, "bank");
  for (const auto& [pcr, value] : member(record, "pcrs").items())
    out += line(bank + ":" + pcr, list_text(Json::array({value})));
  out +=
      line("resets", text(record, "reset_count") + ", restarts " + text(record, "restart_count") +
                         ", clock " + (is_true(record, "clock_safe") ? "safe" : "not safe") +
                         ", TPM firmware " + text(record, "firmware"));
  return out + facts_text(record) + ima_text(record) + events_text(record);
}

}  // namespace mintmark::programs
