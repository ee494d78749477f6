#include <gtest/gtest.h>

#include <thread>

#include "records.h"
#include "store/store.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

using test::device;
using test::ticket_end;

class Devices : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_device_store(path_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
  }
  void reopen() {
    store_.reset();
    SetUp();
  }

  const mintmark::test::Scratch scratch_;
  const std::string path_ = scratch_ / "devices.db";
  std::unique_ptr<DeviceStore> store_;
};

TEST_F(Devices, AreNoneAtFirst) {
  EXPECT_TRUE(store_->list().value().empty());
  EXPECT_FALSE(store_->find("d1").value().has_value());
}

TEST_F(Devices, AreGivenBackAsWritten) {
  DeviceRecord record = device("d1", "ek1");
  record.labels = R"({"site":"k\u00f6ln"})";
  record.attested_at = from_unix(1'800'000'001);
  ASSERT_TRUE(test::admit(*store_, record, "t1", ticket_end));
  const auto found = store_->find("d1").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, "d1");
  EXPECT_EQ(found->format, "tpm2");
  EXPECT_EQ(found->identity, "ek1");
  EXPECT_EQ(found->jkt, record.jkt);
  EXPECT_EQ(found->public_jwk, record.public_jwk);
  EXPECT_EQ(found->facts, record.facts);
  EXPECT_EQ(found->labels, record.labels);
  EXPECT_EQ(found->state, "enrolled");
  EXPECT_EQ(found->enrolled_at, record.enrolled_at);
  EXPECT_EQ(found->attested_at, record.attested_at);
}

TEST_F(Devices, OutliveTheStore) {
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end));
  reopen();
  EXPECT_TRUE(store_->find("d1").value().has_value());
}

TEST_F(Devices, ThatAttestAgainKeepIdLabelsAndFirstEnrolment) {
  DeviceRecord first = device("d1", "ek1");
  first.labels = R"({"site":"berlin"})";
  ASSERT_TRUE(test::admit(*store_, first, "t1", ticket_end));
  DeviceRecord again = device("d2", "ek1");
  again.jkt = "new-jkt";
  again.public_jwk = "{}";
  again.facts = R"({"new":1})";
  again.enrolled_at = again.attested_at = from_unix(1'800'001'000);
  const auto now = test::admit(*store_, again, "t2", ticket_end);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->id, "d1");
  EXPECT_EQ(now->labels, first.labels);
  EXPECT_EQ(now->enrolled_at, first.enrolled_at);
  EXPECT_EQ(now->jkt, "new-jkt");
  EXPECT_EQ(now->public_jwk, "{}");
  EXPECT_EQ(now->facts, R"({"new":1})");
  EXPECT_EQ(now->attested_at, again.attested_at);
  EXPECT_EQ(store_->list().value().size(), 1U);
  EXPECT_FALSE(store_->find("d2").value().has_value());
}

TEST_F(Devices, OfAnotherFormatWithTheSameIdentityAreOthers) {
  DeviceRecord other = device("d2", "ek1");
  other.format = "other";
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end));
  EXPECT_EQ(test::admit(*store_, other, "t2", ticket_end).value().id, "d2");
  EXPECT_EQ(store_->list().value().size(), 2U);
}

TEST_F(Devices, AreListedInTheOrderOfTheirEnrolment) {
  DeviceRecord late = device("a", "ek1");
  late.enrolled_at = from_unix(1'800'000'500);
  ASSERT_TRUE(test::admit(*store_, late, "t1", ticket_end));
  ASSERT_TRUE(test::admit(*store_, device("b", "ek2"), "t2", ticket_end));
  const auto all = store_->list().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].id, "b");
  EXPECT_EQ(all[1].id, "a");
}

TEST_F(Devices, WithTheIdOfAnotherAreRefused) {
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end));
  const auto second = test::admit(*store_, device("d1", "ek2"), "t2", ticket_end);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::store_failed);
  EXPECT_EQ(store_->find("d1").value()->identity, "ek1");
}

TEST_F(Devices, AreFoundByTheWholeIdOnly) {
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end));
  for (const auto* id : {"", "d", "D1", "d1 ", "d%", "' OR 1=1 --"}) {
    EXPECT_FALSE(store_->find(id).value().has_value()) << id;
  }
  EXPECT_FALSE(store_->find(std::string("d1\0x", 4)).value().has_value());
}

TEST_F(Devices, KeepQuotesAndStrangeOctets) {
  DeviceRecord record = device("it's; DROP TABLE device --", "ek1");
  record.facts = std::string("a\0b", 3);
  ASSERT_TRUE(test::admit(*store_, record, "t'1", ticket_end));
  EXPECT_EQ(store_->find(record.id).value()->facts, record.facts);
}

TEST_F(Devices, MayBeEnrolledByManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        EXPECT_TRUE(test::admit(*store_, device(name, name), name, ticket_end));
        EXPECT_TRUE(store_->find(name).value().has_value());
        EXPECT_TRUE(store_->list());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_->list().value().size(), 40U);
}

TEST_F(Devices, OfOneIdentityEnrolledAtOnceGetOneId) {
  std::vector<std::thread> threads;
  std::array<std::string, 4> ids;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    threads.emplace_back([&, t] {
      const std::string name = std::to_string(t);
      ids.at(t) = test::admit(*store_, device(name, "ek1"), name, ticket_end).value().id;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& id : ids) EXPECT_EQ(id, ids[0]);
}

TEST_F(Devices, UseATicketOnce) {
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end));
  const auto again = test::admit(*store_, device("d1", "ek1"), "t1", ticket_end);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::ticket_used);
}

