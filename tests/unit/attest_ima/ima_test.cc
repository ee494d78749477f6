#include "attest/ima/ima.h"

#include <gtest/gtest.h>

#include "support/ima_log.h"
#include "support/mutations.h"

namespace mintmark::attest::ima {
namespace {

using test::ImaLog;

constexpr std::array bank_names = {"sha1", "sha256", "sha384"};

ImaLog usual() {
  ImaLog log;
  log.file("boot_aggregate", "aggregate").file("/usr/bin/init", "init");
  log.file("/usr/lib/a module.ko", "module", "ima-sig", Bytes{3, 2, 4, 9});
  log.file("/usr/bin/unsigned", "unsigned", "ima-sig");
  log.file("/etc/verity", "verity", "ima-ngv2").file("/etc/both", "both", "ima-sigv2", Bytes{3});
  log.file(".ima", "keyring", "ima-buf", Bytes{0x30, 0x82});
  return log;
}

// Binary and ASCII of one log.
std::vector<Bytes> forms(const ImaLog& log) {
  return {log.binary(), to_bytes(as_bytes(log.ascii()))};
}

Code code_of(const Result<Log>& parsed) { return parsed ? Code::internal : parsed.error().code; }

TEST(ImaLog, OfEachFormAndTemplateMakesPcr10OfEachBank) {
  const ImaLog log = usual();
  for (const Bytes& octets : forms(log)) {
    const auto parsed = parse(octets);
    ASSERT_TRUE(parsed) << parsed.error().to_string();
    for (const char* const bank : bank_names) {
      const auto summary = judge(*parsed, bank, log.pcr10(bank));
      ASSERT_TRUE(summary) << summary.error().to_string();
      EXPECT_EQ(summary->covered, 7U);
      EXPECT_EQ(summary->later, 0U);
      EXPECT_EQ(summary->log_template, "ima-buf");
      ASSERT_EQ(summary->files.size(), 7U);
      EXPECT_EQ(summary->files[2].first, "/usr/lib/a module.ko");
      EXPECT_EQ(summary->files[1].second, "sha256:" + to_hex(sha256("init")));
      EXPECT_EQ(summary->files[4].second, "ima:sha256:" + to_hex(sha256("verity")));
    }
  }
}

TEST(ImaLog, OfTheFirstTemplateMakesPcr10) {
  ImaLog log;
  log.file("boot_aggregate", "a", "ima").file("/usr/bin/kmod", "b", "ima");
  for (const Bytes& octets : forms(log)) {
    const auto parsed = parse(octets);
    ASSERT_TRUE(parsed) << parsed.error().to_string();
    const auto summary = judge(*parsed, "sha1", log.pcr10("sha1"));
    ASSERT_TRUE(summary) << summary.error().to_string();
    EXPECT_EQ(summary->files[1].second, "sha1:" + to_hex(test::bank_digest("sha1", as_bytes("b"))));
  }
}

// Template hashes of real kernels, as their ASCII logs list them.
TEST(ImaLog, OfRealKernelsHashesToWhatTheyList) {
  for (const char* const line :
       {"10 d7026dc672344d3ee372217bdbc7395947788671 ima "
        "6f66d1d8e2fffcc12dfcb78c04b81fe5b8bbae4e /usr/bin/kmod",
        "10 7936eb315fb4e74b99e7d461bc5c96049e1ee092 ima-ng "
        "sha1:bc026ae66d81713e4e852465e980784dc96651f8 /usr/lib/systemd/systemd",
        "10 5426cf3031a43f5bfca183d79950698a95a728f6 ima-sig "
        "sha256:f1125b940480d20ad841d26d5ea253edc0704b5ec1548c891edf212cb1a9365e "
        "/lib/modules/5.4.48-openpower1/kernel/drivers/usb/common/usb-common.ko"}) {
    const auto log = parse(as_bytes(line));
    ASSERT_TRUE(log) << log.error().to_string();
    const Entry& entry = log->entries.front();
    EXPECT_EQ(to_hex(bank_named("sha1")->digest(entry.hashed)), to_hex(entry.listed));
  }
}

TEST(ImaLog, OfAnOlderKernelMakesOtherBanksOfSha1FilledUp) {
  const ImaLog log = usual();
  const auto parsed = parse(log.binary());
  ASSERT_TRUE(parsed);
  for (const char* const bank : {"sha256", "sha384"})
    EXPECT_TRUE(judge(*parsed, bank, log.pcr10(bank, 7, true))) << bank;
}

TEST(ImaLog, NeverMixesTheTwoWaysOfOtherBanks) {
  ImaLog log;
  log.file("boot_aggregate", "a").file("/b", "b");
  const auto parsed = parse(log.binary());
  ASSERT_TRUE(parsed);
  Bytes second = test::bank_digest("sha1", parsed->entries[1].hashed);
  second.resize(32);
  const Bytes mixed = test::extended("sha256", log.pcr10("sha256", 1), second);
  const auto summary = judge(*parsed, "sha256", mixed);
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, Code::ima_replay);
}

TEST(ImaLog, ThatGrewAfterTheQuoteIsTakenUpToIt) {
  const ImaLog log = usual();
  for (const Bytes& octets : forms(log)) {
    const auto parsed = parse(octets);
    ASSERT_TRUE(parsed);
    for (std::size_t covered = 1; covered < 7; ++covered) {
      const auto summary = judge(*parsed, "sha256", log.pcr10("sha256", covered));
      ASSERT_TRUE(summary) << summary.error().to_string();
      EXPECT_EQ(summary->covered, covered);
      EXPECT_EQ(summary->later, 7 - covered);
      EXPECT_EQ(summary->files.size(), covered);
    }
  }
}

TEST(ImaLog, CountsViolationsAndExtendsThemAsOnes) {
  ImaLog log = usual();
  log.violation("/var/log/open").file("/usr/bin/last", "last");
  for (const Bytes& octets : forms(log)) {
    const auto parsed = parse(octets);
    ASSERT_TRUE(parsed);
    for (const char* const bank : bank_names) {
      for (const bool filled_up : {false, true}) {
        const auto summary = judge(*parsed, bank, log.pcr10(bank, 9, filled_up));
        ASSERT_TRUE(summary) << summary.error().to_string();
        EXPECT_EQ(summary->violations, 1U);
        EXPECT_EQ(summary->files.size(), 8U);
      }
    }
  }
}

TEST(ImaLog, WithAnEntryChangedDroppedOrMovedIsRefused) {
  const ImaLog log = usual();
  const Bytes quoted = log.pcr10("sha256");
  for (std::size_t i = 0; i < 7; ++i) {
    for (int change = 0; change < 4; ++change) {
      auto parsed = parse(log.binary());
      ASSERT_TRUE(parsed);
      auto& entries = parsed->entries;
      if (change == 0) entries[i].hashed.back() ^= 1U;
      if (change == 1) entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i));
      if (change == 2) std::swap(entries[i], entries[(i + 1) % 7]);
      if (change == 3) entries[i].violation = true;
      const auto summary = judge(*parsed, "sha256", quoted);
      ASSERT_FALSE(summary) << i << " " << change;
      EXPECT_EQ(summary.error().code, Code::ima_replay);
    }
  }
}

