#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "keyring/keyring.h"
#include "support/fake_key_store.h"

namespace mintmark::keyring {
namespace {

using jose::Algorithm;

PublishedKey key_of(test::FakeKeyStore& store, hsm::Purpose purpose, bool active,
                    Algorithm algorithm = Algorithm::es256) {
  const hsm::KeyInfo info = store.make_key(purpose, hsm::random_key_id(), algorithm);
  return {info.id, "main", purpose, active, info.public_key};
}

TEST(Snapshot, WithTwoActiveKeysOfOnePurposeAndAlgorithmIsRefused) {
  test::FakeKeyStore store;
  const auto snapshot = Snapshot::make(1, {key_of(store, hsm::Purpose::access_token, true),
                                           key_of(store, hsm::Purpose::access_token, true)});
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::internal);
}

TEST(Snapshot, HasAnActiveKeyOfEachAlgorithm) {
  test::FakeKeyStore store;
  std::vector<PublishedKey> keys;
  for (const Algorithm algorithm : jose::all_algorithms)
    keys.push_back(key_of(store, hsm::Purpose::access_token, true, algorithm));
  const auto snapshot = Snapshot::make(1, keys);
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  for (const PublishedKey& key : keys) {
    const auto* current = (*snapshot)->current(hsm::Purpose::access_token, key.kind().algorithm);
    ASSERT_NE(current, nullptr);
    EXPECT_EQ(current->kid(), key.kid());
    EXPECT_EQ((*snapshot)->current(hsm::Purpose::client_attestation, key.kind().algorithm),
              nullptr);
  }
  // Each says its algorithm, to the front as to verifiers.
  std::map<std::string, std::string> published;
  const Json set = Json::parse((*snapshot)->jwks());
  for (const Json& jwk : set["keys"])
    published[jwk["kid"].get<std::string>()] = jwk["alg"].get<std::string>();
  const auto again = Snapshot::from_json((*snapshot)->to_json());
  ASSERT_TRUE(again) << again.error().to_string();
  for (const PublishedKey& key : keys) {
    EXPECT_EQ(published[key.kid()], jose::name_of(key.public_key.algorithm()));
    EXPECT_EQ((*again)->find(key.kid(), hsm::Purpose::access_token)->public_key, key.public_key);
  }
}

TEST(Snapshot, WithoutAKeyOfTheAlgorithmSaysWhich) {
  test::FakeKeyStore store;
  const auto snapshot = *Snapshot::make(1, {key_of(store, hsm::Purpose::access_token, true)});
  const KeyKind wanted{hsm::Purpose::access_token, Algorithm::ps256};
  for (const auto& with : {snapshot, std::shared_ptr<const Snapshot>()}) {
    const auto key = Snapshot::current_of(with, wanted);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::keys_not_ready);
    EXPECT_NE(key.error().detail.find("access_token PS256"), std::string::npos);
  }
  EXPECT_TRUE(Snapshot::current_of(snapshot, {hsm::Purpose::access_token, Algorithm::es256}));
}

TEST(Snapshot, DoesNotTakeAPublishedKeyForTheActiveOne) {
  test::FakeKeyStore store;
  const auto snapshot = *Snapshot::make(1, {key_of(store, hsm::Purpose::access_token, false)});
  EXPECT_EQ(snapshot->current(hsm::Purpose::access_token, Algorithm::es256), nullptr);
}

TEST(SigningAlgorithms, AreTheUsualOneUnlessTheAudienceHasItsOwn) {
  const SigningAlgorithms algorithms{Algorithm::es256,
                                     {{"https://legacy.example", Algorithm::rs256}}};
  EXPECT_EQ(algorithms.of_token_for("https://legacy.example"), Algorithm::rs256);
  EXPECT_EQ(algorithms.of_token_for("https://legacy.example/"), Algorithm::es256);
  EXPECT_EQ(algorithms.of_token_for(""), Algorithm::es256);
}

