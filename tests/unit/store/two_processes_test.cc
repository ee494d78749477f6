// The front writes devices while the keeper reads them.
#include <gtest/gtest.h>

#include "records.h"
#include "store/store.h"
#include "support/scratch.h"

namespace mintmark::store {
namespace {

constexpr int count = 40;

int enrol_many(const std::string& path, const std::string& prefix) {
  auto store = open_device_store(path, 0660);
  if (!store) return 1;
  for (int i = 0; i < count; ++i) {
    const std::string name = prefix + std::to_string(i);
    if (!test::admit(**store, test::device(name, name), name, test::ticket_end)) return 2;
  }
  return 0;
}

TEST(TwoProcesses, MayOpenTheStoreInEitherOrder) {
  for (const bool child_first : {true, false}) {
    const mintmark::test::Scratch scratch;
    const std::string path = scratch / "devices.db";
    std::unique_ptr<DeviceStore> own;
    if (!child_first) own = open_device_store(path, 0660).value();
    const pid_t child = test::in_child([&] { return enrol_many(path, "c"); });
    EXPECT_EQ(test::end_of(child), 0);
    if (child_first) own = open_device_store(path, 0660).value();
    EXPECT_EQ(own->list().value().size(), static_cast<std::size_t>(count));
  }
}

TEST(TwoProcesses, ReadWhatTheOtherWritesWhileItWrites) {
  const mintmark::test::Scratch scratch;
  const std::string path = scratch / "devices.db";
  const pid_t child = test::in_child([&] { return enrol_many(path, "c"); });
  auto keeper = open_device_store(path, 0660);
  ASSERT_TRUE(keeper) << keeper.error().to_string();
  std::size_t seen = 0;
  while (seen < count) {
    const auto devices = (*keeper)->list();
    ASSERT_TRUE(devices) << devices.error().to_string();
    ASSERT_GE(devices->size(), seen) << "a device that was there is gone";
    seen = devices->size();
    if (waitpid(child, nullptr, WNOHANG) == child && seen < count) {
      ASSERT_EQ((*keeper)->list().value().size(), static_cast<std::size_t>(count));
      break;
    }
  }
  EXPECT_TRUE((*keeper)->find("c39").value().has_value());
}

TEST(TwoProcesses, WriteAtOnceWithoutLoss) {
  const mintmark::test::Scratch scratch;
  const std::string path = scratch / "devices.db";
  const pid_t first = test::in_child([&] { return enrol_many(path, "a"); });
  const pid_t second = test::in_child([&] { return enrol_many(path, "b"); });
  EXPECT_EQ(test::end_of(first), 0);
  EXPECT_EQ(test::end_of(second), 0);
  EXPECT_EQ(open_device_store(path).value()->list().value().size(), 2U * count);
}

TEST(TwoProcesses, UseATicketOnceBetweenThem) {
  const mintmark::test::Scratch scratch;
  const std::string path = scratch / "devices.db";
  const auto enrol_once = [&](const std::string& name) {
    auto store = open_device_store(path);
    if (!store) return 9;
    const auto enrolled =
        test::admit(**store, test::device(name, name), "one ticket", test::ticket_end);
    if (enrolled) return 1;
    return enrolled.error().code == Code::ticket_used ? 0 : 9;
  };
  const pid_t first = test::in_child([&] { return enrol_once("a"); });
  const pid_t second = test::in_child([&] { return enrol_once("b"); });
  const int ends = test::end_of(first) + test::end_of(second);
  EXPECT_EQ(ends, 1);
}

}  // namespace
}  // namespace mintmark::store
