// What a quote says of a machine that boots, and boots again: with a swtpm that a made-up firmware
// measures into.
#include "support/measured_boot.h"

#include <gtest/gtest.h>
#include <tss2/tss2_mu.h>

#include "base/file.h"
#include "hsm/tpm2/device_tpm.h"
#include "support/swtpm.h"
#include "support/temporary_directory.h"

namespace mintmark::hsm::tpm2 {
namespace {

const std::vector<unsigned> measured = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

class MeasuredBoot : public testing::Test {
 protected:
  MeasuredBoot()
      : machine_(swtpm_.tcti(), files_.path() / "log", [this] { swtpm_.power_cycle(); }) {}

  /// With a connection of its own: swtpm serves one at a time.
  template <typename Call>
  auto with_tpm(Call call) {
    auto device = open_device(swtpm_.tcti());
    if (!device) throw std::runtime_error(device.error().to_string());
    return call(**device);
  }
  Quote quote(const KeyBlobs& ak, const std::string& bank = "sha256") {
    return with_tpm([&](Device& device) {
      auto quoted = device.quote(ak, bank, measured, sha256("qualifying"));
      if (!quoted) throw std::runtime_error(quoted.error().to_string());
      return std::move(*quoted);
    });
  }
  KeyBlobs attestation_key() {
    return with_tpm([](Device& device) { return std::move(*device.create_attestation_key()); });
  }

  test::Swtpm swtpm_;
  test::TemporaryDirectory files_;
  test::MeasuredBoot machine_;
};

TPMS_CLOCK_INFO clock_of(const Quote& quote) {
  TPMS_ATTEST attest{};
  std::size_t at = 0;
  const Bytes& octets = quote.statement.attest;
  if (Tss2_MU_TPMS_ATTEST_Unmarshal(octets.data(), octets.size(), &at, &attest) != 0)
    throw std::runtime_error("no TPMS_ATTEST");
  return attest.clockInfo;
}

TEST_F(MeasuredBoot, LeavesInEachBankWhatItsLogSays) {
  machine_.boot();
  const KeyBlobs ak = attestation_key();
  for (const char* bank : {"sha1", "sha256", "sha384"})
    EXPECT_EQ(quote(ak, bank).pcrs, machine_.last().pcrs(bank, measured)) << bank;
  const auto file = read_file(machine_.log());
  ASSERT_TRUE(file);
  EXPECT_EQ(to_bytes(as_bytes(*file)), machine_.last().octets());
}

TEST_F(MeasuredBoot, OfTheSameThingsLeavesTheSame) {
  machine_.boot();
  const KeyBlobs ak = attestation_key();
  const auto first = quote(ak).pcrs;
  machine_.boot();
  EXPECT_EQ(quote(ak).pcrs, first);
}

TEST_F(MeasuredBoot, WithOtherThingsDiffersWhereTheyAreMeasured) {
  machine_.boot();
  const KeyBlobs ak = attestation_key();
  const auto first = quote(ak).pcrs;
  const auto differing = [&](const test::BootRecipe& recipe) {
    machine_.boot(recipe);
    std::vector<unsigned> found;
    for (const auto& [index, value] : quote(ak).pcrs) {
      if (value != first.at(index)) found.push_back(index);
    }
    return found;
  };
  using Indexes = std::vector<unsigned>;
  EXPECT_EQ(differing({.loader = "shim 15.9"}), (Indexes{4}));
  EXPECT_EQ(differing({.secure_boot = false}), (Indexes{7}));
  EXPECT_EQ(differing({.command_line = "/vmlinuz-6.1 init=/bin/sh"}), (Indexes{8}));
  EXPECT_EQ(differing({.firmware = "1.1"}), (Indexes{0}));
  EXPECT_EQ(differing({}), (Indexes{}));
}

TEST_F(MeasuredBoot, MayTellItsLogLessThanTheTpm) {
  machine_.boot({.loader_left_out = true});
  EXPECT_EQ(quote(attestation_key()).pcrs, machine_.last().pcrs("sha256", measured));
  EXPECT_LT(read_file(machine_.log())->size(), machine_.last().octets().size());
}

TEST_F(MeasuredBoot, IsFollowedByWhatRunsThen) {
  machine_.boot();
  machine_.extend(9, "a module");
  EXPECT_NE(quote(attestation_key()).pcrs, machine_.last().pcrs("sha256", measured));
}

// TPM 2.0 Part 1, 36.7: what a key sees of the counters is shifted, always by as much. So quotes by
// one key that is kept can be compared, and quotes by two keys cannot.
TEST_F(MeasuredBoot, IsCountedInQuotesByOneKey) {
  machine_.boot();
  const KeyBlobs ak = attestation_key();
  const auto before = clock_of(quote(ak));
  EXPECT_EQ(clock_of(quote(ak)).resetCount, before.resetCount);
  machine_.boot();
  const auto after = clock_of(quote(ak));
  EXPECT_EQ(static_cast<std::uint32_t>(after.resetCount - before.resetCount), 1U);
  EXPECT_NE(clock_of(quote(attestation_key())).resetCount, after.resetCount);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
