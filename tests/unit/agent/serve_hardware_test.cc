// The one thread that owns the device key, and the threads that requests wait on: bounded in length
// and time.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>

#include "agent/serve/hardware_ports.h"
#include "agent/serve/workers.h"
#include "fake_device.h"

namespace mintmark::agent::serve {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

void await(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + seconds{20};
  bool met = condition();
  while (!met && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
    met = condition();
  }
  ASSERT_TRUE(met);
}

/// A TPM that signs when the test lets it.
struct SlowTpm {
  std::atomic<int> open = 0;
  std::atomic<int> opened = 0;
  std::atomic<int> begun = 0;
  std::atomic<int> at_once = 0;
  std::atomic<int> most_at_once = 0;
  std::atomic<bool> held = false;
  std::atomic<bool> away = false;
  std::atomic<std::int64_t> takes_ms = 0;  ///< By the test's watch.
  std::atomic<std::int64_t> watch_ms = 0;
  std::vector<std::uint8_t> order;  ///< First octets of what was signed.
};

class SlowDevice final : public hsm::tpm2::Device {
 public:
  explicit SlowDevice(SlowTpm& tpm) : tpm_(tpm) {
    ++tpm_.open;
    ++tpm_.opened;
  }
  ~SlowDevice() override { --tpm_.open; }
  Result<Bytes> sign(const hsm::tpm2::KeyBlobs& key, const Sha256& digest) override {
    ++tpm_.begun;
    tpm_.most_at_once = std::max<int>(tpm_.most_at_once, ++tpm_.at_once);
    while (tpm_.held) std::this_thread::yield();
    tpm_.watch_ms += tpm_.takes_ms;
    tpm_.order.push_back(digest[0]);
    --tpm_.at_once;
    if (tpm_.away) return fail(Code::tpm_unavailable, "gone");
    return key.public_area;
  }
  Result<hsm::tpm2::Statement> certify(const hsm::tpm2::KeyBlobs&, const hsm::tpm2::AttestationKey&,
                                       BytesView qualifying_data) override {
    return hsm::tpm2::Statement{to_bytes(qualifying_data), {}};
  }
  Result<hsm::tpm2::EkCertificate> ek_certificate(std::optional<hsm::tpm2::EkKind>) override {
    return none();
  }
  Result<Bytes> ak_certificate(std::uint32_t) override { return none(); }
  Result<Bytes> public_area(const hsm::tpm2::PersistentKey&) override { return none(); }
  Result<hsm::tpm2::KeyBlobs> create_attestation_key() override { return none(); }
  Result<hsm::tpm2::KeyBlobs> create_device_key() override { return none(); }
  Result<Secret> activate_credential(const hsm::tpm2::EkCertificate&, const hsm::tpm2::KeyBlobs&,
                                     BytesView, BytesView) override {
    return none();
  }
  Result<hsm::tpm2::Quote> quote(const hsm::tpm2::AttestationKey&, const std::string&,
                                 const std::vector<unsigned>&, BytesView) override {
    return none();
  }

 private:
  static tl::unexpected<Error> none() { return fail(Code::tpm_failed, "not here"); }
  SlowTpm& tpm_;
};

Sha256 digest_of(std::uint8_t first) {
  Sha256 digest{};
  digest[0] = first;
  return digest;
}

class ServeHardware : public testing::Test {
 protected:
  using Signed = std::future<Result<Bytes>>;

  Hardware& with(HardwareLimits limits) {
    limits.now = [this] {
      ++watched;
      return HardwareLimits::Time(milliseconds{tpm.watch_ms});
    };
    hardware.emplace(
        Hardware::Openers{
            [this](const std::string& tcti) -> Result<std::unique_ptr<hsm::tpm2::Device>> {
              if (tcti != "a-tpm") return fail(Code::tpm_unavailable, "no such TPM");
              return std::make_unique<SlowDevice>(tpm);
            },
            {}},
        limits);
    return *hardware;
  }
  std::unique_ptr<hsm::tpm2::Device> device(Standing standing = Standing::in_line) {
    return device_through(*hardware, standing, "a-tpm").value();
  }
  static Signed sign(hsm::tpm2::Device& device, std::uint8_t first = 0) {
    return std::async(std::launch::async, [&device, first] {
      return device.sign({{7}, {}}, digest_of(first));
    });
  }

