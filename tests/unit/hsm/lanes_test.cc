// Two lines before the hardware: whose turn it is, and who stands in which.
#include "hsm/lanes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "jose/base64url.h"

namespace mintmark::hsm {
namespace {

std::string input_of(const std::string& header) {
  return jose::base64url(as_bytes(header)) + ".e30";
}
std::string typed(const std::string& typ) {
  return input_of(R"({"alg":"ES256","kid":"k","typ":")" + typ + "\"}");
}

TEST(LaneOf, TokensAndFrontiersAreTheTokens) {
  EXPECT_EQ(lane_of(typed("at+jwt")), Lane::tokens);
  EXPECT_EQ(lane_of(typed("mintmark-frontier+jwt")), Lane::tokens);
}

TEST(LaneOf, AHandshakesSignatureIsTheTokens) {
  EXPECT_EQ(lane_of(std::string(64, ' ') + "TLS 1.3, server CertificateVerify"), Lane::tokens);
}

TEST(LaneOf, AllElseIsTheOthers) {
  for (const char* typ : {"oauth-client-attestation+jwt", "eat+jwt", "statuslist+jwt",
                          "secevent+jwt", "token-introspection+jwt", "AT+JWT", "at+jwt ", ""})
    EXPECT_EQ(lane_of(typed(typ)), Lane::others) << typ;
}

TEST(LaneOf, WhatIsNoJwsIsTheOthers) {
  for (const std::string& input :
       {std::string(), std::string("x"), std::string("eyJ0eXAiOiJhdCtqd3QifQ"),
        std::string("!.e30"), std::string("\x84\x6a", 2), input_of("{"), input_of("[]"),
        input_of(R"({"typ":7})"), input_of(R"({"alg":"ES256"})"),
        input_of(R"({"typ":"eat+jwt","typ":"at+jwt"})"),
        input_of(R"({"pad":")" + std::string(2000, 'a') + R"(","typ":"at+jwt"})")})
    EXPECT_EQ(lane_of(input), Lane::others) << input.substr(0, 40);
}

Lanes<int> filled(std::size_t bound, int tokens, int others) {
  Lanes<int> lanes(bound);
  for (int i = 0; i < tokens; ++i) lanes.push(Lane::tokens, i);
  for (int i = 0; i < others; ++i) lanes.push(Lane::others, 100 + i);
  return lanes;
}
std::vector<int> emptied(Lanes<int>& lanes) {
  std::vector<int> order;
  while (!lanes.empty()) order.push_back(lanes.pop());
  return order;
}

TEST(Lanes, OneOfTheOthersComesAfterSevenTokens) {
  auto lanes = filled(100, 16, 3);
  EXPECT_EQ(emptied(lanes), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 100, 7, 8, 9, 10, 11, 12, 13,
                                              101, 14, 15, 102}));
}

TEST(Lanes, WithoutOthersNothingIsCounted) {
  auto lanes = filled(100, 20, 0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(lanes.pop(), i);
  lanes.push(Lane::others, 100);
  lanes.push(Lane::tokens, 20);
  EXPECT_EQ(emptied(lanes), (std::vector<int>{20, 100}))
      << "nobody waited while those before were taken";
}

TEST(Lanes, EachHasABoundOfItsOwn) {
  auto lanes = filled(8, 0, 2);
  EXPECT_TRUE(lanes.full(Lane::others));
  EXPECT_FALSE(lanes.full(Lane::tokens));
  auto least = filled(1, 1, 0);
  EXPECT_TRUE(least.full(Lane::tokens));
  EXPECT_FALSE(least.full(Lane::others));
}

TEST(Lanes, ATurnOfOneThatWasTakenOutIsTheTokensAgain) {
  auto lanes = filled(100, 9, 1);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(lanes.pop(), i);
  EXPECT_EQ(lanes.take([](int one) { return one == 100; }), std::deque<int>{100});
  EXPECT_EQ(emptied(lanes), (std::vector<int>{7, 8}));
}

TEST(Lanes, TakesOutAllAtTheHeadOfEither) {
  auto lanes = filled(100, 3, 3);
  EXPECT_EQ(lanes.take_first([](int one) { return one != 1 && one != 102; }),
            (std::deque<int>{0, 100, 101}));
  EXPECT_EQ(lanes.take_first([](int one) { return one != 102; }), (std::deque<int>{1, 2}));
  EXPECT_EQ(emptied(lanes), std::vector<int>{102});
}

TEST(Lanes, TakesOutWhatItIsToldAndKeepsTheOrder) {
  auto lanes = filled(100, 4, 4);
  EXPECT_EQ(lanes.take_first([](int one) { return one == 0 || one == 101; }), std::deque<int>{0});
  EXPECT_EQ(lanes.take([](int one) { return one % 2 == 1; }), (std::deque<int>{1, 3, 101, 103}));
  EXPECT_EQ(emptied(lanes), (std::vector<int>{2, 100, 102}));
}

}  // namespace
}  // namespace mintmark::hsm
