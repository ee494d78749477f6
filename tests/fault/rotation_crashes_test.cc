// Rotation on SoftHSM below the real signer and the real journal, while the signer is killed just
// before and just after each call of the module, and the keeper between any two writes of the
// journal: no orphan, no lost key, never two active keys, and every token verifies until it ends.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include "contract/key_store_contract.h"
#include "jose/jws.h"
#include "keyring/lifecycle.h"
#include "support/faulty_module.h"
#include "support/manual_clock.h"
#include "support/scratch.h"
#include "support/signer_process.h"
#include "support/turns.h"

namespace mintmark::test {
namespace {

using keyring::Lifecycle;
using std::chrono::seconds;
using store::KeyRecord;
using store::KeyState;

constexpr seconds token_life{300};
constexpr seconds period{1000};

/// The journal, which ends the keeper after some writes: from then on nothing is written, as of a
/// process that is gone.
class MortalJournal final : public store::KeyStateStore {
 public:
  explicit MortalJournal(store::KeyStateStore& real) : real_(real) {}
  Result<void> put(std::span<const KeyRecord> keys) override {
    if (left == 0) return fail(Code::store_failed, "the keeper is dead");
    if (left > 0) --left;
    return real_.put(keys);
  }
  using KeyStateStore::put;
  Result<std::vector<KeyRecord>> list() const override { return real_.list(); }
  Result<void> forget(const std::string& id) override { return real_.forget(id); }
  Result<Moment> clock_mark() const override { return real_.clock_mark(); }
  Result<void> set_clock_mark(Moment mark) override { return real_.set_clock_mark(mark); }

  int left = -1;  ///< Writes; -1: lives on.

 private:
  store::KeyStateStore& real_;
};

struct Issued {
  std::string token;
  Moment until;  ///< By the clock of the lifecycle.
};

class RotationCrashes : public ::testing::Test {
 protected:
  RotationCrashes() { plan_.wanted = kinds(); }

  static std::vector<keyring::KeyKind> kinds() {
    return {{hsm::Purpose::access_token, jose::Algorithm::es256},
            {hsm::Purpose::client_attestation, jose::Algorithm::es256}};
  }

  /// As the keeper does it after a start: a signer, a lifecycle, one look; what stands in its way.
  Result<void> start_and_reconcile() {
    signer_ = std::make_unique<SignerProcess>(module_.store());
    if (auto ready = signer_->wait_for_readiness_or_end(); !ready) return ready;
    return reconcile();
  }
  Result<void> reconcile() {
    lifecycle_ = std::make_unique<Lifecycle>(
        journal_, keyring::KeyStoreAccess{"main", signer_->keeper(), signer_->keeper()}, plan_,
        true, clock_, turns_.post(), keyring::Surroundings{});
    std::optional<Result<void>> outcome;
    lifecycle_->reconcile(Deadline::in(seconds(20)),
                          [&](const Result<void>& how) { outcome = how; });
    turns_.run_until([&] { return outcome.has_value(); });
    return *outcome;
  }
  void recover() {
    module_.fail("");
    journal_.left = -1;
    signer_.reset();
    const auto outcome = start_and_reconcile();
    ASSERT_TRUE(outcome) << outcome.error().to_string();
    ASSERT_TRUE(lifecycle_->troubles().empty()) << lifecycle_->troubles()[0];
  }

  [[nodiscard]] std::vector<KeyRecord> records() const { return states_->list().value(); }
  [[nodiscard]] std::string active() const {
    for (const KeyRecord& key : records()) {
      if (key.state == KeyState::active && key.purpose == "access_token") return key.kid;
    }
    return "";
  }

  void expect_everything_in_its_place() {
    EXPECT_TRUE(lifecycle_->orphans().empty());
    std::set<std::string> wanted;
    std::set<std::pair<std::string, std::string>> signing;
    for (const KeyRecord& key : records()) {
      if (key.state == KeyState::published || key.state == KeyState::active ||
          key.state == KeyState::retiring)
        wanted.insert(key.id);
      if (key.state == KeyState::active) {
        EXPECT_TRUE(signing.emplace(key.purpose, key.algorithm).second) << "two active keys";
      }
      EXPECT_NE(key.state, KeyState::planned);
    }
    EXPECT_EQ(signing.size(), kinds().size());
    Answer<std::vector<hsm::KeyInfo>> listed;
    signer_->keeper().list(Deadline::in(seconds(20)), listed.done());
    std::set<std::string> there;
    const auto shown = listed.wait();
    ASSERT_TRUE(shown) << shown.error().to_string();
    for (const hsm::KeyInfo& key : *shown) {
      EXPECT_EQ(key.unfit, "");
      there.insert(hsm::to_string(key.id));
    }
    EXPECT_EQ(there, wanted) << "what is in the hardware is what the journal says";
  }