  SlowTpm tpm;
  std::atomic<int> watched = 0;  ///< Twice for each place in the line.
  std::optional<Hardware> hardware;
};

TEST_F(ServeHardware, MakesOneCallAtATime) {
  with({.waiting = 64, .patience = seconds{30}});
  const auto shared = device();
  std::vector<Signed> all;
  for (int i = 0; i < 16; ++i) all.push_back(sign(*shared));
  for (Signed& one : all) EXPECT_EQ(*one.get(), Bytes{7});
  EXPECT_EQ(tpm.most_at_once, 1);
  EXPECT_EQ(tpm.opened, 1);
}

TEST_F(ServeHardware, ShedsWhoComesToAFullLine) {
  with({.waiting = 2, .patience = seconds{30}});
  const auto shared = device();
  tpm.held = true;
  std::vector<Signed> waiting;
  waiting.push_back(sign(*shared));
  await([&] { return tpm.begun == 1; });
  // Two are taken, in whatever order they come.
  std::vector<Signed> more;
  for (int i = 0; i < 5; ++i) more.push_back(sign(*shared));
  int shed = 0;
  const auto ended = [](const Signed& one) {
    return one.wait_for(seconds{0}) == std::future_status::ready;
  };
  await([&] { return std::count_if(more.begin(), more.end(), ended) == 3; });
  tpm.held = false;
  for (Signed& one : more) {
    const auto result = one.get();
    if (result) continue;
    ++shed;
    EXPECT_EQ(result.error().code, Code::overloaded);
    EXPECT_GE(result.error().retry_after, 1U);
  }
  EXPECT_EQ(shed, 3);
  EXPECT_TRUE(waiting[0].get());
}

TEST_F(ServeHardware, LetsWaitersGoAtTheirDeadlineAndDoesNotSignForThem) {
  with({.waiting = 8, .patience = milliseconds{100}});
  const auto shared = device();
  tpm.held = true;
  auto first = sign(*shared, 1);
  await([&] { return tpm.begun == 1; });
  const auto second = sign(*shared, 2).get();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::deadline_passed);
  EXPECT_EQ(first.get().error().code, Code::deadline_passed);
  tpm.held = false;
  await([&] { return shared->sign({{7}, {}}, digest_of(3)).has_value(); });
  hardware.reset();
  EXPECT_EQ(std::count(tpm.order.begin(), tpm.order.end(), 2), 0);
  EXPECT_EQ(tpm.order.front(), 1);
}

TEST_F(ServeHardware, ShedsWhoWouldWaitTooLongForASlowKey) {
  with({.waiting = 1000, .patience = seconds{30}});
  const auto shared = device();
  tpm.takes_ms = 16'000;
  ASSERT_TRUE(shared->sign({{7}, {}}, digest_of(0)));
  tpm.held = true;
  std::vector<Signed> taken;
  for (std::size_t waiting = 0; waiting < 3; ++waiting) {
    taken.push_back(sign(*shared));
    await([&] { return tpm.begun == 2 && hardware->waiting() == waiting; });
  }
  const auto shed = shared->sign({{7}, {}}, digest_of(0));
  ASSERT_FALSE(shed);
  EXPECT_EQ(shed.error().code, Code::overloaded);
  EXPECT_EQ(shed.error().retry_after, 32U);
  tpm.held = false;
  for (Signed& one : taken) EXPECT_TRUE(one.get());
}

TEST_F(ServeHardware, TakesTheAgentsOwnThreadFirst) {
  with({.waiting = 8, .patience = seconds{30}});
  const auto programs = device();
  const auto own = device(Standing::ahead);
  tpm.held = true;
  auto first = sign(*programs, 1);
  await([&] { return tpm.begun == 1; });
  auto second = sign(*programs, 2);
  await([&] { return hardware->waiting() == 1; });
  auto third = sign(*own, 3);
  await([&] { return hardware->waiting() == 2; });
  tpm.held = false;
  EXPECT_TRUE(first.get() && second.get() && third.get());
  EXPECT_EQ(tpm.order, (std::vector<std::uint8_t>{1, 3, 2}));
}

TEST_F(ServeHardware, OpensAgainWhatWentAway) {
  with({});
  const auto shared = device();
  tpm.away = true;
  EXPECT_EQ(shared->sign({{7}, {}}, digest_of(1)).error().code, Code::tpm_unavailable);
  tpm.away = false;
  EXPECT_TRUE(shared->sign({{7}, {}}, digest_of(1)));
  EXPECT_EQ(tpm.opened, 2);
}

TEST_F(ServeHardware, OpensAndSignsInOnePlaceOfTheLine) {
  with({});
  const auto shared = device();
  EXPECT_EQ(watched, 0);
  ASSERT_TRUE(shared->sign({{7}, {}}, digest_of(1)));
  hardware.reset();
  EXPECT_EQ(watched, 2);
  EXPECT_EQ(tpm.opened, 1);
}

TEST_F(ServeHardware, SaysWhatCannotBeOpened) {
  with({});
  const auto other = device_through(*hardware, Standing::in_line, "another");
  ASSERT_TRUE(other);
  const auto none = (*other)->sign({{7}, {}}, digest_of(1));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::tpm_unavailable);
}

TEST_F(ServeHardware, LetsGoOfATpmThatNobodyNeeds) {
  with({});
  const auto shared = device();
  ASSERT_TRUE(shared->sign({{7}, {}}, digest_of(1)));
  EXPECT_EQ(tpm.open, 1);
  await([&] { return tpm.open == 0; });
  EXPECT_TRUE(shared->sign({{7}, {}}, digest_of(1)));
  EXPECT_EQ(tpm.opened, 2);
}

