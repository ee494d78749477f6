// Event logs of real machines, judged as each topic's cases.json says; nothing here knows a file by
// its name.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iostream>

#include "attest/eventlog/event_types.h"
#include "attest/eventlog/judge.h"
#include "real_logs.h"

namespace mintmark::attest::eventlog {
namespace {

TEST(EventLogArtefacts, AreTakenOrRefusedAsTheirEntrySays) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  for (const Case& one : logs_of_real_machines()) {
    SCOPED_TRACE(one.id);
    const auto log = parse(one.octets);
    if (must_be_taken(one)) {
      EXPECT_TRUE(log) << log.error().to_string();
    } else if (one.expect["answer"] == "reject") {
      ASSERT_FALSE(log);
      EXPECT_EQ(log.error().code, Code::eventlog_malformed);
    }
    ++judged;
  }
  test::expect_some(judged);
}

void expect_parsed(const Json& parsed, const Log& log) {
  EXPECT_EQ(log.crypto_agile, parsed["format"] == "crypto-agile");
  Json algorithms = Json::array();
  for (const Algorithm& algorithm : log.algorithms)
    algorithms.push_back(algorithm.bank != nullptr ? std::string(algorithm.bank->name) : "");
  EXPECT_EQ(algorithms, parsed["algorithms"]);
  EXPECT_EQ(log.events.size(), parsed["event_count"].get<std::size_t>());
  EXPECT_EQ(log.padding, parsed["trailing_padding_bytes"].get<std::size_t>());
  EXPECT_EQ(log.startup_locality ? Json(*log.startup_locality) : Json(),
            parsed["startup_locality"]);
  for (const auto& [bank, pcrs] : parsed["replayed_pcrs"].items())
    EXPECT_EQ(replay(log, bank), pcrs_of(pcrs)) << bank;
}

TEST(EventLogArtefacts, ParseAndReplayToWhatTheirEntrySays) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  for (const Case& one : logs_of_real_machines()) {
    if (!one.expect.contains("parse")) continue;
    SCOPED_TRACE(one.id);
    const auto log = parse(one.octets);
    ASSERT_TRUE(log) << log.error().to_string();
    expect_parsed(one.expect["parse"], *log);
    ++judged;
  }
  test::expect_some(judged);
}

void expect_event(const Json& listed, const Event& event) {
  EXPECT_EQ(event.number, listed["n"].get<std::uint32_t>());
  EXPECT_EQ(event.pcr, listed["pcr"].get<std::uint32_t>());
  EXPECT_EQ(event.type, std::stoul(listed["type"].get<std::string>(), nullptr, 16));
  const std::string name = listed["name"].get<std::string>();
  if (name.starts_with("EV_")) {
    EXPECT_EQ(type_name(event.type), name);
  }
  EXPECT_EQ(event.data.size(), listed["data_len"].get<std::size_t>());
  EXPECT_EQ(to_hex(sha256(event.data)), listed["data_sha256"].get<std::string>());
  EXPECT_EQ(event.digests.size(), listed["digests"].size());
  for (const auto& [bank, digest] : listed["digests"].items()) {
    ASSERT_NE(bank_named(bank), nullptr) << bank;
    EXPECT_EQ(to_hex(event.digest(*bank_named(bank))), digest.get<std::string>());
  }
}

TEST(EventLogArtefacts, AreReadEventByEventAsTheirListingSays) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  test::for_each_entry("tpm_eventlogs", [&judged](const Json& entry) {
    const std::string listing = file_of(entry, ".events.json");
    if (listing.empty()) return;
    const auto log = parse(test::data_file(file_of(entry, ".bin")));
    ASSERT_TRUE(log) << log.error().to_string();
    const Bytes text = test::data_file(listing);
    const Json events = Json::parse(text.begin(), text.end());
    ASSERT_EQ(log->events.size(), events.size());
    for (std::size_t i = 0; i < events.size(); ++i) expect_event(events[i], log->events[i]);
    ++judged;
  });
  test::expect_some(judged);
}

TEST(EventLogArtefacts, AreJudgedGoodAgainstThePcrsOfTheirMachine) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  for (const Case& one : logs_of_real_machines()) {
    if (one.expect["answer"] != "accept") continue;
    SCOPED_TRACE(one.id);
    const auto log = parse(one.octets);
    ASSERT_TRUE(log);
    for (const auto& [bank, pcrs] : banks_beside(one)) {
      const auto record = judge(*log, bank, pcrs);
      ASSERT_TRUE(record) << record.error().to_string();
      EXPECT_EQ(record->events.size(), log->events.size());
      ++judged;
    }
  }
  test::expect_some(judged);
}