TEST(SigningAlgorithms, WantAKeyOfEachThatIsUsedOnce) {
  const SigningAlgorithms algorithms{
      Algorithm::ps256,
      {{"a", Algorithm::rs256}, {"b", Algorithm::rs256}, {"c", Algorithm::ps256}}};
  EXPECT_EQ(algorithms.wanted(),
            (std::vector<KeyKind>{{hsm::Purpose::access_token, Algorithm::rs256},
                                  {hsm::Purpose::access_token, Algorithm::ps256},
                                  {hsm::Purpose::client_attestation, Algorithm::ps256},
                                  {hsm::Purpose::status_list, Algorithm::ps256},
                                  {hsm::Purpose::event, Algorithm::ps256}}));
  EXPECT_EQ(SigningAlgorithms{}.wanted().size(), 4U);
}

TEST(SigningAlgorithms, WantAKeyOfResultsWhereTheyAreGivenAndOnlyThere) {
  SigningAlgorithms algorithms{Algorithm::ps256, {{"a", Algorithm::rs256}}};
  const KeyKind of_results{hsm::Purpose::result, Algorithm::ps256};
  const auto without = algorithms.wanted();
  EXPECT_EQ(std::count(without.begin(), without.end(), of_results), 0);
  algorithms.results = true;
  const auto wanted = algorithms.wanted();
  EXPECT_EQ(std::count(wanted.begin(), wanted.end(), of_results), 1);
  EXPECT_EQ(wanted.size(), without.size() + 1);
}

TEST(Snapshot, WithOneKidTwiceIsRefused) {
  test::FakeKeyStore store;
  const PublishedKey key = key_of(store, hsm::Purpose::access_token, false);
  EXPECT_FALSE(Snapshot::make(1, {key, key}));
}

TEST(Snapshot, NeverPublishesATlsKey) {
  test::FakeKeyStore store;
  const auto snapshot = Snapshot::make(1, {key_of(store, hsm::Purpose::tls, false)});
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Code::internal);
}

TEST(Snapshot, FindsAKeyUnderItsOwnPurposeAndNoOther) {
  test::FakeKeyStore store;
  const PublishedKey key = key_of(store, hsm::Purpose::access_token, true);
  const auto snapshot = Snapshot::make(1, {key});
  ASSERT_TRUE(snapshot);
  EXPECT_NE((*snapshot)->find(key.kid(), hsm::Purpose::access_token), nullptr);
  EXPECT_EQ((*snapshot)->find(key.kid(), hsm::Purpose::client_attestation), nullptr);
  EXPECT_EQ((*snapshot)->find(key.kid(), hsm::Purpose::result), nullptr);
  EXPECT_EQ((*snapshot)->current(hsm::Purpose::client_attestation, Algorithm::es256), nullptr);
}

TEST(Snapshot, PublishesNoPrivateMemberAndNamesThePurpose) {
  test::FakeKeyStore store;
  const auto snapshot = Snapshot::make(1, {key_of(store, hsm::Purpose::client_attestation, true)});
  ASSERT_TRUE(snapshot);
  const Json jwk = Json::parse((*snapshot)->jwks())["keys"][0];
  EXPECT_EQ(jwk["mintmark_purpose"], "client_attestation");
  EXPECT_EQ(jwk["alg"], "ES256");
  EXPECT_FALSE(jwk.contains("d"));
}

TEST(Snapshot, ComesBackTheSameThroughJson) {
  test::FakeKeyStore store;
  const auto snapshot = Snapshot::make(7, {key_of(store, hsm::Purpose::access_token, true)});
  ASSERT_TRUE(snapshot);
  const auto again = Snapshot::from_json((*snapshot)->to_json());
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ((*again)->epoch(), 7U);
  EXPECT_EQ((*again)->etag(), (*snapshot)->etag());
  EXPECT_EQ((*again)->current(hsm::Purpose::access_token, Algorithm::es256)->kid(),
            (*snapshot)->current(hsm::Purpose::access_token, Algorithm::es256)->kid());
}

TEST(Snapshot, FromJsonOfAnotherShapeIsRefused) {
  for (const char* text :
       {"{}", "[]", R"({"epoch":1})", R"({"epoch":-1,"keys":[]})", R"({"epoch":1,"keys":[1]})",
        R"({"epoch":1,"keys":[{"id":"00","purpose":"access_token","jwk":{}}]})"}) {
    EXPECT_FALSE(Snapshot::from_json(Json::parse(text))) << text;
  }
}

}  // namespace
}  // namespace mintmark::keyring
