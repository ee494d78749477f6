// mintctl evidence eventlog: a firmware's log for people, without a daemon.
#include <cstdio>

#include "attest/eventlog/describe.h"
#include "attest/eventlog/event_types.h"
#include "attest/eventlog/judge.h"
#include "base/file.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

using attest::eventlog::Event;
using attest::eventlog::EventDigest;
using attest::eventlog::Log;

// ---- reading ----

std::string name_of(const attest::eventlog::Algorithm& algorithm) {
  return algorithm.bank != nullptr ? std::string(algorithm.bank->name)
                                   : "algorithm " + std::to_string(algorithm.id);
}

// Facts are told of one bank: the strongest that the usual order has.
std::string bank_for_facts(const Log& log) {
  for (const char* const name : {"sha256", "sha384", "sha512", "sm3_256", "sha1"}) {
    if (!attest::eventlog::replay(log, name).empty()) return name;
  }
  return {};
}

std::string format_of(const Log& log) {
  if (!log.crypto_agile) return "sha1";
  return log.of_td ? "ccel" : "crypto-agile";
}

Json digests_of(const Log& log, const Event& event) {
  Json digests = Json::object();
  for (const EventDigest& digest : event.digests) {
    for (const auto& algorithm : log.algorithms) {
      if (algorithm.id == digest.algorithm) digests[name_of(algorithm)] = to_hex(digest.value);
    }
  }
  return digests;
}

Json events_of(const Log& log, const attest::BootRecord& record) {
  Json events = Json::array();
  for (const Event& event : log.events) {
    Json one = {{"event", event.number},
                {"offset", event.offset},
                {"pcr", event.pcr},
                {"type", attest::eventlog::type_name(event.type)},
                {"digests", digests_of(log, event)},
                {"what", attest::eventlog::describe(event)},
                {"extends", event.extends()}};
    one["hashed"] = event.number < record.events.size() && record.events[event.number].attested;
    events.push_back(std::move(one));
  }
  return events;
}

Json pcrs_of(const Log& log) {
  Json banks = Json::object();
  for (const auto& algorithm : log.algorithms) {
    if (algorithm.bank == nullptr) continue;
    Json values = Json::object();
    for (const auto& [pcr, value] : attest::eventlog::replay(log, algorithm.bank->name))
      values[std::to_string(pcr)] = to_hex(value);
    banks[name_of(algorithm)] = std::move(values);
  }
  return banks;
}

Result<Json> eventlog(AdminClient& /*mintd*/, const Arguments& arguments) {
  const auto file = read_file(arguments.argument(), attest::eventlog::most_octets + 1);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto log = attest::eventlog::parse(as_bytes(*file));
  if (!log) return tl::unexpected<Error>(log.error());
  Json algorithms = Json::array();
  for (const auto& algorithm : log->algorithms) algorithms.push_back(name_of(algorithm));
  Json answer = {{"file", arguments.argument()},
                 {"format", format_of(*log)},
                 {"algorithms", std::move(algorithms)},
                 {"event_count", log->events.size()},
                 {"padding", log->padding},
                 {"startup_locality", nullptr},
                 {"pcrs", pcrs_of(*log)}};
  if (log->startup_locality) answer["startup_locality"] = *log->startup_locality;
  attest::BootRecord record;
  // A log that extends nothing has no facts.
  if (const std::string bank = bank_for_facts(*log); !bank.empty()) {
    auto read = attest::eventlog::as_it_says(*log, bank);
    if (!read) return pass_on(read);
    record = std::move(*read);
    answer["bank"] = bank;
    answer["facts"] = to_json(record.facts);
  }
  answer["events"] = events_of(*log, record);
  return answer;
}

// ---- printing ----

std::string shortened(const std::string& digest) {
  return digest.size() > 16 ? digest.substr(0, 16) : digest;
}

void print_events(const Json& answer) {
  const std::string bank = answer.value("bank", "");
  std::printf("%5s  %3s  %-32s  %-16s   %s\n", "EVENT", answer["format"] == "ccel" ? "MR" : "PCR",
              "TYPE", bank.empty() ? "DIGEST" : bank.c_str(), "WHAT");
  for (const Json& event : answer["events"]) {
    const bool extends = event["extends"].get<bool>();
    const std::string digest = extends ? event["digests"].value(bank, "-") : "-";
    const char* const mark = !extends || event["hashed"].get<bool>() ? " " : "~";
    const auto pcr = event["pcr"].get<std::uint32_t>();
    std::printf("%5u  %3s  %-32s  %-16s %s %s\n", event["event"].get<unsigned>(),
                pcr < 100 ? std::to_string(pcr).c_str() : "-", text(event, "type").c_str(),
                shortened(digest).c_str(), mark, text(event, "what").c_str());
  }
  std::printf(
      "~ the words are the log's own: the digest is of something else (an image, a file, a "
      "variable's content)\n");
}

