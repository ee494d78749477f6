// Event logs of real machines, each with one thing changed: refused, whatever it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "attest/eventlog/event_types.h"
#include "attest/eventlog/judge.h"
#include "real_logs.h"

namespace mintmark::attest::eventlog {
namespace {

// An event as octets again.
void write(Bytes& out, const Log& log, const Event& event, BytesView data) {
  const auto put = [&out](std::uint64_t value, unsigned octets) {
    for (unsigned i = 0; i < octets; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8U * i));
  };
  const bool crypto_agile = log.crypto_agile && event.number > 0;
  put(event.pcr, 4);
  put(event.type, 4);
  if (crypto_agile) put(event.digests.size(), 4);
  for (const EventDigest& digest : event.digests) {
    if (crypto_agile) put(digest.algorithm, 2);
    out.insert(out.end(), digest.value.begin(), digest.value.end());
  }
  put(data.size(), 4);
  out.insert(out.end(), data.begin(), data.end());
}

// The log with other events: each index is one of the log's.
Bytes of_events(const Log& log, const std::vector<std::size_t>& order) {
  Bytes out;
  for (const std::size_t index : order) write(out, log, log.events[index], log.events[index].data);
  return out;
}

std::vector<std::size_t> all_of(const Log& log) {
  std::vector<std::size_t> order(log.events.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  return order;
}

using Judge = std::function<void(const Case&, const Log&, const std::string&, const Pcrs&)>;

// Each log with each bank that its machine's PCRs are given of.
void for_each_bank(const Judge& judge_one) {
  std::size_t judged = 0;
  for (const Case& one : logs_of_real_machines()) {
    if (one.expect["answer"] != "accept") continue;
    const auto banks_found = banks_beside(one);
    if (banks_found.empty()) continue;
    SCOPED_TRACE(one.id);
    const auto log = parse(one.octets);
    ASSERT_TRUE(log);
    for (const auto& [bank, pcrs] : banks_found) judge_one(one, *log, bank, pcrs);
    ++judged;
  }
  test::expect_some(judged);
}

bool is_decided_by_log(unsigned pcr) { return pcr <= 9 || (pcr >= 12 && pcr <= 14); }

// An event whose digest goes into a PCR that was read from the machine and that the log answers
// for.
bool counts(const Event& event, const std::string& bank, const Pcrs& pcrs) {
  return event.extends() && is_decided_by_log(event.pcr) && pcrs.count(event.pcr) != 0 &&
         !event.digest(*bank_named(bank)).empty();
}

// Nothing where the octets are no log, or are judged bad; the code of the refusal.
std::optional<Code> refusal(const Bytes& octets, const std::string& bank, const Pcrs& pcrs) {
  const auto log = parse(octets);
  if (!log) return log.error().code;
  const auto record = judge(*log, bank, pcrs);
  if (record) return std::nullopt;
  return record.error().code;
}

TEST(EventLogArtefacts, WithAnEventDroppedAreRefused) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  for_each_bank([](const Case&, const Log& log, const std::string& bank, const Pcrs& pcrs) {
    for (std::size_t i = 1; i < log.events.size(); ++i) {
      if (!counts(log.events[i], bank, pcrs)) continue;
      auto order = all_of(log);
      order.erase(order.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_EQ(refusal(of_events(log, order), bank, pcrs), Code::eventlog_replay) << i;
    }
  });
}

TEST(EventLogArtefacts, WithAnEventTwiceAreRefused) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  for_each_bank([](const Case&, const Log& log, const std::string& bank, const Pcrs& pcrs) {
    for (std::size_t i = 1; i < log.events.size(); ++i) {
      if (!counts(log.events[i], bank, pcrs)) continue;
      auto order = all_of(log);
      order.insert(order.begin() + static_cast<std::ptrdiff_t>(i), i);
      EXPECT_EQ(refusal(of_events(log, order), bank, pcrs), Code::eventlog_replay) << i;
    }
  });
}

TEST(EventLogArtefacts, WithEventsOfAPcrInAnotherOrderAreRefused) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  for_each_bank([](const Case&, const Log& log, const std::string& bank, const Pcrs& pcrs) {
    std::map<unsigned, std::size_t> before;
    for (std::size_t i = 1; i < log.events.size(); ++i) {
      const Event& event = log.events[i];
      if (!counts(event, bank, pcrs)) continue;
      const auto found = before.find(event.pcr);
      const Bank& hash = *bank_named(bank);
      const bool differs =
          found != before.end() &&
          to_hex(log.events[found->second].digest(hash)) != to_hex(event.digest(hash));
      if (differs) {
        auto order = all_of(log);
        std::swap(order[i], order[found->second]);
        EXPECT_EQ(refusal(of_events(log, order), bank, pcrs), Code::eventlog_replay) << i;
      }
      before[event.pcr] = i;
    }
  });
}

