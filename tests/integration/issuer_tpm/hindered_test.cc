// A store that is hindered in the middle of something, by its disk, its TPM or somebody's
// configuration.
#include <optional>

#include "hsm/vitals.h"
#include "issuer_tpm.h"
#include "support/tpm_bus.h"

namespace mintmark::hsm::tpm2 {
namespace {

namespace fs = std::filesystem;

class Hindered : public IssuerTpmStore {
 protected:
  void SetUp() override {
    bus_.emplace(device_.tpm().port());
    reopen();
  }
  void reopen() {
    config::HsmStore settings = device_.store();
    settings.tpm->tcti = bus_->tcti();
    open(settings);
  }
  /// The TPM gets no such command, and answers so.
  void refuse(TPM2_CC wanted, std::uint32_t rc) {
    bus_->change_commands([wanted](std::uint32_t command, Bytes& octets) {
      if (command == wanted) std::fill_n(octets.begin() + 6, 4, std::uint8_t{0});
    });
    bus_->change_answers([wanted, rc](std::uint32_t command, Bytes& answer) {
      if (command != wanted) return;
      answer = {0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0};
      answer[8] = static_cast<std::uint8_t>(rc >> 8U);
      answer[9] = static_cast<std::uint8_t>(rc);
    });
  }
  /// Something happens when such a command comes for the first time.
  void upon(TPM2_CC wanted, std::function<void()> happens) {
    bus_->change_commands([wanted, happens, once = false](std::uint32_t command, Bytes&) mutable {
      if (command == wanted && !std::exchange(once, true)) happens();
    });
  }
  void leave_in_peace() {
    bus_->change_commands(nullptr);
    bus_->change_answers(nullptr);
  }
  void move_directory(bool away) const {
    const fs::path elsewhere = device_.blobs().string() + ".elsewhere";
    fs::rename(away ? device_.blobs() : elsewhere, away ? elsewhere : device_.blobs());
  }
  void expect_only(const std::vector<KeyId>& known) {
    reopen();
    const auto listed = list();
    ASSERT_TRUE(listed) << listed.error().to_string();
    EXPECT_EQ(listed->size(), known.size());
    for (const KeyId& id : known) EXPECT_TRUE(sign(id));
    EXPECT_EQ(counters().size(), known.size());
    reopen();
  }

