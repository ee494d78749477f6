#include "attest/eventlog/judge.h"

#include <gtest/gtest.h>

#include "support/boot_log.h"

namespace mintmark::attest::eventlog {
namespace {

using test::BootLog;

const std::vector<unsigned> boot_pcrs = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14};

Result<BootRecord> judged(const Bytes& octets, const std::map<unsigned, Bytes>& quoted,
                          const std::string& bank = "sha256") {
  auto log = parse(octets);
  if (!log) return pass_on(log);
  return judge(*log, bank, quoted);
}

TEST(JudgedLog, ThatReplaysToTheQuotedPcrsIsTaken) {
  const BootLog boot = BootLog::whole();
  for (const char* const bank : {"sha1", "sha256", "sha384"}) {
    const auto record = judged(boot.octets(), boot.pcrs(bank, boot_pcrs), bank);
    ASSERT_TRUE(record) << record.error().to_string();
    EXPECT_EQ(record->bank, bank);
    EXPECT_TRUE(record->log_given);
    EXPECT_EQ(record->events.size(), boot.offsets().size());
    EXPECT_EQ(record->pcrs.size(), boot_pcrs.size());
    EXPECT_EQ(record->pcrs.at(4), to_hex(boot.pcrs(bank).at(4)));
  }
}

TEST(JudgedLog, ThatMakesAPcrAnotherIsRefusedWithThePcrAndBothValues) {
  const BootLog boot = BootLog::whole();
  for (const unsigned pcr : boot_pcrs) {
    auto quoted = boot.pcrs("sha256", boot_pcrs);
    const std::string before = to_hex(quoted[pcr]);
    quoted[pcr][31] ^= 1U;
    const auto record = judged(boot.octets(), quoted);
    ASSERT_FALSE(record) << pcr;
    EXPECT_EQ(record.error().code, Code::eventlog_replay);
    EXPECT_NE(record.error().detail.find("PCR " + std::to_string(pcr) + " "), std::string::npos);
    EXPECT_NE(record.error().detail.find(before), std::string::npos);
    EXPECT_NE(record.error().detail.find(to_hex(quoted[pcr])), std::string::npos);
  }
}

TEST(JudgedLog, WithoutEventsOfAPcrThatWasExtendedIsRefused) {
  const BootLog boot = BootLog::whole();
  auto quoted = boot.pcrs("sha256", boot_pcrs);
  quoted[13] = Bytes(32, 0x13);
  const auto record = judged(boot.octets(), quoted);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, Code::eventlog_replay);
  EXPECT_NE(record.error().detail.find("no event"), std::string::npos);
}

TEST(JudgedLog, WithoutABankIsRefusedForThat) {
  const BootLog boot = BootLog::whole("shim", true, {"sha1", "sha256"});
  for (const char* const bank : {"sha384", "sha512", "md5", ""}) {
    const auto record = judged(boot.octets(), {{0, Bytes(48)}}, bank);
    ASSERT_FALSE(record) << bank;
    EXPECT_EQ(record.error().code, Code::eventlog_bank);
  }
}

TEST(JudgedLog, SaysNothingOfPcrsThatTheRunningSystemExtends) {
  BootLog boot = BootLog::whole();
  boot.measure(11, test::ev_ipl, "phase");
  auto quoted = boot.pcrs("sha256", boot_pcrs);
  for (const unsigned pcr : {10U, 11U, 15U, 16U, 23U}) quoted[pcr] = Bytes(32, 0xAB);
  const auto record = judged(boot.octets(), quoted);
  ASSERT_TRUE(record) << record.error().to_string();
  EXPECT_EQ(record->events.back().pcr, 11U);
  EXPECT_FALSE(record->events.back().attested);
  for (const LoaderEvent& event : record->facts.loader) EXPECT_NE(event.pcr, 11U);
}

TEST(JudgedLog, BelievesPcr11ThatSystemdExtendedByItsPhases) {
  BootLog boot = BootLog::whole();
  boot.measure(11, test::ev_ipl, "section");
  auto quoted = boot.pcrs("sha256", boot_pcrs);
  for (const char* const phase : {"enter-initrd", "leave-initrd", "sysinit", "ready"}) {
    quoted[11] = test::extended("sha256", quoted[11], test::bank_digest("sha256", as_bytes(phase)));
    const auto record = judged(boot.octets(), quoted);
    ASSERT_TRUE(record) << record.error().to_string();
    EXPECT_TRUE(record->events.back().attested) << phase;
  }
  for (const char* const other : {"ready", "rescue"}) {
    auto further = quoted;
    further[11] =
        test::extended("sha256", quoted[11], test::bank_digest("sha256", as_bytes(other)));
    const auto record = judged(boot.octets(), further);
    ASSERT_TRUE(record);
    EXPECT_FALSE(record->events.back().attested) << other;
  }
}

TEST(JudgedLog, BelievesNothingOfAPcrThatWasNotQuoted) {
  const BootLog boot = BootLog::whole();
  auto quoted = boot.pcrs("sha256", boot_pcrs);
  quoted.erase(7);
  quoted.erase(4);
  quoted.erase(8);
  const auto record = judged(boot.octets(), quoted);
  ASSERT_TRUE(record) << record.error().to_string();
  EXPECT_FALSE(record->facts.secure_boot);
  EXPECT_TRUE(record->facts.dbx.empty());
  EXPECT_TRUE(record->facts.images.empty());
  EXPECT_TRUE(record->facts.kernel_command_lines.empty());
  for (const char* const fact : {"secure_boot", "dbx", "images", "kernel_command_lines"})
    EXPECT_EQ(record->facts.not_known.count(fact), 1U) << fact;
  for (const MeasuredEvent& event : record->events)
    EXPECT_FALSE(event.attested && (event.pcr == 7 || event.pcr == 4 || event.pcr == 8));
}

TEST(JudgedLog, WithAPcrOfAnotherSizeIsRefused) {
  const BootLog boot = BootLog::whole();
  auto quoted = boot.pcrs("sha256", boot_pcrs);
  quoted[0].pop_back();
  const auto record = judged(boot.octets(), quoted);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, Code::eventlog_replay);
}

TEST(JudgedLog, ThatBeginsPcr0WithAnotherLocalityIsRefused) {
  BootLog locality3({"sha256"});
  locality3.startup_locality(3).separator(0);
  BootLog locality0({"sha256"});
  locality0.separator(0);
  EXPECT_TRUE(judged(locality3.octets(), locality3.pcrs("sha256")));
  const auto record = judged(locality0.octets(), locality3.pcrs("sha256"));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, Code::eventlog_replay);
}

}  // namespace
}  // namespace mintmark::attest::eventlog
