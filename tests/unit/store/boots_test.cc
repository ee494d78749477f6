// What a device booted: who is let in by it, what is kept of it, and whose word it goes by.
#include <gtest/gtest.h>

#include "records.h"
#include "store/boot_rows.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/store.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

using std::chrono::seconds;
using test::admission;
using test::device;

const Moment then = from_unix(1'800'000'000);
const std::string ek1(64, '1');

class BootsOfDevices : public testing::Test {
 protected:
  Admission one(const std::string& ticket, const std::string& refused, EnrolmentMode mode,
                const std::string& record = R"({"bank":"sha256"})") {
    Admission made = admission(device("d1", ek1), ticket, mode);
    made.device.enrolled_at = {};
    made.judge_boot = [this, refused, record](const DeviceRecord* known, const Boot* good) {
      ++judged_;
      known_ = known == nullptr ? std::string() : known->id;
      good_ = good == nullptr ? std::string() : good->record;
      return JudgedBoot{{then, refused, R"({"outcome":"x"})", record},
                        seconds(60),
                        refused.empty() ? "passed" : "refused",
                        false};
    };
    return made;
  }
  Boots boots() { return store_->boots("d1").value(); }
  std::int64_t rows() {
    return Database::open(path_, 0600)->integer("SELECT count(*) FROM boot").value();
  }

  const mintmark::test::Scratch scratch_;
  const std::string path_ = scratch_ / "devices.db";
  std::unique_ptr<DeviceStore> store_ = open_device_store(path_).value();
  int judged_ = 0;
  std::string known_ = "?";
  std::string good_ = "?";
};

TEST_F(BootsOfDevices, ThatPassedAreTheLastAndTheGoodOne) {
  const auto in = store_->admit(one("t1", "", EnrolmentMode::open));
  ASSERT_TRUE(in) << in.error().to_string();
  EXPECT_EQ(in->state, "enrolled");
  EXPECT_EQ(in->fresh_for, seconds(60));
  EXPECT_EQ(in->boot, "passed");
  const Boots kept = boots();
  ASSERT_TRUE(kept.good && kept.last);
  EXPECT_EQ(kept.good->record, R"({"bank":"sha256"})");
  EXPECT_EQ(kept.last->record, kept.good->record);
  EXPECT_EQ(kept.last->at, then);
  EXPECT_EQ(rows(), 1) << "it is kept once";
}

TEST_F(BootsOfDevices, AreJudgedBesideWhatIsKnownOfTheDevice) {
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open, "{\"first\":1}")));
  EXPECT_EQ(known_, "");
  EXPECT_EQ(good_, "");
  ASSERT_TRUE(store_->admit(one("t2", "", EnrolmentMode::open)));
  EXPECT_EQ(known_, "d1");
  EXPECT_EQ(good_, "{\"first\":1}");
  EXPECT_EQ(judged_, 2);
}

TEST_F(BootsOfDevices, ThatAreRefusedEndTheEvidenceAndLeaveTheKeys) {
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open, "{\"good\":1}")));
  Admission bad = one("t2", "boot_refused", EnrolmentMode::open, "{\"bad\":1}");
  bad.device.jkt = "another";
  bad.device.facts = R"({"format":"other"})";
  bad.device.attested_at = then + seconds(5);
  const auto refused = store_->admit(bad);
  ASSERT_TRUE(refused) << refused.error().to_string();
  EXPECT_EQ(refused->state, "enrolled");
  EXPECT_EQ(refused->jkt, "jkt-of-d1");
  EXPECT_EQ(refused->facts, R"({"format":"tpm2"})");
  EXPECT_EQ(refused->evidence_ended_why, "boot_refused");
  EXPECT_EQ(refused->boot, "refused");
  EXPECT_EQ(refused->evidence_ended_at, then + seconds(5));
  EXPECT_EQ(boots().good->record, "{\"good\":1}");
  EXPECT_EQ(boots().last->record, "{\"bad\":1}");
  EXPECT_EQ(boots().last->refused, "boot_refused");
  EXPECT_EQ(store_->find("d1").value()->evidence_ended_why, "boot_refused") << "on disk";
}

TEST_F(BootsOfDevices, ThatMayPassAtAnotherTryLeaveTheEvidence) {
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open)));
  Admission raced = one("t2", "", EnrolmentMode::open);
  raced.judge_boot = [](const DeviceRecord* /*known*/, const Boot* /*good*/) {
    return JudgedBoot{{then, "eventlog_replay", "{}", "{}"}, seconds(60), "refused", true};
  };
  const auto still = store_->admit(raced);
  ASSERT_TRUE(still) << still.error().to_string();
  EXPECT_EQ(still->evidence_ended_why, "");
  EXPECT_EQ(still->attested_at, then);
  EXPECT_EQ(still->boot, "refused");
  EXPECT_EQ(boots().last->refused, "eventlog_replay");
}

TEST_F(BootsOfDevices, ThatPassAgainEndTheRefusal) {
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open)));
  ASSERT_TRUE(store_->admit(one("t2", "boot_refused", EnrolmentMode::open)));
  const auto in = store_->admit(one("t3", "", EnrolmentMode::open, "{\"new\":1}"));
  ASSERT_TRUE(in);
  EXPECT_EQ(in->evidence_ended_why, "");
  EXPECT_EQ(in->evidence_ended_at, Moment{});
  EXPECT_EQ(boots().last->record, "{\"new\":1}");
  EXPECT_EQ(rows(), 1) << "what was refused is over";
}

