// What devices booted: asked of mintd, explained, and what a policy would have to say to allow it.
#include <cstdio>
#include <set>

#include "attest/boot_record.h"
#include "base/bytes.h"
#include "policy/bundle.h"
#include "policy/reference.h"
#include "programs/mintctl/boot_text.h"
#include "programs/mintctl/policy_change.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

std::string path_of_device(const std::string& id, const char* what) {
  return "/admin/v1/devices/" + id + what;
}

Result<Json> explain(AdminClient& mintd, const Arguments& arguments) {
  return mintd.get_whole(path_of_device(arguments.argument(), "/explain"));
}

Result<Json> boot(AdminClient& mintd, const Arguments& arguments) {
  return mintd.get_whole(path_of_device(arguments.argument(), "/boot"));
}

Result<Json> attest(AdminClient& mintd, const Arguments& arguments) {
  return mintd.post("/admin/v1/devices/attest", {{"id", arguments.argument()}});
}

/// The record under "good" or "last".
Result<attest::BootRecord> record_in(const Json& answer, const char* which, const std::string& id) {
  const auto found = answer.find(which);
  if (found == answer.end() || !found->is_object() || !found->contains("record")) {
    return fail(Code::boot_record_missing,
                "device " + printable(id) + " has no " +
                    (std::string(which) == "good" ? "good boot" : "boot") + " on record");
  }
  return attest::boot_record_from_json((*found)["record"]);
}

/// "0,4,7"
Result<std::set<unsigned>> pcrs_in(const std::string& list) {
  std::set<unsigned> pcrs;
  for (std::size_t start = 0; start < list.size();) {
    const std::size_t end = std::min(list.find(',', start), list.size());
    const std::string one = list.substr(start, end - start);
    const bool fits = !one.empty() && one.size() <= 2 &&
                      one.find_first_not_of("0123456789") == std::string::npos &&
                      std::stoul(one) <= 23;
    if (!fits) return fail(Code::invalid_argument, "--pcrs is a list such as 0,4,7");
    pcrs.insert(static_cast<unsigned>(std::stoul(one)));
    start = end + 1;
  }
  return pcrs;
}

Result<Json> baseline(AdminClient& mintd, const Arguments& arguments) {
  const std::string& id = arguments.argument();
  const auto pcrs = pcrs_in(arguments.value("--pcrs", ""));
  if (!pcrs) return tl::unexpected<Error>(pcrs.error());
  auto answer = mintd.get_whole(path_of_device(id, "/boot"));
  if (!answer) return answer;
  const auto record = record_in(*answer, arguments.has("--last") ? "last" : "good", id);
  if (!record) return tl::unexpected<Error>(record.error());
  auto baseline = policy::baseline_of(*record, "device " + id, *pcrs);
  if (!baseline) return pass_on(baseline);
  return Json{{"baseline", std::move(*baseline)}};
}

/// The device's record as rules look at it.
Result<attest::RecordedDevice> device_of(const Json& json) {
  attest::RecordedDevice device;
  device.id = text(json, "id");
  device.state = text(json, "state");
  auto facts = attest::facts_from_json(json.value("facts", Json()));
  if (!facts) return pass_on(facts);
  device.facts = std::move(*facts);
  const Json labels = json.value("labels", Json::object());
  for (const auto& [name, value] : labels.items()) {
    if (value.is_string()) device.labels.emplace(name, value.get<std::string>());
  }
  return device;
}

Result<BootAtHand> boot_at_hand(AdminClient& mintd, const std::string& id) {
  const auto shown = mintd.get(path_of_device(id, ""));
  if (!shown) return tl::unexpected<Error>(shown.error());
  auto device = device_of(*shown);
  if (!device) return pass_on(device);
  const auto boots = mintd.get_whole(path_of_device(id, "/boot"));
  if (!boots) return tl::unexpected<Error>(boots.error());
  auto record = record_in(*boots, "last", id);
  if (!record) return pass_on(record);
  BootAtHand boot{std::move(*device), std::move(*record), std::nullopt};
  if (auto good = record_in(*boots, "good", id)) boot.last_good = std::move(*good);
  return boot;
}

Result<std::string> policy_file_of(AdminClient& mintd, const Arguments& arguments,
                                   const std::string& id) {
  if (arguments.has("--policy")) return arguments.value("--policy");
  const auto explained = mintd.get_whole(path_of_device(id, "/explain"));
  if (!explained) return tl::unexpected<Error>(explained.error());
  const auto file = explained->find("policy_file");
  if (file == explained->end() || !file->is_string())
    return fail(Code::http_malformed, "mintd does not say which its policy file is; use --policy");
  return file->get<std::string>();
}

Result<Json> allow(AdminClient& mintd, const Arguments& arguments) {
  const auto id = arguments.required("--from");
  if (!id) return tl::unexpected<Error>(id.error());
  const auto file = policy_file_of(mintd, arguments, *id);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto at_hand = boot_at_hand(mintd, *id);
  if (!at_hand) return tl::unexpected<Error>(at_hand.error());
  const auto bundle = policy::read_bundle(*file);
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  const auto change = propose_change(*bundle, *at_hand);
  if (!change) return tl::unexpected<Error>(change.error());
  return Json{{"device", *id},
              {"policy_file", *file},
              {"diff", change->diff},
              {"reasons", change->reasons},
              {"after", policy::to_json(change->after)}};
}

void print_text(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_explanation(const Json& answer) { print_text(explanation_text(answer)); }
void print_boot(const Json& answer) { print_text(boot_text(answer)); }
void print_baseline(const Json& answer) { print_text(text(answer, "baseline")); }

void print_attest(const Json& answer) {
  std::printf("device %s must attest again before its next token\n",
              text(answer, answer.contains("id") ? "id" : "device").c_str());
}

// The diff alone on standard output, so that it can be kept; what is about it beside.
void print_change(const Json& answer) {
  for (const Json& reason : answer["reasons"])
    std::fprintf(stderr, "# allows: %s\n", reason.get<std::string>().c_str());
  print_text(text(answer, "diff"));
  const bool absolute = text(answer, "policy_file").starts_with('/');
  std::fprintf(stderr,
               "# nothing is changed; if this is what you want: keep it as a file, then\n"
               "#   patch %s-p0 < FILE && mintctl policy check %s && mintctl reload\n",
               absolute ? "-d / " : "", text(answer, "policy_file").c_str());
}

}  // namespace

std::vector<Subcommand> boot_commands() {
  return {
      {{"devices explain", "why what a device booted is refused, or would be", {}, "ID"},
       explain,
       print_explanation},
      {{"devices boot", "what a device booted last: PCRs, facts, events", {}, "ID"},
       boot,
       print_boot},
      {{"devices baseline",
        "print a file of measurements for boot rules, from the device's last good boot",
        {{"--last", "", "from its last boot, good or not"},
         {"--pcrs", "LIST", "of these PCRs alone: 0,4,7"}},
        "ID"},
       baseline,
       print_baseline},
      {{"devices attest", "have a device attest again before its next token", {}, "ID"},
       attest,
       print_attest},
      {{"policy allow",
        "print the change to the policy, as a diff, that would let a refused boot pass; applies "
        "nothing",
        {{"--from", "ID", "the device whose last boot is meant"},
         {"--policy", "FILE", "the policy (default: the one in force)"}},
        ""},
       allow,
       print_change}};
}

}  // namespace mintmark::programs
