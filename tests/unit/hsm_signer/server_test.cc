#include "hsm/signer/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "hsm/signer/wire.h"
#include "jose/jws.h"
#include "support/fake_key_store.h"
#include "support/manual_clock.h"
#include "support/signer_in_process.h"

namespace mintmark::hsm::signer {
namespace {

using namespace test;
using namespace std::chrono_literals;

constexpr std::int64_t now = 1'800'000'000;

// The fake, whose list can be made to fail, with something to activate.
class Store final : public Signer, public KeyAdmin, public EvidenceActivation {
 public:
  void sign(const KeyId& key, std::string input, Deadline deadline, Done<Bytes> done) override {
    fake.sign(key, std::move(input), deadline, std::move(done));
  }
  void list(Deadline deadline, Done<std::vector<KeyInfo>> done) override {
    if (list_error) return done(tl::unexpected<Error>(*list_error));
    fake.list(deadline, std::move(done));
  }
  void generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) override {
    fake.generate(spec, deadline, std::move(done));
  }
  void destroy(const KeyId& key, Deadline deadline, Done<void> done) override {
    fake.destroy(key, deadline, std::move(done));
  }
  void evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) override {
    fake.evidence(key, deadline, std::move(done));
  }
  void activate(const SealedCredential& credential, Deadline /*deadline*/,
                Done<Bytes> done) override {
    Bytes secret = credential.credential_blob;
    secret.insert(secret.end(), credential.encrypted_secret.begin(),
                  credential.encrypted_secret.end());
    done(std::move(secret));
  }

  FakeKeyStore fake;
  std::optional<Error> list_error;
};

Deadline soon() { return Deadline::in(30s); }

std::string token_input(const KeyInfo& key, std::int64_t life = 300) {
  return jose::signing_input(
      {{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", key.kid()}},
      {{"iss", contract_issuer}, {"iat", now}, {"exp", now + life}, {"cnf", {{"jkt", key.kid()}}}});
}

Result<Bytes> sign(Signer& signer, const KeyId& key, const std::string& input,
                   Deadline deadline = soon()) {
  Answer<Bytes> answer;
  signer.sign(key, input, deadline, answer.done());
  return answer.wait();
}

Result<std::vector<KeyInfo>> list(Signer& signer) {
  Answer<std::vector<KeyInfo>> answer;
  signer.list(soon(), answer.done());
  return answer.wait();
}

template <typename T>
void expect_refused(const Result<T>& result, Code code) {
  ASSERT_FALSE(result) << "it was granted";
  EXPECT_EQ(facts_of(result.error().code).name, facts_of(code).name) << result.error().to_string();
}

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    auto with_key = std::make_unique<Store>();
    store = with_key.get();
    key.emplace(store->fake.make_key(Purpose::access_token));
    signer.emplace(std::move(with_key), clock);
    if (!signer->wait_for_readiness()) throw std::runtime_error("the signer is not ready");
  }

  SignerClient& keeper() { return signer->keeper(); }
  FakeKeyStore& fake() { return store->fake; }
  void expect_alive() {
    const auto signature = sign(keeper(), key->id, token_input(*key));
    ASSERT_TRUE(signature) << signature.error().to_string();
    EXPECT_TRUE(key->public_key.verify(as_bytes(token_input(*key)), *signature));
  }

  ManualClock clock{from_unix(now)};
  Store* store = nullptr;
  std::optional<KeyInfo> key;
  std::optional<SignerInProcess<Store>> signer;
};

TEST_F(ServerTest, FrontMaySignAndList) {
  const auto front = signer->make_front();
  const auto signature = sign(*front, key->id, token_input(*key));
  ASSERT_TRUE(signature) << signature.error().to_string();
  EXPECT_EQ(signature->size(), 64U);
  EXPECT_TRUE(key->public_key.verify(as_bytes(token_input(*key)), *signature));
  const auto keys = list(*front);
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front().kid(), key->kid());
}

TEST_F(ServerTest, FrontMayNotGenerate) {
  const auto front = signer->make_front();
  Answer<KeyInfo> made;
  front->generate({.id = random_key_id()}, soon(), made.done());
  expect_refused(made.wait(), Code::not_permitted);
  EXPECT_EQ(list(keeper())->size(), 1U);
}