TEST_F(BootsOfDevices, ThatAreRefusedLetNobodyInWhateverTheMode) {
  for (const auto mode : {EnrolmentMode::open, EnrolmentMode::approve}) {
    const auto waits =
        store_->admit(one("t" + std::to_string(static_cast<int>(mode)), "boot_refused", mode));
    ASSERT_TRUE(waits) << waits.error().to_string();
    EXPECT_EQ(waits->state, "pending");
    EXPECT_EQ(boots().last->refused, "boot_refused");
    EXPECT_FALSE(boots().good);
  }
  const auto listed = store_->admit(one("t9", "boot_refused", EnrolmentMode::listed));
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, Code::enrolment_not_listed);
}

TEST_F(BootsOfDevices, OfADeviceThatIsForgottenAreForgotten) {
  Admission waits = one("t1", "boot_refused", EnrolmentMode::approve);
  ASSERT_TRUE(store_->admit(waits));
  Admission later = admission(device("d2", std::string(64, '2')), "t2", EnrolmentMode::approve);
  later.device.attested_at = then + later.limits.keep + seconds(1);
  ASSERT_TRUE(store_->admit(later));
  EXPECT_FALSE(store_->find("d1").value());
  EXPECT_EQ(rows(), 0);
}

TEST_F(BootsOfDevices, AreKeptSmall) {
  std::string record = "{\"events\":[";
  for (int i = 0; i < 2000; ++i) record += R"({"type":"EV_EFI_VARIABLE_AUTHORITY","pcr":7},)";
  record.back() = ']';
  record += "}";
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open, record)));
  EXPECT_EQ(boots().good->record, record);
  auto database = Database::open(path_, 0600);
  EXPECT_LT(database->integer("SELECT length(record) FROM boot").value(),
            static_cast<std::int64_t>(record.size() / 5));
}

TEST_F(BootsOfDevices, ThatWereDamagedOnDiskAreAnErrorAndNoCrash) {
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open)));
  auto database = Database::open(path_, 0600);
  for (const char* damage :
       {"UPDATE boot SET record_octets = record_octets + 1", "UPDATE boot SET record_octets = -1",
        "UPDATE boot SET record_octets = 1 << 40", "UPDATE boot SET record = x'00'",
        "UPDATE boot SET record = x''"}) {
    ASSERT_TRUE(database->execute(damage));
    const auto read = store_->boots("d1");
    ASSERT_FALSE(read) << damage;
    EXPECT_EQ(read.error().code, Code::store_failed) << damage;
  }
}

TEST_F(BootsOfDevices, LongerThanTheStoreTakesChangeNothing) {
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open)));
  const auto refused =
      store_->admit(one("t2", "", EnrolmentMode::open, std::string(longest_boot_record + 1, ' ')));
  ASSERT_FALSE(refused);
  EXPECT_EQ(boots().good->record, R"({"bank":"sha256"})");
  EXPECT_TRUE(store_->admit(one("t2", "", EnrolmentMode::open))) << "nor is the ticket used up";
}

TEST_F(BootsOfDevices, OfNobodyAreNone) {
  const auto none = store_->boots("nobody");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->good || none->last);
}

TEST_F(BootsOfDevices, EvidenceThatMayNotFollowIsRefusedBeforeAnythingIsJudged) {
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open)));
  Admission second = one("t2", "", EnrolmentMode::open);
  second.follow = [](const DeviceRecord& known, DeviceRecord& attested) -> Result<void> {
    EXPECT_EQ(known.id, "d1");
    attested.facts = "{}";
    return fail(Code::quote_went_back, "back");
  };
  const auto refused = store_->admit(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::quote_went_back);
  EXPECT_EQ(judged_, 1);
  EXPECT_EQ(store_->find("d1").value()->facts, R"({"format":"tpm2"})");
}

TEST_F(BootsOfDevices, WhatIsKnownMayCompleteWhatIsAttested) {
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open)));
  Admission second = one("t2", "", EnrolmentMode::open);
  second.follow = [](const DeviceRecord& /*known*/, DeviceRecord& attested) -> Result<void> {
    attested.facts = R"({"seen":1})";
    return {};
  };
  EXPECT_EQ(store_->admit(second).value().facts, R"({"seen":1})");
}

TEST_F(BootsOfDevices, AnOperatorEndsTheEvidenceOfWhoHasSome) {
  ASSERT_TRUE(store_->admit(one("t1", "", EnrolmentMode::open)));
  const auto ended = store_->end_evidence("d1", "asked", then + seconds(3));
  ASSERT_TRUE(ended) << ended.error().to_string();
  EXPECT_EQ(ended->state, "enrolled");
  EXPECT_EQ(ended->evidence_ended_why, "asked");
  EXPECT_EQ(store_->end_evidence("d1", "boot_refused", then).value().evidence_ended_why, "asked")
      << "a second time changes nothing";
  EXPECT_EQ(store_->end_evidence("d7", "asked", then).error().code, Code::device_not_found);
  ASSERT_TRUE(store_->revoke("d1", "", then));
  EXPECT_EQ(store_->end_evidence("d1", "asked", then).error().code, Code::device_state_wrong);
}

TEST_F(BootsOfDevices, ABareKeyHasNoEvidenceToEnd) {
  DeviceRecord key = device("k1", "thumbprint");
  key.format = "key";
  ASSERT_TRUE(store_->add(key));
  EXPECT_EQ(store_->end_evidence("k1", "asked", then).error().code, Code::device_state_wrong);
}

}  // namespace
}  // namespace mintmark::store
