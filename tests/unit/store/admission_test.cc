// Who is let in, and that a revocation sticks: each refusal for just its reason, with nothing
// changed.
#include <gtest/gtest.h>

#include "records.h"
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
const std::string ek2 = std::string(20, '1') + std::string(44, '2');

class Admissions : public testing::Test {
 protected:
  Admission waiting(const std::string& id, const std::string& identity) {
    Admission one = admission(device(id, identity), "ticket-" + id, EnrolmentMode::approve);
    one.device.enrolled_at = {};
    one.device.root = "root";
    return one;
  }
  void expect_refused(const Result<DeviceRecord>& got, Code code) {
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, code) << got.error().to_string();
  }

  const mintmark::test::Scratch scratch_;
  const std::string path_ = scratch_ / "devices.db";
  std::unique_ptr<DeviceStore> store_ = open_device_store(path_).value();
};

TEST_F(Admissions, WaitUntilAnOperatorApprovesAndThenAttestAfresh) {
  const auto pending = store_->admit(waiting("d1", ek1));
  ASSERT_TRUE(pending) << pending.error().to_string();
  EXPECT_EQ(pending->state, "pending");
  EXPECT_EQ(pending->enrolled_at, Moment{});
  const auto approved = store_->approve(ek1, {{"site", "berlin"}});
  ASSERT_TRUE(approved) << approved.error().to_string();
  EXPECT_EQ(approved->state, "approved");
  const auto enrolled = store_->admit(waiting("d2", ek1));
  ASSERT_TRUE(enrolled);
  EXPECT_EQ(enrolled->state, "enrolled");
  EXPECT_EQ(enrolled->id, "d1");
  EXPECT_EQ(enrolled->labels, R"({"site":"berlin"})");
  EXPECT_EQ(enrolled->enrolled_at, then);
  EXPECT_EQ(enrolled->pending_from, "");
}

TEST_F(Admissions, OfAnEnrolledDeviceNeedNoNewApproval) {
  ASSERT_TRUE(store_->admit(waiting("d1", ek1)));
  ASSERT_TRUE(store_->approve(ek1, {}));
  ASSERT_TRUE(store_->admit(waiting("d2", ek1)));
  Admission again = waiting("d3", ek1);
  again.device.jkt = "another";
  EXPECT_EQ(store_->admit(again).value().state, "enrolled");
  EXPECT_EQ(store_->find("d1").value()->jkt, "another");
}

TEST_F(Admissions, OfADeviceThatWaitsAlreadyChangeWhatItAttestedAndNothingElse) {
  ASSERT_TRUE(store_->admit(waiting("d1", ek1)));
  Admission again = waiting("d2", ek1);
  again.device.jkt = "another";
  again.limits.per_root = 1;
  const auto still = store_->admit(again);
  ASSERT_TRUE(still) << still.error().to_string();
  EXPECT_EQ(still->state, "pending");
  EXPECT_EQ(still->id, "d1");
  EXPECT_EQ(still->jkt, "another");
}

TEST_F(Admissions, AreOpenWhereTheOperatorSaysSo) {
  EXPECT_EQ(store_->admit(admission(device("d1", ek1), "t")).value().state, "enrolled");
}

TEST_F(Admissions, AreForThoseNamedBeforeWhereOnlyTheyMay) {
  Admission one = waiting("d1", ek1);
  one.mode = EnrolmentMode::listed;
  expect_refused(store_->admit(one), Code::enrolment_not_listed);
  EXPECT_TRUE(store_->list().value().empty());
  ASSERT_TRUE(store_->expect("tpm2", ek1, "d9", {{"site", "berlin"}}));
  const auto enrolled = store_->admit(one);
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  EXPECT_EQ(enrolled->state, "enrolled");
  EXPECT_EQ(enrolled->id, "d9");
  EXPECT_EQ(enrolled->labels, R"({"site":"berlin"})");
}

