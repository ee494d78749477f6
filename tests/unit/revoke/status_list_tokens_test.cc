// Tokens of status lists: when they are made, who waits for them, and what is given where the
// hardware fails.
#include "revoke/status_list_tokens.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <new>
#include <utility>

#include "support/manual_clock.h"
#include "support/scratch.h"
#include "support/soft_key.h"
#include "verify/status_list_token.h"

namespace mintmark::revoke {
namespace {

using std::chrono::seconds;
using test::SoftKey;
using Outcome = Result<std::shared_ptr<const ListToken>>;

const std::string issuer = "https://issuer.example";
constexpr std::chrono::seconds patience{30};

/// A key of status lists in hardware that can be slow, or fail.
class Hardware {
 public:
  [[nodiscard]] SignList port() {
    return [this](const std::function<std::string(const jose::PublicKey&)>& input,
                  Deadline /*deadline*/, std::function<void(Result<SignedInput>)> done) {
      std::string text = input(key.public_key());
      {
        const std::lock_guard lock(mutex_);
        if (std::exchange(throwing_, false)) throw std::bad_alloc();
        ++asked_;
        changed_.notify_all();
        if (held_) return waiting_.push_back([=, this] { done(signed_or_not(text)); });
      }
      done(signed_or_not(text));
    };
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    std::vector<std::function<void()>> waiting;
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
      waiting.swap(waiting_);
    }
    for (const auto& one : waiting) one();
  }
  void fail_from_now(bool failing) {
    const std::lock_guard lock(mutex_);
    failing_ = failing;
  }
  void throw_once() {
    const std::lock_guard lock(mutex_);
    throwing_ = true;
  }
  [[nodiscard]] std::size_t asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  void wait_until_asked(std::size_t times) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, patience, [&] { return asked_ >= times; }));
  }

  SoftKey key;

 private:
  Result<SignedInput> signed_or_not(const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (failing_) return fail(Code::hsm_unavailable, "the token is away");
    return SignedInput{text, key.sign(as_bytes(text))};
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t asked_ = 0;
  bool held_ = false;
  bool failing_ = false;
  bool throwing_ = false;
  std::vector<std::function<void()>> waiting_;
};

class ListTokens : public ::testing::Test {
 protected:
  ListTokens() { open(std::chrono::milliseconds(0)); }
  ~ListTokens() override { hardware.release(); }

  void open(std::chrono::milliseconds pause) {
    tokens.reset();
    tokens = std::make_unique<StatusListTokens>(
        ListTokenOptions{
            .issuer = issuer, .life = seconds(300), .ttl = seconds(60), .pause = pause},
        StatusListTokens::Parts{.indexes = *indexes,
                                .clock = clock,
                                .sign = hardware.port(),
                                .built = [this](const ListBuild& build) { count(build); }});
  }
  void count(const ListBuild& build) {
    const std::lock_guard lock(mutex);
    (build.trouble == nullptr ? made : failed) += 1;
    if (build.trouble == nullptr) octets = build.octets;
  }
  [[nodiscard]] std::future<Outcome> ask(std::uint32_t list = 1, ListForm form = ListForm::jwt) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    auto future = promise->get_future();
    tokens->get(list, form, [promise](Outcome given) { promise->set_value(std::move(given)); });
    return future;
  }
  [[nodiscard]] Outcome get(std::uint32_t list = 1, ListForm form = ListForm::jwt) {
    auto future = ask(list, form);
    if (future.wait_for(patience) != std::future_status::ready)
      return fail(Code::internal, "TIMEOUT");
    return future.get();
  }
  [[nodiscard]] Result<verify::StatusListToken> read(const ListToken& token, ListForm form) {
    Json jwk = hardware.key.public_key().to_jwk();
    jwk["kid"] = hardware.key.jkt();
    jwk["mintmark_purpose"] = verify::status_list_purpose;
    const auto keys = verify::KeySet::parse(Json{{"keys", Json::array({jwk})}}.dump(),
                                            verify::status_list_purpose)
                          .value();
    const std::string uri = issuer + "/status/1";
    const verify::WantedStatusList wanted{.uri = uri, .issuer = issuer, .now = clock.now()};
    return form == ListForm::jwt ? verify::read_status_list_jwt(token.body, keys, wanted)
                                 : verify::read_status_list_cwt(as_bytes(token.body), keys, wanted);
  }
  [[nodiscard]] verify::ListedStatus said(const ListToken& token, const StatusIndex& entry) {
    return read(token, ListForm::jwt).value().list.at(entry.index).value();
  }
  StatusIndex revoked_one() {
    const auto entry = indexes->next(clock.now() + seconds(300)).value();
    indexes->set({entry}, Status::invalid);
    return entry;
  }

  test::Scratch scratch;
  test::ManualClock clock;
  Hardware hardware;
  std::mutex mutex;
  int made = 0;
  int failed = 0;
  std::size_t octets = 0;
  std::unique_ptr<StatusIndexes> indexes =
      open_status_indexes(scratch / "status.db", {.bits = 2, .entries = 1U << 14U}).value();
  std::unique_ptr<StatusListTokens> tokens;
};

