#include <gtest/gtest.h>

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

}  // namespace
}  // namespace mintmark::attest::eventlog
