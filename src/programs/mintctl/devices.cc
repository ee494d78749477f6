#include <cstdio>

#include "base/file.h"
#include "programs/mintctl/dry_run.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

const Option label_option{"--label", "K=V", "a label to set", true};

// ---- asking ----

// Pages until there is no next one.
Result<Json> list(AdminClient& mintd, const Arguments& /*arguments*/) {
  Json all = Json::array();
  std::string after;
  do {
    auto page = mintd.get("/admin/v1/devices" +
                          (after.empty() ? "" : "?" + http::encode_form({{"after", after}})));
    if (!page) return page;
    for (Json& device : (*page)["devices"]) all.push_back(std::move(device));
    after = page->value("next", "");
  } while (!after.empty());
  return Json{{"devices", std::move(all)}};
}

Result<void> read_label(const std::string& text, Json& labels) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    return fail(Code::invalid_argument, "a label is NAME=VALUE, not \"" + text + "\"");
  labels[text.substr(0, equals)] = text.substr(equals + 1);
  return {};
}

Result<Json> labels_of(const Arguments& arguments) {
  Json labels = Json::object();
  for (const std::string& text : arguments.values("--label")) {
    if (auto read = read_label(text, labels); !read) return pass_on(read);
  }
  return labels;
}

/// Posts what `body` makes of the arguments and their labels.
template <typename Body>
Result<Json> post(AdminClient& mintd, const Arguments& arguments, const char* what, Body body) {
  const auto labels = labels_of(arguments);
  if (!labels) return tl::unexpected<Error>(labels.error());
  Result<Json> request = body(*labels);
  if (!request) return request;
  return mintd.post(std::string("/admin/v1/devices/") + what, *request);
}

Result<Json> show(AdminClient& mintd, const Arguments& arguments) {
  return mintd.get("/admin/v1/devices/" + arguments.argument());
}

Result<Json> approve(AdminClient& mintd, const Arguments& arguments) {
  return post(mintd, arguments, "approve", [&](const Json& labels) -> Result<Json> {
    return Json{{"fingerprint", arguments.argument()}, {"labels", labels}};
  });
}

// One a line; blank lines and what stands after # are skipped.
Result<std::vector<std::string>> fingerprints_in(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return tl::unexpected<Error>(text.error());
  std::vector<std::string> fingerprints;
  std::size_t start = 0;
  while (start < text->size()) {
    const std::size_t end = std::min(text->find('\n', start), text->size());
    std::string line = text->substr(start, end - start);
    line = line.substr(0, line.find('#'));
    line.erase(0, line.find_first_not_of(" \t\r"));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty()) fingerprints.push_back(line);
    start = end + 1;
  }
  return fingerprints;
}

Result<Json> expect(AdminClient& mintd, const Arguments& arguments) {
  constexpr std::size_t at_once = 200;
  std::vector<std::string> all = {arguments.argument()};
  all.insert(all.end(), arguments.more().begin(), arguments.more().end());
  if (arguments.argument() == "-") {
    auto read = fingerprints_in("/dev/stdin");
    if (!read) return pass_on(read);
    all = std::move(*read);
  }
  Json devices = Json::array();
  for (std::size_t first = 0; first < all.size(); first += at_once) {
    auto answer = post(mintd, arguments, "expect", [&](const Json& labels) -> Result<Json> {
      Json some = Json::array();
      for (std::size_t i = first; i < std::min(first + at_once, all.size()); ++i)
        some.push_back(all[i]);
      return Json{{"format", arguments.value("--format", "tpm2")},
                  {"fingerprints", some},
                  {"labels", labels}};
    });
    if (!answer) return answer;
    for (Json& device : (*answer)["devices"]) devices.push_back(std::move(device));
  }
  return Json{{"devices", std::move(devices)}};
}

Result<Json> revoke(AdminClient& mintd, const Arguments& arguments) {
  Json request = {{"id", arguments.argument()}};
  if (arguments.has("--reason")) request["reason"] = arguments.value("--reason");
  if (arguments.has("--dry-run")) request["dry_run"] = true;
  return mintd.post("/admin/v1/devices/revoke", request);
}

Result<Json> reinstate(AdminClient& mintd, const Arguments& arguments) {
  return mintd.post("/admin/v1/devices/reinstate", {{"id", arguments.argument()}});
}

Result<Json> label(AdminClient& mintd, const Arguments& arguments) {
  Json set = Json::object();
  Json remove = Json::array();
  for (const std::string& text : arguments.more()) {
    if (text.find('=') == std::string::npos && text.ends_with('-')) {
      remove.push_back(text.substr(0, text.size() - 1));
    } else if (auto read = read_label(text, set); !read) {
      return pass_on(read);
    }
  }
  return mintd.post("/admin/v1/devices/label",
                    {{"id", arguments.argument()}, {"set", set}, {"remove", remove}});
}

Result<Json> add(AdminClient& mintd, const Arguments& arguments) {
  auto file = arguments.required("--jwk");
  if (!file) return pass_on(file);
  return post(mintd, arguments, "add", [&](const Json& labels) -> Result<Json> {
    const auto text = read_file(*file);
    if (!text) return tl::unexpected<Error>(text.error());
    const auto jwk = parse_json_document(*file, *text);
    if (!jwk) return fail(Code::invalid_argument, jwk.error().detail);
    return Json{{"jwk", jwk->value}, {"labels", labels}};
  });
}

