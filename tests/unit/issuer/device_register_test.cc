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

}  // namespace
}  // namespace mintmark::issuer
