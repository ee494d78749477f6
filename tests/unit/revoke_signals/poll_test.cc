// Streams as receivers get them by poll (RFC 8936).
#include <new>

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

TEST_F(Poll, GivesWhatIsFarBehindOneThatNobodyAcknowledges) {
  const std::string id = make_stream({{"events_requested", {session_revoked}}});
  say_token("first");
  ASSERT_EQ(poll(id).size(), 1U);
  say_all(std::vector<Json>(6000, {{"type", "keys"}, {"epoch", 2}}));
  say_token("behind");
  bool more = true;
  std::map<std::string, Json> sets;
  for (int polls_left = 4; more && polls_left > 0; --polls_left) sets = poll(id, {}, &more);
  EXPECT_FALSE(more);
  EXPECT_EQ(sessions_in(sets), (std::set<std::string>{"first", "behind"}));
}

TEST_F(Poll, LooksAtWhatIsForOthersOnceAndAtSomeThousandsAtATime) {
  const std::string id = make_stream();
  say_token("first");
  ASSERT_EQ(poll(id).size(), 1U) << "and is left unacknowledged";
  std::vector<std::string> theirs;
  for (int i = 0; i < 256; ++i) theirs.push_back("theirs" + std::to_string(i));
  for (const auto& jti : theirs) tokens[jti] = {"https://beta.example", "device-1"};
  const Json entry = {{"type", "tokens"}, {"jtis", theirs}, {"until", soon()}};
  say_all(std::vector<Json>(20, entry));
  const auto looked_up_by_a_poll = [&](bool* more) {
    lookups = 0;
    EXPECT_EQ(sessions_in(poll(id, {}, more)), std::set<std::string>{"first"});
    return lookups.load();
  };
  // For the device, and for the audience.
  constexpr int most = 2 * (static_cast<int>(most_looked_at) + 256 + 16);
  bool more = false;
  EXPECT_LE(looked_up_by_a_poll(&more), most);
  EXPECT_TRUE(more) << "there are 5,120 to be looked at";
  EXPECT_LE(looked_up_by_a_poll(&more), most / 2);
  EXPECT_FALSE(more);
  EXPECT_LE(looked_up_by_a_poll(&more), 2) << "those of the one that waits";
}

TEST_F(Poll, HoldsNoMoreThanABoundedNumberBehindWhichNothingIsLost) {
  start({}, {.sets = 2 * most_waiting});
  const std::string id = make_stream();
  std::vector<Json> entries;
  for (std::size_t i = 0; i < most_waiting + 1; ++i)
    entries.push_back({{"type", "token"}, {"jti", std::to_string(i)}, {"until", soon()}});
  say_all(std::move(entries));
  const auto outbox = streams->next(id, 2 * most_waiting).value();
  ASSERT_EQ(outbox.sets.size(), most_waiting);
  ASSERT_TRUE(streams->acknowledge(id, {outbox.sets[7].jti}));
  const auto then = streams->next(id, 2 * most_waiting).value();
  ASSERT_EQ(then.sets.size(), most_waiting);
  EXPECT_EQ(then.sets.back().signal.token, std::to_string(most_waiting));
}

TEST_F(Poll, OfOneServiceTakesTurnsWithThatOfAnother) {
  std::promise<void> begun;
  std::promise<void> may_go_on;
  std::string order;
  ASSERT_TRUE(polls->run("alpha", [&] {
    begun.set_value();
    may_go_on.get_future().wait();
  }));
  begun.get_future().wait();
  const std::size_t most = PollLimits().jobs_of_service;
  for (std::size_t i = 0; i < most; ++i) EXPECT_TRUE(polls->run("alpha", [&] { order += 'a'; }));
  EXPECT_FALSE(polls->run("alpha", [&] { order += 'x'; })) << "it has as many as it may";
  EXPECT_TRUE(polls->run("beta", [&] { order += 'b'; }));
  EXPECT_TRUE(polls->run("beta", [&] { order += 'b'; }));
  may_go_on.set_value();
  polls->end();
  EXPECT_EQ(order.substr(0, 4), "baba");
  EXPECT_EQ(order.size(), most + 2);
}

TEST_F(Poll, GoesOnWhereACallThrew) {
  const std::string id = make_stream();
  ASSERT_TRUE(polls->run("alpha", [] { throw std::bad_alloc(); }));
  say_token("a");
  EXPECT_EQ(poll(id).size(), 1U);
}

}  // namespace
}  // namespace mintmark::revoke::signals
