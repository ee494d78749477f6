#include "keyring/coverage.h"

#include <gtest/gtest.h>

namespace mintmark::keyring {
namespace {

using std::chrono::seconds;

const Moment start = from_unix(1'800'000'000);
const std::string k1(43, '1');
const std::string k2(43, '2');
using Ids = std::vector<std::string>;

class CoverageTest : public testing::Test {
 protected:
  void say(const std::string& verifier, std::vector<std::string> kids, seconds at = seconds{0}) {
    EXPECT_TRUE(coverage_.heard({verifier, std::move(kids), start + at}));
  }
  Coverage coverage_{{"gate-1", "gate-2"}, seconds{1000}, start};
};

TEST_F(CoverageTest, OfAKeyIsWhoHoldsItAndWhoIsMissing) {
  say("gate-2", {k1, k2});
  const auto key = coverage_.of(k2, start);
  EXPECT_EQ(key.listed, 2U);
  EXPECT_EQ(key.holding, 1U);
  EXPECT_EQ(key.missing, Ids{"gate-1"});
  EXPECT_EQ(key.silent, Ids{});
  EXPECT_FALSE(coverage_.covered(k2, start));
  say("gate-1", {k2});
  EXPECT_TRUE(coverage_.covered(k2, start));
  EXPECT_FALSE(coverage_.covered(k1, start));
}

TEST_F(CoverageTest, IsMissingWhileAListedVerifierWasNeverHeard) {
  EXPECT_FALSE(coverage_.covered(k1, start));
  EXPECT_EQ(coverage_.of(k1, start).missing, (Ids{"gate-1", "gate-2"}));
}

TEST_F(CoverageTest, GoesByTheLastWordAlone) {
  say("gate-1", {k1});
  say("gate-2", {k1});
  EXPECT_TRUE(coverage_.covered(k1, start));
  say("gate-2", {});
  EXPECT_FALSE(coverage_.covered(k1, start));
}

TEST_F(CoverageTest, ForgetsAStrangersWord) {
  EXPECT_FALSE(coverage_.heard({"gate-3", {k1}, start}));
  EXPECT_FALSE(coverage_.heard({"", {k1}, start}));
  EXPECT_FALSE(coverage_.heard({"GATE-1", {k1}, start}));
  EXPECT_EQ(coverage_.of(k1, start).listed, 2U);
  EXPECT_EQ(coverage_.to_json().size(), 2U);
}

TEST_F(CoverageTest, DoesNotWaitForOneThatIsSilentForLong) {
  say("gate-1", {k1}, seconds{500});
  EXPECT_EQ(coverage_.of(k1, start + seconds{999}).missing, Ids{"gate-2"});
  const auto key = coverage_.of(k1, start + seconds{1000});
  EXPECT_EQ(key.missing, Ids{});
  EXPECT_EQ(key.silent, Ids{"gate-2"});
  EXPECT_TRUE(coverage_.covered(k1, start + seconds{1000}));
}

TEST_F(CoverageTest, CountsASilentOneAsHoldingNothing) {
  say("gate-1", {k1});
  const auto key = coverage_.of(k1, start + seconds{1000});
  EXPECT_EQ(key.holding, 0U);
  EXPECT_EQ(key.silent, (Ids{"gate-1", "gate-2"}));
}

TEST_F(CoverageTest, WaitsAgainForOneThatIsHeardAgain) {
  say("gate-1", {k1}, seconds{2000});
  say("gate-2", {}, seconds{2000});
  EXPECT_EQ(coverage_.of(k1, start + seconds{2000}).missing, Ids{"gate-2"});
}

TEST_F(CoverageTest, HasNobodySilentWhenTheClockWasSetBack) {
  say("gate-1", {k1}, seconds{5000});
  EXPECT_EQ(coverage_.of(k1, start - seconds{5000}).holding, 1U);
  EXPECT_EQ(coverage_.of(k1, start - seconds{5000}).missing, Ids{"gate-2"});
}

TEST(Coverage, IsThereForEveryKeyWhereNobodyIsListed) {
  const Coverage nobody;
  EXPECT_TRUE(nobody.covered(k1, start));
  EXPECT_EQ(nobody.of(k1, start).listed, 0U);
  EXPECT_EQ(nobody.to_json(), Json::array());
}

TEST_F(CoverageTest, IsShownToOperatorsVerifierByVerifier) {
  say("gate-2", {k1}, seconds{7});
  EXPECT_EQ(coverage_.to_json(),
            Json::array({{{"id", "gate-1"}, {"kids", Json::array()}, {"heard_at", nullptr}},
                         {{"id", "gate-2"}, {"kids", {k1}}, {"heard_at", 1'800'000'007}}}));
}

TEST(Acknowledgements, GoThereAndBackAsJson) {
  const std::vector<Acknowledgement> said{{"gate-1", {k1, k2}, start}, {"a._-Z9", {}, start}};
  const auto back = acknowledgements_from(to_json(said));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 2U);
  EXPECT_EQ((*back)[0].verifier, "gate-1");
  EXPECT_EQ((*back)[0].kids, (std::vector<std::string>{k1, k2}));
  EXPECT_EQ((*back)[0].heard_at, start);
  EXPECT_EQ((*back)[1].kids.size(), 0U);
  EXPECT_TRUE(acknowledgements_from(Json::array()));
}

TEST(Acknowledgements, OfAnotherFormAreRefused) {
  const Json good{{"id", "gate-1"}, {"kids", {k1}}, {"heard_at", 1}};
  ASSERT_TRUE(acknowledgements_from(Json::array({good})));
  const auto refused = [&](const char* name, const Json& value) {
    Json bad = good;
    bad.erase(name);
    if (!value.is_discarded()) bad[name] = value;
    const auto read = acknowledgements_from(Json::array({good, bad}));
    EXPECT_FALSE(read) << bad;
    if (!read) {
      EXPECT_EQ(read.error().code, Code::internal);
    }
  };
  const Json absent(Json::value_t::discarded);
  for (const char* name : {"id", "kids", "heard_at"}) refused(name, absent);
  for (const Json& id : {Json(""), Json("a b"), Json("a\n"), Json(std::string(65, 'a')), Json(1)})
    refused("id", id);
  Json many = Json::array();
  for (int i = 0; i < 65; ++i) many.push_back("kid" + std::to_string(i));
  for (const Json& kids :
       {Json("k"), Json(nullptr), Json::array({1}), Json::array({""}), Json::array({"a b"}),
        Json::array({std::string(44, 'k')}), Json::array({k1, k1}), many})
    refused("kids", kids);
  for (const Json& at : {Json(-1), Json(1.5), Json("1"), Json(std::int64_t{1} << 50U)})
    refused("heard_at", at);
  refused("more", 1);
  EXPECT_FALSE(acknowledgements_from(Json::object()));
  EXPECT_FALSE(acknowledgements_from(Json()));
  EXPECT_FALSE(acknowledgements_from(Json::array({"gate-1"})));
}

}  // namespace
}  // namespace mintmark::keyring
