// The client, against a signer that says what a test wants it to.
#include "hsm/signer/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "contract/key_store_contract.h"
#include "hsm/signer/wire.h"
#include "support/channel_ends.h"
#include "support/soft_key.h"

namespace mintmark::hsm::signer {
namespace {

using namespace test;
using namespace std::chrono_literals;

/// {"typ":"at+jwt"}, as what is signed for a token begins.
constexpr const char* token_input = "eyJ0eXAiOiJhdCtqd3QifQ.e30";

Deadline soon() { return Deadline::in(30s); }

template <typename T>
void expect_refused(const Result<T>& result, Code code) {
  ASSERT_FALSE(result) << "it was granted";
  EXPECT_EQ(facts_of(result.error().code).name, facts_of(code).name) << result.error().to_string();
}

struct Asked {
  RequestHead head;
  std::string body;
};

Asked read_request(const std::string& frame) {
  Reader reader(as_bytes(frame));
  auto head = read_request_head(reader);
  if (!head) throw std::runtime_error("the client sent no request");
  return {*head, std::string(as_text(reader.rest()))};
}

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() { signer.start(); }

  Asked next_request() { return read_request(signer.wait_for_frames(1).front().frame); }
  void answer(std::uint64_t id, std::string_view body) {
    signer.channel().send(begin_answer(id).octets(as_bytes(body)).frame());
  }

  ipc::SocketPair pair = connected();
  Loop loop{2};
  End signer{loop, std::move(pair.right)};
  std::shared_ptr<SignerClient> client = SignerClient::make(loop.io(), std::move(pair.left));
  const KeyId key = random_key_id();
};

TEST_F(ClientTest, SendsWhatIsToBeSignedAndGivesTheSignature) {
  Answer<Bytes> signature;
  client->sign(key, "header.claims", Deadline::in(5s), signature.done());
  const Asked asked = next_request();
  EXPECT_EQ(asked.head.type, Request::sign);
  EXPECT_LE(asked.head.left, 5s);
  EXPECT_EQ(asked.body, std::string(as_text(key)) + "header.claims");
  answer(asked.head.id, "r and s");
  EXPECT_EQ(as_text(*signature.wait()), "r and s");
}

TEST_F(ClientTest, TakesAnswersInAnyOrder) {
  constexpr std::size_t count = 1000;
  std::vector<Answer<Bytes>> answers(count);
  for (std::size_t i = 0; i < count; ++i) {
    client->sign(key, std::to_string(i), soon(), answers[i].done());
  }
  auto frames = signer.wait_for_frames(count);
  std::reverse(frames.begin(), frames.end());
  for (const auto& received : frames) {
    const Asked asked = read_request(received.frame);
    answer(asked.head.id, asked.body.substr(key.size()));
  }
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(as_text(*answers[i].wait()), std::to_string(i));
  }
}

TEST_F(ClientTest, GivesTheSignersErrorWhole) {
  Answer<Bytes> signature;
  client->sign(key, "x", soon(), signature.done());
  signer.channel().send(
      refusal(next_request().head.id, Error{Code::hsm_key_unfit, "CKA_LOCAL is not true", 0x66}));
  const auto refused = signature.wait();
  expect_refused(refused, Code::hsm_key_unfit);
  EXPECT_EQ(refused.error().detail, "CKA_LOCAL is not true");
  EXPECT_EQ(refused.error().native, 0x66U);
}

TEST_F(ClientTest, CallThatIsNeverAnsweredEndsAtItsDeadline) {
  Answer<Bytes> signature;
  client->sign(key, "x", Deadline::in(30ms), signature.done());
  expect_refused(signature.wait(), Code::deadline_passed);
}

TEST_F(ClientTest, EachCallHasItsOwnDeadline) {
  Answer<Bytes> late;
  Answer<Bytes> patient;
  client->sign(key, "patient", soon(), patient.done());
  client->sign(key, "late", Deadline::in(30ms), late.done());
  expect_refused(late.wait(), Code::deadline_passed);
  answer(read_request(signer.wait_for_frames(2).front().frame).head.id, "signature");
  EXPECT_TRUE(patient.wait());
}

TEST_F(ClientTest, AnswerAfterTheDeadlineIsDropped) {
  Answer<Bytes> late;
  client->sign(key, "late", Deadline::in(30ms), late.done());
  const std::uint64_t id = next_request().head.id;
  expect_refused(late.wait(), Code::deadline_passed);
  answer(id, "too late");
  Answer<Bytes> next;
  client->sign(key, "next", soon(), next.done());
  answer(next_request().head.id, "in time");
  EXPECT_EQ(as_text(*next.wait()), "in time");
}