// The listed template hash is the log's word: another one changes nothing.
TEST(ImaLog, IsExtendedByWhatItsEntriesHoldAndNotByWhatTheyList) {
  const ImaLog log = usual();
  auto parsed = parse(log.binary());
  ASSERT_TRUE(parsed);
  for (Entry& entry : parsed->entries) entry.listed = Bytes(20, 0xAA);
  EXPECT_TRUE(judge(*parsed, "sha1", log.pcr10("sha1")));
}

TEST(ImaLog, OfAnUnknownTemplateInAsciiIsExtendedAsListedInItsBankAlone) {
  const Bytes listed(20, 0x5A);
  const std::string line = "10 " + to_hex(listed) + " evm-sig sha256:00 /x 1 2 3\n";
  const auto parsed = parse(as_bytes(line));
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_TRUE(judge(*parsed, "sha1", test::extended("sha1", Bytes(20), listed)));
  EXPECT_FALSE(judge(*parsed, "sha256", test::extended("sha256", Bytes(32), Bytes(32, 0x5A))));
}

TEST(ImaLog, KeepsFilesWhoseNamesAreNoUtf8) {
  for (const char* const name : {"ima-ng", "ima"}) {
    ImaLog log;
    log.file("boot_aggregate", "a", name).file("/tmp/a\\\xFF\xC3\xA4", "evil", name);
    for (const Bytes& octets : forms(log)) {
      const auto parsed = parse(octets);
      ASSERT_TRUE(parsed) << parsed.error().to_string();
      const auto summary = judge(*parsed, "sha1", log.pcr10("sha1"));
      ASSERT_TRUE(summary) << summary.error().to_string();
      ASSERT_EQ(summary->files.size(), 2U);
      EXPECT_EQ(summary->files[1].first, "/tmp/a\\\\\\xff\xC3\xA4");
      EXPECT_EQ(summary->unnamed, 0U);
    }
  }
}

