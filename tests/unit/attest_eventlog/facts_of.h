// A log of a test's own making, and the facts that are taken from it.
#pragma once

#include <gtest/gtest.h>

#include "attest/eventlog/judge.h"
#include "support/boot_log.h"

namespace mintmark::attest::eventlog {

inline const std::vector<unsigned> boot_pcrs = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14};

// Judged against the PCRs that the log leaves: a log that replays, honest or not.
inline BootFacts facts_of(const test::BootLog& boot, const std::string& bank = "sha256") {
  const auto log = parse(boot.octets());
  EXPECT_TRUE(log) << log.error().to_string();
  auto pcrs = boot.pcrs(bank, boot_pcrs);
  pcrs.erase(10);
  const auto record = judge(*log, bank, pcrs);
  EXPECT_TRUE(record) << record.error().to_string();
  return record ? record->facts : BootFacts{};
}

}  // namespace mintmark::attest::eventlog