TEST_F(ClientTest, CallWhoseDeadlineHasPassedIsNotSent) {
  Answer<Bytes> signature;
  client->sign(key, "x", Deadline::in(-1ms), signature.done());
  expect_refused(signature.wait(), Code::deadline_passed);
  Answer<std::vector<KeyInfo>> keys;
  client->list(soon(), keys.done());
  EXPECT_EQ(next_request().head.type, Request::list);
}

TEST_F(ClientTest, MoreCallsThanMayWaitAreRefusedAtOnce) {
  std::vector<Answer<Bytes>> waiting(SignerClient::most_pending);
  for (auto& answer : waiting) client->sign(key, token_input, soon(), answer.done());
  Answer<Bytes> one_more;
  client->sign(key, token_input, soon(), one_more.done());
  expect_refused(one_more.wait(0s), Code::overloaded);
  answer(read_request(signer.wait_for_frames(1).front().frame).head.id, "done");
  ASSERT_TRUE(waiting.front().wait());
  Answer<Bytes> again;
  client->sign(key, "x", soon(), again.done());
  client->close();
  expect_refused(again.wait(), Code::hsm_unavailable);
}

TEST_F(ClientTest, MoreThanMayWaitOfWhatIsNoTokensRefusesNoToken) {
  std::vector<Answer<Bytes>> waiting(SignerClient::most_pending_others);
  for (auto& answer : waiting) client->sign(key, "x", soon(), answer.done());
  Answer<Bytes> one_more;
  client->sign(key, "x", soon(), one_more.done());
  expect_refused(one_more.wait(0s), Code::overloaded);
  Answer<Bytes> token;
  client->sign(key, token_input, soon(), token.done());
  const auto frames = signer.wait_for_frames(waiting.size() + 1);
  answer(read_request(frames.back().frame).head.id, "signature");
  EXPECT_TRUE(token.wait());
  answer(read_request(frames.front().frame).head.id, "signature");
  EXPECT_TRUE(waiting.front().wait());
  Answer<Bytes> again;
  client->sign(key, "x", soon(), again.done());
  client->close();
  expect_refused(again.wait(), Code::hsm_unavailable);
}

TEST_F(ClientTest, OthersThatWereLostWithTheirChannelCountNoMore) {
  std::vector<Answer<Bytes>> waiting(SignerClient::most_pending_others);
  for (auto& answer : waiting) client->sign(key, "x", soon(), answer.done());
  auto next = connected();
  client->replace(std::move(next.left));
  End other(loop, std::move(next.right));
  Answer<Bytes> late;
  client->sign(key, "x", Deadline::in(30ms), late.done());
  expect_refused(late.wait(), Code::deadline_passed);
}

TEST_F(ClientTest, RequestLongerThanAFrameIsRefusedAndTheChannelStays) {
  Answer<Bytes> signature;
  client->sign(key, std::string(ipc::Channel::longest_frame, 'x'), soon(), signature.done());
  expect_refused(signature.wait(0s), Code::invalid_argument);
  EXPECT_TRUE(client->connected());
  Answer<Bytes> longest;
  client->sign(key, std::string(ipc::Channel::longest_frame - request_head_size - key.size(), 'x'),
               soon(), longest.done());
  answer(next_request().head.id, "done");
  EXPECT_TRUE(longest.wait());
}

TEST_F(ClientTest, WhenTheSignerEndsAllThatWaitsAndAllThatFollowsIsUnavailable) {
  std::vector<Answer<Bytes>> waiting(20);
  for (auto& answer : waiting) client->sign(key, "x", soon(), answer.done());
  signer.channel().close();
  for (auto& answer : waiting) expect_refused(answer.wait(), Code::hsm_unavailable);
  EXPECT_FALSE(client->connected());
  Answer<Bytes> after;
  client->sign(key, "x", soon(), after.done());
  expect_refused(after.wait(0s), Code::hsm_unavailable);
}

TEST_F(ClientTest, DestroyedAnswersAllThatWaits) {
  Answer<Bytes> signature;
  client->sign(key, "x", soon(), signature.done());
  client.reset();
  expect_refused(signature.wait(0s), Code::hsm_unavailable);
  EXPECT_EQ(signer.wait_for_close(), "the other side closed");
}

TEST_F(ClientTest, ReplacedChannelEndsWhatWaitedOnTheOldOneAndServesTheNext) {
  Answer<Bytes> before;
  client->sign(key, "x", soon(), before.done());
  auto other = connected();
  client->replace(std::move(other.left));
  expect_refused(before.wait(0s), Code::hsm_unavailable);
  EXPECT_EQ(signer.wait_for_close(), "the other side closed");
  EXPECT_TRUE(client->connected());

  End next(loop, std::move(other.right));
  next.start();
  Answer<Bytes> after;
  client->sign(key, "x", soon(), after.done());
  const Asked asked = read_request(next.wait_for_frames(1).front().frame);
  next.channel().send(begin_answer(asked.head.id).octets(Bytes(64)).frame());
  EXPECT_TRUE(after.wait());
}

