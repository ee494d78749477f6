// Streams as receivers get them: by poll (RFC 8936) and by push (RFC 8935).
#include "revoke/signals/pusher.h"

#include <atomic>
#include <condition_variable>

#include "signals_fixture.h"

namespace mintmark::revoke::signals {
namespace {

using namespace std::chrono_literals;

class Poll : public SignalsFixture {
 protected:
  static std::set<std::string> sessions_in(const std::map<std::string, Json>& sets) {
    std::set<std::string> sessions;
    for (const auto& [jti, claims] : sets)
      sessions.insert(claims["sub_id"].at("session").at("id").get<std::string>());
    return sessions;
  }
  std::future<http::Response> wait_for_events(const std::string& id) {
    return begin("POST", "/a/ssf/poll/" + id, "{}", "alpha");
  }
};

TEST_F(Poll, GivesWhatCameSinceTheStreamWasMade) {
  say_token("before");
  const std::string id = make_stream();
  say_token("after");
  const auto sets = poll(id);
  ASSERT_EQ(sets.size(), 1U);
  const auto& [jti, claims] = *sets.begin();
  EXPECT_EQ(claims["jti"], jti);
  EXPECT_EQ(claims["iss"], own_issuer);
  EXPECT_EQ(claims["iat"], to_unix(clock.now()));
  EXPECT_FALSE(claims.contains("exp"));
  EXPECT_FALSE(claims.contains("sub"));
  EXPECT_EQ(claims["sub_id"]["session"]["id"], "after");
  EXPECT_FALSE(event_in(claims, session_revoked).is_null());
}

TEST_F(Poll, GivesAgainWhatIsNotAcknowledgedAndNothingElse) {
  const std::string id = make_stream();
  say_token("a");
  say_token("b");
  const auto first = poll(id);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(poll(id), first) << "as they were signed";
  EXPECT_EQ(signatures, 2);
  const auto rest = poll(id, {{"ack", {first.begin()->first}}});
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest.begin()->first, first.rbegin()->first);
  EXPECT_TRUE(poll(id, {{"ack", {rest.begin()->first}}}).empty());
  EXPECT_TRUE(poll(id).empty());
}

TEST_F(Poll, KeepsWhatWasAcknowledgedOverARestartWhateverTheOrder) {
  const std::string id = make_stream();
  for (const char* jti : {"a", "b", "c"}) say_token(jti);
  std::string jti_of_b;
  for (const auto& [jti, claims] : poll(id)) {
    if (claims["sub_id"]["session"]["id"] == "b") jti_of_b = jti;
  }
  EXPECT_EQ(sessions_in(poll(id, {{"ack", {jti_of_b}}})), (std::set<std::string>{"a", "c"}));
  start();
  const auto sets = poll(id);
  EXPECT_EQ(sessions_in(sets), (std::set<std::string>{"a", "c"}));
  Json all = Json::array();
  for (const auto& [jti, claims] : sets) all.push_back(jti);
  start();
  EXPECT_TRUE(poll(id, {{"ack", all}}).empty()) << "acknowledged to another process";
}

TEST_F(Poll, NamesAnEventAlikeAfterARestart) {
  const std::string id = make_stream();
  const std::string other = make_stream();
  say_token("a");
  const std::string jti = poll(id).begin()->first;
  EXPECT_NE(poll(other).begin()->first, jti) << "another stream's SET is another SET";
  clock.advance(20s);
  start();
  const auto sets = poll(id);
  EXPECT_EQ(sets.begin()->first, jti);
  EXPECT_EQ(event_in(sets.begin()->second, session_revoked)["event_timestamp"],
            to_unix(clock.now()) - 20);
}

TEST_F(Poll, TakesASetThatWasReportedBrokenForDone) {
  const std::string id = make_stream();
  say_token("a");
  const std::string jti = poll(id).begin()->first;
  EXPECT_TRUE(
      poll(id, {{"setErrs", {{jti, {{"err", "invalid_key"}, {"description", "who?"}}}}}}).empty());
}

TEST_F(Poll, GivesNoMoreThanIsAskedForAndSaysThatThereIsMore) {
  const std::string id = make_stream();
  for (const char* jti : {"a", "b", "c"}) say_token(jti);
  bool more = false;
  auto sets = poll(id, {{"maxEvents", 2}}, &more);
  EXPECT_EQ(sessions_in(sets), (std::set<std::string>{"a", "b"}));
  EXPECT_TRUE(more);
  EXPECT_TRUE(poll(id, {{"maxEvents", 0}}, &more).empty());
  EXPECT_TRUE(more);
  poll(id, {{"maxEvents", 3}}, &more);
  EXPECT_FALSE(more);
}

TEST_F(Poll, BoundsAnAnswerThatIsAskedForWithoutOne) {
  start({}, {.sets = 4});
  const std::string id = make_stream();
  std::vector<std::string> jtis;
  for (int i = 0; i < 10; ++i) jtis.push_back("t" + std::to_string(i));
  say({{"type", "tokens"}, {"jtis", jtis}, {"until", soon()}});
  std::set<std::string> got;
  Json ack = Json::array();
  for (int polls_left = 4; polls_left > 0; --polls_left) {
    bool more = false;
    const auto sets = poll(id, {{"ack", ack}}, &more);
    EXPECT_EQ(more, polls_left > 2) << polls_left;
    ack = Json::array();
    for (const auto& [jti, claims] : sets) ack.push_back(jti);
    got.merge(sessions_in(sets));
  }
  EXPECT_EQ(got, std::set<std::string>(jtis.begin(), jtis.end()));
}

TEST_F(Poll, TellsOfTokensForTheServicesAudiencesAndOfThoseThatAreOver) {
  tokens["ours"] = {"https://alpha.example", "device-1"};
  tokens["theirs"] = {"https://beta.example", "device-1"};
  const std::string id = make_stream();
  say({{"type", "tokens"}, {"jtis", {"ours", "theirs", "over"}}, {"until", soon()}});
  const auto sets = poll(id);
  EXPECT_EQ(sessions_in(sets), (std::set<std::string>{"ours", "over"}));
  for (const auto& [jti, claims] : sets)
    EXPECT_EQ(claims["sub_id"].contains("device"), claims["sub_id"]["session"]["id"] == "ours");
}

TEST_F(Poll, WaitsUntilThereIsSomething) {
  const std::string id = make_stream({{"events_requested", {session_revoked}}});
  auto waiting = wait_for_events(id);
  say({{"type", "keys"}, {"epoch", 2}});
  polls->wake();
  EXPECT_EQ(waiting.wait_for(100ms), std::future_status::timeout) << "it asked for no keys";
  say_token("a");
  polls->wake();
  EXPECT_EQ(answered(waiting.get(), 200)["sets"].size(), 1U);
}

TEST_F(Poll, FindsOutByItselfWhereNobodyWakesIt) {
  const std::string id = make_stream();
  auto waiting = wait_for_events(id);
  say_token("a");
  EXPECT_EQ(answered(waiting.get(), 200)["sets"].size(), 1U);
}

TEST_F(Poll, IsAnsweredWithNothingWhenItHasWaitedLongEnough) {
  start({}, {.wait = 1ms});
  const auto response = wait_for_events(make_stream()).get();
  EXPECT_EQ(answered(response, 200), Json({{"sets", Json::object()}}));
  EXPECT_EQ(*response.headers.find("Content-Type"), "application/json");
}

TEST_F(Poll, MakesRoomForTheNextOneThatWaits) {
  const std::string id = make_stream();
  auto first = wait_for_events(id);
  auto second = wait_for_events(id);
  EXPECT_TRUE(answered(first.get(), 200)["sets"].empty());
  say_token("a");
  polls->wake();
  EXPECT_EQ(answered(second.get(), 200)["sets"].size(), 1U);
}

TEST_F(Poll, IsAnsweredAtTheEnd) {
  auto waiting = wait_for_events(make_stream());
  polls->end();
  EXPECT_TRUE(answered(waiting.get(), 200)["sets"].empty());
  expect_refused(wait_for_events("any").get(), Code::overloaded);
  expect_refused(call("GET", "/streams"), Code::overloaded);
}

TEST_F(Poll, RefusesWhatIsNoPoll) {
  const std::string id = make_stream();
  for (const Json& body :
       {Json{{"maxEvents", -1}}, Json{{"maxEvents", "all"}}, Json{{"maxEvents", 1.5}},
        Json{{"returnImmediately", 1}}, Json{{"ack", "x"}}, Json{{"ack", {5}}}, Json{{"ack", {""}}},
        Json{{"ack", {std::string(200, 'x')}}}, Json{{"ack", std::vector<std::string>(1025, "x")}},
        Json{{"setErrs", Json::array()}}, Json{{"setErrs", {{"x", "broken"}}}},
        Json{{"setErrs", {{"x", Json::object()}}}}, Json{{"setErrs", {{"x", {{"err", 5}}}}}},
        Json{{"setErrs", {{"x", {{"err", "e"}, {"description", 5}}}}}}, Json::array()})
    expect_refused(call("POST", "/poll/" + id, body), Code::ssf_poll_malformed);
  expect_refused(call("POST", "/poll/" + id), Code::json_malformed);
  expect_refused(call("POST", "/poll/none", Json::object()), Code::ssf_stream_unknown);
}

TEST_F(Poll, IsNotForStreamsOfPush) {
  const std::string id = make_stream(
      {{"delivery", {{"method", push_method}, {"endpoint_url", "https://receiver.example/"}}}});
  expect_refused(call("POST", "/poll/" + id, Json::object()), Code::ssf_stream_unknown);
}

TEST_F(Poll, SaysThatNothingCanBeSigned) {
  const std::string id = make_stream();
  say_token("a");
  signing_fails = true;
  expect_refused(call("POST", "/poll/" + id, Json::object()), Code::hsm_unavailable);
  signing_fails = false;
  EXPECT_EQ(poll(id).size(), 1U) << "nothing was lost";
}

TEST_F(Poll, HoldsWhatComesWhileTheStreamIsPaused) {
  const std::string id = make_stream();
  answered(call("POST", "/status", {{"stream_id", id}, {"status", "paused"}}), 200);
  say_token("a");
  EXPECT_TRUE(poll(id).empty());
  answered(call("POST", "/status", {{"stream_id", id}, {"status", "enabled"}}), 200);
  EXPECT_EQ(poll(id).size(), 1U);
}

TEST_F(Poll, DropsWhatComesWhileTheStreamIsDisabled) {
  const std::string id = make_stream();
  say_token("a");
  answered(call("POST", "/status", {{"stream_id", id}, {"status", "disabled"}}), 200);
  say_token("b");
  EXPECT_TRUE(poll(id).empty());
  answered(call("POST", "/status", {{"stream_id", id}, {"status", "enabled"}}), 200);
  say_token("c");
  EXPECT_EQ(sessions_in(poll(id)), std::set<std::string>{"c"});
}

TEST_F(Poll, EndsWithTheServicesRegistration) {
  const std::string id = make_stream();
  {
    const std::lock_guard lock(mutex);
    services.erase("alpha");
  }
  expect_refused(call("POST", "/poll/" + id, Json::object()), Code::ssf_stream_unknown);
  EXPECT_TRUE(store->list()->empty()) << "its stream is gone";
}

TEST_F(Poll, BeginsAnotherLogFromItsBeginning) {
  const std::string id = make_stream();
  say_token("a");
  polls.reset();
  streams.reset();
  log.reset();
  for (const char* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(directory.path() / ("events.db" + std::string(suffix)));
  start();
  say_token("new");
  EXPECT_EQ(sessions_in(poll(id)), std::set<std::string>{"new"});
}

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
    const std::lock_guard lock(calls_mutex);
    calls.push_back({url, headers, verified(set), set});
    called.notify_all();
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
