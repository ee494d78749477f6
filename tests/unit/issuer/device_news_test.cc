// What a change of a device means to services, and that they hear of each wherever the process
// ends.
#include "issuer/device_news.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "base/file.h"
#include "issuer/key_enrolment.h"
#include "support/ledger_in_memory.h"
#include "support/passing_store.h"
#include "support/scratch.h"
#include "support/soft_key.h"

namespace mintmark::issuer {
namespace {

// ---- what it means ----

store::DeviceStanding standing(const std::string& state, const std::string& ended = "") {
  return {state, ended, "hardware", from_unix(5)};
}

std::vector<Json> news(const store::DeviceStanding& before, const store::DeviceStanding& now) {
  return news_of({1, "device-1", "tpm2", before, now});
}

Json compliance(const std::string& device, bool compliant, const char* by) {
  return {{"type", "compliance"}, {"sub", device}, {"compliant", compliant}, {"by", by}};
}

TEST(DeviceNewsMean, ThatARevocationAndItsEndAreTheAdmins) {
  const auto revoked = news(standing("enrolled"), standing("revoked"));
  ASSERT_EQ(revoked.size(), 1U);
  EXPECT_EQ(revoked[0], compliance("device-1", false, "admin"));
  const auto back = news(standing("revoked"), standing("enrolled"));
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0], compliance("device-1", true, "admin"));
}

TEST(DeviceNewsMean, ThatEvidenceWhichEndedAndNewEvidenceAreThePolicys) {
  const auto ended = news(standing("enrolled"), standing("enrolled", "asked"));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0], compliance("device-1", false, "policy"));
  const auto attested = news(standing("enrolled", "asked"), standing("enrolled"));
  ASSERT_EQ(attested.size(), 1U);
  EXPECT_EQ(attested[0], compliance("device-1", true, "policy"));
}

TEST(DeviceNewsMean, ThatAnotherAttestationIsItsNextTokensClaims) {
  auto now = standing("enrolled");
  now.key_protection = "none";
  const auto changed = news(standing("enrolled"), now);
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0]["type"], "claims");
  EXPECT_EQ(changed[0]["claims"],
            Json({{"attestation", {{"format", "tpm2"}, {"at", 5}, {"key_protection", "none"}}}}));
}

TEST(DeviceNewsMean, NothingWhereNothingIsNewToServices) {
  EXPECT_TRUE(news(standing("enrolled"), standing("enrolled")).empty());
  EXPECT_TRUE(news(standing("revoked"), standing("approved")).empty());
  EXPECT_TRUE(news(standing("revoked"), standing("revoked", "asked")).empty());
  auto later = standing("enrolled");
  later.attested_at = from_unix(6);
  EXPECT_TRUE(news(standing("enrolled"), later).empty());
}

// ---- that they are told ----

/// What was told can be refused to be forgotten, and is waited for.
class WatchedStore final : public test::PassingStore {
 public:
  using PassingStore::PassingStore;
  Result<void> forget_news(std::int64_t up_to) override {
    if (failing) return fail(Code::store_busy, "somebody writes");
    auto done = PassingStore::forget_news(up_to);
    forgotten = up_to;
    forgotten.notify_all();
    return done;
  }
  void await_forgotten(std::int64_t up_to) const {
    for (std::int64_t seen = forgotten; seen < up_to; seen = forgotten) forgotten.wait(seen);
  }
  std::atomic<bool> failing = false;
  std::atomic<std::int64_t> forgotten = 0;
};

class DeviceNewsTold : public testing::Test {
 protected:
  DeviceNewsTold() {
    reopen();
    store->keep_news();
    EXPECT_TRUE(store->add(record));
  }
  void reopen() {
    store.reset();
    store =
        std::make_unique<WatchedStore>(store::open_device_store(scratch / "devices.db").value());
  }
  void revoke() { ASSERT_TRUE(store->revoke(record.id, "", from_unix(7))); }
  void reinstate() { ASSERT_TRUE(store->reinstate(record.id)); }
  Json said(bool compliant) const { return compliance(record.id, compliant, "admin"); }

  const test::Scratch scratch;
  store::DeviceRecord record = key_device(test::SoftKey().public_key(), from_unix(5));
  std::unique_ptr<WatchedStore> store;
  test::EventsInMemory events;
  static constexpr std::chrono::milliseconds soon{1};
};

TEST_F(DeviceNewsTold, OnceEachAsTheyCome) {
  DeviceNews news(*store, events, soon);
  revoke();
  news.look();
  store->await_forgotten(1);
  reinstate();
  news.look();
  store->await_forgotten(2);
  EXPECT_EQ(events.said(), (std::vector<Json>{said(false), said(true)}));
  EXPECT_TRUE(store->news(1).value().empty());
}

