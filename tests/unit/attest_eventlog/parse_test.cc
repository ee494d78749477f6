#include <gtest/gtest.h>

#include "attest/eventlog/describe.h"
#include "attest/eventlog/device_path.h"
#include "attest/eventlog/event_types.h"
#include "attest/eventlog/log.h"
#include "support/boot_log.h"

namespace mintmark::attest::eventlog {
namespace {

using test::BootLog;

Code code_of(const Result<Log>& parsed) { return parsed ? Code::internal : parsed.error().code; }

// The log with the 32 bits at the offset replaced.
Bytes with_number(Bytes octets, std::size_t offset, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) octets[offset + i] = static_cast<std::uint8_t>(value >> 8U * i);
  return octets;
}

TEST(EventLog, OfTheCryptoAgileFormIsReadWithAllItsBanks) {
  const BootLog boot = BootLog::whole();
  const auto log = parse(boot.octets());
  ASSERT_TRUE(log) << log.error().to_string();
  EXPECT_TRUE(log->crypto_agile);
  EXPECT_EQ(log->algorithms.size(), 3U);
  EXPECT_EQ(log->events.size(), boot.offsets().size());
  for (std::size_t i = 0; i < log->events.size(); ++i)
    EXPECT_EQ(log->events[i].offset, boot.offsets()[i]);
}

TEST(EventLog, ReplaysToThePcrsThatTheTpmWouldHold) {
  const BootLog boot = BootLog::whole();
  const auto log = parse(boot.octets());
  ASSERT_TRUE(log);
  for (const char* const bank : {"sha1", "sha256", "sha384"})
    EXPECT_EQ(replay(*log, bank), boot.pcrs(bank)) << bank;
}

TEST(EventLog, OfTheOldFormReplaysToTheSha1BankAlone) {
  const BootLog boot = BootLog::whole();
  const auto log = parse(boot.sha1_octets());
  ASSERT_TRUE(log) << log.error().to_string();
  EXPECT_FALSE(log->crypto_agile);
  EXPECT_EQ(replay(*log, "sha1"), boot.pcrs("sha1"));
  EXPECT_TRUE(replay(*log, "sha256").empty());
}

TEST(EventLog, BeginsPcr0WithTheStartupLocality) {
  BootLog boot({"sha256"});
  boot.startup_locality(3).separator(0);
  const auto log = parse(boot.octets());
  ASSERT_TRUE(log);
  EXPECT_EQ(log->startup_locality, 3U);
  EXPECT_EQ(replay(*log, "sha256"), boot.pcrs("sha256"));
  BootLog without({"sha256"});
  EXPECT_NE(replay(*log, "sha256"), without.separator(0).pcrs("sha256"));
}

TEST(EventLog, PassesOverAStartupLocalityThatComesAfterAnExtension) {
  BootLog boot({"sha256"});
  boot.separator(0);
  const auto before = boot.pcrs("sha256");
  boot.startup_locality(3);
  const auto log = parse(boot.octets());
  ASSERT_TRUE(log);
  EXPECT_FALSE(log->startup_locality);
  EXPECT_EQ(replay(*log, "sha256"), before);
}

TEST(EventLog, NeverExtendsNoAction) {
  BootLog boot({"sha256"});
  boot.measure(0, test::ev_no_action, "SP800-155 Event");
  const auto log = parse(boot.octets());
  ASSERT_TRUE(log);
  EXPECT_TRUE(replay(*log, "sha256").empty());
}

TEST(EventLog, BeginsPcrsOfADynamicLaunchWithOnes) {
  BootLog boot({"sha256"});
  boot.measure(17, test::ev_compact_hash, "launch");
  const auto log = parse(boot.octets());
  ASSERT_TRUE(log);
  EXPECT_EQ(replay(*log, "sha256"), boot.pcrs("sha256"));
}

TEST(EventLog, PassesOverAnUnknownAlgorithmByItsDeclaredLength) {
  const BootLog boot = BootLog::whole("shim", true, {"sha256", "sha384"});
  Bytes octets = boot.octets();
  // SHA-384 renamed everywhere to an algorithm that nobody knows.
  for (std::size_t i = 0; i + 1 < octets.size(); ++i) {
    if (octets[i] == 0x0C && octets[i + 1] == 0 &&
        (i == 32 + 28 + 4 || (i > 32 + 28 + 9 && octets[i - 34] == 0x0B && octets[i - 33] == 0)))
      octets[i] = 0x77;
  }
  const auto log = parse(octets);
  ASSERT_TRUE(log) << log.error().to_string();
  EXPECT_EQ(log->algorithms[1].bank, nullptr);
  EXPECT_EQ(replay(*log, "sha256"), boot.pcrs("sha256"));
}

TEST(EventLog, MayEndInFillOfOnesOrZeros) {
  for (const std::uint8_t fill : Bytes{0xFF, 0x00}) {
    BootLog boot = BootLog::whole();
    const auto pcrs = boot.pcrs("sha256");
    boot.raw(Bytes(1000, fill));
    const auto log = parse(boot.octets());
    ASSERT_TRUE(log) << log.error().to_string();
    EXPECT_EQ(log->padding, 1000U);
    EXPECT_EQ(replay(*log, "sha256"), pcrs);
  }
}

TEST(EventLog, WithAnythingElseBehindItsLastEventIsRefused) {
  for (const char* const more : {"00", "ff", "ffffffffffffff", "ffffffffffffffffffffffff00",
                                 "0000000000000000000000000000000000000001"}) {
    BootLog boot = BootLog::whole();
    boot.raw(*from_hex(more));
    EXPECT_EQ(code_of(parse(boot.octets())), Code::eventlog_malformed) << more;
  }
}

TEST(EventLog, CutOffAnywhereButBetweenEventsIsRefusedWithTheOffset) {
  const BootLog boot = BootLog::whole();
  const std::vector<std::size_t>& offsets = boot.offsets();
  const Bytes& octets = boot.octets();
  for (std::size_t length = 0; length < octets.size(); ++length) {
    const auto log = parse(BytesView(octets).first(length));
    const bool between = std::find(offsets.begin() + 1, offsets.end(), length) != offsets.end();
    ASSERT_EQ(log.has_value(), between) << length;
    if (log) continue;
    EXPECT_EQ(log.error().code, Code::eventlog_malformed);
    EXPECT_NE(log.error().detail.find("offset "), std::string::npos);
  }
}

TEST(EventLog, OfTheOldFormCutOffInsideAnEventIsRefused) {
  const BootLog boot = BootLog::whole();
  const Bytes octets = boot.sha1_octets();
  std::size_t taken = 0;
  for (std::size_t length = 0; length < octets.size(); ++length)
    taken += parse(BytesView(octets).first(length)) ? 1U : 0U;
  EXPECT_EQ(taken, boot.offsets().size() - 2);
}

TEST(EventLog, WhoseEventsLieAboutTheirLengthIsRefused) {
  const BootLog boot = BootLog::whole();
  const auto log = parse(boot.octets());
  ASSERT_TRUE(log);
  for (const Event& event : log->events) {
    const auto size_at =
        static_cast<std::size_t>(event.data.data() - log->octets.data()) - sizeof(std::uint32_t);
    for (const std::uint32_t lie : {0xFFFFFFFFU, 0x80000000U, 0x7FFFFFFFU,
                                    static_cast<std::uint32_t>(boot.octets().size())}) {
      EXPECT_EQ(code_of(parse(with_number(boot.octets(), size_at, lie))), Code::eventlog_malformed)
          << event.number;
    }
  }
}

TEST(EventLog, WhoseEventsLieAboutTheNumberOfTheirDigestsIsRefused) {
  const BootLog boot = BootLog::whole();
  for (std::size_t i = 1; i < boot.offsets().size(); ++i) {
    for (const std::uint32_t lie : {0U, 1U, 2U, 4U, 0xFFFFFFFFU}) {
      const auto log = parse(with_number(boot.octets(), boot.offsets()[i] + 8, lie));
      // With fewer, digests are read as a length and data, and nothing after that fits.
      EXPECT_EQ(code_of(log), Code::eventlog_malformed) << i << " " << lie;
    }
  }
}

TEST(EventLog, WhoseHeaderLiesIsRefused) {
  const Bytes octets = BootLog::whole().octets();
  constexpr std::size_t header = 32;
  for (const std::uint32_t count : {0U, 17U, 0xFFFFFFFFU})
    EXPECT_EQ(code_of(parse(with_number(octets, header + 24, count))), Code::eventlog_malformed);
  // SHA-1 said to be 32 octets long; SHA-1 declared twice.
  const auto wrong_size = parse(with_number(octets, header + 28, 0x00200004));
  ASSERT_FALSE(wrong_size);
  EXPECT_NE(wrong_size.error().detail.find("sha1 is said to have"), std::string::npos);
  const auto twice = parse(with_number(octets, header + 32, 0x00140004));
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().detail.find("declares an algorithm twice"), std::string::npos);
}