TEST_F(ClientTest, ReplacedAfterTheSignerEndedServesAgain) {
  signer.channel().close();
  EXPECT_EQ(signer.wait_for_close(), "closed");
  auto other = connected();
  client->replace(std::move(other.left));
  End next(loop, std::move(other.right));
  next.start();
  Answer<Bytes> after;
  client->sign(key, "x", soon(), after.done());
  const Asked asked = read_request(next.wait_for_frames(1).front().frame);
  next.channel().send(begin_answer(asked.head.id).octets(Bytes(64)).frame());
  EXPECT_TRUE(after.wait());
}

TEST_F(ClientTest, WhatIsNoAnswerClosesTheChannel) {
  Answer<Bytes> signature;
  client->sign(key, "x", soon(), signature.done());
  (void)next_request();
  signer.send("garbage");
  expect_refused(signature.wait(), Code::hsm_unavailable);
  EXPECT_EQ(signer.wait_for_close(), "the other side closed");
  EXPECT_FALSE(client->connected());
}

TEST_F(ClientTest, AnswersThatNobodyAskedForAreDropped) {
  answer(4711, "what?");
  Answer<Bytes> signature;
  client->sign(key, "x", soon(), signature.done());
  answer(next_request().head.id, "signature");
  EXPECT_TRUE(signature.wait());
}

TEST_F(ClientTest, BodiesThatAreNotWhatWasAskedForAreRefused) {
  Answer<std::vector<KeyInfo>> keys;
  client->list(soon(), keys.done());
  answer(next_request().head.id, "\x01");
  expect_refused(keys.wait(), Code::internal);

  Answer<KeyInfo> made;
  client->generate({.id = key}, soon(), made.done());
  answer(next_request().head.id, "");
  expect_refused(made.wait(), Code::internal);

  Answer<void> ended;
  client->destroy(key, soon(), ended.done());
  answer(next_request().head.id, "x");
  expect_refused(ended.wait(), Code::internal);

  Answer<KeyEvidence> evidence;
  client->evidence(key, soon(), evidence.done());
  answer(next_request().head.id, std::string("\x01\x00k{", 4));
  expect_refused(evidence.wait(), Code::internal);
}

TEST(ClientReadiness, IsToldAsTheSignerSaysIt) {
  Loop loop;
  const auto client = SignerClient::make_unconnected(loop.io());
  Answer<void> told;
  client->on_readiness([done = told.done()](const Result<void>& word) { done(word); });
  auto pair = connected();
  client->replace(std::move(pair.left));
  End signer(loop, std::move(pair.right));
  signer.channel().send(begin_answer(0).frame());
  EXPECT_TRUE(told.wait());
}

TEST(ClientUnconnected, RefusesEveryCallAtOnce) {
  Loop loop;
  const auto client = SignerClient::make_unconnected(loop.io());
  EXPECT_FALSE(client->connected());
  Answer<Bytes> signature;
  client->sign(random_key_id(), "x", soon(), signature.done());
  expect_refused(signature.wait(0s), Code::hsm_unavailable);
}

// Signs with nothing, as fast as it can.
void echo(const std::shared_ptr<ipc::Channel>& channel) {
  const std::weak_ptr<ipc::Channel> weak = channel;
  channel->start(
      [weak](BytesView frame, UniqueFd /*descriptor*/) {
        Reader reader(frame);
        const auto head = read_request_head(reader);
        if (const auto back = weak.lock()) back->send(begin_answer(head->id).frame());
      },
      [](const std::string&) {});
}

TEST(ClientThreads, EveryCallIsAnsweredOnceWhileChannelsComeAndGo) {
  constexpr unsigned each = 2000;
  Loop loop(2);
  const auto client = SignerClient::make_unconnected(loop.io());
  std::atomic<unsigned> answered = 0;
  std::vector<std::thread> callers;
  for (unsigned t = 0; t < 3; ++t) {
    callers.emplace_back([&] {
      for (unsigned i = 0; i < each; ++i) {
        client->sign(random_key_id(), "x", soon(), [&](const Result<Bytes>&) { ++answered; });
      }
    });
  }
  std::vector<std::shared_ptr<ipc::Channel>> signers;
  for (unsigned i = 0; i < 50; ++i) {
    auto pair = connected();
    signers.push_back(ipc::Channel::make(loop.io(), std::move(pair.right)));
    echo(signers.back());
    client->replace(std::move(pair.left));
  }
  for (std::thread& caller : callers) caller.join();
  client->close();
  const Deadline patience = soon();
  while (answered < 3 * each && !patience.passed()) std::this_thread::yield();
  EXPECT_EQ(answered, 3 * each);
}

}  // namespace
}  // namespace mintmark::hsm::signer