TEST_F(ListTokens, OfBothFormsAreWhatAVerifierWants) {
  const StatusIndex revoked = revoked_one();
  const auto suspended = indexes->next(clock.now()).value();
  indexes->set({suspended}, Status::suspended);
  for (const ListForm form : {ListForm::jwt, ListForm::cwt}) {
    const auto token = get(1, form);
    ASSERT_TRUE(token) << token.error().to_string();
    EXPECT_EQ((*token)->good_until, clock.now() + seconds(300));
    const auto list = read(**token, form);
    ASSERT_TRUE(list) << list.error().to_string();
    EXPECT_EQ(list->ttl, seconds(60));
    EXPECT_EQ(list->list.size(), 1U << 14U);
    EXPECT_EQ(list->list.aggregation_uri(), issuer + "/statuslists");
    EXPECT_EQ(list->list.at(revoked.index).value(), verify::ListedStatus::invalid);
    EXPECT_EQ(list->list.at(suspended.index).value(), verify::ListedStatus::suspended);
  }
  EXPECT_NE((*get(1, ListForm::jwt))->etag, (*get(1, ListForm::cwt))->etag);
}

TEST_F(ListTokens, AreGivenAgainUntilAnEntryChanges) {
  const auto first = get().value();
  EXPECT_EQ(get().value(), first);
  EXPECT_EQ(hardware.asked(), 1U);
  const StatusIndex entry = revoked_one();
  const auto second = get().value();
  EXPECT_NE(second->etag, first->etag);
  EXPECT_EQ(said(*first, entry), verify::ListedStatus::valid);
  EXPECT_EQ(said(*second, entry), verify::ListedStatus::invalid);
  EXPECT_EQ(made, 2);
  EXPECT_EQ(octets, second->body.size());
}

TEST_F(ListTokens, AreMadeAgainWhenHalfOfTheirLifeIsOver) {
  const auto first = get().value();
  clock.advance(seconds(149));
  EXPECT_EQ(get().value(), first);
  clock.advance(seconds(1));
  EXPECT_EQ(get().value()->good_until, clock.now() + seconds(300));
}

TEST_F(ListTokens, DatedAheadOfAClockThatWentBackAreMadeAgain) {
  clock.advance(std::chrono::hours(2));
  ASSERT_TRUE(get());
  clock.advance(-std::chrono::hours(2));
  EXPECT_EQ(get().value()->good_until, clock.now() + seconds(300));
}