TEST(EventLog, WithTwoDigestsOfOneAlgorithmInAnEventIsRefused) {
  const BootLog boot = BootLog::whole("shim", true, {"sha256", "sha512"});
  Bytes octets = boot.octets();
  // The second digest's algorithm; its declared length is then the first one's.
  octets[boot.offsets()[1] + 12 + 34] = 0x0B;
  const auto log = parse(octets);
  ASSERT_FALSE(log);
  EXPECT_NE(log.error().detail.find("second digest"), std::string::npos);
}

TEST(EventLog, WithADigestOfAnAlgorithmThatTheHeaderDoesNotDeclareIsRefused) {
  const BootLog boot = BootLog::whole();
  Bytes octets = boot.octets();
  octets[boot.offsets()[1] + 12] = 0x13;
  const auto log = parse(octets);
  ASSERT_FALSE(log);
  EXPECT_NE(log.error().detail.find("not in the header"), std::string::npos);
}

TEST(EventLog, WithAPcrThatNoTpmHasIsRefused) {
  BootLog boot({"sha256"});
  boot.measure(24, test::ev_separator, "x");
  EXPECT_EQ(code_of(parse(boot.octets())), Code::eventlog_malformed);
}

TEST(EventLog, OfNoOctetsIsRefused) { EXPECT_EQ(code_of(parse({})), Code::eventlog_malformed); }