TEST_F(ServerTest, FrontMayNotDestroy) {
  const auto front = signer->make_front();
  Answer<void> ended;
  front->destroy(key->id, soon(), ended.done());
  expect_refused(ended.wait(), Code::not_permitted);
  expect_alive();
}

TEST_F(ServerTest, FrontMayNotHaveEvidence) {
  const auto front = signer->make_front();
  Answer<KeyEvidence> evidence;
  front->evidence(key->id, soon(), evidence.done());
  expect_refused(evidence.wait(), Code::not_permitted);
}

TEST_F(ServerTest, KeeperMayActivate) {
  Answer<Bytes> secret;
  keeper().activate({7, Bytes{1, 2}, Bytes{3}}, soon(), secret.done());
  EXPECT_EQ(secret.wait().value(), (Bytes{1, 2, 3}));
}

TEST_F(ServerTest, FrontMayNotActivate) {
  const auto front = signer->make_front();
  Answer<Bytes> secret;
  front->activate({7, Bytes{1, 2}, Bytes{3}}, soon(), secret.done());
  expect_refused(secret.wait(), Code::not_permitted);
}

TEST_F(ServerTest, CredentialThatIsTooLongIsNotSent) {
  Answer<Bytes> secret;
  keeper().activate({7, Bytes(5000, 1), Bytes{3}}, soon(), secret.done());
  expect_refused(secret.wait(), Code::tpm_credential_refused);
}

TEST(ServerWithoutAttestationKey, SaysThatThereIsNothingToActivate) {
  const ManualClock clock{from_unix(now)};
  SignerInProcess<FakeKeyStore> signer(std::make_unique<FakeKeyStore>(), clock);
  ASSERT_TRUE(signer.wait_for_readiness());
  Answer<Bytes> secret;
  signer.keeper().activate({7, Bytes{1}, Bytes{2}}, soon(), secret.done());
  expect_refused(secret.wait(), Code::activation_unavailable);
}

TEST_F(ServerTest, FrontMayNotAttachAFront) {
  const auto front = signer->make_front();
  auto pair = connected();
  Answer<void> attached;
  front->attach_front(std::move(pair.right), soon(), attached.done());
  expect_refused(attached.wait(), Code::not_permitted);
  EXPECT_TRUE(sign(*front, key->id, token_input(*key)));
  End other(signer->loop(), std::move(pair.left));
  other.start();
  EXPECT_EQ(other.wait_for_close(), "the other side closed");
}

TEST_F(ServerTest, WhatBreaksThePurposesRulesIsNotSignedForAnybody) {
  const auto front = signer->make_front();
  for (Signer* asked : {static_cast<Signer*>(front.get()), static_cast<Signer*>(&keeper())}) {
    const auto signature = sign(*asked, key->id, token_input(*key, 301));
    expect_refused(signature, Code::purpose_refused);
    EXPECT_EQ(signature.error().detail, "the life is longer than 300 s");
    expect_refused(sign(*asked, key->id, "anything"), Code::purpose_refused);
  }
  EXPECT_EQ(fake().signatures(), 0U);
}

TEST_F(ServerTest, TheRulesGoByTheSignersOwnClock) {
  clock.advance(61s);
  expect_refused(sign(keeper(), key->id, token_input(*key)), Code::purpose_refused);
}

TEST_F(ServerTest, UnknownKeyIsRefused) {
  expect_refused(sign(keeper(), random_key_id(), token_input(*key)), Code::hsm_key_unknown);
}

TEST_F(ServerTest, KeyMadeElsewhereIsKnownAfterTheNextList) {
  const KeyInfo other = fake().make_key(Purpose::access_token);
  expect_refused(sign(keeper(), other.id, token_input(other)), Code::hsm_key_unknown);
  ASSERT_TRUE(list(keeper()));
  EXPECT_TRUE(sign(keeper(), other.id, token_input(other)));
}

TEST_F(ServerTest, GeneratedKeySignsAtOnceForTheFrontToo) {
  const auto front = signer->make_front();
  Answer<KeyInfo> made;
  keeper().generate({.id = random_key_id()}, soon(), made.done());
  const auto other = made.wait();
  ASSERT_TRUE(other);
  EXPECT_TRUE(sign(*front, other->id, token_input(*other)));
}

