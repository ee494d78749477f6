// What a verifier may say of itself with its request for the keys, and what is not heard.
#include "api/acknowledgement.h"

#include <gtest/gtest.h>

#include "api/metadata.h"
#include "support/soft_key.h"

namespace mintmark::api {
namespace {

const std::string k1(43, '1');
const std::string k2(43, '2');
constexpr const char* verifier_field = "Mintmark-Verifier";
constexpr const char* kids_field = "mintmark-held-kids";

http::Headers headers(std::initializer_list<std::pair<const char*, std::string>> fields) {
  http::Headers all;
  all.add("Accept", "application/json");
  for (const auto& [name, value] : fields) all.add(name, value);
  return all;
}

void expect_malformed(const http::Headers& headers) {
  const auto said = acknowledgement_in(headers);
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().code, Code::http_malformed);
}

TEST(Acknowledgement, SaysWhoHoldsWhat) {
  const auto said =
      acknowledgement_in(headers({{verifier_field, "gate-1.b_C"}, {kids_field, k1 + " " + k2}}));
  ASSERT_TRUE(said);
  ASSERT_TRUE(*said);
  EXPECT_EQ((*said)->verifier, "gate-1.b_C");
  EXPECT_EQ((*said)->kids, (std::vector<std::string>{k1, k2}));
}

TEST(Acknowledgement, WithoutKidsHoldsNone) {
  for (const auto& fields : {headers({{verifier_field, "gate-1"}}),
                             headers({{verifier_field, "gate-1"}, {kids_field, ""}})}) {
    const auto said = acknowledgement_in(fields);
    ASSERT_TRUE(said);
    EXPECT_TRUE((*said)->kids.empty());
  }
}

TEST(Acknowledgement, IsNoneWhereNothingIsSaid) {
  const auto said = acknowledgement_in(headers({{"Mintmark-Other", "x"}}));
  ASSERT_TRUE(said);
  EXPECT_FALSE(*said);
}

TEST(Acknowledgement, ThatStandsTwiceIsNotHeard) {
  expect_malformed(headers({{verifier_field, "gate-1"}, {verifier_field, "gate-1"}}));
  expect_malformed(headers({{verifier_field, "gate-1"}, {kids_field, k1}, {kids_field, k2}}));
}

TEST(Acknowledgement, OfNobodyIsNotHeard) {
  expect_malformed(headers({{kids_field, k1}}));
  expect_malformed(headers({{verifier_field, ""}, {kids_field, k1}}));
}

TEST(Acknowledgement, OfAnIdOfAnotherFormIsNotHeard) {
  for (const std::string& id :
       {std::string("gate 1"), std::string("gate,1"), std::string("gate\t"),
        std::string("g\xc3\xa4te"), std::string("\"gate\""), std::string(65, 'a')})
    expect_malformed(headers({{verifier_field, id}, {kids_field, k1}}));
  EXPECT_TRUE(acknowledgement_in(headers({{verifier_field, std::string(64, 'a')}})));
}

TEST(Acknowledgement, OfKidsOfAnotherFormIsNotHeard) {
  for (const std::string& kids :
       {k1 + "," + k2, k1 + "  " + k2, " " + k1, k1 + " ", std::string(" "), k1 + "\t" + k2,
        std::string("k=1"), std::string("k+/"), std::string("k\x00", 2), std::string(44, 'k'),
        k1 + " " + k1})
    expect_malformed(headers({{verifier_field, "gate-1"}, {kids_field, kids}}));
}

TEST(Acknowledgement, OfTooManyKidsIsNotHeard) {
  std::string kids;
  for (int i = 0; i < 64; ++i)
    kids += (i == 0 ? "" : " ") + std::string(40, 'k') + std::to_string(100 + i);
  const auto most = acknowledgement_in(headers({{verifier_field, "gate-1"}, {kids_field, kids}}));
  ASSERT_TRUE(most);
  EXPECT_EQ((*most)->kids.size(), 64U);
  expect_malformed(headers({{verifier_field, "gate-1"}, {kids_field, kids + " k"}}));
  std::string short_ones = "0";
  for (int i = 1; i < 65; ++i) short_ones += " " + std::to_string(i);
  expect_malformed(headers({{verifier_field, "gate-1"}, {kids_field, short_ones}}));
}

class AskedForKeys : public testing::Test {
 protected:
  void SetUp() override {
    auto keys = keyring::Snapshot::make(1, {key(issuer_key_, hsm::Purpose::access_token),
                                            key(attester_, hsm::Purpose::client_attestation)});
    ASSERT_TRUE(keys);
    keyring_.swap(std::move(*keys));
  }
  static keyring::PublishedKey key(const test::SoftKey& soft, hsm::Purpose purpose) {
    return {hsm::random_key_id(), "main", purpose, true, soft.public_key()};
  }
  http::Response ask(const http::Headers& headers, const Acknowledged& acknowledged) {
    http::Router router;
    add_metadata(
        router, {.issuer = "https://issuer.example"}, keyring_, [] { return Readiness(); },
        acknowledged);
    http::Request request;
    request.method = "GET";
    request.path = "/.well-known/jwks.json";
    request.headers = headers;
    http::Response answer;
    router(request, [&](http::Response response) { answer = std::move(response); });
    return answer;
  }
  http::Response ask(const http::Headers& headers) {
    return ask(headers, [this](Result<keyring::Acknowledgement> said) {
      heard_.push_back(std::move(said));
    });
  }