TEST(ImaLog, CountsEntriesThatItsListingShowsAsOfAnUnknownTemplate) {
  ImaLog log;
  log.file("boot_aggregate", "a").file("/tmp/evil", "evil");
  std::string text = log.ascii();
  text.replace(text.rfind("ima-ng"), 6, "foo");
  const auto parsed = parse(as_bytes(text));
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  const auto summary = judge(*parsed, "sha1", log.pcr10("sha1"));
  ASSERT_TRUE(summary) << summary.error().to_string();
  EXPECT_EQ(summary->files.size(), 1U);
  EXPECT_EQ(summary->unnamed, 1U);
}

TEST(ImaLog, CountsEntriesWithoutANameAndNeitherViolationsNorLaterOnes) {
  ImaLog log;
  log.file("/a", "a").file("", "b").violation("").file("", "c");
  const auto parsed = parse(log.binary());
  ASSERT_TRUE(parsed);
  for (std::size_t covered = 1; covered <= 4; ++covered) {
    const auto summary = judge(*parsed, "sha256", log.pcr10("sha256", covered));
    ASSERT_TRUE(summary) << summary.error().to_string();
    EXPECT_EQ(summary->unnamed, (std::array{0U, 1U, 1U, 2U}[covered - 1])) << covered;
    EXPECT_EQ(summary->files.size(), 1U);
  }
}

TEST(ImaLog, OfATemplateWithoutPathsHasNoFileAndSaysSo) {
  ImaLog log;
  log.file("/a", "a");
  auto parsed = parse(log.binary());
  ASSERT_TRUE(parsed);
  // d|n: a digest without its algorithm stands first.
  Bytes data = {20, 0, 0, 0};
  data.insert(data.end(), 20, 0x11);
  parsed->entries.front().hashed = data;
  parsed->entries.front().path.clear();
  const Bytes quoted = test::extended("sha256", Bytes(32), test::bank_digest("sha256", data));
  const auto summary = judge(*parsed, "sha256", quoted);
  ASSERT_TRUE(summary) << summary.error().to_string();
  EXPECT_TRUE(summary->files.empty());
  EXPECT_EQ(summary->unnamed, 1U);
}

TEST(ImaLog, ThatNothingWasExtendedOfIsRefused) {
  const auto parsed = parse(usual().binary());
  ASSERT_TRUE(parsed);
  for (const std::size_t size : {20U, 32U, 48U}) {
    const auto summary = judge(*parsed,
                               size == 20   ? "sha1"
                               : size == 32 ? "sha256"
                                            : "sha384",
                               Bytes(size));
    ASSERT_FALSE(summary);
    EXPECT_EQ(summary.error().code, Code::ima_replay);
    EXPECT_NE(summary.error().detail.find("never extended"), std::string::npos);
  }
}

TEST(ImaLog, OfAnotherMachineIsRefused) {
  const auto parsed = parse(usual().binary());
  ASSERT_TRUE(parsed);
  ImaLog other;
  other.file("boot_aggregate", "another");
  const auto summary = judge(*parsed, "sha256", other.pcr10("sha256"));
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, Code::ima_replay);
}

TEST(ImaLog, InABankThatIsNoneIsRefused) {
  const auto parsed = parse(usual().binary());
  ASSERT_TRUE(parsed);
  for (const char* const bank : {"md5", "", "sha256"})
    EXPECT_EQ(judge(*parsed, bank, Bytes(20)).error().code, Code::eventlog_bank);
}

TEST(ImaLog, PassesOverEntriesOfOtherPcrs) {
  const ImaLog log = usual();
  ImaLog more;
  more.file("/elsewhere", "x");
  const Bytes elsewhere = [&] {
    Bytes entry = more.binary();
    entry[0] = 11;
    return entry;
  }();
  // Before and behind those of PCR 10.
  Bytes octets = elsewhere;
  for (const Bytes& part : {log.binary(), elsewhere})
    octets.insert(octets.end(), part.begin(), part.end());
  const auto parsed = parse(octets);
  ASSERT_TRUE(parsed);
  const auto summary = judge(*parsed, "sha256", log.pcr10("sha256"));
  ASSERT_TRUE(summary) << summary.error().to_string();
  EXPECT_EQ(summary->covered, 7U);
  EXPECT_EQ(summary->later, 0U);
}