TEST_F(DeviceNewsTold, AtTheNextStartWhereTheProcessEndedBetweenTheRowAndTheEvent) {
  revoke();
  reinstate();
  revoke();
  reopen();
  const DeviceNews news(*store, events, soon);
  store->await_forgotten(3);
  EXPECT_EQ(events.said(), (std::vector<Json>{said(false), said(true), said(false)}));
}

TEST_F(DeviceNewsTold, AgainWhereItEndedBetweenTheEventAndItsBeingTakenForTold) {
  store->failing = true;
  {
    DeviceNews news(*store, events, soon);
    revoke();
    news.look();
    while (events.said().empty()) std::this_thread::yield();
  }
  reopen();
  const std::size_t before = events.said().size();
  const DeviceNews news(*store, events, soon);
  store->await_forgotten(1);
  EXPECT_EQ(events.said().size(), before + 1);
  EXPECT_EQ(events.said().back(), said(false));
}

TEST_F(DeviceNewsTold, InTheirOrderAfterADiskThatFailed) {
  events.start_failing();
  DeviceNews news(*store, events, soon);
  revoke();
  news.look();
  reinstate();
  news.look();
  EXPECT_TRUE(events.said().empty());
  events.stop_failing();
  store->await_forgotten(2);
  EXPECT_EQ(events.said(), (std::vector<Json>{said(false), said(true)}));
}

TEST_F(DeviceNewsTold, NotWhereTheyMeanNothing) {
  record = key_device(test::SoftKey().public_key(), from_unix(5));
  record.format = "tpm2";
  ASSERT_TRUE(store->add(record));
  ASSERT_TRUE(store->revoke(record.id, "", from_unix(7)));
  ASSERT_TRUE(store->reinstate(record.id)) << "approved: it has to attest";
  const DeviceNews news(*store, events, soon);
  store->await_forgotten(2);
  EXPECT_EQ(events.said(), std::vector<Json>{said(false)});
}

// ---- a process that is killed ----

/// Revokes and reinstates for ever, and says each time that it was answered.
int change_and_report(const std::string& directory, const std::string& id, int out) {
  const SystemClock clock;
  auto store = store::open_device_store(directory + "/devices.db");
  auto events = revoke::open_event_log(directory + "/events.db", clock);
  if (!store || !events) return 1;
  DeviceNews news(**store, **events);
  for (bool revoked = (*store)->find(id).value()->state == "revoked";; revoked = !revoked) {
    const auto done = revoked ? (*store)->reinstate(id) : (*store)->revoke(id, "", clock.now());
    if (!done) return 2;
    news.look();
    if (write(out, ".", 1) != 1) return 3;
  }
}

/// Killed `after` its answer number `answers`, however long those took. How many there were in all.
std::size_t answered_before_kill(const std::string& directory, const std::string& id,
                                 std::size_t answers, std::chrono::microseconds after) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return 0;
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t child = fork();
  if (child == 0) _exit(change_and_report(directory, id, out.get()));
  out = UniqueFd();
  std::string heard(answers, ' ');
  for (std::size_t i = 0; i < answers && read(in.get(), &heard[i], 1) == 1; ++i) {
  }
  // The moment of the kill is what is tried, so here time itself is the input.
  std::this_thread::sleep_for(after);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  return std::count(heard.begin(), heard.end(), '.') + read_fd(in.get()).value().size();
}

std::vector<bool> told_of(const revoke::EventLog& events) {
  std::vector<bool> told;
  const auto all = events.after(0, 1'000'000).value();
  for (const revoke::Event& event : all) {
    const Json entry = Json::parse(*event.text);
    if (entry["type"] == "compliance") told.push_back(entry["compliant"]);
  }
  return told;
}

TEST_F(DeviceNewsTold, EachAtLeastOnceWheneverTheProcessIsKilled) {
  const std::string directory = scratch / "";
  const SystemClock clock;
  std::size_t answered = 0;
  store.reset();
  constexpr std::chrono::microseconds moment{130};
  for (unsigned round = 1; round <= 8; ++round) {
    answered += answered_before_kill(directory, record.id, round, round * moment);
    reopen();
    const auto left = store->news(1'000'000).value();
    auto log = revoke::open_event_log(directory + "/events.db", clock).value();
    {
      const DeviceNews news(*store, *log, soon);
      if (!left.empty()) store->await_forgotten(left.back().number);
    }
    const auto told = told_of(*log);
    EXPECT_GE(told.size(), answered);
    const bool is_in = store->find(record.id).value()->state == "enrolled";
    EXPECT_EQ(told.empty() || told.back(), is_in);
    store.reset();
  }
}

}  // namespace
}  // namespace mintmark::issuer