TEST_F(Admissions, OfAnyFormatThatAttestsAreApprovedByTheirFingerprint) {
  Admission one = waiting("d1", ek1);
  one.device.format = "nitro";
  ASSERT_EQ(store_->admit(one).value().state, "pending");
  const auto approved = store_->approve(ek1.substr(0, 16), {});
  ASSERT_TRUE(approved) << approved.error().to_string();
  EXPECT_EQ(approved->format, "nitro");
  expect_refused(store_->approve(ek1, {}), Code::device_state_wrong);
  Admission again = one;
  again.ticket_hash = "another";
  EXPECT_EQ(store_->admit(again).value().state, "enrolled");
}

TEST_F(Admissions, OfAnyFormatThatAttestsAreExpectedUnderIt) {
  const auto expected = store_->expect("x509", ek1, "d9", {});
  ASSERT_TRUE(expected);
  EXPECT_EQ(expected->format, "x509");
  Admission one = waiting("d1", ek1);
  one.mode = EnrolmentMode::listed;
  expect_refused(store_->admit(one), Code::enrolment_not_listed);
  one.device.format = "x509";
  EXPECT_EQ(store_->admit(one).value().id, "d9");
}

TEST_F(Admissions, AreBoundedWhereNoPersonLetsThemIn) {
  const auto admit = [&](const std::string& id, const std::string& root, Moment at) {
    Admission one = admission(device(id, to_hex(sha256(id))), id + std::to_string(to_unix(at)));
    one.new_per_root_per_hour = 2;
    one.device.root = root;
    one.device.attested_at = at;
    return store_->admit(one);
  };
  ASSERT_TRUE(admit("d1", "a", then));
  ASSERT_TRUE(admit("d2", "a", then));
  expect_refused(admit("d3", "a", then), Code::enrolment_rate);
  EXPECT_TRUE(admit("d4", "b", then)) << "another root's";
  EXPECT_TRUE(admit("d1", "a", then + seconds(1))) << "one that is in attests again";
  EXPECT_TRUE(admit("d3", "a", then + std::chrono::hours(1) + seconds(1)));
}

TEST_F(Admissions, ARefusedOneLeavesItsTicketUnused) {
  Admission one = waiting("d1", ek1);
  one.mode = EnrolmentMode::listed;
  expect_refused(store_->admit(one), Code::enrolment_not_listed);
  one.mode = EnrolmentMode::open;
  EXPECT_TRUE(store_->admit(one));
  expect_refused(store_->admit(one), Code::ticket_used);
}

TEST_F(Admissions, ARevocationSticksInEveryMode) {
  ASSERT_TRUE(store_->admit(admission(device("d1", ek1), "t")));
  const auto revoked = store_->revoke("d1", "stolen", then);
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->state, "revoked");
  EXPECT_EQ(revoked->revoked_at, then);
  EXPECT_EQ(revoked->revoked_why, "stolen");
  for (const auto mode : {EnrolmentMode::approve, EnrolmentMode::open, EnrolmentMode::listed}) {
    Admission again = waiting("d2", ek1);
    again.mode = mode;
    expect_refused(store_->admit(again), Code::enrolment_revoked);
  }
  expect_refused(store_->expect("tpm2", ek1, "d9", {}), Code::device_state_wrong);
  expect_refused(store_->approve(ek1, {}), Code::device_state_wrong);
  EXPECT_EQ(store_->find("d1").value()->state, "revoked");
}

TEST_F(Admissions, ARevocationIsDurableAndHappensOnce) {
  ASSERT_TRUE(store_->admit(admission(device("d1", ek1), "t")));
  ASSERT_TRUE(store_->revoke("d1", "stolen", then));
  ASSERT_TRUE(store_->revoke("d1", "again", then + seconds(9)));
  store_ = open_device_store(path_).value();
  EXPECT_EQ(store_->find("d1").value()->revoked_why, "stolen");
  expect_refused(store_->revoke("d7", "", then), Code::device_not_found);
}

TEST_F(Admissions, AReinstatedDeviceAttestsAfresh) {
  ASSERT_TRUE(store_->admit(admission(device("d1", ek1), "t")));
  expect_refused(store_->reinstate("d1"), Code::device_state_wrong);
  ASSERT_TRUE(store_->revoke("d1", "", then));
  EXPECT_EQ(store_->reinstate("d1").value().state, "approved");
  EXPECT_EQ(store_->admit(waiting("d2", ek1)).value().state, "enrolled");
  expect_refused(store_->reinstate("d7"), Code::device_not_found);
}