TEST(ImaLog, CutOffInsideItsLastEntryIsReadUpToThere) {
  const ImaLog log = usual();
  const Bytes octets = log.binary();
  std::size_t refused = 0;
  for (std::size_t length = 1; length < octets.size(); ++length) {
    const auto parsed = parse(BytesView(octets).first(length));
    if (!parsed) {
      EXPECT_EQ(parsed.error().code, Code::ima_malformed);
      ++refused;
      continue;
    }
    EXPECT_LT(parsed->entries.size(), 7U);
    // It covers less than the quote.
    EXPECT_FALSE(judge(*parsed, "sha256", log.pcr10("sha256")));
    const std::size_t whole = parsed->entries.size();
    EXPECT_TRUE(judge(*parsed, "sha256", log.pcr10("sha256", whole))) << length;
  }
  EXPECT_GT(refused, 0U) << "inside its first entry there is no log";
}

TEST(ImaLog, CutOffAnywhereInAsciiNeverCoversTheQuote) {
  const ImaLog log = usual();
  const std::string text = log.ascii();
  for (std::size_t length = 1; length + 1 < text.size(); ++length) {
    const auto parsed = parse(as_bytes(std::string_view(text).substr(0, length)));
    const bool covers = parsed && judge(*parsed, "sha256", log.pcr10("sha256"));
    EXPECT_FALSE(covers) << length;
  }
}

TEST(ImaLog, WithLengthsThatCannotBeIsRefused) {
  const Bytes good = usual().binary();
  // The first entry: PCR, hash, length of the name, "ima-ng", length of its data.
  for (const std::size_t at : {0U, 24U, 34U}) {
    Bytes octets = good;
    for (std::size_t i = 0; i < 4; ++i) octets[at + i] = 0xFF;
    EXPECT_EQ(code_of(parse(octets)), Code::ima_malformed) << at;
  }
}

TEST(ImaLog, WithALineThatIsNoEntryIsRefusedByItsNumber) {
  const std::string good = usual().ascii();
  const std::string second = good.substr(good.find('\n') + 1);
  for (const char* const line : {"hello", "10", "10 zz ima-ng sha256:00 /x",
                                 "99 "
                                 "aabb ima-ng sha256:00 /x",
                                 "10 0000 ima-ng sha256:00 /x",
                                 "10 0000000000000000000000000000000000000000 ima-ng sha256 /x",
                                 "10 0000000000000000000000000000000000000000 ima-ng"}) {
    const auto parsed = parse(as_bytes(good.substr(0, good.find('\n') + 1) + line + "\n" + second));
    ASSERT_FALSE(parsed) << line;
    EXPECT_EQ(parsed.error().code, Code::ima_malformed);
    EXPECT_NE(parsed.error().detail.find("line 2"), std::string::npos);
  }
}

TEST(ImaLog, OfNoOctetsIsRefused) { EXPECT_EQ(code_of(parse({})), Code::ima_malformed); }

TEST(ImaLog, LongerThanItsBoundIsRefusedAsTooLong) {
  EXPECT_EQ(code_of(parse(Bytes(most_octets + 1, '1'))), Code::ima_too_long);
}

TEST(ImaLog, WithMoreEntriesThanItsBoundIsRefusedAsTooLong) {
  const std::string line = "10 0000000000000000000000000000000000000000 x y\n";
  std::string text;
  for (std::size_t i = 0; i <= most_entries; ++i) text += line;
  EXPECT_EQ(code_of(parse(as_bytes(text))), Code::ima_too_long);
}

TEST(ImaLog, MutatedIsNeverTakenForMoreThanItWas) {
  const ImaLog log = usual();
  const Bytes quoted = log.pcr10("sha256");
  for (const Bytes& octets : forms(log)) {
    test::for_each_mutation(std::string(as_text(octets)), 2000, [&](const std::string& broken) {
      const auto parsed = parse(as_bytes(broken));
      const auto summary = parsed ? judge(*parsed, "sha256", quoted) : fail(Code::ima_replay, "");
      if (summary) {
        EXPECT_EQ(summary->covered, 7U);
        EXPECT_EQ(summary->files.size(), 7U);
      }
    });
  }
}

}  // namespace
}  // namespace mintmark::attest::ima