  void issue() {
    const auto snapshot = keyring::publish(records(), 1).value();
    const auto* key = snapshot->current(hsm::Purpose::access_token, jose::Algorithm::es256);
    ASSERT_NE(key, nullptr);
    const Moment now = SystemClock().now();
    const std::string input =
        jose::signing_input({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", key->kid()}},
                            {{"iss", contract_issuer},
                             {"iat", to_unix(now)},
                             {"exp", to_unix(now + token_life)},
                             {"cnf", {{"jkt", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}}});
    Answer<Bytes> signature;
    signer_->keeper().sign(key->id, input, Deadline::in(seconds(20)), signature.done());
    const auto made = signature.wait();
    ASSERT_TRUE(made) << made.error().to_string();
    issued_.push_back({jose::compact(input, *made), clock_.now() + token_life});
  }

  void expect_every_token_good() {
    const auto snapshot = keyring::publish(records(), 1).value();
    std::erase_if(issued_, [&](const Issued& one) { return one.until < clock_.now(); });
    for (const Issued& one : issued_) {
      auto jws = jose::UnverifiedJws::parse(one.token).value();
      const auto* key = snapshot->find(jws.kid(), hsm::Purpose::access_token);
      ASSERT_NE(key, nullptr) << "its key is not published any more";
      EXPECT_TRUE(std::move(jws).verify(key->public_key));
    }
  }

  Scratch scratch_;
  FaultyModule module_;
  ManualClock clock_;
  std::unique_ptr<store::KeyStateStore> states_ =
      store::open_key_state_store(scratch_ / "keys.db").value();
  MortalJournal journal_{*states_};
  keyring::RotationPlan plan_{.wanted = {},
                              .period = period,
                              .period_of = {},
                              .longest_life = {{hsm::Purpose::access_token, token_life},
                                               {hsm::Purpose::client_attestation, token_life}},
                              .lead = seconds(100),
                              .skew = seconds(60),
                              .drain = seconds(5),
                              .generate = true,
                              .wait_for_verifiers = {}};
  Turns turns_{seconds(60)};  // The keeper's one thread.
  std::unique_ptr<SignerProcess> signer_;
  std::unique_ptr<Lifecycle> lifecycle_;
  std::vector<Issued> issued_;
};

int wanted_rotations() {
  const char* given = std::getenv("MINTMARK_ROTATIONS");  // NOLINT(concurrency-mt-unsafe)
  return given == nullptr ? 44 : std::atoi(given);
}

TEST_F(RotationCrashes, LoseNoKeyAndLeaveNoneWhereverTheSignerOrTheKeeperDies) {
  const std::vector<std::string> calls{
      "C_Initialize",      "C_GetSlotList", "C_OpenSession",     "C_Login",
      "C_FindObjectsInit", "C_FindObjects", "C_GenerateKeyPair", "C_GetAttributeValue",
      "C_DestroyObject",   "C_CopyObject",  "C_CloseSession"};
  std::mt19937 dice(20261129);
  ASSERT_NO_FATAL_FAILURE(recover());
  int rotations = 0;
  int deaths = 0;
  for (int round = 0; rotations < wanted_rotations(); ++round) {
    const std::string before = active();
    ASSERT_NO_FATAL_FAILURE(issue());
    // The next key's time has come; or, each fifth time, this one is taken back.
    const bool revoked = round % 5 == 4;
    clock_.advance(revoked ? seconds(150) : period);
    if (revoked) {
      ASSERT_TRUE(lifecycle_->revoke(before, "test"));
      std::erase_if(issued_, [&](const Issued& one) {
        return jose::UnverifiedJws::parse(one.token).value().kid() == before;
      });
    }
    const std::string& call = calls[static_cast<std::size_t>(round) / 2 % calls.size()];
    const std::string when = round % 2 == 0 ? "crash" : "crashafter";
    // Several times: the end of the old key and the making of the next come one after the other.
    for (int look = 0; look < 3; ++look) {
      if (look == 1) clock_.advance(seconds(10));
      signer_.reset();
      journal_.left = dice() % 3 == 0 ? static_cast<int>(dice() % 4) : -1;
      module_.fail(call + " " + when + " " + std::to_string(dice() % 6) + " once\n");
      const auto outcome = start_and_reconcile();
      if (!outcome) ++deaths;
      expect_every_token_good();
    }
    ASSERT_NO_FATAL_FAILURE(recover());
    expect_everything_in_its_place();
    expect_every_token_good();
    EXPECT_NE(active(), before) << "round " << round << ", " << call << " " << when;
    rotations += active() != before ? 1 : 0;
    ASSERT_FALSE(HasFailure()) << "round " << round << ", " << call << " " << when;
  }
  EXPECT_GT(deaths, rotations / 4) << "the faults met what they were meant for";
  std::cout << rotations << " rotations, " << deaths << " deaths\n";
}

}  // namespace
}  // namespace mintmark::test