TEST_F(Admissions, OnlySoManyWaitOfOneRoot) {
  for (int i = 0; i < 3; ++i) {
    Admission one = waiting("d" + std::to_string(i), std::string(64, static_cast<char>('1' + i)));
    one.limits.per_root = 2;
    one.address = "192.0.2." + std::to_string(i);
    const auto got = store_->admit(one);
    if (i < 2) {
      ASSERT_TRUE(got) << got.error().to_string();
    } else {
      expect_refused(got, Code::enrolment_pending_full);
      one.device.root = "another root";
      EXPECT_TRUE(store_->admit(one));
    }
  }
}

TEST_F(Admissions, OnlySoManyWaitFromOneAddress) {
  for (int i = 0; i < 3; ++i) {
    Admission one = waiting("d" + std::to_string(i), std::string(64, static_cast<char>('1' + i)));
    one.device.root = "root " + std::to_string(i);
    one.limits.per_address = 2;
    const auto got = store_->admit(one);
    if (i < 2) {
      ASSERT_TRUE(got) << got.error().to_string();
    } else {
      expect_refused(got, Code::enrolment_pending_full);
      one.address = "192.0.2.2";
      EXPECT_TRUE(store_->admit(one));
    }
  }
}

TEST_F(Admissions, ThoseWhoHaveWaitedTooLongAreForgotten) {
  Admission first = waiting("d1", ek1);
  ASSERT_TRUE(store_->admit(first));
  Admission second = waiting("d2", ek2);
  second.limits.per_root = 1;
  second.device.attested_at = then + second.limits.keep;
  expect_refused(store_->admit(second), Code::enrolment_pending_full);
  second.device.attested_at += seconds(1);
  EXPECT_TRUE(store_->admit(second));
  EXPECT_FALSE(store_->find("d1").value());
}

TEST_F(Admissions, AnApprovalNamesOneDeviceThatWaits) {
  ASSERT_TRUE(store_->admit(waiting("d1", ek1)));
  ASSERT_TRUE(store_->admit(waiting("d2", ek2)));
  expect_refused(store_->approve(ek1.substr(0, 20), {}), Code::fingerprint_ambiguous);
  expect_refused(store_->approve(std::string(64, '7'), {}), Code::fingerprint_unknown);
  EXPECT_EQ(store_->approve(ek1.substr(0, 21), {}).value().id, "d1");
  EXPECT_EQ(store_->approve(ek2, {}).value().id, "d2");
  expect_refused(store_->approve(ek2, {}), Code::device_state_wrong);
}

TEST_F(Admissions, ExpectingAKnownDeviceChangesItsLabelsOnly) {
  ASSERT_TRUE(store_->admit(admission(device("d1", ek1), "t")));
  const auto expected = store_->expect("tpm2", ek1, "d9", {{"site", "berlin"}});
  ASSERT_TRUE(expected);
  EXPECT_EQ(expected->id, "d1");
  EXPECT_EQ(expected->state, "enrolled");
  EXPECT_EQ(expected->labels, R"({"site":"berlin"})");
}

TEST_F(Admissions, LabelsAreSetAndRemoved) {
  ASSERT_TRUE(store_->admit(admission(device("d1", ek1), "t")));
  ASSERT_TRUE(store_->label("d1", {{"site", "berlin"}, {"line", "7"}}, {}));
  EXPECT_EQ(store_->label("d1", {{"site", "bonn"}}, {"line", "none"}).value().labels,
            R"({"site":"bonn"})");
  expect_refused(store_->label("d7", {}, {}), Code::device_not_found);
}

class Invites : public Admissions {
 protected:
  Invites() { EXPECT_TRUE(store_->invite({"hash", {{"site", "berlin"}}, then + seconds(60)})); }
  Admission keyed(const std::string& id, const std::string& identity = "thumbprint") {
    Admission one = waiting(id, identity);
    one.device.format = "key";
    return one;
  }
};

