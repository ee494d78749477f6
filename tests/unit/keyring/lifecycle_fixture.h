// Keys of one store through their lives, on a store and a journal in memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <optional>

#include "journal.h"
#include "keyring/lifecycle.h"
#include "support/fake_key_store.h"
#include "support/manual_clock.h"
#include "support/turns.h"

namespace mintmark::keyring {

using jose::Algorithm;
using std::chrono::seconds;
using store::KeyState;
using test::Journal;

/// RSA keys are made in software here: seconds each, where others compile beside it.
constexpr seconds patience{300};

class LifecycleTest : public ::testing::Test {
 protected:
  RotationPlan plan() const {
    RotationPlan plan;
    plan.wanted = algorithms.wanted();
    plan.period = seconds(10000);
    plan.lead = seconds(600);
    plan.drain = seconds(5);
    plan.longest_life = {{hsm::Purpose::access_token, seconds(300)},
                         {hsm::Purpose::client_attestation, seconds(3600)}};
    // Two purposes tell as much of lives as all of them.
    std::erase_if(plan.wanted, [](const KeyKind& kind) {
      return kind.purpose == hsm::Purpose::status_list || kind.purpose == hsm::Purpose::event;
    });
    plan.generate = generate;
    return plan;
  }

  /// One that has just started, as mintd does.
  std::unique_ptr<Lifecycle> start(bool sole = true) {
    return std::make_unique<Lifecycle>(
        journal, KeyStoreAccess{"main", *store, *store}, plan(), sole, clock, turns.post(),
        Surroundings{
            .in_force_since =
                [this] { return in_force ? std::optional<Moment>(Moment{}) : std::nullopt; },
            .covered = {},
            .elsewhere = [this](const KeyKind&) { return elsewhere; },
            .changed = {},
            .signing = [this] { ++told_signing; }});
  }
  Result<void> reconcile(Lifecycle& lifecycle) {
    std::optional<Result<void>> outcome;
    lifecycle.reconcile(Deadline::in(patience), [&](const Result<void>& how) { outcome = how; });
    turns.run_until([&] { return outcome.has_value(); });
    return *outcome;
  }
  /// A start, and what is published then.
  Result<std::shared_ptr<const Snapshot>> reconcile() {
    const auto lifecycle = start();
    auto outcome = reconcile(*lifecycle);
    orphans.clear();
    for (const Orphan& orphan : lifecycle->orphans()) orphans.push_back(orphan.kid);
    troubles = lifecycle->troubles();
    due = lifecycle->due();
    if (!outcome) return pass_on(outcome);
    return snapshot();
  }
  Result<std::shared_ptr<const Snapshot>> snapshot() { return publish(journal.list().value(), 1); }

  store::KeyRecord& record_of(const std::string& purpose, KeyState state) {
    for (auto& [id, record] : journal.records) {
      if (record.purpose == purpose && record.state == state) return record;
    }
    throw std::logic_error("no record of " + purpose);
  }
  std::size_t count(KeyState state) const {
    return static_cast<std::size_t>(
        std::count_if(journal.records.begin(), journal.records.end(),
                      [&](const auto& entry) { return entry.second.state == state; }));
  }
  Result<void> destroy(const std::string& id) {
    std::promise<Result<void>> promise;
    store->destroy(*hsm::key_id_from(id), Deadline::in(patience),
                   [&](const Result<void>& gone) { promise.set_value(gone); });
    return promise.get_future().get();
  }
  std::size_t keys_in_hardware() {
    std::promise<std::size_t> promise;
    store->list(Deadline::in(patience), [&](const Result<std::vector<hsm::KeyInfo>>& listed) {
      promise.set_value(listed.value().size());
    });
    return promise.get_future().get();
  }

  std::shared_ptr<mintmark::test::FakeKeyStore::Keys> keys =
      mintmark::test::FakeKeyStore::make_keys();
  std::unique_ptr<mintmark::test::FakeKeyStore> store =
      std::make_unique<mintmark::test::FakeKeyStore>(keys);
  mintmark::test::Turns turns{patience};  ///< The keeper's one thread.
  Journal journal;
  SigningAlgorithms algorithms;
  mintmark::test::ManualClock clock;
  bool generate = true;
  bool in_force = true;
  bool elsewhere = false;
  int told_signing = 0;
  std::vector<std::string> orphans;
  std::vector<std::string> troubles;
  std::optional<Moment> due;
};

}  // namespace mintmark::keyring