// The digest is what was extended: a log with other data still replays. Then nothing of these data
// may be believed.
TEST(EventLogArtefacts, WithOtherDataBesideADigestTellNothingOfThem) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  for_each_bank([](const Case&, const Log& log, const std::string& bank, const Pcrs& pcrs) {
    const auto good = judge(log, bank, pcrs);
    ASSERT_TRUE(good);
    for (std::size_t i = 1; i < log.events.size(); ++i) {
      const Event& event = log.events[i];
      if (!counts(event, bank, pcrs) || event.data.empty() || !good->events[i].attested) continue;
      Bytes octets = log.octets;
      const auto at = static_cast<std::size_t>(event.data.data() - log.octets.data());
      // Not the last octet: shim's older logs have one there that was not hashed.
      octets[at + (event.data.size() - 1) / 2] ^= 0x01U;
      const auto changed = parse(octets);
      ASSERT_TRUE(changed);
      const auto record = judge(*changed, bank, pcrs);
      ASSERT_TRUE(record) << record.error().to_string();
      EXPECT_FALSE(record->events[i].attested) << i;
      // A separator is known by its digest.
      if (event.pcr == 7 && event.type != ev_separator) {
        EXPECT_FALSE(record->facts.secure_boot) << i;
        EXPECT_TRUE(record->facts.authorities.empty()) << i;
      }
    }
  });
}

TEST(EventLogArtefacts, WithAnotherDigestAreRefused) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  for_each_bank([](const Case&, const Log& log, const std::string& bank, const Pcrs& pcrs) {
    for (const Event& event : log.events) {
      if (!counts(event, bank, pcrs)) continue;
      Bytes octets = log.octets;
      const BytesView digest = event.digest(*bank_named(bank));
      octets[static_cast<std::size_t>(digest.data() - log.octets.data())] ^= 0x80U;
      EXPECT_EQ(refusal(octets, bank, pcrs), Code::eventlog_replay) << event.number;
    }
  });
}

TEST(EventLogArtefacts, OfAnotherMachineAreRefused) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  const auto all = logs_of_real_machines();
  for_each_bank([&all](const Case& one, const Log&, const std::string& bank, const Pcrs& pcrs) {
    for (const Case& other : all) {
      if (other.id == one.id || !must_be_taken(other)) continue;
      const auto log = parse(other.octets);
      ASSERT_TRUE(log);
      Pcrs decided;
      for (const auto& [pcr, value] : pcrs) {
        if (is_decided_by_log(pcr)) decided[pcr] = value;
      }
      if (replay(*log, bank) == decided) continue;  // The same boot, listed twice.
      EXPECT_TRUE(refusal(other.octets, bank, pcrs)) << other.id;
    }
  });
}

TEST(EventLogArtefacts, InAnotherBankAreRefused) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  for_each_bank([](const Case&, const Log& log, const std::string& bank, const Pcrs& pcrs) {
    for (const Bank& other : banks) {
      if (other.name == bank) continue;
      const auto record = judge(log, std::string(other.name), pcrs);
      ASSERT_FALSE(record) << other.name;
      EXPECT_TRUE(record.error().code == Code::eventlog_bank ||
                  record.error().code == Code::eventlog_replay);
    }
  });
}

// Cut off between two events a log is a log, and then of another boot.
TEST(EventLogArtefacts, CutOffAtAnyLengthAreRefused) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  for_each_bank([](const Case&, const Log& log, const std::string& bank, const Pcrs& pcrs) {
    std::size_t last = 0;
    for (const Event& event : log.events) {
      if (counts(event, bank, pcrs)) last = event.offset;
    }
    const BytesView octets(log.octets);
    // Each length near a boundary of events, and every 97th.
    std::vector<std::size_t> lengths;
    for (const Event& event : log.events) {
      for (std::size_t near = 0; near < 3; ++near) lengths.push_back(event.offset + near);
    }
    for (std::size_t length = 0; length <= last; length += 97) lengths.push_back(length);
    for (const std::size_t length : lengths) {
      if (length > last) continue;
      EXPECT_TRUE(refusal(to_bytes(octets.first(length)), bank, pcrs)) << length;
    }
  });
}

TEST(EventLogArtefacts, CutOffAtEveryLengthNeverBreakTheParser) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  for (const Case& one : logs_of_real_machines()) {
    if (one.octets.size() > 8192) continue;
    SCOPED_TRACE(one.id);
    const auto whole = parse(one.octets);
    for (std::size_t length = 0; length < one.octets.size(); ++length) {
      const auto log = parse(BytesView(one.octets).first(length));
      if (!log) {
        EXPECT_EQ(log.error().code, Code::eventlog_malformed);
        continue;
      }
      ASSERT_TRUE(whole);
      EXPECT_LE(log->events.size(), whole->events.size());
    }
    ++judged;
  }
  test::expect_some(judged);
}

TEST(EventLogArtefacts, WithAnOctetAppendedAreRefused) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  for (const Case& one : logs_of_real_machines()) {
    const auto whole = parse(one.octets);
    // Fill that is longer by one is fill.
    if (!whole || whole->padding > 0) continue;
    for (const std::uint8_t more : Bytes{0x00, 0x01, 0xFF}) {
      Bytes octets = one.octets;
      octets.push_back(more);
      const auto log = parse(octets);
      ASSERT_FALSE(log) << one.id;
      EXPECT_EQ(log.error().code, Code::eventlog_malformed);
    }
    ++judged;
  }
  test::expect_some(judged);
}

}  // namespace
}  // namespace mintmark::attest::eventlog
