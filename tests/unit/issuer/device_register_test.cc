// Store and memory change together, in one order, off the threads that serve strangers.
#include "issuer/device_register.h"

#include "issuer/key_enrolment.h"
#include "issuer_fixture.h"
#include "support/scratch.h"

namespace mintmark::issuer {
namespace {

class DeviceRegisterTest : public IssuerFixture {
 protected:
  Result<store::DeviceRecord> change(DeviceRegister::Change what) {
    return wait_for<store::DeviceRecord>([&](hsm::Done<store::DeviceRecord> done) {
      device_register.change(std::move(what), std::move(done));
    });
  }

  const test::Scratch scratch;
  std::unique_ptr<store::DeviceStore> store =
      store::open_device_store(scratch / "devices.db").value();
  DeviceRegister device_register{*store, devices};
  store::DeviceRecord record = key_device(test::SoftKey().public_key(), clock.now());
};

TEST_F(DeviceRegisterTest, PutsIntoMemoryWhatIsOnDisk) {
  ASSERT_TRUE(change([this](store::DeviceStore& in) { return in.add(record); }));
  EXPECT_EQ(devices.find(record.id)->state, "enrolled");
  EXPECT_EQ(store->find(record.id).value()->state, "enrolled");
}

TEST_F(DeviceRegisterTest, ChangesNothingInMemoryWhereTheStoreRefuses) {
  ASSERT_TRUE(change([this](store::DeviceStore& in) { return in.add(record); }));
  const auto before = devices.find(record.id);
  EXPECT_FALSE(change([this](store::DeviceStore& in) { return in.add(record); }));
  EXPECT_EQ(devices.find(record.id), before);
}

TEST_F(DeviceRegisterTest, KeepsThoseWhoWaitOutOfMemory) {
  record.state = "pending";
  ASSERT_TRUE(
      change([this](store::DeviceStore&) -> Result<store::DeviceRecord> { return record; }));
  EXPECT_EQ(devices.find(record.id), nullptr);
}

TEST_F(DeviceRegisterTest, AnswersAfterThoseInsideTheGateHaveLeft) {
  ASSERT_TRUE(change([this](store::DeviceStore& in) { return in.add(record); }));
  std::promise<void> answered;
  auto answer = answered.get_future();
  {
    const auto inside = gate.enter();
    device_register.change(
        [this](store::DeviceStore& in) { return in.revoke(record.id, "", clock.now()); },
        [&](const Result<store::DeviceRecord>&) { answered.set_value(); });
    EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  }
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(devices.find(record.id)->state, "revoked");
}

TEST_F(DeviceRegisterTest, RefusesMoreThanItCanQueue) {
  std::promise<void> let_go;
  auto gone = let_go.get_future().share();
  std::atomic<int> done = 0;
  std::atomic<int> refused = 0;
  const auto count = [&](const Result<store::DeviceRecord>& got) {
    if (!got && got.error().code == Code::overloaded) ++refused;
    ++done;
    done.notify_all();
  };
  constexpr int orders = static_cast<int>(DeviceRegister::longest_queue) + 2;
  for (int i = 0; i < orders; ++i) {
    device_register.change(
        [gone, this](store::DeviceStore&) -> Result<store::DeviceRecord> {
          gone.wait();
          return record;
        },
        count);
  }
  EXPECT_GE(refused, 1);
  let_go.set_value();
  for (int seen = done; seen != orders; seen = done) done.wait(seen);
  EXPECT_LE(refused, 2);
}

TEST_F(DeviceRegisterTest, EndsAfterWhatWasAskedOfIt) {
  std::atomic<int> done = 0;
  {
    Devices others(gate);
    DeviceRegister shortlived(*store, others);
    for (int i = 0; i < 20; ++i) {
      shortlived.change(
          [this](store::DeviceStore&) -> Result<store::DeviceRecord> { return record; },
          [&](const Result<store::DeviceRecord>&) { ++done; });
    }
  }
  EXPECT_EQ(done, 20);
}

// What a change ends is revoked before the change is answered.
class RegisterThatIsFollowed : public DeviceRegisterTest {
 protected:
  RegisterThatIsFollowed() {
    record.format = record.id = "tpm2";
    record.state = "enrolled";
    record.facts = facts("aa", "01");
  }
  static std::string facts(const std::string& pcr7, const std::string& pcr10,
                           const std::string& bank = "sha256") {
    attest::Facts facts;
    facts.format = "tpm2";
    facts.key_protection = "hardware";
    facts.pcr_bank = bank;
    facts.pcrs = {{7, pcr7}, {10, pcr10}};
    return attest::to_json(facts).dump();
  }
  Result<store::DeviceRecord> becomes(const store::DeviceRecord& next) {
    return wait_for<store::DeviceRecord>([&](hsm::Done<store::DeviceRecord> done) {
      followed.change([&](store::DeviceStore&) -> Result<store::DeviceRecord> { return next; },
                      std::move(done));
    });
  }