TEST_F(ListTokens, DatedAheadOfAClockThatWentBackAreNotServedWhereNoneCanBeMade) {
  clock.advance(std::chrono::hours(2));
  ASSERT_TRUE(get());
  clock.advance(-seconds(1));
  hardware.fail_from_now(true);
  EXPECT_EQ(get().error().code, Code::status_list_unavailable);
  clock.advance(seconds(1));
  EXPECT_TRUE(get()) << "of its own second";
}

TEST_F(ListTokens, WhoseMakingThrowsAreRefusedAndMadeTheNextTime) {
  hardware.throw_once();
  EXPECT_EQ(get().error().code, Code::status_list_unavailable);
  EXPECT_TRUE(get());
}

TEST_F(ListTokens, AreNotMadeAgainWithinThePause) {
  open(std::chrono::hours(1));
  const auto first = get().value();
  for (int i = 0; i < 10; ++i) {
    (void)revoked_one();
    EXPECT_EQ(get().value(), first) << "it is good, and the next not due";
  }
  EXPECT_TRUE(get(1, ListForm::cwt)) << "the other form is another token";
  EXPECT_EQ(hardware.asked(), 2U);
}

TEST_F(ListTokens, AreNotTriedAgainWithinThePauseEither) {
  open(std::chrono::hours(1));
  hardware.fail_from_now(true);
  EXPECT_EQ(get().error().code, Code::status_list_unavailable);
  hardware.fail_from_now(false);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get().error().code, Code::status_list_unavailable);
  EXPECT_EQ(hardware.asked(), 1U) << "a crowd that asks does not beat on hardware that fails";
}

TEST_F(ListTokens, WhoAskWhileOneIsMadeShareIt) {
  hardware.hold();
  std::vector<std::future<Outcome>> all;
  for (int i = 0; i < 20; ++i) all.push_back(ask());
  hardware.wait_until_asked(1);
  hardware.release();
  const auto first = all.front().get().value();
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i].get().value(), first);
  EXPECT_EQ(hardware.asked(), 1U);
}

TEST_F(ListTokens, OfHardwareThatFailsAreTheLastOnesUntilTheyEnd) {
  const auto first = get().value();
  hardware.fail_from_now(true);
  (void)revoked_one();
  EXPECT_EQ(get().value(), first);
  clock.advance(seconds(299));
  EXPECT_EQ(get().value(), first);
  clock.advance(seconds(1));
  EXPECT_EQ(get().error().code, Code::status_list_unavailable);
  EXPECT_EQ(failed, 3);
  hardware.fail_from_now(false);
  const auto again = get();
  ASSERT_TRUE(again);
  EXPECT_TRUE(read(**again, ListForm::jwt));
}

TEST_F(ListTokens, OfAListThatIsNotThereAreRefused) {
  for (const std::uint32_t list : {0U, 2U, UINT32_MAX})
    EXPECT_EQ(get(list).error().code, Code::status_list_unknown);
  EXPECT_EQ(hardware.asked(), 0U);
}

TEST_F(ListTokens, AreRefusedWhereNoneIsGoodAndSayWhy) {
  hardware.fail_from_now(true);
  const auto refused = get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::status_list_unavailable);
  EXPECT_NE(refused.error().detail.find("the token is away"), std::string::npos);
}

TEST_F(ListTokens, AnswerWhoWaitsAlsoWhenTheyEnd) {
  hardware.hold();
  auto waiting = ask();
  hardware.wait_until_asked(1);
  tokens.reset();
  EXPECT_EQ(made + failed, 0);
  hardware.release();
  ASSERT_EQ(waiting.wait_for(patience), std::future_status::ready);
  EXPECT_EQ(made + failed, 0) << "nobody is told any more";
}

TEST_F(ListTokens, AreListedByTheirUris) {
  EXPECT_EQ(tokens->uris(), std::vector<std::string>{issuer + "/status/1"});
  EXPECT_EQ(tokens->aggregation_uri(), issuer + "/statuslists");
}

}  // namespace
}  // namespace mintmark::revoke
