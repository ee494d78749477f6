// An issuer's store, and each answer of its TPM that is not what it should be, one after the other:
// told, and nothing lost, nothing left.
#include "hsm/tpm2/issuer_key_store.h"

#include <set>

#include "attest/tpm2/key_evidence.h"
#include "integration/issuer_tpm/boot_demanding.h"
#include "tpm_faults.h"

namespace mintmark::hsm::tpm2 {
namespace {

namespace fs = std::filesystem;

using test::TpmFault;

using Told = std::set<Code>;

const std::vector<TpmFault> every_fault = {
    test::failure,    test::retry,         test::memory, test::lockout,   test::no_handle,
    test::wrong_auth, test::bad_parameter, test::cut,    test::shortened, test::changed};

/// What may be told of a fault to whoever asks an open store. Nothing: it must be done all the
/// same.
Told told_when_open(const TpmFault& fault) {
  if (fault.kind == TpmFault::Kind::cut || fault.rc == TPM2_RC_RETRY) return {};
  if (fault.kind == TpmFault::Kind::changed) return {Code::hsm_failed, Code::hsm_answer_forged};
  // Of a session's beginning: it is of no use, which looks like a wrong authorisation.
  if (fault.kind == TpmFault::Kind::shortened)
    return {Code::hsm_failed, Code::hsm_answer_forged, Code::hsm_owner_refused};
  if (fault.rc == TPM2_RC_OBJECT_MEMORY) return {Code::hsm_unavailable};
  // What the TPM says by these it can say in truth of what is ours.
  if (fault.rc == test::no_handle.rc) return {Code::hsm_failed, Code::hsm_answer_forged};
  if (fault.rc == test::bad_parameter.rc)
    return {Code::hsm_failed, Code::hsm_key_foreign, Code::hsm_mechanism_missing,
            Code::tpm_credential_refused};
  if (fault.rc == test::wrong_auth.rc)
    return {Code::hsm_failed, Code::hsm_answer_forged, Code::hsm_root_changed,
            Code::hsm_owner_refused};
  return {Code::hsm_failed};
}

/// It is not done again where nobody waits for it yet.
Told told_at_opening(const TpmFault& fault) {
  if (fault.kind == TpmFault::Kind::cut) return {Code::hsm_unavailable};
  return told_when_open(fault);
}

/// What is asked of the store, again and again.
struct Operation {
  /// With the fault. Success: what was given has been looked at and is right.
  std::function<Result<void>()> asked;
  /// Without it, before and after.
  std::function<void()> before = [] {};
  std::function<void(bool done)> after = [](bool) {};
  std::function<Told(const TpmFault&)> told = &told_when_open;
};

Result<void> right(bool is_right, const std::string& what) {
  EXPECT_TRUE(is_right) << what;
  return {};
}

class EachAnswer : public BootDemandingStore {
 protected:
  explicit EachAnswer(bool manufactured = false)
      : BootDemandingStore(manufactured), bus_(device_.tpm().port()) {}

  void SetUp() override { open_with(device_.store()); }
  void open_with(config::HsmStore settings) {
    settings_ = std::move(settings);
    settings_.tpm->tcti = bus_.tcti();
    reopen();
  }
  void reopen() { open(settings_); }
  void demand_boot_state() {
    make_authority("authority");
    approve_now("sha256:0,1");  // Looked at first, and not this machine's any more.
    extend(1);
    approve_now();
    open_with(demanding());
  }
  void give_owner_an_authorisation() {
    make_root_persistent();
    tool({"tpm2_changeauth", "-Q", "-c", "owner", "the owner's secret"});
    config::HsmStore settings = device_.store();
    settings.tpm->owner = device_.directory().write("owner", "the owner's secret").string();
    open_with(settings);
  }
  void make_keys() { keys_ = {make_key(jose::Algorithm::es256), make_key(jose::Algorithm::es384)}; }