TEST_F(Invites, LetOneKeyInWithTheirLabels) {
  const auto enrolled = store_->admit_invited(keyed("d1"), "hash");
  ASSERT_TRUE(enrolled) << enrolled.error().to_string();
  EXPECT_EQ(enrolled->state, "enrolled");
  EXPECT_EQ(enrolled->labels, R"({"site":"berlin"})");
  expect_refused(store_->admit_invited(keyed("d2", "other"), "hash"), Code::invite_used);
}

TEST_F(Invites, ThatAreNotOursAreRefused) {
  expect_refused(store_->admit_invited(keyed("d1"), "none"), Code::invite_invalid);
}

TEST_F(Invites, ThatHaveExpiredAreRefused) {
  Admission late = keyed("d1");
  late.device.attested_at = then + seconds(60);
  expect_refused(store_->admit_invited(late, "hash"), Code::invite_expired);
  late.device.attested_at -= seconds(1);
  EXPECT_TRUE(store_->admit_invited(late, "hash"));
}

TEST_F(Invites, AreNotUsedUpByARefusal) {
  ASSERT_TRUE(store_->add(keyed("d1").device));
  ASSERT_TRUE(store_->revoke("d1", "", then));
  expect_refused(store_->admit_invited(keyed("d2"), "hash"), Code::enrolment_revoked);
  EXPECT_TRUE(store_->admit_invited(keyed("d3", "other"), "hash"));
}

TEST_F(Invites, AreForgottenAfterTheirEnd) {
  ASSERT_TRUE(store_->forget_before(then + seconds(61)));
  expect_refused(store_->admit_invited(keyed("d1"), "hash"), Code::invite_invalid);
}

TEST_F(Invites, AKeyThatAnOperatorAddsIsEnrolledOnce) {
  const auto added = store_->add(keyed("d1").device);
  ASSERT_TRUE(added) << added.error().to_string();
  EXPECT_EQ(added->state, "enrolled");
  expect_refused(store_->add(keyed("d2").device), Code::device_exists);
  ASSERT_TRUE(store_->revoke("d1", "", then));
  expect_refused(store_->add(keyed("d2").device), Code::enrolment_revoked);
  EXPECT_EQ(store_->reinstate("d1").value().state, "enrolled");
}

// Whoever acts on the difference may be killed between the row and that.
TEST_F(Admissions, KeepWhatTheAttestationBeforeSaid) {
  Admission one = admission(device("d1", ek1), "t1");
  one.device.facts = R"({"boot":1})";
  EXPECT_EQ(store_->admit(one).value().facts_before, "");
  Admission two = admission(device("d2", ek1), "t2");
  two.device.facts = R"({"boot":2})";
  EXPECT_EQ(store_->admit(two).value().facts_before, one.device.facts);
  const auto kept = store_->find("d1").value();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->facts, two.device.facts);
  EXPECT_EQ(kept->facts_before, one.device.facts);
}

// A file of the first version, as the first release left it.
TEST(DeviceSchema, OfTheFirstVersionIsBroughtToThePresentOneWithItsDevices) {
  const mintmark::test::Scratch scratch;
  const std::string path = scratch / "devices.db";
  Schema first = device_schema();
  first.migrations = first.migrations.first(1);
  {
    auto database = open_database(path, 0600, first);
    ASSERT_TRUE(database) << database.error().to_string();
    ASSERT_TRUE(
        database->execute("INSERT INTO device VALUES ('d1', 'tpm2', 'ek', 'jkt', '{}', '{}', '{}', "
                          "'enrolled', 7, 8)"));
  }
  const auto store = open_device_store(path);
  ASSERT_TRUE(store) << store.error().to_string();
  const auto device = (*store)->find("d1").value();
  ASSERT_TRUE(device);
  EXPECT_EQ(device->state, "enrolled");
  EXPECT_EQ(device->attested_at, from_unix(8));
  EXPECT_EQ(device->root, "");
  EXPECT_TRUE((*store)->revoke("d1", "", then));
}

}  // namespace
}  // namespace mintmark::store
