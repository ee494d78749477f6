// docs/reference-measurements.schema.json says what the reader does, asked of the reader itself.
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <stdexcept>

#include "base/file.h"
#include "boot_sample.h"
#include "policy/reference.h"

namespace mintmark::policy {
namespace {

using Pointer = Json::json_pointer;

Json schema() {
  const auto text = read_file(MINTMARK_SOURCE "/docs/reference-measurements.schema.json");
  if (!text) throw std::runtime_error(text.error().to_string());
  return Json::parse(*text);
}

Json sample() {
  const std::string value = test::digest("a");
  return {{"name", "n"},
          {"bank", "sha256"},
          {"pcrs", {{"4", {value}}}},
          {"events", {{{"pcr", 4}, {"type", "EV_IPL"}, {"digests", {value}}, {"note", "x"}}}}};
}

bool taken(const Json& document) { return read_reference("r.json", document.dump()).has_value(); }

Json with(const Pointer& at, const Json& value) {
  Json document = sample();
  document[at] = value;
  return document;
}

Json without(const Pointer& at) {
  Json document = sample();
  document.at(at.parent_pointer()).erase(at.back());
  return document;
}

/// What the reader names when it meets a foreign key there.
std::set<std::string> known_keys(const Pointer& object) {
  const auto read = read_reference("r.json", with(object / std::string(60, 'z'), 1).dump());
  std::set<std::string> keys;
  if (read) return keys;
  const std::string& detail = read.error().detail;
  const std::regex quoted("\"([^\"]+)\"");
  const std::size_t list = std::min(detail.find("known here: "), detail.size());
  for (std::sregex_iterator found(detail.begin() + static_cast<std::ptrdiff_t>(list), detail.end(),
                                  quoted);
       found != std::sregex_iterator(); ++found)
    keys.insert((*found)[1]);
  return keys;
}

void expect_agreement(const Json& node, const Pointer& at) {
  std::set<std::string> names;
  for (const auto& [name, property] : node["properties"].items()) {
    names.insert(name);
    EXPECT_GT(property.value("description", "").size(), 3U) << name;
    EXPECT_FALSE(taken(with(at / name, true))) << at / name << " of another type";
  }
  EXPECT_EQ(names, known_keys(at));
  EXPECT_EQ(node["additionalProperties"], false);
  for (const Json& name : node["required"])
    EXPECT_FALSE(taken(without(at / name.get<std::string>()))) << at << name;
}

TEST(ReferenceSchema, HasTheKeysAndTheRequirementsOfTheReader) {
  ASSERT_TRUE(taken(sample()));
  const Json whole = schema();
  expect_agreement(whole, Pointer());
  expect_agreement(whole["properties"]["events"]["items"], Pointer("/events/0"));
}

TEST(ReferenceSchema, DemandsOneOfTheTwoLists) {
  EXPECT_TRUE(taken(without(Pointer("/pcrs"))));
  EXPECT_TRUE(taken(without(Pointer("/events"))));
  Json neither = without(Pointer("/pcrs"));
  neither.erase("events");
  EXPECT_FALSE(taken(neither));
  const Json choices = {{{"required", {"pcrs"}}}, {{"required", {"events"}}}};
  EXPECT_EQ(schema()["anyOf"], choices);
}

TEST(ReferenceSchema, NamesTheBanksAndThePcrsThatTheReaderTakes) {
  const std::map<std::string, std::size_t> digits = {
      {"sha1", 40}, {"sha256", 64}, {"sha384", 96}, {"sha512", 128}};
  const Json banks = schema()["properties"]["bank"]["enum"];
  EXPECT_EQ(banks.size(), digits.size());
  for (const Json& bank : banks) {
    const std::string value(digits.at(bank), 'a');
    EXPECT_TRUE(taken({{"name", "n"}, {"bank", bank}, {"pcrs", {{"4", {value}}}}})) << bank;
  }
  const std::regex index(schema()["properties"]["pcrs"]["propertyNames"]["pattern"]);
  for (const std::string name : {"0", "9", "10", "23", "24", "04", "x", ""}) {
    Json document = sample();
    document["pcrs"] = {{name, {test::digest("a")}}};
    EXPECT_EQ(taken(document), std::regex_match(name, index)) << name;
  }
  const Json pcr = schema()["properties"]["events"]["items"]["properties"]["pcr"];
  EXPECT_TRUE(taken(with(Pointer("/events/0/pcr"), pcr["maximum"])));
  EXPECT_FALSE(taken(with(Pointer("/events/0/pcr"), pcr["maximum"].get<int>() + 1)));
  EXPECT_FALSE(taken(with(Pointer("/events/0/pcr"), pcr["minimum"].get<int>() - 1)));
}

TEST(ReferenceSchema, WantsDigestsEachOnceAndAtLeastOne) {
  for (const Pointer& list : {Pointer("/pcrs/4"), Pointer("/events/0/digests")}) {
    EXPECT_FALSE(taken(with(list, Json::array())));
    EXPECT_FALSE(taken(with(list, {test::digest("a"), test::digest("a")})));
    EXPECT_FALSE(taken(with(list, {std::string(64, 'x')})));
  }
}

}  // namespace
}  // namespace mintmark::policy