  Result<void> signed_by(const KeyInfo& key) {
    const auto signature = sign(key.id);
    if (!signature) return tl::unexpected<Error>(signature.error());
    return right(key.public_key.verify(as_bytes("input"), *signature), "another signature");
  }
  /// An unfit key is told as the error that it is.
  Result<void> listed() {
    const auto listed = list();
    if (!listed) return tl::unexpected<Error>(listed.error());
    std::set<KeyId> found;
    for (const KeyInfo& key : *listed) {
      found.insert(key.id);
      if (!key.unfit.empty())
        return fail(code_named(key.unfit.substr(0, key.unfit.find(':'))), key.unfit);
    }
    std::set<KeyId> known;
    for (const KeyInfo& key : keys_) known.insert(key.id);
    return right(found == known, "other keys than there are");
  }
  /// Where it is open or can be opened, what was said to be there is, and signs.
  void expect_whole() {
    if (!store_) reopen();
    const auto all = listed();
    EXPECT_TRUE(all) << all.error().to_string();
    for (const KeyInfo& key : keys_) {
      const auto done = signed_by(key);
      EXPECT_TRUE(done) << done.error().to_string();
    }
  }

  /// Each fault at each command, or, where they are many, one fault after the other (thinned.h: a
  /// part of them, but in tests/long).
  enum class Extent : std::uint8_t { whole, by_turns };
  void each_answer(const Operation& operation, const std::vector<TpmFault>& faults = every_fault,
                   Extent extent = Extent::whole) {
    std::vector<std::uint32_t> commands;
    for (int time = 0; time < 2; ++time) {
      operation.before();
      commands = bus_.commands_of([&] {
        const auto asked = operation.asked();
        ASSERT_TRUE(asked) << asked.error().to_string();
      });
      operation.after(true);
    }
    for (std::size_t turn = 0; turn < faults.size(); ++turn) {
      const TpmFault& fault = faults[turn];
      for (std::size_t nth = 0; nth < commands.size() && !HasFailure(); ++nth) {
        const bool by_turns = extent == Extent::by_turns;
        if (by_turns && nth % faults.size() != turn) continue;
        if (!test::is_tried(by_turns ? nth / faults.size() : nth, turn)) continue;
        if (!test::befalls(fault, commands[nth])) continue;
        SCOPED_TRACE(testing::Message() << fault.name << " at " << nth << " of " << commands.size()
                                        << ", command 0x" << std::hex << commands[nth]);
        befallen(operation, fault, nth);
      }
    }
    store_.reset();
    expect_whole();
  }
  std::size_t key_files() {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(device_.blobs()))
      count += entry.path().extension() == ".key" ? 1 : 0;
    return count;
  }

  test::FaultyTpmBus bus_;
  config::HsmStore settings_;
  std::vector<KeyInfo> keys_;  ///< Those that were said to be there.

 private:
  void befallen(const Operation& operation, const TpmFault& fault, std::size_t nth) {
    operation.before();
    bus_.befall(nth, fault);
    const auto asked = operation.asked();
    EXPECT_TRUE(bus_.end(nth)) << "it did not ask so much";
    if (!asked) {
      EXPECT_TRUE(operation.told(fault).contains(asked.error().code)) << asked.error().to_string();
    }
    const std::size_t files = key_files();
    operation.after(asked.has_value());
    // A counter without a file would take its room for ever.
    EXPECT_LE(bus_.indexes_and_nothing_else(), files);
  }
};

/// What changes nothing can be asked again.
class EachAnswerToAQuestion : public EachAnswer {
 protected:
  using EachAnswer::EachAnswer;

