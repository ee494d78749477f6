// Which of several key stores signs, and what becomes of a request whose store is in trouble.
#include "issuer/stores.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "jose/jws.h"
#include "support/fake_key_store.h"

namespace mintmark::issuer {
namespace {

using std::chrono::milliseconds;

const keyring::KeyKind tokens{hsm::Purpose::access_token, jose::Algorithm::es256};
const keyring::KeyKind events{hsm::Purpose::event, jose::Algorithm::es256};

class Stores : public ::testing::Test {
 protected:
  struct Store {
    std::shared_ptr<test::FakeKeyStore> fake = std::make_shared<test::FakeKeyStore>();
    hsm::KeyInfo key = fake->make_key(hsm::Purpose::access_token);
    hsm::KeyInfo event_key = fake->make_key(hsm::Purpose::event);
    std::atomic<bool> healthy{true};
  };

  Stores() {
    for (const char* name : {"one", "two"}) put(name, milliseconds(2000));
    publish();
  }
  ~Stores() override {
    for (auto& [name, store] : stores) store.fake->close();
  }

  void put(const std::string& name, milliseconds deadline) {
    Store& store = stores[name];
    in_use.put(name, {.signer = store.fake,
                      .healthy = [&store] { return store.healthy.load(); },
                      .call_deadline = deadline});
  }
  void publish() {
    std::vector<keyring::PublishedKey> all;
    for (auto& [name, store] : stores) {
      for (const hsm::KeyInfo& key : {store.key, store.event_key})
        all.push_back({key.id, name, key.purpose, true, key.public_key});
    }
    keys = keyring::Snapshot::make(1, std::move(all)).value();
  }

  /// The answer to come; `signed_by` is the store whose key the input was made for, last.
  std::future<Result<std::string>> begin(milliseconds deadline = milliseconds(5000),
                                         const keyring::KeyKind& kind = tokens) {
    auto promise = std::make_shared<std::promise<Result<std::string>>>();
    auto future = promise->get_future();
    in_use.sign_jws(
        keys, kind,
        [this, typ = typ](const keyring::PublishedKey& key) {
          const std::lock_guard lock(mutex);
          asked.push_back(key.store);
          return jose::signing_input({{"typ", typ}, {"alg", "ES256"}, {"kid", key.kid()}},
                                     {{"a", 1}});
        },
        Deadline::in(deadline),
        [promise](Result<std::string> token) { promise->set_value(std::move(token)); });
    return future;
  }
  Result<std::string> sign() { return begin().get(); }