TEST_F(Devices, LeaveNothingOfAnEnrolmentWithAUsedTicket) {
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end));
  DeviceRecord again = device("d1", "ek1");
  again.jkt = "stolen";
  EXPECT_FALSE(test::admit(*store_, again, "t1", ticket_end));
  EXPECT_FALSE(test::admit(*store_, device("d2", "ek2"), "t1", ticket_end));
  const auto all = store_->list().value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].jkt, "jkt-of-d1");
}

TEST_F(Devices, DoNotSpendATicketWhenTheyCannotBeWritten) {
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end));
  ASSERT_FALSE(test::admit(*store_, device("d1", "ek2"), "t2", ticket_end));
  EXPECT_TRUE(test::admit(*store_, device("d2", "ek2"), "t2", ticket_end));
}

TEST_F(Devices, UseATicketOnceAlsoAcrossARestart) {
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end));
  reopen();
  EXPECT_EQ(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end).error().code,
            Code::ticket_used);
}

TEST_F(Devices, UseATicketOnceAmongThreads) {
  std::atomic<int> granted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = std::to_string(t);
      if (test::admit(*store_, device(name, name), "one ticket", ticket_end)) ++granted;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(granted, 1);
}

TEST_F(Devices, ForgetTicketsThatHaveExpiredAndNoOthers) {
  ASSERT_TRUE(
      test::admit(*store_, device("d1", "ek1"), "old", ticket_end - std::chrono::seconds(1)));
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "new", ticket_end));
  ASSERT_TRUE(store_->forget_before(ticket_end));
  EXPECT_TRUE(test::admit(*store_, device("d1", "ek1"), "old", ticket_end));
  EXPECT_EQ(test::admit(*store_, device("d1", "ek1"), "new", ticket_end).error().code,
            Code::ticket_used);
}

// ---- what services must hear of ----

class NewsOfDevices : public Devices {
 protected:
  void SetUp() override {
    Devices::SetUp();
    store_->keep_news();
  }
  void enrol(const std::string& ticket, const std::string& protection = "hardware") {
    DeviceRecord record = device("d1", "ek1");
    record.facts = R"({"format":"tpm2","key_protection":")" + protection + "\"}";
    ASSERT_TRUE(test::admit(*store_, record, ticket, ticket_end));
  }
  std::vector<DeviceChange> news() { return store_->news(100).value(); }
};

TEST_F(NewsOfDevices, SayHowItStoodAndHowItStandsInTheOrderOfTheChanges) {
  enrol("t1");
  EXPECT_TRUE(news().empty()) << "a new device is none";
  ASSERT_TRUE(store_->end_evidence("d1", "asked", from_unix(1'800'000'001)));
  enrol("t2", "none");
  ASSERT_TRUE(store_->revoke("d1", "stolen", from_unix(1'800'000'002)));
  const auto all = news();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].device, "d1");
  EXPECT_EQ(all[0].format, "tpm2");
  EXPECT_EQ(all[0].before.evidence_ended_why, "");
  EXPECT_EQ(all[0].now.evidence_ended_why, "asked");
  EXPECT_EQ(all[1].before.evidence_ended_why, "asked");
  EXPECT_EQ(all[1].before.key_protection, "hardware");
  EXPECT_EQ(all[1].now.key_protection, "none");
  EXPECT_EQ(all[1].now.attested_at, from_unix(1'800'000'000));
  EXPECT_EQ(all[2].before.state, "enrolled");
  EXPECT_EQ(all[2].now.state, "revoked");
  EXPECT_LT(all[0].number, all[1].number);
  EXPECT_LT(all[1].number, all[2].number);
}

TEST_F(NewsOfDevices, AreNoneWhereNothingChangesForServices) {
  enrol("t1");
  enrol("t2");
  ASSERT_TRUE(store_->label("d1", {{"site", "berlin"}}, {}));
  EXPECT_FALSE(store_->reinstate("d1"));
  ASSERT_TRUE(store_->revoke("d1", "", from_unix(1'800'000'002)));
  ASSERT_TRUE(store_->revoke("d1", "again", from_unix(1'800'000'003)));
  EXPECT_EQ(news().size(), 1U);
}

TEST_F(NewsOfDevices, StayUntilTheyAreForgottenAndAreNumberedOn) {
  enrol("t1");
  ASSERT_TRUE(store_->revoke("d1", "", from_unix(1'800'000'002)));
  ASSERT_TRUE(store_->reinstate("d1"));
  reopen();
  const auto all = news();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(store_->news(1).value().size(), 1U);
  ASSERT_TRUE(store_->forget_news(all[0].number));
  ASSERT_EQ(news().size(), 1U);
  EXPECT_EQ(news()[0].number, all[1].number);
  ASSERT_TRUE(store_->forget_news(all[1].number));
  reopen();
  EXPECT_TRUE(news().empty());
  ASSERT_TRUE(store_->revoke("d1", "", from_unix(1'800'000'004)));
  EXPECT_GT(news().at(0).number, all[1].number);
}

TEST_F(Devices, KeepNoNewsThatNobodyWants) {
  ASSERT_TRUE(test::admit(*store_, device("d1", "ek1"), "t1", ticket_end));
  ASSERT_TRUE(store_->revoke("d1", "", from_unix(1'800'000'002)));
  EXPECT_TRUE(store_->news(100).value().empty());
}

}  // namespace
}  // namespace mintmark::store
