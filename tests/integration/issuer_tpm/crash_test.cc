// What a process leaves that ends between two steps: nothing that signs unknown to list(), nothing
// that takes room in the TPM for ever.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "issuer_tpm.h"

namespace mintmark::hsm::tpm2 {
namespace {

namespace fs = std::filesystem;

class Crash : public IssuerTpmStore {
 protected:
  /// Opens the store on what was left, and finds nothing left.
  void expect_nothing_left() {
    open();
    const auto keys = list();
    ASSERT_TRUE(keys) << keys.error().to_string();
    EXPECT_TRUE(keys->empty());
    EXPECT_TRUE(counters().empty());
    for (const auto& entry : fs::directory_iterator(device_.blobs()))
      EXPECT_EQ(entry.path().filename(), "store.json");
    open();
    EXPECT_TRUE(sign(make_key().id));
  }
  static KeyBlob planned(std::uint32_t index) {
    KeyBlob blob;
    blob.id = random_key_id();
    blob.policy.counter_index = index;
    return blob;
  }
  const std::uint32_t index_ = first_counter_index + 0x1234;
};

TEST_F(Crash, BeforeTheCounterIsDefinedLeavesNothing) {
  behind_its_back([&](const BlobDirectory& directory, const CounterAccess&) {
    ASSERT_TRUE(directory.write_key(planned(index_)));
  });
  expect_nothing_left();
}

TEST_F(Crash, BeforeTheCounterIsWrittenLeavesNothing) {
  behind_its_back([&](const BlobDirectory& directory, const CounterAccess& access) {
    ASSERT_TRUE(directory.write_key(planned(index_)));
    const TPM2B_NV_PUBLIC area = counter_area(index_);
    TPM2B_AUTH auth{};
    const BytesView octets = access.auth.view();
    auth.size = static_cast<UINT16>(octets.size());
    std::copy(octets.begin(), octets.end(), std::begin(auth.buffer));
    ESYS_TR id = ESYS_TR_NONE;
    ASSERT_EQ(Esys_NV_DefineSpace(access.tpm.esys(), ESYS_TR_RH_OWNER, access.session.id(),
                                  ESYS_TR_NONE, ESYS_TR_NONE, &auth, &area, &id),
              TSS2_RC_SUCCESS);
  });
  expect_nothing_left();
}

TEST_F(Crash, BeforeTheKeyIsOnDiskLeavesNothing) {
  behind_its_back([&](const BlobDirectory& directory, const CounterAccess& access) {
    ASSERT_TRUE(directory.write_key(planned(index_)));
    ASSERT_TRUE(make_counter(access, index_));
  });
  expect_nothing_left();
}

TEST_F(Crash, InTheMiddleOfADestructionIsFinishedAtTheNextOpening) {
  // Before the increment, after it, and after the end of the index.
  for (int steps = 0; steps < 3; ++steps) {
    open();
    const KeyInfo key = make_key();
    behind_its_back([&](const BlobDirectory& directory, const CounterAccess& access) {
      KeyBlob blob = directory.read_keys().value().at(0);
      blob.state = BlobState::ending;
      ASSERT_TRUE(directory.write_key(blob));
      const auto counter = open_counter(access, blob.policy.counter_index);
      ASSERT_TRUE(counter);
      if (steps == 1) {
        ASSERT_EQ(Esys_NV_Increment(access.tpm.esys(), counter->id(), counter->id(),
                                    access.session.id(), ESYS_TR_NONE, ESYS_TR_NONE),
                  TSS2_RC_SUCCESS);
      }
      if (steps == 2) {
        ASSERT_TRUE(end_counter(access, blob.policy.counter_index));
      }
    });
    open();
    EXPECT_REFUSED(sign(key.id), Code::hsm_key_unknown);
    EXPECT_REFUSED(destroy(key.id), Code::hsm_key_unknown);
    EXPECT_TRUE(counters().empty());
  }
}

TEST_F(Crash, IsNotTidiedUpByWhoHasAnotherPin) {
  // He would find the counter to be another's, and the file without one.
  const KeyInfo key = make_key();
  behind_its_back([&](const BlobDirectory& directory, const CounterAccess&) {
    KeyBlob blob = directory.read_keys().value().at(0);
    blob.state = BlobState::ending;
    ASSERT_TRUE(directory.write_key(blob));
  });
  config::HsmStore settings = device_.store();
  settings.pin.file = device_.directory().write("other-pin", "another").string();
  EXPECT_EQ(refusal_to_open(settings).code, Code::hsm_pin_refused);
  EXPECT_TRUE(fs::exists(file_of(key.id)));
  EXPECT_EQ(counters().size(), 1U);
  open();
  EXPECT_TRUE(counters().empty());
}

TEST_F(Crash, AnIndexThatIsAnotherProgramsByThenIsLeftAlone) {
  behind_its_back([&](const BlobDirectory& directory, const CounterAccess&) {
    ASSERT_TRUE(directory.write_key(planned(index_)));
  });
  std::array<char, 16> index{};
  std::snprintf(index.data(), index.size(), "0x%X", index_);
  tool({"tpm2_nvdefine", "-Q", index.data(), "-C", "o", "-s", "8", "-a",
        "authread|authwrite|no_da|nt=counter", "-p", "theirs"});
  open();
  EXPECT_EQ(counters(), std::vector<std::uint32_t>{index_});
}

TEST_F(Crash, AnIndexOfAnotherKindIsLeftAlone) {
  behind_its_back([&](const BlobDirectory& directory, const CounterAccess&) {
    ASSERT_TRUE(directory.write_key(planned(index_)));
  });
  std::array<char, 16> index{};
  std::snprintf(index.data(), index.size(), "0x%X", index_);
  tool({"tpm2_nvdefine", "-Q", index.data(), "-C", "o", "-s", "8", "-a", "authread|authwrite"});
  open();
  EXPECT_TRUE(list()->empty());
  EXPECT_EQ(counters(), std::vector<std::uint32_t>{index_});
}

TEST_F(Crash, AtAnyMomentLeavesOnlyKeysThatAreListedAndCountersThatAreTheirs) {
  std::mt19937 random(20);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same moments each time
  for (int round = 0; round < 20; ++round) {
    store_.reset();
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto opened = open_key_store(device_.store(), test::contract_issuer);
      if (!opened) _exit(3);
      store_ = std::move(*opened);
      for (;;) (void)destroy(make_key().id);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(40 + random() % 160));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child could not open the store";
    // It died with objects and sessions in the TPM, as where no resource manager stands between.
    device_.tpm().power_cycle();
    open();
    const auto keys = list();
    ASSERT_TRUE(keys) << keys.error().to_string();
    for (const KeyInfo& key : *keys) {
      EXPECT_EQ(key.unfit, "");
      EXPECT_TRUE(sign(key.id));
      EXPECT_TRUE(destroy(key.id));
    }
    EXPECT_TRUE(counters().empty()) << "round " << round;
  }
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