TEST_F(ServerTest, DestroyedKeyIsForgotten) {
  Answer<void> ended;
  keeper().destroy(key->id, soon(), ended.done());
  ASSERT_TRUE(ended.wait());
  expect_refused(sign(keeper(), key->id, token_input(*key)), Code::hsm_key_unknown);
}

TEST_F(ServerTest, ErrorsOfTheStoreComeThroughWhole) {
  fake().fail_signing_with(Error{Code::hsm_session_lost, "C_Sign: the session is gone", 0xB3});
  const auto signature = sign(keeper(), key->id, token_input(*key));
  expect_refused(signature, Code::hsm_session_lost);
  EXPECT_EQ(signature.error().detail, "C_Sign: the session is gone");
  EXPECT_EQ(signature.error().native, 0xB3U);
  fake().sign_again();
  expect_alive();
}

TEST_F(ServerTest, TheDeadlineReachesTheStore) {
  fake().hold();
  expect_refused(sign(keeper(), key->id, token_input(*key), Deadline::in(50ms)),
                 Code::deadline_passed);
  fake().release();
  expect_alive();
  EXPECT_EQ(fake().signatures(), 1U);  // The one of expect_alive: the late one was not begun.
}

TEST_F(ServerTest, NewFrontTakesThePlaceOfTheOld) {
  const auto old = signer->make_front();
  ASSERT_TRUE(sign(*old, key->id, token_input(*key)));
  const auto next = signer->make_front();
  EXPECT_TRUE(sign(*next, key->id, token_input(*key)));
  expect_refused(sign(*old, key->id, token_input(*key)), Code::hsm_unavailable);
}

TEST_F(ServerTest, FrontThatEndsMakesRoomForAnother) {
  signer->make_front()->close();
  const auto next = signer->make_front();
  EXPECT_TRUE(sign(*next, key->id, token_input(*key)));
}

// Frames that no client of ours sends.
std::vector<Bytes> malformed_requests() {
  std::vector<Bytes> frames{{}, {0}, Bytes(request_head_size, 0xFF)};
  const auto begin = [](Request type) { return begin_request(type, 5, soon()); };
  frames.push_back(begin(Request::sign).octets(Bytes(15)).frame());
  frames.push_back(begin(Request::list).u8(0).frame());
  Bytes cut = begin(Request::list).frame();
  cut.pop_back();
  frames.push_back(std::move(cut));
  return frames;
}

TEST_F(ServerTest, GarbageClosesTheFrontsChannelAndNothingElse) {
  for (const Bytes& frame : malformed_requests()) {
    End front(signer->loop(), signer->attach_front());
    front.start();
    front.channel().send(frame);
    EXPECT_EQ(front.wait_for_close(), "the other side closed") << to_hex(frame);
    EXPECT_EQ(front.frames(), 0U);
    expect_alive();
  }
}

TEST_F(ServerTest, WhatFollowsGarbageIsNotDone) {
  auto socket = signer->attach_front();
  const auto request = begin_request(Request::sign, 1, soon());
  Writer good = request;
  good.octets(key->id).octets(as_bytes(token_input(*key)));
  send_raw(socket.get(), framed("garbage") + framed(as_text(good.frame())));
  End front(signer->loop(), std::move(socket));
  front.start();
  EXPECT_EQ(front.wait_for_close(), "the other side closed");
  EXPECT_EQ(fake().signatures(), 0U);
}

TEST_F(ServerTest, TornFrameOnTheFrontsChannelClosesNothingElse) {
  auto socket = signer->attach_front();
  send_raw(socket.get(), head(0x7FFFFFFF));
  End front(signer->loop(), std::move(socket));
  front.start();
  EXPECT_EQ(front.wait_for_close(), "the other side closed");
  expect_alive();
}

TEST_F(ServerTest, AttachingWhatIsNoSocketHarmsNobody) {
  Answer<void> attached;
  keeper().attach_front(UniqueFd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), soon(),
                        attached.done());
  (void)attached.wait();
  expect_alive();
}

TEST_F(ServerTest, AttachingWithoutADescriptorIsGarbage) {
  Answer<void> attached;
  keeper().attach_front(UniqueFd(), soon(), attached.done());
  expect_refused(attached.wait(), Code::hsm_unavailable);
  EXPECT_TRUE(signer->wait_for_end());
}