  std::map<std::string, Store> stores;
  KeyStores in_use;
  std::shared_ptr<const keyring::Snapshot> keys;
  std::mutex mutex;
  std::vector<std::string> asked;
  std::string typ = "at+jwt";
};

TEST_F(Stores, OfWhichOneIsUnhealthyTheOtherSigns) {
  stores["one"].healthy = false;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(sign());
  EXPECT_EQ(stores["one"].fake->signatures(), 0U);
  EXPECT_EQ(stores["two"].fake->signatures(), 20U);
  EXPECT_TRUE(in_use.serves(*keys, tokens));
}

TEST_F(Stores, AllUnhealthyAreAskedAllTheSame) {
  stores["one"].healthy = stores["two"].healthy = false;
  EXPECT_FALSE(in_use.serves(*keys, tokens));
  EXPECT_TRUE(sign()) << "a breaker tries by itself whether its store works again";
}

TEST_F(Stores, ThatHaveNoRoomForOthersStillSignTokens) {
  stores["one"].healthy = false;
  ASSERT_TRUE(sign());
  asked.clear();
  stores["one"].healthy = true;
  stores["two"].healthy = false;
  typ = "secevent+jwt";
  stores["one"].fake->fail_signing_with({Code::overloaded, "test", 0});
  EXPECT_TRUE(begin(milliseconds(5000), events).get()) << "the other one has room";
  EXPECT_EQ(asked, (std::vector<std::string>{"one", "two"}));
  stores["one"].fake->sign_again();
  stores["two"].healthy = true;
  EXPECT_EQ(in_use.next_for(*keys, tokens), "one") << "nothing was learnt of its speed";
}

TEST_F(Stores, TokensStandBehindNothingElse) {
  ASSERT_TRUE(sign());
  ASSERT_TRUE(sign());
  stores["one"].fake->hold();
  stores["two"].healthy = false;
  std::vector<std::future<Result<std::string>>> others;
  typ = "secevent+jwt";
  for (int i = 0; i < 50; ++i) others.push_back(begin(milliseconds(5000), events));
  typ = "at+jwt";
  stores["two"].healthy = true;
  asked.clear();
  // Two tokens at the other store, and this one with fifty others is as good as any again.
  std::vector<std::future<Result<std::string>>> answers;
  stores["two"].fake->hold();
  for (int i = 0; i < 10; ++i) answers.push_back(begin());
  EXPECT_GT(std::count(asked.begin(), asked.end(), "one"), 0);
  stores["one"].fake->release();
  stores["two"].fake->release();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  for (auto& answer : others) EXPECT_TRUE(answer.get());
}

TEST_F(Stores, WhatHadNoTurnBehindTokensSaysNothingOfTheirSpeed) {
  put("one", milliseconds(100));
  ASSERT_TRUE(sign());
  ASSERT_TRUE(sign());
  stores["two"].healthy = false;
  typ = "secevent+jwt";
  stores["one"].fake->hold();
  auto late = begin(milliseconds(5000), events);
  EXPECT_EQ(late.wait_for(milliseconds(150)), std::future_status::timeout);
  stores["one"].fake->release();
  ASSERT_TRUE(late.get());
  ASSERT_EQ(asked.back(), "two");
  stores["two"].healthy = true;
  // Two tokens wait at the other one: this one is as fast as it was.
  typ = "at+jwt";
  stores["one"].healthy = false;
  stores["two"].fake->hold();
  auto first = begin();
  auto second = begin();
  stores["one"].healthy = true;
  EXPECT_EQ(in_use.next_for(*keys, tokens), "one");
  EXPECT_EQ(in_use.next_for(*keys, events), "two") << "it is for what waits there";
  stores["two"].fake->release();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST_F(Stores, WhatWaitedBehindTokensAndWasSignedSaysNothingOfTheirSpeed) {
  ASSERT_TRUE(sign());
  ASSERT_TRUE(sign());
  stores["two"].healthy = false;
  typ = "secevent+jwt";
  stores["one"].fake->hold();
  auto slow = begin(milliseconds(5000), events);
  EXPECT_EQ(slow.wait_for(milliseconds(400)), std::future_status::timeout);
  stores["one"].fake->release();
  ASSERT_TRUE(slow.get());
  typ = "at+jwt";
  stores["one"].healthy = false;
  stores["two"].healthy = true;
  stores["two"].fake->hold();
  auto waiting = begin();
  stores["one"].healthy = true;
  EXPECT_EQ(in_use.next_for(*keys, tokens), "one");
  stores["two"].fake->release();
  EXPECT_TRUE(waiting.get());
}

TEST_F(Stores, FrontiersStandInTheTokensLine) {
  ASSERT_TRUE(sign());
  ASSERT_TRUE(sign());
  stores["one"].fake->hold();
  stores["two"].healthy = false;
  std::vector<std::future<Result<std::string>>> answers;
  typ = "mintmark-frontier+jwt";
  for (int i = 0; i < 50; ++i) answers.push_back(begin(milliseconds(5000), events));
  typ = "at+jwt";
  stores["one"].healthy = false;
  stores["two"].healthy = true;
  stores["two"].fake->hold();
  answers.push_back(begin());
  stores["one"].healthy = true;
  EXPECT_EQ(in_use.next_for(*keys, tokens), "two") << "one waits there, and fifty at the other";
  stores["one"].fake->release();
  stores["two"].fake->release();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
}

TEST_F(Stores, OneThatHangsGetsNoMoreThanItsShareOfWaitingCalls) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sign());
  stores["one"].fake->hold();
  std::vector<std::future<Result<std::string>>> answers;
  for (int i = 0; i < 100; ++i) {
    answers.push_back(begin());
    // Nothing waits at the other one when the next comes.
    if (asked.back() == "two") answers.back().wait();
  }
  EXPECT_LT(std::count(asked.begin(), asked.end(), "one"), 60);
  EXPECT_GT(stores["two"].fake->signatures(), 40U);
  stores["one"].fake->release();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
}

TEST_F(Stores, WhatTheOneCannotSignTheOtherDoesByItsOwnKey) {
  stores["one"].fake->fail_signing_with({Code::hsm_token_missing, "pulled", 0});
  for (int i = 0; i < 20; ++i) {
    const auto token = sign();
    ASSERT_TRUE(token) << token.error().to_string();
    const auto jws = jose::UnverifiedJws::parse(*token);
    ASSERT_TRUE(jws);
    EXPECT_EQ(jws->header().at("kid"), stores["two"].key.kid());
  }
}

TEST_F(Stores, AStoreThatDoesNotAnswerInItsTimeIsGivenUpForTheOther) {
  put("one", milliseconds(20));
  stores["two"].healthy = false;  // So that the first is asked first.
  stores["one"].fake->hold();
  auto answer = begin();
  EXPECT_EQ(answer.wait_for(milliseconds(40)), std::future_status::timeout);
  stores["one"].fake->release();  // It answers that the time for it has passed.
  const auto token = answer.get();
  ASSERT_TRUE(token) << token.error().to_string();
  EXPECT_EQ(asked, (std::vector<std::string>{"one", "two"}));
}

TEST_F(Stores, WithTheDeadlinePassedNobodyElseIsAsked) {
  stores["two"].healthy = false;
  stores["one"].fake->hold();
  auto answer = begin(milliseconds(20));
  EXPECT_EQ(answer.wait_for(milliseconds(40)), std::future_status::timeout);
  stores["one"].fake->release();
  const auto token = answer.get();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::deadline_passed);
  EXPECT_EQ(asked, std::vector<std::string>{"one"});
}