Result<Json> invite(AdminClient& mintd, const Arguments& arguments) {
  return post(mintd, arguments, "invite", [&](const Json& labels) -> Result<Json> {
    Json request = {{"labels", labels}};
    if (!arguments.has("--expires-in")) return request;
    const Json seconds = Json::parse(arguments.value("--expires-in"), nullptr, false);
    if (!seconds.is_number_unsigned())
      return fail(Code::invalid_argument, "--expires-in is a number of seconds");
    request["expires_in"] = seconds;
    return request;
  });
}

// ---- printing ----

/// With a word where nobody trusted vouches for it.
std::string manufacturer_of(const Json& facts) {
  const bool review = facts.is_object() && facts.value("standing", "") == "review";
  return text(facts, "manufacturer") + (review ? " review" : "");
}

/// From the device's own certificate upward: what whoever approves it has to look at.
void print_chain(const Json& chain) {
  for (const Json& link : chain)
    std::printf("chain        %s, issued by %s, SHA-256 %s\n", text(link, "subject").c_str(),
                text(link, "issuer").c_str(), text(link, "sha256").c_str());
}

void print_list(const Json& answer) {
  std::printf("%-22s  %-6s  %-9s  %-16s  %-20s  %-12s  %s\n", "ID", "FORMAT", "STATE", "BOOT",
              "ATTESTED", "MANUFACTURER", "FINGERPRINT");
  for (const Json& device : answer["devices"]) {
    std::printf("%-22s  %-6s  %-9s  %-16s  %-20s  %-12s  %s\n", text(device, "id").c_str(),
                text(device, "format").c_str(), text(device, "state").c_str(),
                device.value("boot", "-").c_str(), moment(device, "attested_at").c_str(),
                manufacturer_of(device["facts"]).c_str(), text(device, "identity").c_str());
  }
}

void print_device(const Json& device) {
  std::printf("device       %s (%s)\nstate        %s", text(device, "id").c_str(),
              text(device, "format").c_str(), text(device, "state").c_str());
  if (device.contains("pending_from")) {
    std::printf(", since %s, from %s", moment(device, "pending_since").c_str(),
                text(device, "pending_from").c_str());
  }
  if (device.contains("evidence_ended_at")) {
    std::printf(", must attest again since %s: %s", moment(device, "evidence_ended_at").c_str(),
                text(device, "evidence_ended_why").c_str());
  }
  if (device.contains("revoked_at")) {
    std::printf(
        ", since %s%s", moment(device, "revoked_at").c_str(),
        text(device, "revoked_why").empty() ? "" : (": " + text(device, "revoked_why")).c_str());
  }
  std::printf("\nfingerprint  %s\nkey          %s\nenrolled     %s\nattested     %s\n",
              text(device, "identity").c_str(), text(device, "jkt").c_str(),
              moment(device, "enrolled_at").c_str(), moment(device, "attested_at").c_str());
  for (const auto& [name, value] : device["labels"].items())
    std::printf("label        %s=%s\n", name.c_str(), value.get<std::string>().c_str());
}

void print_ended(const Json& answer) {
  if (!print_would_revoke(answer)) print_device(answer);
}

void print_whole_device(const Json& device) {
  print_device(device);
  const Json& facts = device["facts"];
  for (const auto& [name, value] : facts.items()) {
    if (name == "chain" && value.is_array()) {
      print_chain(value);
      continue;
    }
    if (!value.is_object()) {
      std::printf("fact         %s: %s\n", name.c_str(), text(facts, name.c_str()).c_str());
      continue;
    }
    for (const auto& [member, inner] : value.items())
      std::printf("fact         %s.%s: %s\n", name.c_str(), member.c_str(),
                  text(value, member.c_str()).c_str());
  }
}

void print_expected(const Json& answer) {
  for (const Json& device : answer["devices"])
    std::printf("%s  %s\n", text(device, "id").c_str(), text(device, "identity").c_str());
}

void print_added(const Json& answer) { std::printf("%s\n", text(answer, "client_id").c_str()); }

void print_invite(const Json& answer) {
  std::printf("%s\n", text(answer, "code").c_str());
  std::fprintf(stderr, "works once, until %s\n", moment(answer, "expires_at").c_str());
}

}  // namespace

std::vector<Subcommand> device_commands() {
  return {
      {{"devices list", "the devices and their states", {}, ""}, list, print_list},
      {{"devices show", "all that is known of one", {}, "ID"}, show, print_whole_device},
      {{"devices approve",
        "let a pending device in, by the fingerprint it shows (16 digits of it at least); then it "
        "attests afresh",
        {label_option},
        "FINGERPRINT"},
       approve,
       print_device},
      {{"devices expect",
        "approve devices before they come; - reads fingerprints from standard input, one a line",
        {label_option, {"--format", "F", "by which format they will attest (default: tpm2)"}},
        "FINGERPRINT",
        "FINGERPRINT"},
       expect,
       print_expected},
      {{"devices revoke",
        "end a device: done when no token of it can leave any more; it cannot enrol again",
        {{"--reason", "TEXT", "why, for the record"}, dry_run_option},
        "ID"},
       revoke,
       print_ended},
      {{"devices reinstate", "take a revocation back; the device has to attest afresh", {}, "ID"},
       reinstate,
       print_device},
      {{"devices label", "set (K=V) and remove (K-) labels", {}, "ID", "K=V|K-"},
       label,
       print_device},
      {{"devices add",
        "register a client by its public key, which nothing protects; prints its client_id",
        {{"--jwk", "FILE", "the key: a JWK without private members"}, label_option},
        ""},
       add,
       print_added},
      {{"devices invite",
        "print a one-time code for `mint-agent enroll --key file`",
        {{"--expires-in", "SECONDS", "how long it works (default: a day)"}, label_option},
        ""},
       invite,
       print_invite}};
}

}  // namespace mintmark::programs