TEST(EventLog, LongerThanItsBoundIsRefusedAsTooLong) {
  EXPECT_EQ(code_of(parse(Bytes(most_octets + 1))), Code::eventlog_too_long);
}

TEST(EventLog, WithMoreEventsThanItsBoundIsRefusedAsTooLong) {
  BootLog boot({"sha1"});
  for (std::size_t i = 0; i <= most_events; ++i) boot.measure(0, test::ev_separator, "x");
  EXPECT_EQ(code_of(parse(boot.octets())), Code::eventlog_too_long);
}

// One node of a device path: type, subtype, length, body.
std::string node(std::uint8_t type, std::uint8_t subtype, const std::string& body_hex) {
  const auto length = static_cast<std::uint8_t>(4 + body_hex.size() / 2);
  return to_hex(Bytes{type, subtype, length, 0}) + body_hex;
}

std::string path_text(const std::string& hex) { return device_path_text(from_hex(hex).value()); }

TEST(DevicePath, IsWrittenNodeByNode) {
  const std::string guid = "61dfe48bca93d211aa0d00e098032b8c";
  const std::string text = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
  const std::string sector = "0100000000000000";
  const std::vector<std::pair<std::string, std::string>> nodes = {
      {node(1, 1, "0003"), "Pci(0x3,0x0)"},
      {node(1, 3, "0b000000" + sector + sector), "MemoryMapped(0xB,0x1,0x1)"},
      {node(1, 4, guid), "VenHw(" + text + ")"},
      {node(1, 4, "61"), "VenHw(?)"},
      {node(1, 9, ""), "Path(1,9)"},
      {node(2, 1, "d041030a00000000"), "PciRoot(0x0)"},
      {node(2, 1, "d041080a01000000"), "PcieRoot(0x1)"},
      {node(2, 1, "d041050a02000000"), "Acpi(0xA0541D0,0x2)"},
      {node(2, 2, ""), "Path(2,2)"},
      {node(3, 2, "01000200"), "Scsi(0x1,0x2)"},
      {node(3, 5, "0102"), "USB(0x1,0x2)"},
      {node(3, 5, ""), "USB(0x0,0x0)"},
      {node(3, 10, guid), "VenMsg(" + text + ")"},
      {node(3, 11, "525400123456" + guid), "MAC(525400123456)"},
      {node(3, 12, ""), "IPv4()"},
      {node(3, 13, ""), "IPv6()"},
      {node(3, 18, "0100ffff0000"), "Sata(0x1,0xFFFF,0x0)"},
      {node(3, 23, "01000000" + sector), "NVMe(0x1)"},
      {node(3, 24, "687474703a2f2f61"), "Uri(http://a)"},
      {node(3, 99, ""), "Path(3,99)"},
      {node(4, 1, "01000000" + sector + sector + guid + "0202"), "HD(1,GPT," + text + ")"},
      {node(4, 1, "02000000" + sector + sector + guid + "0101"), "HD(2,MBR,0x8BE4DF61)"},
      {node(4, 2, "01000000"), "CDROM(0x1)"},
      {node(4, 3, guid), "VenMedia(" + text + ")"},
      {node(4, 4, "5c0041000000"), "\\A"},
      {node(4, 6, guid), "FvFile(" + text + ")"},
      {node(4, 7, guid), "Fv(" + text + ")"},
      {node(4, 8, "00000000" + sector + sector), "Offset(0x1,0x1)"},
      {node(4, 9, ""), "Path(4,9)"},
      {node(5, 1, "010000004100"), "BBS(0x1,A)"},
      {node(5, 1, "0100"), "BBS(0x1,)"},
      {node(6, 1, ""), "Path(6,1)"}};
  for (const auto& [octets, words] : nodes) {
    EXPECT_EQ(path_text(octets), words);
    EXPECT_EQ(path_text(octets + node(1, 1, "0003")), words + "/Pci(0x3,0x0)");
    EXPECT_EQ(path_text(octets + node(0x7F, 0xFF, "") + octets), words) << "behind its end";
  }
}

