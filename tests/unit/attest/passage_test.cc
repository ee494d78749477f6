// What two attestations by one TPM say of the time between them; facts as the store keeps them.
#include <gtest/gtest.h>

#include "attest/facts.h"

namespace mintmark::attest {
namespace {

Facts at(std::uint32_t resets, std::uint32_t restarts, std::uint64_t clock) {
  Facts facts;
  facts.ak = "000bab";
  facts.reset_count = resets;
  facts.restart_count = restarts;
  facts.clock = clock;
  return facts;
}

TEST(Passage, WithoutResetOrRestartIsOneBoot) {
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 3, 100)), Passage::same_boot);
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 3, 101)), Passage::same_boot);
}

TEST(Passage, OverAResetOrARestartIsAReboot) {
  EXPECT_EQ(passage_between(at(7, 3, 100), at(8, 3, 1)), Passage::rebooted);
  EXPECT_EQ(passage_between(at(7, 3, 100), at(8, 0, 1)), Passage::rebooted)
      << "a reset begins the restarts anew";
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 4, 1)), Passage::rebooted);
}

TEST(Passage, IsSeenAcrossTheEndOfAShiftedCounter) {
  EXPECT_EQ(passage_between(at(0xFFFFFFFF, 3, 1), at(0, 3, 1)), Passage::rebooted);
  EXPECT_EQ(passage_between(at(0, 3, 1), at(0xFFFFFFFF, 3, 1)), Passage::went_back);
  EXPECT_EQ(passage_between(at(5, 0xFFFFFFFF, 1), at(5, 1, 1)), Passage::rebooted);
}

TEST(Passage, OfNoGenuineTpmGoesBack) {
  EXPECT_EQ(passage_between(at(7, 3, 100), at(6, 9, 900)), Passage::went_back);
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 2, 900)), Passage::went_back);
  EXPECT_EQ(passage_between(at(7, 3, 100), at(7, 3, 99)), Passage::went_back);
}

TEST(Passage, UnderAnotherKeyTellsNothing) {
  Facts other = at(1, 1, 1);
  other.ak = "000bcd";
  EXPECT_EQ(passage_between(at(7, 3, 100), other), Passage::unknown);
  EXPECT_EQ(passage_between(Facts{}, Facts{}), Passage::unknown);
}

TEST(Passage, IsKeptInFactsThatGoThroughJson) {
  Facts facts = at(7, 3, 1ULL << 50U);
  facts.format = "tpm2";
  facts.key_protection = "hardware";
  facts.clock_safe = true;
  facts.reboot_seen = 1'800'000'000;
  const auto again = facts_from_json(to_json(facts));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->ak, facts.ak);
  EXPECT_EQ(again->clock, facts.clock);
  EXPECT_TRUE(again->clock_safe);
  EXPECT_EQ(again->reboot_seen, facts.reboot_seen);
}

Facts full() {
  Facts facts = at(7, 3, 100);
  facts.format = "tpm2";
  facts.key_protection = "hardware";
  facts.standing = "review";
  facts.chain = {{"CN=leaf", "CN=root", "aa"}, {"CN=root", "CN=root", "bb"}};
  facts.proves = {proves::hardware, proves::token_key};
  facts.more = {{"a", std::string("text")},
                {"b", std::int64_t{-5}},
                {"c", true},
                {"d", std::vector<std::string>{"x", "y"}}};
  facts.memory = {{"counter", "9"}};
  facts.platform = PlatformFacts{"maker", "model", "1", "serial", "CN=ca", true, true};
  facts.clock_safe = true;
  facts.pcrs = {{0, "00"}, {23, "ff"}};
  return facts;
}

TEST(FactsAsJson, AreReadAsTheyWereWritten) {
  const auto read = facts_from_json(to_json(full()));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(to_json(*read), to_json(full()));
  EXPECT_TRUE(read->platform && read->platform->of_this_tpm);
  EXPECT_EQ(read->chain.size(), 2U);
  EXPECT_EQ(read->more, full().more);
}

TEST(FactsAsJson, OfOlderRecordsAreReadByTheirOlderNames) {
  Json json = to_json(full());
  json["ek_standing"] = json["standing"];
  json["ek_chain"] = json["chain"];
  for (const char* name : {"standing", "chain", "pcrs", "platform", "facts", "memory", "proves"})
    json.erase(name);
  const auto read = facts_from_json(json);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->standing, "review");
  EXPECT_EQ(read->chain.size(), 2U);
  EXPECT_TRUE(read->pcrs.empty() && read->more.empty() && read->memory.empty() && !read->platform);
}

Json without(Json json, const char* name) {
  json.erase(name);
  return json;
}

TEST(FactsAsJson, OfAnotherTypeAreAsThoughTheyWereNotThere) {
  Json json = to_json(full());
  for (const char* name :
       {"root", "chain", "platform", "reset_count", "clock_safe", "proves", "facts", "memory"}) {
    Json other = json;
    other[name] = Json(1.5);
    const auto read = facts_from_json(other);
    ASSERT_TRUE(read) << name;
    EXPECT_EQ(to_json(*read), to_json(*facts_from_json(without(json, name)))) << name;
  }
  json["proves"] = {1, "hardware"};
  json["facts"] = {{"a", 1.5}, {"b", {1, "x"}}};
  json["memory"] = {{"a", 1}};
  json["platform"] = {{"verified", "true"}, {"model", 1}};
  json["chain"] = Json::array({"CN=leaf"});
  const auto read = facts_from_json(json);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->proves, std::vector<std::string>{"hardware"});
  EXPECT_EQ(read->more, (std::map<std::string, FactValue>{{"b", std::vector<std::string>{"x"}}}));
  EXPECT_TRUE(read->memory.empty() && read->chain.empty());
  EXPECT_TRUE(read->platform && !read->platform->verified && read->platform->model.empty());
  json["chain"] = Json(std::vector<Json>(17, Json::object()));
  EXPECT_TRUE(facts_from_json(json)->chain.empty()) << "longer than any chain that is taken";
}

TEST(FactsAsJson, WithoutAFormatOrWithPcrsThatNoTpmHasAreRefused) {
  const auto refused = [](const Json& json) {
    const auto read = facts_from_json(json);
    return !read && read.error().code == Code::facts_malformed;
  };
  EXPECT_TRUE(refused(Json::array()));
  for (const char* name : {"format", "key_protection"}) {
    EXPECT_TRUE(refused(without(to_json(full()), name))) << name;
  }
  for (const Json& pcrs : {Json("0"), Json{{"", "00"}}, Json{{"100", "00"}}, Json{{"-1", "00"}},
                           Json{{"32", "00"}}, Json{{"0", 0}}}) {
    Json json = to_json(full());
    json["pcrs"] = pcrs;
    EXPECT_TRUE(refused(json)) << pcrs;
  }
}

}  // namespace
}  // namespace mintmark::attest