TEST_F(ServeHardware, PassesOnWhatTheDeviceSays) {
  with({});
  const auto shared = device();
  const Bytes data{1, 2, 3};
  EXPECT_EQ(shared->certify({}, hsm::tpm2::KeyBlobs{}, data)->attest, data);
  EXPECT_EQ(shared->create_device_key().error().code, Code::tpm_failed);
}

// --- threads for requests ---

/// Jobs that last until they are let go.
class ServeWorkers : public testing::Test {
 protected:
  ~ServeWorkers() override { held = false; }
  Workers::Job job(uid_t user = 0) {
    return {[this, user](unsigned) {
              {
                const std::lock_guard lock(mutex);
                begun.push_back(user);
              }
              while (held) std::this_thread::yield();
              ++done;
            },
            [this](const Error& why) {
              const std::lock_guard lock(mutex);
              shed.push_back(why.code);
            }};
  }
  std::size_t begun_now() {
    const std::lock_guard lock(mutex);
    return begun.size();
  }
  std::size_t shed_now() {
    const std::lock_guard lock(mutex);
    return shed.size();
  }

  std::atomic<bool> held = true;
  std::atomic<int> done = 0;
  std::mutex mutex;
  std::vector<uid_t> begun;
  std::vector<Code> shed;
};

TEST_F(ServeWorkers, RefuseWhatIsBeyondTheirPlaces) {
  Workers workers(2, 2, seconds{30});
  for (const uid_t user : {1, 1, 2, 2}) ASSERT_TRUE(workers.submit(user, job()));
  const auto refused = workers.submit(3, job());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(refused.error().retry_after, 1U);
  held = false;
  await([&] { return done == 4; });
}

TEST_F(ServeWorkers, LeaveHalfOfThePlacesToOthers) {
  Workers workers(2, 2, seconds{30});
  ASSERT_TRUE(workers.submit(1, job()));
  ASSERT_TRUE(workers.submit(1, job()));
  EXPECT_EQ(workers.submit(1, job()).error().code, Code::overloaded);
  EXPECT_TRUE(workers.submit(2, job()));
  held = false;
  // A place is free again when its job has ended.
  await([&] { return workers.submit(1, {[](unsigned) {}, [](const Error&) {}}).has_value(); });
}

TEST_F(ServeWorkers, LeaveHalfOfTheThreadsToOthers) {
  Workers workers(4, 36, seconds{30});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(workers.submit(1, job(1)));
  await([&] { return begun_now() == 2; });
  ASSERT_TRUE(workers.submit(2, job(2)));
  await([&] { return begun_now() == 3; });
  EXPECT_EQ(begun, (std::vector<uid_t>{1, 1, 2}));
  held = false;
  await([&] { return done == 11; });
}

TEST_F(ServeWorkers, ServeUsersByTurns) {
  Workers workers(1, 39, seconds{30});
  ASSERT_TRUE(workers.submit(9, job(9)));
  await([&] { return begun_now() == 1; });
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(workers.submit(1, job(1)));
  ASSERT_TRUE(workers.submit(2, job(2)));
  held = false;
  await([&] { return done == 5; });
  EXPECT_EQ(begun, (std::vector<uid_t>{9, 1, 2, 1, 1}));
}

TEST_F(ServeWorkers, ShedWhatWaitsTooLong) {
  Workers workers(1, 9, milliseconds{50});
  ASSERT_TRUE(workers.submit(1, job(1)));
  await([&] { return begun_now() == 1; });
  ASSERT_TRUE(workers.submit(2, job(2)));
  await([&] { return shed_now() == 1; });
  EXPECT_EQ(shed, (std::vector<Code>{Code::overloaded}));
  held = false;
  await([&] { return done == 1; });
  EXPECT_EQ(begun, (std::vector<uid_t>{1}));
}

TEST_F(ServeWorkers, AtTheEndShedWhatOnlyWaitsAndFinishWhatIsUnderWay) {
  {
    Workers workers(1, 9, seconds{30});
    ASSERT_TRUE(workers.submit(1, job(1)));
    await([&] { return begun_now() == 1; });
    ASSERT_TRUE(workers.submit(2, job(2)));
    workers.stop();
    EXPECT_EQ(shed, (std::vector<Code>{Code::unavailable}));
    EXPECT_EQ(workers.submit(3, job(3)).error().code, Code::unavailable);
    held = false;
  }
  EXPECT_EQ(done, 1);
}

TEST_F(ServeWorkers, AreToldApart) {
  std::set<unsigned> seen;
  {
    std::latch both(2);
    Workers workers(2, 2, seconds{30});
    for (const uid_t user : {1, 2}) {
      ASSERT_TRUE(workers.submit(user, {[&](unsigned worker) {
                                          both.arrive_and_wait();
                                          const std::lock_guard lock(mutex);
                                          seen.insert(worker);
                                        },
                                        [](const Error&) {}}));
    }
    both.wait();
  }
  EXPECT_EQ(seen, (std::set<unsigned>{0, 1}));
}

}  // namespace
}  // namespace mintmark::agent::serve
