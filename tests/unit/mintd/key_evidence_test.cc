// The keeper's collection of evidence: once a key, one at a time, again where a signer could not.
#include "programs/mintd/key_evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "ipc/channel.h"
#include "support/fake_key_store.h"
#include "support/scratch.h"

namespace mintmark::mintd {
namespace {

using namespace std::chrono_literals;

class EvidenceCollectionTest : public ::testing::Test {
 protected:
  struct Call {
    std::string store;
    hsm::KeyId key;
    hsm::Done<hsm::KeyEvidence> done;
  };
  std::shared_ptr<const keyring::Snapshot> publish(std::size_t count) {
    while (keys.size() < count) keys.push_back(hardware.make_key(hsm::Purpose::access_token));
    std::vector<keyring::PublishedKey> all;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back({keys[i].id, "main", keys[i].purpose, i == 0, keys[i].public_key});
    return keyring::Snapshot::make(1, std::move(all)).value();
  }
  void answer(Result<hsm::KeyEvidence> evidence) {
    const Call call = std::exchange(calls, {}).at(0);
    call.done(std::move(evidence));
  }

  test::FakeKeyStore hardware;
  std::vector<hsm::KeyInfo> keys;
  std::vector<config::HsmStore> stores = [] {
    config::HsmStore main;
    main.name = "main";
    return std::vector{main};
  }();
  std::vector<Call> calls;
  std::vector<Json> told;
  Deadline::clock::time_point now = Deadline::clock::now();
  EvidenceCollection collection{stores,
                                {.store =
                                     [this](const std::string& store, const hsm::KeyId& key,
                                            hsm::Done<hsm::KeyEvidence> done) {
                                       calls.push_back({store, key, std::move(done)});
                                     },
                                 .tell = [this](const Json& frame) { told.push_back(frame); }},
                                [this] { return now; }};
};

TEST_F(EvidenceCollectionTest, AsksOnceForEachKeyAndForOneAtATime) {
  const auto published = publish(2);
  collection.look(*published);
  collection.look(*published);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].store, "main");
  EXPECT_EQ(calls[0].key, published->keys()[0].id);
  answer(hsm::KeyEvidence{"k", {{"a", 1}}});
  collection.look(*published);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].key, published->keys()[1].id);
  answer(hsm::KeyEvidence{"k", {{"a", 2}}});
  now += 1h;
  collection.look(*published);
  EXPECT_TRUE(calls.empty());
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0], Json({{"type", "evidence"},
                           {"kid", published->keys()[0].kid()},
                           {"kind", "k"},
                           {"facts", {{"a", 1}}}}));
}

TEST_F(EvidenceCollectionTest, AsksAgainLaterWhereTheSignerCouldNot) {
  const auto published = publish(1);
  collection.look(*published);
  answer(fail(Code::hsm_unavailable, "the signer is not ready"));
  collection.look(*published);
  EXPECT_TRUE(calls.empty());
  now += EvidenceCollection::patience;
  collection.look(*published);
  EXPECT_EQ(calls.size(), 1U);
  EXPECT_TRUE(told.empty());
}

TEST_F(EvidenceCollectionTest, AsksForTheOthersWhereOneCannotBeHad) {
  const auto published = publish(2);
  collection.look(*published);
  answer(fail(Code::hsm_key_unknown, "retired"));
  collection.look(*published);
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0].key, published->keys()[1].id);
}

TEST_F(EvidenceCollectionTest, ForgetsAKeyThatIsPublishedNoMore) {
  const auto both = publish(2);
  collection.look(*both);
  const auto late = std::exchange(calls, {}).at(0);
  collection.look(*publish(0));
  late.done(hsm::KeyEvidence{"k", Json::object()});
  EXPECT_TRUE(told.empty());
  collection.tell_all();
  EXPECT_TRUE(told.empty());
}

TEST_F(EvidenceCollectionTest, TellsANewFrontAllThatItHas) {
  collection.look(*publish(1));
  answer(hsm::KeyEvidence{"k", Json::object()});
  collection.tell_all();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0], told[1]);
}

TEST_F(EvidenceCollectionTest, SendsNothingThatDoesNotFitIntoAFrame) {
  const auto published = publish(1);
  collection.look(*published);
  answer(hsm::KeyEvidence{"k", {{"a", std::string(ipc::Channel::longest_frame, 'a')}}});
  now += 1h;
  collection.look(*published);
  EXPECT_TRUE(told.empty());
  EXPECT_TRUE(calls.empty());
}

TEST_F(EvidenceCollectionTest, ShowsOperatorsTheStoreOfEachKey) {
  const auto published = publish(2);
  collection.look(*published);
  answer(hsm::KeyEvidence{"pkcs11-attributes", {{"a", 1}}});
  const Json document = collection.document("https://issuer.example", *published);
  ASSERT_EQ(document["keys"].size(), 2U);
  EXPECT_EQ(document["keys"][0]["store"], "main");
  EXPECT_EQ(document["keys"][0]["evidence"]["kind"], "pkcs11-attributes");
  EXPECT_TRUE(document["keys"][1]["evidence"].is_null());
}

TEST_F(EvidenceCollectionTest, TellsAnOperatorOnceThatAFileOfHisCannotBeRead) {
  const test::Scratch scratch;
  const auto published = publish(1);
  stores[0].attestation = config::VendorAttestation{"yubihsm-attestation", scratch.path().string()};
  std::ofstream(scratch / (keys[0].kid() + ".pem")) << "nothing";
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) {
    collection.look(*published);
    answer(hsm::KeyEvidence{"pkcs11-attributes", Json::object()});
    now += EvidenceCollection::patience;
  }
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
  EXPECT_NE(lines.find("vendor_attestation_unreadable"), std::string::npos) << lines;
  EXPECT_TRUE(told.empty());
}

class VendorFiles : public ::testing::Test {
 protected:
  Result<hsm::KeyEvidence> read() {
    return with_vendor_attestation(
        config::VendorAttestation{"yubihsm-attestation", scratch.path().string()}, "kid",
        {"pkcs11-attributes", {{"a", 1}}});
  }
  test::Scratch scratch;
};

TEST_F(VendorFiles, LeaveTheModulesWordWhereThereIsNone) {
  EXPECT_EQ(read().value().kind, "pkcs11-attributes");
  EXPECT_EQ(with_vendor_attestation(std::nullopt, "kid", {"k", {}}).value().kind, "k");
}

TEST_F(VendorFiles, ThatHoldNoCertificateAreRefusedByName) {
  std::ofstream(scratch / "kid.pem") << "nothing";
  const auto evidence = read();
  ASSERT_FALSE(evidence);
  EXPECT_EQ(evidence.error().code, Code::vendor_attestation_unreadable);
  EXPECT_NE(evidence.error().detail.find("kid.pem"), std::string::npos);
}

}  // namespace
}  // namespace mintmark::mintd