TEST(DevicePath, ThatIsCutOrWithoutEndIsWrittenAsFarAsItGoes) {
  const std::string pci = node(1, 1, "0003");
  for (const char* const rest : {"01", "0101", "010106", "01010300", "0101060000"})
    EXPECT_EQ(path_text(pci + rest), "Pci(0x3,0x0)...") << rest;
  std::string many;
  for (unsigned i = 0; i < 64; ++i) many += pci;
  EXPECT_TRUE(path_text(many).ends_with("..."));
  std::string uri;
  for (unsigned i = 0; i < 100; ++i) uri += "61";
  std::string wordy;
  for (unsigned i = 0; i < 16; ++i) wordy += node(3, 24, uri);
  EXPECT_TRUE(path_text(wordy).ends_with("..."));
  EXPECT_LT(path_text(wordy).size(), 700U);
}

std::string words_of(std::uint32_t type, const Bytes& data) {
  Event event;
  event.type = type;
  event.data = data;
  return describe(event);
}

// UEFI_VARIABLE_DATA: GUID, lengths of name and content, name as UTF-16, content.
std::string variable_words(const std::string& name, const std::string& content_hex,
                           std::uint32_t type = ev_efi_variable_boot) {
  const Bytes content = from_hex(content_hex).value();
  Bytes data(16);
  for (const std::size_t length : {name.size(), content.size()}) {
    data.push_back(static_cast<std::uint8_t>(length));
    data.push_back(static_cast<std::uint8_t>(length >> 8U));
    data.insert(data.end(), 6, 0);
  }
  for (const char letter : name) {
    data.push_back(static_cast<std::uint8_t>(letter));
    data.push_back(0);
  }
  data.insert(data.end(), content.begin(), content.end());
  return words_of(type, data);
}