  void each_answer_to(const std::function<Result<void>()>& asked,
                      const std::vector<TpmFault>& faults = every_fault,
                      Extent extent = Extent::whole) {
    each_answer({.asked = asked,
                 .after =
                     [&asked](bool) {
                       const auto again = asked();
                       EXPECT_TRUE(again) << again.error().to_string();
                     }},
                faults, extent);
  }
};

TEST_F(EachAnswerToAQuestion, OfASignature) {
  make_keys();
  each_answer_to([this] { return signed_by(keys_.front()); });
}

TEST_F(EachAnswerToAQuestion, OfAList) {
  make_keys();
  each_answer_to([this] { return listed(); },
                 {test::failure, test::no_handle, test::wrong_auth, test::shortened});
}

// Failing, it leaves nothing behind; done, it leaves a key.
class EachAnswerInALife : public EachAnswer {
 protected:
  using EachAnswer::EachAnswer;

  Operation birth(jose::Algorithm algorithm = jose::Algorithm::es256) {
    return {.asked = [this, algorithm]() -> Result<void> {
              auto made = generate({.id = random_key_id(), .algorithm = algorithm});
              if (!made) return pass_on(made);
              keys_.push_back(std::move(*made));
              return {};
            },
            .after = [this](bool done) { expect_born(done); }};
  }
  Operation death() {
    return {.asked = [this] { return destroy(doomed_->id); },
            .before =
                [this] {
                  doomed_ = make_key();
                  file_ = read_file(file_of(doomed_->id)).value();
                },
            .after = [this](bool done) { expect_dead(done); }};
  }

 private:
  void expect_born(bool done) {
    // Where the connection was of no use any more, the next opening undoes it.
    if (key_files() != keys_.size()) reopen();
    const auto all = listed();
    EXPECT_TRUE(all) << all.error().to_string();
    EXPECT_EQ(key_files(), keys_.size());
    if (!done) return;
    EXPECT_TRUE(signed_by(keys_.back()));
    EXPECT_TRUE(destroy(keys_.back().id));
    keys_.pop_back();
  }
  void expect_dead(bool done) {
    reopen();
    if (!done) {
      // Finished by the opening, or to be done again.
      const auto again = destroy(doomed_->id);
      EXPECT_TRUE(again || again.error().code == Code::hsm_key_unknown);
    }
    store_.reset();
    device_.directory().write("blobs/" + to_string(doomed_->id) + ".key", file_);
    reopen();
    EXPECT_REFUSED(sign(doomed_->id), Code::hsm_key_ended);
    EXPECT_TRUE(destroy(doomed_->id));
  }

  std::optional<KeyInfo> doomed_;
  std::string file_;
};

TEST_F(EachAnswerInALife, OfABirth) {
  make_keys();
  each_answer(birth(), {test::failure, test::wrong_auth, test::cut, test::shortened});
}

TEST_F(EachAnswerInALife, OfADeath) {
  make_keys();
  each_answer(death(), {test::failure, test::no_handle, test::wrong_auth, test::shortened});
}

class EachAnswerAtOpening : public EachAnswerInALife {
 protected:
  Operation opening() {
    return {.asked =
                [this] {
                  auto opened = open_key_store(settings_, test::contract_issuer);
                  if (!opened) return Result<void>(pass_on(opened));
                  store_ = std::move(*opened);
                  return listed();
                },
            .before = [this] { store_.reset(); },
            .after = [this](bool) { expect_whole(); },
            .told = &told_at_opening};
  }
};

TEST_F(EachAnswerAtOpening, OfAFoundation) {
  Operation foundation = opening();
  foundation.before = [this] {
    store_.reset();
    fs::remove_all(device_.blobs());
  };
  foundation.after = [this](bool) {
    expect_whole();
    const KeyInfo key = make_key();
    EXPECT_TRUE(signed_by(key));
    EXPECT_TRUE(destroy(key.id));
  };
  each_answer(foundation, every_fault, Extent::by_turns);
}

TEST_F(EachAnswerAtOpening, OfAStoreWithKeys) {
  make_keys();
  each_answer(opening(), every_fault, Extent::by_turns);
}

TEST_F(EachAnswerAtOpening, OfAStoreWithADeathThatBrokeOff) {
  Operation finishing = opening();
  finishing.before = [this] {
    KeyBlob blob;
    blob.id = random_key_id();
    blob.state = BlobState::ending;
    blob.policy.counter_index = first_counter_index + 0x1234;
    behind_its_back([&](const BlobDirectory& directory, const CounterAccess& access) {
      ASSERT_TRUE(make_counter(access, blob.policy.counter_index));
      ASSERT_TRUE(directory.write_key(blob));
    });
  };
  each_answer(finishing, {test::failure, test::no_handle, test::wrong_auth, test::cut},
              Extent::by_turns);
}

class EachAnswerOfATpmWithCertificates : public EachAnswerToAQuestion {
 protected:
  EachAnswerOfATpmWithCertificates() : EachAnswerToAQuestion(true) {}

