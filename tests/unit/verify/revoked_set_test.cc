#include "verify/revoked_set.h"

#include <gtest/gtest.h>

namespace mintmark::verify {
namespace {

using std::chrono::seconds;
using Verdict = RevokedSet::Verdict;

const Moment start = from_unix(1'800'000'000);
const Moment until = start + seconds{600};

const RevocableToken token{.jti = "j1", .subject = "d1", .kid = "k1", .issued_at = start};

Json entry(const std::string& type, Json members) {
  members["seq"] = 1;
  members["at"] = to_unix(start);
  members["type"] = type;
  members["until"] = to_unix(until);
  return members;
}
Json of_token(const std::string& jti) { return entry("token", {{"jti", jti}, {"sub", "d1"}}); }
Json of_device(const std::string& device, Moment before) {
  return entry("device", {{"sub", device}, {"before", to_unix(before)}});
}
Json of_everybody(Moment before) { return entry("issued_before", {{"before", to_unix(before)}}); }
Json of_key(const std::string& kid) { return entry("key", {{"kid", kid}}); }

RevokedSet set_of(const std::vector<Json>& entries) {
  RevokedSet set;
  for (const Json& one : entries) EXPECT_TRUE(set.apply(one)) << one.dump();
  return set;
}

TEST(RevokedSet, IsEmptyAtFirstAndRefusesNothing) {
  EXPECT_EQ(RevokedSet().judge(token), Verdict::good);
  EXPECT_EQ(RevokedSet().size(), 0U);
}

TEST(RevokedSet, KnowsOneToken) {
  EXPECT_EQ(set_of({of_token("j1")}).judge(token), Verdict::revoked);
  EXPECT_EQ(set_of({of_token("j2")}).judge(token), Verdict::good);
}

TEST(RevokedSet, KnowsEachOfManyTokensOfOneEntry) {
  const auto set = set_of({entry("tokens", {{"jtis", {"j0", "j1"}}})});
  EXPECT_EQ(set.judge(token), Verdict::revoked);
  EXPECT_EQ(set.size(), 2U);
}

TEST(RevokedSet, RefusesADevicesTokensThatWereIssuedBefore) {
  const auto set = set_of({of_device("d1", start + seconds{1})});
  EXPECT_EQ(set.judge(token), Verdict::revoked);
  RevocableToken later = token;
  later.issued_at = start + seconds{1};
  EXPECT_EQ(set.judge(later), Verdict::good);
  RevocableToken anothers = token;
  anothers.subject = "d2";
  EXPECT_EQ(set.judge(anothers), Verdict::good);
}

TEST(RevokedSet, RefusesEverybodysTokensThatWereIssuedBefore) {
  const auto set = set_of({of_everybody(start + seconds{1})});
  EXPECT_EQ(set.judge(token), Verdict::revoked);
  RevocableToken later = token;
  later.issued_at = start + seconds{1};
  EXPECT_EQ(set.judge(later), Verdict::good);
}

TEST(RevokedSet, TakesTheLaterOfTwoCuts) {
  auto set = set_of({of_device("d1", start + seconds{1}), of_device("d1", start - seconds{1})});
  EXPECT_EQ(set.judge(token), Verdict::revoked);
  set = set_of({of_everybody(start + seconds{1}), of_everybody(start - seconds{1})});
  EXPECT_EQ(set.judge(token), Verdict::revoked);
}

TEST(RevokedSet, SaysOfARevokedKeyThatItIsTheKey) {
  const auto set = set_of({of_key("k1"), of_token("j1")});
  EXPECT_EQ(set.judge(token), Verdict::key_revoked);
  EXPECT_EQ(set.keys(), std::set<std::string>{"k1"});
}

TEST(RevokedSet, MistakesNoNameForOneOfAnotherKind) {
  const auto set = set_of({of_token("d1"), of_token("k1"), of_device("j1", until), of_key("j1")});
  EXPECT_EQ(set.judge(token), Verdict::good);
}

TEST(RevokedSet, ChangesNothingForAnEntryThatItKnows) {
  auto set = set_of({of_token("j1"), of_device("d1", start), of_everybody(start), of_key("k1")});
  const std::string before = set.to_json().dump();
  for (const Json& known :
       {of_token("j1"), of_device("d1", start), of_everybody(start), of_key("k1")}) {
    ASSERT_TRUE(set.apply(known));
  }
  EXPECT_EQ(set.to_json().dump(), before);
  EXPECT_EQ(set.size(), 4U);
}

TEST(RevokedSet, TakesEntriesThatMeanNothingToIt) {
  auto set = set_of({{{"type", "keys"}, {"epoch", 4}}, {{"type", "policy"}}, {{"type", "new"}}});
  EXPECT_EQ(set.size(), 0U);
  Json further = of_token("j1");
  further["why"] = {{"code", 3}};
  ASSERT_TRUE(set.apply(further));
  EXPECT_EQ(set.judge(token), Verdict::revoked);
}

TEST(RevokedSet, RefusesMalformedEntriesAndIsAsBefore) {
  const auto without = [](Json json, const char* member) {
    json.erase(member);
    return json;
  };
  const auto with = [](Json json, const char* member, const Json& value) {
    json[member] = value;
    return json;
  };
  const Json many = entry("tokens", {{"jtis", {"a", "b"}}});
  const std::vector<Json> malformed{
      Json::array(),
      "token",
      without(of_token("a"), "type"),
      with(of_token("a"), "type", 1),
      without(of_token("a"), "jti"),
      with(of_token("a"), "jti", ""),
      with(of_token("a"), "jti", 7),
      with(of_token("a"), "jti", std::string(1025, 'j')),
      without(of_token("a"), "until"),
      with(of_token("a"), "until", "soon"),
      with(of_token("a"), "until", -1),
      with(of_token("a"), "until", 1.5),
      with(of_token("a"), "until", (1ULL << 53U) + 1),
      without(many, "jtis"),
      with(many, "jtis", Json::array()),
      with(many, "jtis", {"a", 1}),
      with(many, "jtis", std::vector<std::string>(257, "a")),
      without(of_device("a", start), "sub"),
      without(of_device("a", start), "before"),
      with(of_everybody(start), "before", "now"),
      without(of_everybody(start), "until"),
      without(of_key("a"), "kid"),
  };
  RevokedSet set;
  for (const Json& one : malformed) {
    const auto applied = set.apply(one);
    ASSERT_FALSE(applied) << one.dump();
    EXPECT_EQ(applied.error().code, Code::event_malformed) << one.dump();
  }
  EXPECT_EQ(set.size(), 0U);
}

TEST(RevokedSet, KeepsAnEntryForAWhilePastItsEndAndNoLonger) {
  auto set = set_of({of_token("j1"), of_device("d2", start), of_everybody(start), of_key("k2")});
  set.forget(until + RevokedSet::kept_past_end);
  EXPECT_EQ(set.judge(token), Verdict::revoked);
  EXPECT_EQ(set.size(), 4U);
  set.forget(until + RevokedSet::kept_past_end + seconds{1});
  EXPECT_EQ(set.judge(token), Verdict::good);
  EXPECT_EQ(set.size(), 0U);
}

TEST(RevokedSet, KeepsAnEntryWhoseEndWasMovedBack) {
  Json longer = of_token("j1");
  longer["until"] = to_unix(until + seconds{100});
  auto set = set_of({of_token("j1"), longer, of_token("j1")});
  set.forget(until + RevokedSet::kept_past_end + seconds{1});
  EXPECT_EQ(set.judge(token), Verdict::revoked);
  set.forget(until + RevokedSet::kept_past_end + seconds{101});
  EXPECT_EQ(set.size(), 0U);
}

TEST(RevokedSet, ForgetsNoMoreAtOnceThanItIsToldAndTheOthersNextTime) {
  auto set = set_of({entry("tokens", {{"jtis", {"j1", "j2", "j3"}}}), of_token("j4"), of_key("k1"),
                     of_key("k2"), of_device("d2", start)});
  const Moment ended = until + RevokedSet::kept_past_end + seconds{1};
  set.forget(ended, 0);
  EXPECT_EQ(set.size(), 7U);
  set.forget(ended, 1);
  EXPECT_EQ(set.size(), 4U);
  set.forget(ended, 2);
  EXPECT_EQ(set.size(), 1U);
  set.forget(ended, 2);
  EXPECT_EQ(set.size(), 0U);
}

TEST(RevokedSet, ComesBackFromItsSnapshotAsItWas) {
  auto set = set_of(
      {of_token("j1"), of_token("j0"), of_device("d1", start), of_everybody(start), of_key("k1")});
  auto again = RevokedSet::from_json(set.to_json());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->to_json(), set.to_json());
  again->forget(until + RevokedSet::kept_past_end + seconds{1});
  EXPECT_EQ(again->size(), 0U);
}

TEST(RevokedSet, GivesEqualTextsForEqualSets) {
  const auto one = set_of({of_token("a"), of_token("b"), of_key("k")});
  const auto other = set_of({of_key("k"), of_token("b"), of_token("a")});
  EXPECT_EQ(one.to_json().dump(), other.to_json().dump());
  EXPECT_EQ(RevokedSet().to_json().dump(), R"({"devices":{},"keys":{},"tokens":{}})");
}

TEST(RevokedSet, RefusesASnapshotThatIsNone) {
  const Json good = set_of({of_token("j1"), of_device("d1", start), of_everybody(start)}).to_json();
  ASSERT_TRUE(RevokedSet::from_json(good));
  std::vector<Json> bad{Json::array(), nullptr};
  for (const char* member : {"tokens", "devices", "keys"}) {
    bad.push_back(good);
    bad.back().erase(member);
    bad.push_back(good);
    bad.back()[member] = Json::array();
    bad.push_back(good);
    bad.back()[member] = {{"a", "b"}};
  }
  for (const Json& span : {Json(1), Json({1}), Json({1, 2, 3}), Json({1, "a"}), Json({-1, 1})}) {
    bad.push_back(good);
    bad.back()["issued_before"] = span;
    bad.push_back(good);
    bad.back()["devices"]["d1"] = span;
  }
  for (const Json& one : bad) {
    const auto read = RevokedSet::from_json(one);
    ASSERT_FALSE(read) << one.dump();
    EXPECT_EQ(read.error().code, Code::event_snapshot_malformed) << one.dump();
  }
}

}  // namespace
}  // namespace mintmark::verify