TEST_F(Stores, AStoreWhoseKeyIsGoneSwallowsNoRequestHoweverQuicklyItFails) {
  stores["one"].fake->fail_signing_with({Code::hsm_key_unknown, "gone", 0});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(sign());
  EXPECT_LE(std::count(asked.begin(), asked.end(), "one"), 2) << "that is no speed";
}

TEST_F(Stores, AStoreWhoseSignerWasReplacedIsAskedAgainAtOnce) {
  stores["one"].fake->fail_signing_with({Code::hsm_unavailable, "its signer ended", 0});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(sign());
  stores["one"].fake->sign_again();
  ASSERT_EQ(in_use.next_for(*keys, tokens), "two") << "what it lost is remembered";
  in_use.renewed("one");
  EXPECT_EQ(in_use.next_for(*keys, tokens), "one");
  in_use.renewed("unheard of");
}

TEST_F(Stores, AStoreThatHasSignedNothingYetGetsOneCallAndNotACrowd) {
  stores["two"].healthy = false;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sign());
  stores["two"].healthy = true;
  stores["two"].fake->hold();
  std::vector<std::future<Result<std::string>>> answers;
  asked.clear();
  for (int i = 0; i < 20; ++i) {
    answers.push_back(begin());
    if (asked.back() == "one") answers.back().wait();
  }
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "two"), 1);
  stores["two"].fake->release();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
}

TEST_F(Stores, AnErrorOfTheOneRequestIsNotTriedElsewhere) {
  stores["two"].healthy = false;
  stores["one"].fake->fail_signing_with({Code::purpose_refused, "no", 0});
  const auto token = sign();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::purpose_refused);
  EXPECT_EQ(asked, std::vector<std::string>{"one"});
}

TEST_F(Stores, WhenAllFailTheLastErrorIsGiven) {
  for (const char* name : {"one", "two"})
    stores[name].fake->fail_signing_with({Code::hsm_unavailable, name, 0});
  const auto token = sign();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::hsm_unavailable);
  EXPECT_EQ(asked.size(), 2U) << "each once";
}

TEST_F(Stores, WithoutAKeyOfTheKindNothingIsAsked) {
  const keyring::KeyKind other{hsm::Purpose::client_attestation, jose::Algorithm::es256};
  std::promise<Result<std::string>> promise;
  in_use.sign_jws(
      keys, other, [](const keyring::PublishedKey&) { return std::string(); },
      Deadline::in(milliseconds(100)),
      [&](Result<std::string> token) { promise.set_value(std::move(token)); });
  EXPECT_EQ(promise.get_future().get().error().code, Code::keys_not_ready);
  EXPECT_EQ(in_use.next_for(*keys, other), "");
}

}  // namespace
}  // namespace mintmark::issuer