  std::vector<Ended> seen;
  std::optional<Code> failing;
  DeviceRegister followed{
      *store, devices, [this](const Ended& ended, std::function<void(Result<void>)> done) {
        EXPECT_EQ(devices.find(ended.device)->state == "revoked", ended.standing)
            << "nothing decided before can leave any more";
        seen.push_back(ended);
        if (failing) return done(fail(*failing, "the disk is full"));
        done({});
      }};
};

TEST_F(RegisterThatIsFollowed, ARevocationEndsTheStanding) {
  ASSERT_TRUE(becomes(record));
  EXPECT_TRUE(seen.empty());
  record.state = "revoked";
  record.revoked_at = clock.now();
  ASSERT_TRUE(becomes(record));
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_TRUE(seen[0].standing);
  EXPECT_EQ(seen[0].device, record.id);
  EXPECT_EQ(seen[0].at, clock.now());
}

TEST_F(RegisterThatIsFollowed, EvidenceThatEndsBeforeItsTimeEnds) {
  record.evidence_ended_at = clock.now();
  record.evidence_ended_why = "asked";
  ASSERT_TRUE(becomes(record));
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_FALSE(seen[0].standing);
}

TEST_F(RegisterThatIsFollowed, AnotherBootEndsWhatTheOneBeforeWasGoodFor) {
  ASSERT_TRUE(becomes(record));
  record.facts = facts("bb", "01");
  ASSERT_TRUE(becomes(record));
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_FALSE(seen[0].standing);
}

TEST_F(RegisterThatIsFollowed, PcrsOfAnotherBankShowNoBootThatIsKnown) {
  ASSERT_TRUE(becomes(record));
  record.facts = facts("aa", "01", "sha384");
  ASSERT_TRUE(becomes(record));
  EXPECT_EQ(seen.size(), 1U);
}

// A process that was killed between the row and the event.
TEST_F(RegisterThatIsFollowed, ARowSaysAtStartThatTheLastBootWasAnother) {
  const auto ended = [this] { return ended_by_boot(record).value(); };
  EXPECT_FALSE(ended()) << "it was the first attestation";
  record.facts_before = facts("aa", "02");
  EXPECT_FALSE(ended()) << "it used more files";
  record.facts_before = facts("bb", "01");
  ASSERT_TRUE(ended());
  EXPECT_FALSE(ended()->standing);
  EXPECT_TRUE(ended()->long_ago);
  EXPECT_EQ(ended()->at, record.attested_at);
  record.facts_before = "nonsense";
  EXPECT_EQ(ended_by_boot(record).error().code, Code::store_failed);
}

TEST_F(RegisterThatIsFollowed, TheSameBootWithMoreFilesUsedEndsNothing) {
  ASSERT_TRUE(becomes(record));
  record.facts = facts("aa", "02");
  record.labels = R"({"site":"berlin"})";
  ASSERT_TRUE(becomes(record));
  EXPECT_TRUE(seen.empty());
}

TEST_F(RegisterThatIsFollowed, SaysSoWhereWhatFollowsIsNotOnDisk) {
  failing = Code::revocation_failed;
  record.state = "revoked";
  const auto changed = becomes(record);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, Code::revocation_failed);
  EXPECT_EQ(devices.find(record.id)->state, "revoked") << "it stands, and may be asked for again";
}

}  // namespace
}  // namespace mintmark::issuer