// The one SecureBoot variable that the log proves, read here once more in another way: its data are
// 52 octets of GUID, lengths and name, then the value.
std::optional<bool> proven_secure_boot(const Log& log, const Bank& bank) {
  std::optional<bool> found;
  for (const Event& event : log.events) {
    const bool is_it = to_hex(event.data).find("53006500630075007200650042006f006f007400") == 64;
    if (!is_it || to_hex(bank.digest(event.data)) != to_hex(event.digest(bank))) continue;
    if (found) return std::nullopt;
    found = event.data.size() == 53 && event.data.back() == 1;
  }
  return found;
}

std::size_t count_behind_the_separator(const Log& log, std::uint32_t type) {
  bool behind = false;
  std::size_t count = 0;
  for (const Event& event : log.events) {
    if (event.pcr != 7) continue;
    behind = behind || event.type == ev_separator;
    if (behind && event.type == type) ++count;
  }
  return count;
}

bool starts_an_application_uncalled(const Log& log) {
  for (const Event& event : log.events) {
    if (event.pcr != 4) continue;
    if (event.type == ev_efi_action) return false;
    if (event.type == ev_efi_boot_services_application) return true;
  }
  return false;
}

// What an entry says of facts, each by its name; a name that stands for nothing here is printed.
void expect_facts(const Json& facts, const Log& log, const BootRecord& record) {
  const BootFacts& read = record.facts;
  const auto entries = [](const std::vector<SignatureEntry>& list, bool certificates) {
    return std::count_if(list.begin(), list.end(), [&](const SignatureEntry& entry) {
      return (entry.kind == "x509") == certificates;
    });
  };
  std::map<std::string, std::function<void(const Json&)>> checks;
  checks["secure_boot"] = [&](const Json& value) {
    ASSERT_TRUE(read.secure_boot) << read.not_known.at("secure_boot");
    const auto proven = proven_secure_boot(log, *bank_named(record.bank));
    EXPECT_EQ(read.secure_boot, proven);
    // An entry that says another thing than the octet that the TPM vouches for is wrong.
    if (proven && *proven != value.get<bool>())
      std::cout << "the entry says " << value << " of Secure Boot, its log proves the contrary\n";
    else
      EXPECT_EQ(*read.secure_boot, value.get<bool>());
  };
  for (const auto& [name, list] : {std::pair("pk", &read.pk), std::pair("kek", &read.kek),
                                   std::pair("db", &read.db), std::pair("dbx", &read.dbx)}) {
    checks[std::string(name) + "_certs"] = [&entries, list = list](const Json& value) {
      EXPECT_EQ(entries(*list, true), value.get<long>());
    };
    checks[std::string(name) + "_hashes"] = [&entries, list = list](const Json& value) {
      EXPECT_EQ(entries(*list, false), value.get<long>());
    };
  }
  checks["efi_app_digests"] = [&](const Json& value) {
    std::vector<std::string> digests;
    for (const BootImage& image : read.images) {
      if (image.pcr == 4) digests.push_back(image.digest);
    }
    if (value.contains(record.bank)) {
      EXPECT_EQ(Json(digests), value[record.bank]);
    }
  };
  checks["has_exit_boot_services"] = [&](const Json& value) {
    EXPECT_EQ(read.exit_boot_services, value.get<bool>());
  };
  checks["grub_measurements"] = [&](const Json& value) {
    EXPECT_EQ(!read.loader.empty(), value.get<bool>());
  };
  checks["kernel_cmdline"] = [&](const Json& value) {
    ASSERT_FALSE(read.kernel_command_lines.empty());
    EXPECT_EQ(read.kernel_command_lines.back(), value.get<std::string>());
  };
  checks["grub_files"] = [&](const Json& value) {
    const auto files =
        std::count_if(read.loader.begin(), read.loader.end(),
                      [](const LoaderEvent& one) { return one.kind == "grub_file"; });
    EXPECT_EQ(files, value.get<long>());
  };
  checks["post_separator_authority_events"] = [&](const Json& value) {
    EXPECT_EQ(count_behind_the_separator(log, ev_efi_variable_authority), value.get<std::size_t>());
  };
  checks["efi_app_before_calling_event"] = [&](const Json& value) {
    EXPECT_EQ(starts_an_application_uncalled(log), value.get<bool>());
  };
  for (const auto& [name, value] : facts.items()) {
    SCOPED_TRACE(name);
    const auto check = checks.find(name);
    if (check != checks.end())
      check->second(value);
    else
      std::cout << "nothing here holds " << name << ": " << value << "\n";
  }
}