TEST_F(ServerTest, EndsWhenTheKeeperDoesAndClosesTheFront) {
  End front(signer->loop(), signer->attach_front());
  front.start();
  keeper().close();
  EXPECT_TRUE(signer->wait_for_end());
  EXPECT_EQ(front.wait_for_close(), "the other side closed");
}

TEST_F(ServerTest, FinishesTheCallsUnderWayBeforeItEnds) {
  End front(signer->loop(), signer->attach_front());
  front.start();
  fake().hold();
  Answer<Bytes> signature;
  keeper().sign(key->id, token_input(*key), soon(), signature.done());
  // Answered only when the signing request was read: the channel keeps order.
  expect_refused(sign(keeper(), key->id, "anything"), Code::purpose_refused);
  keeper().close();
  expect_refused(signature.wait(), Code::hsm_unavailable);
  EXPECT_EQ(front.wait_for_close(), "the other side closed");
  EXPECT_FALSE(signer->has_ended());
  EXPECT_EQ(fake().signatures(), 0U);
  fake().release();
  EXPECT_TRUE(signer->wait_for_end());
  EXPECT_EQ(fake().signatures(), 1U);
}

TEST_F(ServerTest, RefusedPinIsToldAndEndsTheSigner) {
  fake().fail_signing_with(Error{Code::hsm_pin_refused, "C_Login: the PIN is wrong", 0xA0});
  const auto signature = sign(keeper(), key->id, token_input(*key));
  expect_refused(signature, Code::hsm_pin_refused);
  const auto told = signer->wait_for_readiness(1);
  expect_refused(told, Code::hsm_pin_refused);
  EXPECT_EQ(told.error().detail, "C_Login: the PIN is wrong");
  const auto end = signer->wait_for_end();
  expect_refused(end, Code::hsm_pin_refused);
  expect_refused(sign(keeper(), key->id, token_input(*key)), Code::hsm_unavailable);
}

TEST_F(ServerTest, ManyCallsThatMeetARefusedPinEndTheSignerOnce) {
  const auto front = signer->make_front();
  fake().fail_signing_with(Error{Code::hsm_pin_refused, "C_Login: the PIN is wrong", 0xA0});
  std::vector<Answer<Bytes>> answers(50);
  for (auto& answer : answers) front->sign(key->id, token_input(*key), soon(), answer.done());
  for (auto& answer : answers) EXPECT_FALSE(answer.wait());
  expect_refused(signer->wait_for_end(), Code::hsm_pin_refused);
}

TEST(ServerStart, StoreThatDoesNotListItsKeysIsToldAndEnds) {
  const ManualClock clock{from_unix(now)};
  auto store = std::make_unique<Store>();
  store->list_error = Error{Code::hsm_failed, "C_FindObjects", 0x30};
  SignerInProcess<Store> signer(std::move(store), clock);
  const auto told = signer.wait_for_readiness();
  expect_refused(told, Code::hsm_failed);
  EXPECT_EQ(told.error().native, 0x30U);
  expect_refused(signer.wait_for_end(), Code::hsm_failed);
}

TEST(ServerStart, KeeperThatIsGoneAtOnceEndsIt) {
  const ManualClock clock{from_unix(now)};
  auto store = std::make_unique<Store>();
  store->fake.hold();
  FakeKeyStore& fake = store->fake;
  SignerInProcess<Store> signer(std::move(store), clock);
  signer.keeper().close();
  fake.release();
  EXPECT_TRUE(signer.wait_for_end());
}

TEST(TellUnready, IsHeardByTheKeeper) {
  auto pair = connected();
  tell_unready(pair.right.get(), Error{Code::hsm_token_missing, "no token \"x\"", 0xE0});
  Loop loop;
  const auto keeper = SignerClient::make_unconnected(loop.io());
  Answer<void> told;
  keeper->on_readiness([done = told.done()](const Result<void>& word) { done(word); });
  keeper->replace(std::move(pair.left));
  const auto word = told.wait();
  expect_refused(word, Code::hsm_token_missing);
  EXPECT_EQ(word.error().detail, "no token \"x\"");
  EXPECT_EQ(word.error().native, 0xE0U);
}

TEST(TellUnready, ToNobodyKillsNobody) {
  auto pair = connected();
  pair.left = UniqueFd();
  tell_unready(pair.right.get(), Error{Code::hsm_token_missing, "", 0});
}

}  // namespace
}  // namespace mintmark::hsm::signer
