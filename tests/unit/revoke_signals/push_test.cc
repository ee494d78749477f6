// Streams as receivers get them by push (RFC 8935).
#include "revoke/signals/pusher.h"

#include <atomic>
#include <condition_variable>

#include "signals_fixture.h"

namespace mintmark::revoke::signals {
namespace {

using namespace std::chrono_literals;

/// A receiver in memory that answers as it is told.
class Push : public SignalsFixture {
 protected:
  struct Call {
    std::string url;
    http::Headers headers;
    Json claims;
    std::string set;
  };

  ~Push() override {
    woken = nullptr;
    pusher.reset();
  }
  void push(PushLimits limits = {.first_retry = 1ms, .longest_retry = 4ms}) {
    pusher.reset();
    pusher.emplace(
        *streams, sign_set(),
        [this] {
          return
              [this](const std::string& url, const http::Headers& headers, const std::string& set,
                     Deadline /*deadline*/) { return receive(url, headers, set); };
        },
        [this](const Error* error) {
          const std::lock_guard lock(calls_mutex);
          ++told[error == nullptr ? "ok" : std::string(facts_of(error->code).name)];
        },
        limits);
    woken = [this] { pusher->wake(); };
  }
  Result<http::Response> receive(const std::string& url, const http::Headers& headers,
                                 const std::string& set) {
    std::unique_lock lock(calls_mutex);
    calls.push_back({url, headers, verified(set), set});
    called.notify_all();
    if (url == slow_url) called.wait(lock, [&] { return slow_url.empty(); });
    if (unreachable) return fail(Code::connect_failed, "nobody there");
    http::Response answer;
    answer.status = status;
    answer.body = body;
    if (!retry_after.empty()) answer.headers.add("Retry-After", retry_after);
    return answer;
  }
  std::string make_pushed(const Json& more = Json::object()) {
    Json delivery = {{"method", push_method}, {"endpoint_url", "https://receiver.example/e"}};
    delivery.update(more);
    return make_stream({{"delivery", delivery}});
  }
  void say_and_wake(const std::string& jti) {
    say_token(jti);
    pusher->wake();
  }
  /// Waits until so many calls came, and gives them.
  std::vector<Call> wait_for_calls(std::size_t count) {
    std::unique_lock lock(calls_mutex);
    EXPECT_TRUE(called.wait_for(lock, 10s, [&] { return calls.size() >= count; }));
    return calls;
  }
  void answer_with(unsigned next_status, const std::string& next_body = "", bool gone = false) {
    const std::lock_guard lock(calls_mutex);
    status = next_status;
    body = next_body;
    unreachable = gone;
  }
  Json wait_for_status(const std::string& id, const std::string& wanted) {
    for (;;) {
      Json now = answered(call("GET", "/status?stream_id=" + id), 200);
      if (now["status"] == wanted || HasFailure()) return now;
      std::this_thread::yield();
    }
  }