TEST(EventLogArtefacts, EqualTheMachinesPcrsWhereTheirEntrySaysSoAndNowhereElse) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  for (const Case& one : logs_of_real_machines()) {
    if (!one.expect.contains("replay_equals_tpm_pcr")) continue;
    SCOPED_TRACE(one.id);
    const auto log = parse(one.octets);
    ASSERT_TRUE(log);
    Json mismatches = Json::array();
    for (const auto& [bank, pcrs] : one.expect["replay_equals_tpm_pcr"].items()) {
      const Pcrs replayed = replay(*log, bank);
      const Pcrs machines = pcrs_of(one.expect["tpm_pcrs"][bank]);
      for (const auto& [index, equal] : pcrs.items()) {
        const auto pcr = static_cast<unsigned>(std::stoul(index));
        const auto value = replayed.find(pcr);
        const bool same = value != replayed.end() && value->second == machines.at(pcr);
        EXPECT_EQ(same, equal.get<bool>()) << bank << ":" << index;
        if (!same) mismatches.push_back(Json::array({bank, index}));
      }
    }
    EXPECT_EQ(mismatches, one.expect.value("replay_mismatches", Json::array()));
  }
}

TEST(EventLogArtefacts, GiveTheFactsThatTheirEntryNames) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  for (const Case& one : logs_of_real_machines()) {
    if (one.expect["answer"] != "accept" || !one.expect.contains("policy_facts")) continue;
    SCOPED_TRACE(one.id);
    const auto log = parse(one.octets);
    ASSERT_TRUE(log);
    for (const Algorithm& algorithm : log->algorithms) {
      const auto record = as_it_says(*log, std::string(algorithm.bank->name));
      ASSERT_TRUE(record) << record.error().to_string();
      expect_facts(one.expect["policy_facts"], *log, *record);
      ++judged;
    }
  }
  test::expect_some(judged);
}

// ---- logs beside quotes ----

std::optional<std::string> quoted_bank(const Json& expect) {
  if (!expect.contains("attest") || expect["attest"]["pcr_select"].size() != 1) return std::nullopt;
  return expect["attest"]["pcr_select"][0]["hash"].get<std::string>();
}

// {"0": "hex", …}, perhaps inside an object named after the bank.
Pcrs values_in(const Json& file, const std::string& bank) {
  if (file.contains(bank)) return pcrs_of(file[bank]);
  return pcrs_of(file.contains("pcrs") ? file["pcrs"] : file);
}

// What stands beside a quote, told apart by what it holds.
struct BesideAQuote {
  Bytes log;
  Json pcrs;
};

BesideAQuote beside_quote(const Json& entry) {
  BesideAQuote found;
  for (const Json& name : entry["files"]) {
    const Bytes octets = test::data_file(name.get<std::string>());
    const std::string_view text = as_text(octets);
    // The first event of a log (PC Client Platform Firmware Profile, 10.4.5.1).
    if (text.substr(0, 64).find("Spec ID Event03") != std::string_view::npos) found.log = octets;
    if (!text.empty() && text.front() == '{') found.pcrs = Json::parse(text, nullptr, false);
  }
  return found;
}

TEST(EventLogArtefacts, BesideAQuoteReplayToItsPcrsAndToNoOtherBanks) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  test::for_each_entry("tpm_quotes", [&judged](const Json& entry) {
    const BesideAQuote beside = beside_quote(entry);
    const auto bank = quoted_bank(entry.at("expect"));
    if (beside.log.empty() || !beside.pcrs.is_object() || !bank) return;
    const Pcrs pcrs = values_in(beside.pcrs, *bank);
    const auto log = parse(beside.log);
    ASSERT_TRUE(log) << log.error().to_string();
    const auto record = judge(*log, *bank, pcrs);
    ASSERT_TRUE(record) << record.error().to_string();
    EXPECT_TRUE(record->facts.secure_boot) << record->facts.not_known.at("secure_boot");
    for (const Algorithm& algorithm : log->algorithms) {
      if (algorithm.bank->name == *bank) continue;
      EXPECT_FALSE(judge(*log, std::string(algorithm.bank->name), pcrs));
    }
    ++judged;
  });
  test::expect_some(judged);
}

}  // namespace
}  // namespace mintmark::attest::eventlog