  void SetUp() override {
    EachAnswer::SetUp();
    make_keys();
    auto loaded = attest::tpm2::EkTrust::load(device_.tpm().roots().string(),
                                              device_.tpm().intermediates().string());
    ASSERT_TRUE(loaded) << loaded.error().to_string();
    trust_.emplace(std::move(*loaded));
  }
  Result<attest::tpm2::KeyVerdict> judged() {
    auto facts = evidence(keys_.front().id);
    if (!facts) return pass_on(facts);
    auto verdict = attest::tpm2::verify_key_evidence(facts->facts, test::contract_issuer, *trust_,
                                                     SystemClock().now());
    EXPECT_TRUE(verdict) << verdict.error().to_string();
    if (verdict) {
      EXPECT_EQ(verdict->eks().size(), 2U);
    }
    return verdict;
  }

  std::optional<attest::tpm2::EkTrust> trust_;
};

TEST_F(EachAnswerOfATpmWithCertificates, OfEvidence) {
  each_answer_to(
      [this] {
        auto verdict = judged();
        return verdict ? Result<void>() : Result<void>(pass_on(verdict));
      },
      {test::failure, test::wrong_auth, test::cut, test::changed}, Extent::by_turns);
}

TEST_F(EachAnswerOfATpmWithCertificates, OfAnActivation) {
  const auto verdict = judged();
  ASSERT_TRUE(verdict);
  const Bytes secret = attest::tpm2::activation_secret();
  for (const auto& ek : verdict->eks()) {
    const auto sealed = seal_for(*verdict, ek, secret);
    ASSERT_TRUE(sealed);
    const auto activated = [&]() -> Result<void> {
      test::Answer<Bytes> answer;
      store_->activate({ek.nv_index, sealed->credential_blob, sealed->encrypted_secret}, soon(),
                       answer.done());
      auto opened = answer.wait();
      if (!opened) return pass_on(opened);
      return right(*opened == secret, "another secret");
    };
    each_answer_to(activated, {test::failure, test::bad_parameter, test::cut, test::changed},
                   Extent::by_turns);
  }
}

TEST_F(EachAnswerToAQuestion, OfASignatureInAnApprovedState) {
  demand_boot_state();
  make_keys();
  each_answer_to([this] { return signed_by(keys_.front()); },
                 {test::failure, test::cut, test::changed});
}

TEST_F(EachAnswerInALife, OfABirthInAnApprovedState) {
  demand_boot_state();
  make_keys();
  each_answer(birth(), {test::failure, test::wrong_auth, test::cut}, Extent::by_turns);
}

TEST_F(EachAnswerInALife, OfABirthByLeaveOfTheOwner) {
  give_owner_an_authorisation();
  make_keys();
  each_answer(birth(), {test::failure, test::wrong_auth, test::changed}, Extent::by_turns);
}

TEST_F(EachAnswerInALife, OfADeathByLeaveOfTheOwner) {
  give_owner_an_authorisation();
  make_keys();
  each_answer(death(), {test::failure, test::wrong_auth, test::changed}, Extent::by_turns);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