  std::optional<test::TpmBus> bus_;
};

TEST_F(Hindered, ByADirectoryThatIsGoneItMakesNoKeyAndEndsNone) {
  const KeyInfo key = make_key();
  move_directory(true);
  EXPECT_REFUSED(generate({.id = random_key_id()}), Code::io_failed);
  EXPECT_REFUSED(destroy(key.id), Code::io_failed);
  EXPECT_TRUE(sign(key.id));
  move_directory(false);
  expect_only({key.id});
}

TEST_F(Hindered, ByADirectoryThatGoesWhileAKeyIsMadeItLeavesNone) {
  const KeyInfo key = make_key();
  upon(TPM2_CC_Create, [this] { move_directory(true); });
  EXPECT_REFUSED(generate({.id = random_key_id()}), Code::io_failed);
  leave_in_peace();
  move_directory(false);
  expect_only({key.id});
}

TEST_F(Hindered, ByAFileThatCannotBeRemovedItEndsTheKeyAndTellsSo) {
  const KeyInfo key = make_key();
  const std::string file = read_file(file_of(key.id)).value();
  upon(TPM2_CC_NV_UndefineSpace, [&] {
    fs::remove(file_of(key.id));
    fs::create_directory(file_of(key.id));
  });
  EXPECT_REFUSED(destroy(key.id), Code::io_failed);
  leave_in_peace();
  EXPECT_REFUSED(sign(key.id), Code::hsm_key_unknown);
  fs::remove(file_of(key.id));
  EXPECT_TRUE(destroy(key.id));
  expect_only({});
}

TEST_F(Hindered, InABirthItBeginsAnewWithTheSameId) {
  const KeySpec spec{.id = random_key_id()};
  refuse(TPM2_CC_NV_Increment, TPM2_RC_FAILURE);  // Undoing it fails too.
  EXPECT_REFUSED(generate(spec), Code::hsm_failed);
  EXPECT_REFUSED(generate(spec), Code::hsm_failed);
  leave_in_peace();
  const auto made = generate(spec);
  ASSERT_TRUE(made) << made.error().to_string();
  expect_only({spec.id});
}

TEST_F(Hindered, InADeathItMakesNoKeyOfThatId) {
  const KeyInfo key = make_key();
  refuse(TPM2_CC_NV_UndefineSpace, TPM2_RC_FAILURE);
  EXPECT_REFUSED(destroy(key.id), Code::hsm_failed);
  EXPECT_REFUSED(generate({.id = key.id}), Code::hsm_key_exists);
  leave_in_peace();
  expect_only({});
  EXPECT_TRUE(generate({.id = key.id}));
}

TEST_F(Hindered, ByIndexesThatAreAllTakenItGivesUpAndLeavesNothing) {
  const KeyInfo key = make_key();
  refuse(TPM2_CC_NV_DefineSpace, TPM2_RC_NV_DEFINED);
  EXPECT_REFUSED(generate({.id = random_key_id()}), Code::hsm_nv_full);
  leave_in_peace();
  expect_only({key.id});
}

TEST_F(Hindered, ByATpmThatIsGoneItIsUnavailableForEveryCall) {
  const KeyInfo key = make_key();
  bus_.reset();
  EXPECT_REFUSED(sign(key.id), Code::hsm_unavailable);
  EXPECT_REFUSED(list(), Code::hsm_unavailable);
  EXPECT_REFUSED(generate({.id = random_key_id()}), Code::hsm_unavailable);
  EXPECT_REFUSED(destroy(key.id), Code::hsm_unavailable);
  EXPECT_REFUSED(sign(key.id), Code::hsm_key_unknown);  // It is to be ended, and the file says so.
  open();
  EXPECT_TRUE(list()->empty());
}

TEST_F(Hindered, ByPcrsThatNeverStandStillItIsABootStateThatDoesNotHold) {
  const KeyInfo key = make_key();
  refuse(TPM2_CC_Sign, TPM2_RC_PCR_CHANGED);
  EXPECT_REFUSED(sign(key.id), Code::hsm_boot_state);
  leave_in_peace();
  EXPECT_TRUE(sign(key.id));
}

class Opening : public IssuerTpmStore {
 protected:
  Result<std::unique_ptr<TpmKeyStore>> open_anew(const config::HsmStore& settings,
                                                 const std::vector<jose::Algorithm>& needed = {}) {
    store_.reset();
    return open_key_store(settings, test::contract_issuer, needed, vitals_);
  }
  std::shared_ptr<Vitals> vitals_ = Vitals::make().value();
};

TEST_F(Opening, IsRefusedForAnAlgorithmThatTheTpmDoesNotKnow) {
  EXPECT_TRUE(open_anew(device_.store(), {jose::Algorithm::es256, jose::Algorithm::ps256}));
  EXPECT_REFUSED(open_anew(device_.store(), {jose::Algorithm::es256, jose::Algorithm::ed25519}),
                 Code::hsm_mechanism_missing);
}

// The keeper counts what a wrong PIN costs, and a TPM that is away costs nothing.
TEST_F(Opening, TellsHowThePinFared) {
  ASSERT_TRUE(open_anew(device_.store()));
  config::HsmStore settings = device_.store();
  settings.pin.file = device_.directory().write("other-pin", "another").string();
  EXPECT_REFUSED(open_anew(settings), Code::hsm_pin_refused);
  settings = device_.store();
  settings.tpm->tcti = "swtpm:host=127.0.0.1,port=1";
  EXPECT_REFUSED(open_anew(settings), Code::hsm_unavailable);
  const auto logins = vitals_->logins();
  EXPECT_EQ(logins.begun, 3U);
  EXPECT_EQ(logins.accepted, 1U);
  EXPECT_EQ(logins.refused, 1U);
  EXPECT_EQ(logins.failed, 1U);
}

TEST_F(Opening, IsRefusedWhereTheOwnersAuthorisationCannotBeRead) {
  config::HsmStore settings = device_.store();
  settings.tpm->owner = device_.directory().path() / "nothing";
  EXPECT_REFUSED(open_anew(settings), Code::hsm_pin_unreadable);
}

TEST_F(Opening, OfAStoreThatChecksSomeSignaturesSignsAsWell) {
  config::HsmStore settings = device_.store();
  settings.self_check = config::SelfCheck::sampled;
  open(settings);
  const KeyInfo key = make_key();
  for (int i = 0; i < 3; ++i) {
    const auto signature = sign(key.id);
    ASSERT_TRUE(signature);
    EXPECT_TRUE(key.public_key.verify(as_bytes("input"), *signature));
  }
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