TEST(EventInWords, OfAVariableSaysItsValue) {
  EXPECT_EQ(variable_words("BootOrder", "01000a00"), "BootOrder: 0001,000A");
  std::string order;
  for (unsigned i = 0; i < 64; ++i) order += "0100";
  EXPECT_TRUE(variable_words("BootOrder", order).ends_with(",..."));
  const std::string option =
      "01000000"
      "0600"
      "410062000000" +
      node(1, 1, "0003");
  EXPECT_EQ(variable_words("Boot000A", option), "Boot000A: \"Ab\" Pci(0x3,0x0)");
  EXPECT_EQ(variable_words("Boot0001", option.substr(0, 28)), "Boot0001: \"Ab\" ...");
  EXPECT_EQ(variable_words("Boot0001", "010000"), "Boot0001: 010000");
  EXPECT_EQ(variable_words("Boot0001", "0100000006"), "Boot0001: 0100000006");
  EXPECT_EQ(variable_words("BootXXXX", "07"), "BootXXXX: 07");
  for (const char* const name : {"PK", "KEK", "db", "dbx", "dbt", "dbr"}) {
    EXPECT_EQ(variable_words(name, ""), std::string(name) + ": empty");
    EXPECT_EQ(variable_words(name, "0102"), std::string(name) + ": 2 octets");
  }
  EXPECT_EQ(variable_words("SecureBoot", "01"), "SecureBoot: on");
  EXPECT_EQ(variable_words("SecureBoot", "00"), "SecureBoot: off");
  EXPECT_EQ(variable_words("SecureBoot", ""), "SecureBoot: off");
  EXPECT_EQ(variable_words("SecureBoot", "0101"), "SecureBoot: 0101");
  EXPECT_EQ(variable_words("Other", ""), "Other: empty");
  EXPECT_EQ(words_of(ev_efi_variable_boot, {1, 2}), "0102") << "no variable at all";
}

TEST(EventInWords, OfFirmwareDisksAndSignsSaysWhatTheyAre) {
  const auto words = [](std::uint32_t type, const std::string& hex) {
    return words_of(type, from_hex(hex).value());
  };
  const std::string extent = "00100000000000000002000000000000";
  EXPECT_EQ(words(ev_efi_platform_firmware_blob, extent), "0x1000, 512 octets");
  EXPECT_EQ(words(ev_efi_platform_firmware_blob, "0010"), "0010");
  EXPECT_EQ(words(ev_efi_platform_firmware_blob, extent + "00"), extent + "... (17 octets)");
  EXPECT_EQ(words(ev_efi_platform_firmware_blob2, "024658" + extent), "FX at 0x1000, 512 octets");
  EXPECT_EQ(words(ev_efi_platform_firmware_blob2, "ff0102"), "ff0102");
  EXPECT_EQ(words(ev_efi_platform_firmware_blob2, ""), "");
  const std::string header(92 * 2, '0');
  EXPECT_EQ(words(ev_efi_gpt_event, header + "0300000000000000"),
            "disk 00000000-0000-0000-0000-000000000000, 3 partitions");
  EXPECT_EQ(words(ev_efi_gpt_event2, "0102"), "0102");
  EXPECT_EQ(words(ev_separator, "57424348"), "separator 57424348");
  EXPECT_EQ(words(ev_separator, "5742434c"), "WBCL");
  EXPECT_EQ(words(ev_separator, "01000000"), "error separator");
  EXPECT_EQ(words(ev_separator, "ffffffff"), "separator");
  EXPECT_EQ(words(ev_no_action, "ff01"), "ff01");
  const std::string locality = to_hex(as_bytes("StartupLocality")) + "00";
  EXPECT_EQ(words(ev_no_action, locality + "03"), "StartupLocality 3");
  EXPECT_EQ(words(ev_no_action, locality), "StartupLocality");
  EXPECT_EQ(words(ev_efi_boot_services_application, "00"), "no path");
}

}  // namespace
}  // namespace mintmark::attest::eventlog