  test::SoftKey issuer_key_;
  test::SoftKey attester_;
  keyring::Keyring keyring_;
  std::vector<Result<keyring::Acknowledgement>> heard_;
};

TEST_F(AskedForKeys, TellsWhichPublishedKeysAreHeld) {
  const auto answer =
      ask(headers({{verifier_field, "gate-1"}, {kids_field, issuer_key_.jkt() + " " + k1}}));
  EXPECT_EQ(answer.status, 200U);
  ASSERT_EQ(heard_.size(), 1U);
  ASSERT_TRUE(heard_[0]);
  EXPECT_EQ(heard_[0]->verifier, "gate-1");
  EXPECT_EQ(heard_[0]->kids, std::vector<std::string>{issuer_key_.jkt()});
}

TEST_F(AskedForKeys, TellsOfNoKeyThatIsNotForAccessTokens) {
  ask(headers({{verifier_field, "gate-1"}, {kids_field, attester_.jkt()}}));
  ASSERT_EQ(heard_.size(), 1U);
  EXPECT_TRUE(heard_[0]->kids.empty());
}

TEST_F(AskedForKeys, TellsAlsoWhereTheKeysAreKnownAlready) {
  const auto answer = ask(headers({{verifier_field, "gate-1"}, {"If-None-Match", "*"}}));
  EXPECT_EQ(answer.status, 304U);
  EXPECT_EQ(heard_.size(), 1U);
}

TEST_F(AskedForKeys, AnswersAsEverWhatIsMalformed) {
  const auto answer = ask(headers({{verifier_field, "gate 1"}, {kids_field, ","}}));
  EXPECT_EQ(answer.status, 200U);
  EXPECT_FALSE(answer.cause);
  ASSERT_EQ(heard_.size(), 1U);
  EXPECT_FALSE(heard_[0]);
}

TEST_F(AskedForKeys, TellsNothingWhereNothingIsSaid) {
  EXPECT_EQ(ask(headers({})).status, 200U);
  EXPECT_TRUE(heard_.empty());
}

TEST_F(AskedForKeys, ListensToNobodyByDefault) {
  EXPECT_EQ(ask(headers({{verifier_field, "gate 1"}}), nullptr).status, 200U);
}

}  // namespace
}  // namespace mintmark::api