  std::mutex calls_mutex;
  std::condition_variable called;
  std::vector<Call> calls;
  std::map<std::string, int> told;
  unsigned status = 202;
  std::string body;
  std::string retry_after;
  bool unreachable = false;
  std::string slow_url;  ///< As long as it is one, who is called there does not answer.
  std::optional<Pusher> pusher;
};

TEST_F(Push, PostsEachSetOnceAndInOrder) {
  make_pushed({{"authorization_header", "Bearer s3cret"}});
  push();
  for (const char* jti : {"a", "b", "c"}) say_and_wake(jti);
  const auto all = wait_for_calls(3);
  EXPECT_EQ(all[0].url, "https://receiver.example/e");
  EXPECT_EQ(*all[0].headers.find("Content-Type"), "application/secevent+jwt");
  EXPECT_EQ(*all[0].headers.find("Accept"), "application/json");
  EXPECT_EQ(*all[0].headers.find("Authorization"), "Bearer s3cret");
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(all[i].claims["sub_id"]["session"]["id"], std::string(1, static_cast<char>('a' + i)));
  push();
  say_and_wake("d");
  EXPECT_EQ(wait_for_calls(4).back().claims["sub_id"]["session"]["id"], "d");
  pusher->end();
  EXPECT_EQ(calls.size(), 4U);
  EXPECT_EQ(told["ok"], 4);
}

TEST_F(Push, SendsNoAuthorizationWhereNoneWasGiven) {
  make_pushed();
  push();
  say_and_wake("a");
  EXPECT_EQ(wait_for_calls(1)[0].headers.count("Authorization"), 0U);
}

TEST_F(Push, TriesAgainWithTheSameSetUntilItIsTaken) {
  const std::string id = make_pushed();
  answer_with(503);
  push();
  say_and_wake("a");
  say_and_wake("b");
  const auto tries = wait_for_calls(3);
  for (const Call& one : tries) EXPECT_EQ(one.set, tries[0].set);
  answer_with(0, "", true);
  const std::size_t before = wait_for_calls(tries.size() + 2).size();
  answer_with(202);
  std::vector<Call> all = wait_for_calls(before + 1);
  while (all.back().claims["sub_id"]["session"]["id"] != "b") all = wait_for_calls(all.size() + 1);
  pusher->end();
  EXPECT_EQ(told["ok"], 2);
  EXPECT_GE(told["ssf_push_failed"], 3);
}

TEST_F(Push, KeepsItsPlaceWhereTheReceiverIsAwayOverARestart) {
  make_pushed();
  answer_with(0, "", true);
  push();
  say_and_wake("a");
  const std::string jti = wait_for_calls(1)[0].claims["jti"];
  pusher.reset();
  woken = nullptr;
  start();
  answer_with(202);
  calls.clear();
  push();
  EXPECT_EQ(wait_for_calls(1)[0].claims["jti"], jti);
}

TEST_F(Push, GivesUpWhatTheReceiverWillNeverTake) {
  make_pushed();
  answer_with(400, R"({"err":"invalid_audience","description":"not me"})");
  push();
  say_and_wake("a");
  wait_for_calls(1);
  answer_with(202);
  say_and_wake("b");
  const auto all = wait_for_calls(2);
  pusher->end();
  EXPECT_EQ(all[1].claims["sub_id"]["session"]["id"], "b");
  EXPECT_EQ(told["ssf_push_refused"], 1);
}

TEST_F(Push, LeavesAReceiverAloneForAsLongAsItAsks) {
  make_pushed();
  answer_with(503);
  retry_after = "3600";
  push();
  say_and_wake("a");
  wait_for_calls(1);
  answer_with(202);
  make_stream(
      {{"delivery", {{"method", push_method}, {"endpoint_url", "https://other.example/e"}}}});
  // Many looks later, each of which would have found the first one due.
  for (std::size_t i = 0; i < 5; ++i) {
    say_and_wake("b" + std::to_string(i));
    EXPECT_EQ(wait_for_calls(2 + i).back().url, "https://other.example/e");
  }
}

TEST_F(Push, WaitsLongerEachTime) {
  make_pushed();
  push({.first_retry = 1ms, .longest_retry = 8ms});
  const auto before = std::chrono::steady_clock::now();
  answer_with(401);
  say_and_wake("a");
  wait_for_calls(4);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 7ms) << "1, 2 and 4 ms lie between";
}

TEST_F(Push, PausesTheStreamWhenNothingWasTakenForLongAndSaysSo) {
  const std::string id = make_pushed();
  answer_with(500);
  push();
  say_and_wake("a");
  wait_for_calls(2);
  clock.advance(std::chrono::hours(24));
  const Json paused = wait_for_status(id, "paused");
  EXPECT_NE(paused["reason"].get<std::string>().find("24 hours"), std::string::npos);
  pusher->end();
  const Json last = calls.back().claims;
  EXPECT_EQ(event_in(last, stream_updated)["status"], "paused");
  EXPECT_EQ(last["sub_id"], Json({{"format", "opaque"}, {"id", id}}));
  answer_with(202);
  calls.clear();
  push();
  answered(call("POST", "/status", {{"stream_id", id}, {"status", "enabled"}}), 200);
  EXPECT_EQ(wait_for_calls(1)[0].claims["sub_id"]["session"]["id"], "a") << "what was held";
}

TEST_F(Push, IsNotHeldUpByAReceiverThatFails) {
  make_pushed();
  answer_with(500);
  push({.threads = 1, .first_retry = std::chrono::hours(1)});
  say_and_wake("a");
  wait_for_calls(1);
  answer_with(202);
  make_stream(
      {{"delivery", {{"method", push_method}, {"endpoint_url", "https://other.example/e"}}}});
  say_and_wake("b");
  EXPECT_EQ(wait_for_calls(2)[1].url, "https://other.example/e");
}

TEST_F(Push, OfOneServiceWithSlowReceiversLeavesAThreadToOthers) {
  slow_url = "https://receiver.example/e";
  make_pushed();
  make_pushed();
  push({.threads = 2, .threads_of_service = 1});
  say_device("device-1");
  pusher->wake();
  wait_for_calls(1);
  make_stream({{"delivery", {{"method", push_method}, {"endpoint_url", "https://beta.example/"}}}},
              "beta");
  say_device("device-1");
  pusher->wake();
  EXPECT_EQ(wait_for_calls(2)[1].url, "https://beta.example/");
  {
    const std::lock_guard lock(calls_mutex);
    slow_url.clear();
  }
  called.notify_all();
  EXPECT_EQ(wait_for_calls(3).back().url, "https://receiver.example/e") << "the other stream";
}

TEST_F(Push, LeavesTheThreadToAnotherStreamWhereTheReceiverIsSlow) {
  make_pushed();
  make_pushed({{"endpoint_url", "https://other.example/e"}});
  for (const char* jti : {"a", "b"}) say_token(jti);
  push({.threads = 1, .turn = 0ms});
  const auto all = wait_for_calls(4);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_EQ(all[i].claims["sub_id"]["session"]["id"], i < 2 ? "a" : "b");
}

TEST_F(Push, GoesOnWhereWhoeverSignsForgetsToAnswer) {
  make_pushed();
  signing_forgets = true;
  push();
  say_and_wake("a");
  while (signatures < 2) std::this_thread::yield();
  signing_forgets = false;
  EXPECT_EQ(wait_for_calls(1)[0].claims["sub_id"]["session"]["id"], "a");
}

TEST_F(Push, WaitsForASignatureNoLongerThanItMay) {
  make_pushed();
  signing_hangs = true;
  push({.signature = 1ms, .first_retry = 1ms, .longest_retry = 4ms});
  say_and_wake("a");
  while (signatures < 2) std::this_thread::yield();
  signing_hangs = false;
  EXPECT_EQ(wait_for_calls(1)[0].claims["sub_id"]["session"]["id"], "a");
}

TEST_F(Push, SendsNothingThatCannotBeSignedAndNothingIsLost) {
  make_pushed();
  signing_fails = true;
  push();
  say_and_wake("a");
  while (signatures < 2) std::this_thread::yield();
  EXPECT_TRUE(calls.empty());
  signing_fails = false;
  EXPECT_EQ(wait_for_calls(1)[0].claims["sub_id"]["session"]["id"], "a");
}

TEST_F(Push, EndsWithTheServicesRegistration) {
  make_pushed();
  push();
  say_and_wake("a");
  wait_for_calls(1);
  {
    const std::lock_guard lock(mutex);
    services.erase("alpha");
  }
  say_and_wake("b");
  while (!store->list()->empty()) std::this_thread::yield();
  pusher->end();
  EXPECT_EQ(calls.size(), 1U);
}

TEST_F(Push, VerifiesTheStream) {
  const std::string id = make_pushed();
  push();
  EXPECT_EQ(call("POST", "/verify", {{"stream_id", id}, {"state", "x"}}).status, 204U);
  EXPECT_EQ(event_in(wait_for_calls(1)[0].claims, verification)["state"], "x");
}

TEST_F(Push, IsCountedForWhoeverWatches) {
  const std::string id = make_pushed();
  answer_with(500);
  push({.first_retry = std::chrono::hours(1)});
  say_and_wake("a");
  wait_for_calls(1);
  pusher->end();
  const auto census = streams->census();
  EXPECT_EQ(census.streams, 1U);
  EXPECT_EQ(census.behind, 1U);
  EXPECT_EQ(census.failing_since, clock.now());
  answered(call("POST", "/status", {{"stream_id", id}, {"status", "paused"}}), 200);
  EXPECT_EQ(streams->census().paused, 1U);
}

}  // namespace
}  // namespace mintmark::revoke::signals