void print_pcrs(const Json& answer) {
  for (const auto& [bank, values] : answer["pcrs"].items()) {
    std::printf("\n%s of %s after this log%s\n", answer["format"] == "ccel" ? "Registers" : "PCRs",
                bank.c_str(), values.empty() ? ": no event has a digest of this bank" : "");
    for (unsigned pcr = 0; pcr < 24; ++pcr) {
      const auto value = values.find(std::to_string(pcr));
      if (value != values.end())
        std::printf("  %2u  %s\n", pcr, value->get_ref<const std::string&>().c_str());
    }
  }
}

void line(const char* heading, const std::string& content) {
  std::printf("  %-17s %s\n", heading, content.c_str());
}

// The reason why a fact is not known, or "".
std::string reason(const Json& facts, const char* fact) {
  const auto all = facts.find("not_known");
  return all != facts.end() ? all->value(fact, "") : "";
}

std::string signature_text(const Json& entry) {
  const std::string subject = entry.value("subject", "");
  return subject.empty() ? text(entry, "kind") + " " + text(entry, "digest") : subject;
}

void print_database(const Json& facts, const char* fact, const char* heading) {
  constexpr std::size_t most_hashes = 3;
  if (const std::string why = reason(facts, fact); !why.empty())
    return line(heading, "not known: " + why);
  const Json& entries = facts[fact];
  line(heading, entries.empty() ? "empty"
                                : std::to_string(entries.size()) +
                                      (entries.size() == 1 ? " entry" : " entries"));
  std::size_t hashes = 0;
  for (const Json& entry : entries) {
    if (entry.value("subject", "").empty() && ++hashes > most_hashes) continue;
    line("", "  " + signature_text(entry));
  }
  if (hashes > most_hashes)
    line("", "  and " + std::to_string(hashes - most_hashes) + " hashes more (--json)");
}

void print_secure_boot(const Json& facts) {
  if (facts.contains("secure_boot"))
    line("Secure Boot", facts["secure_boot"].get<bool>() ? "on" : "off");
  else
    line("Secure Boot", "not known: " + reason(facts, "secure_boot"));
  print_database(facts, "pk", "PK");
  print_database(facts, "kek", "KEK");
  print_database(facts, "db", "db");
  print_database(facts, "dbx", "dbx");
  if (const std::string why = reason(facts, "authorities"); !why.empty())
    line("let through by", "not known: " + why);
  for (const Json& authority : facts["authorities"])
    line("let through by", text(authority, "variable") + ": " + signature_text(authority["entry"]) +
                               " (event " + text(authority, "event") + ")");
}

void print_images(const Json& facts) {
  for (const Json& image : facts["images"]) {
    const std::string path = image.value("path", "");
    line(text(image, "type").ends_with("DRIVER") ? "driver" : "image",
         text(image, "digest") + " (event " + text(image, "event") + ") " +
             (path.empty() ? text(image, "type") : path));
  }
  if (!facts["exit_boot_services"].get<bool>())
    line("", "ExitBootServices was not measured: there may have been more images");
}

void print_facts(const Json& answer) {
  const auto facts = answer.find("facts");
  if (facts == answer.end()) return;
  std::printf("\nFacts, by %s\n", text(answer, "bank").c_str());
  const std::string version = text(*facts, "firmware_version");
  const std::string why = reason(*facts, "firmware_version");
  line("firmware version", !version.empty() ? version : why.empty() ? "none" : "not known: " + why);
  print_secure_boot(*facts);
  print_images(*facts);
  for (const auto& [name, value] : (*facts)["shim"].items())
    line("shim", name + " " + value.get<std::string>());
  for (const Json& command : (*facts)["kernel_command_lines"])
    line("command line", printable(command.get_ref<const std::string&>(), 1000));
  if (const std::string hidden = reason(*facts, "kernel_command_lines"); !hidden.empty())
    line("command line", "there may be others: " + hidden);
}

void print_eventlog(const Json& answer) {
  std::string banks;
  for (const Json& name : answer["algorithms"]) banks += " " + name.get<std::string>();
  const auto count = answer["event_count"].get<unsigned>();
  std::printf("%s: %s log, %u event%s, bank%s%s\n", text(answer, "file").c_str(),
              text(answer, "format").c_str(), count, count == 1 ? "" : "s",
              answer["algorithms"].size() == 1 ? "" : "s", banks.c_str());
  if (!answer["startup_locality"].is_null())
    std::printf("The TPM was started from locality %s.\n",
                text(answer, "startup_locality").c_str());
  std::printf(
      "Nobody vouches for this log here: believe it where a quote has the same PCR values.\n\n");
  print_events(answer);
  print_pcrs(answer);
  print_facts(answer);
}

}  // namespace

std::vector<Subcommand> evidence_eventlog_commands() {
  return {{{"evidence eventlog",
            "each event of a firmware's log (binary_bios_measurements, CCEL), the PCR values that "
            "it makes, and what it says of the boot",
            {},
            "FILE"},
           eventlog,
           print_eventlog}};
}

}  // namespace mintmark::programs
