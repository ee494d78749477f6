#include "issuer/ticket.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "support/manual_clock.h"

namespace mintmark::issuer {
namespace {

class TicketTest : public ::testing::Test {
 protected:
  test::ManualClock clock;
  TicketSealer sealer{clock};
  Bytes secret_octets = random_bytes(32);
  Secret secret{BytesView(secret_octets)};
  Sha256 began_with = sha256("presented");
};

TEST_F(TicketTest, OpensToWhatWasSealed) {
  const auto ticket = sealer.open(sealer.seal(secret, began_with));
  ASSERT_TRUE(ticket) << ticket.error().to_string();
  EXPECT_TRUE(equal_in_constant_time(ticket->secret.view(), secret_octets));
  EXPECT_EQ(ticket->began_with, began_with);
}

TEST_F(TicketTest, EveryAlteredOctetIsRefused) {
  const Bytes good = *jose::from_base64url(sealer.seal(secret, began_with));
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1U;
    const auto ticket = sealer.open(jose::base64url(bad));
    ASSERT_FALSE(ticket) << "octet " << i;
    EXPECT_EQ(ticket.error().code, Code::ticket_invalid);
  }
}

TEST_F(TicketTest, EveryOtherLengthIsRefused) {
  const Bytes good = *jose::from_base64url(sealer.seal(secret, began_with));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(sealer.open(jose::base64url(BytesView(good).first(size)))) << size;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(sealer.open(jose::base64url(longer)));
  EXPECT_FALSE(sealer.open(std::string(100'000, 'A')));
  EXPECT_FALSE(sealer.open("not base64url!"));
}

TEST_F(TicketTest, IsGoodForItsLifeAndNotASecondLonger) {
  const std::string ticket = sealer.seal(secret, began_with);
  clock.advance(TicketSealer::life - std::chrono::seconds(1));
  EXPECT_TRUE(sealer.open(ticket));
  clock.advance(std::chrono::seconds(1));
  const auto late = sealer.open(ticket);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::ticket_expired);
}

TEST_F(TicketTest, IsNoneAnyMoreWhenTheyBeginAgain) {
  const std::string before = sealer.seal(secret, began_with);
  sealer.begin_again();
  const auto opened = sealer.open(before);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::ticket_invalid);
  EXPECT_TRUE(sealer.open(sealer.seal(secret, began_with)));
}

TEST_F(TicketTest, OutlivesARollOfTheKeyAndNotASecondOne) {
  const std::string ticket = sealer.seal(secret, began_with);
  clock.advance(TicketSealer::key_life);
  (void)sealer.seal(secret, began_with);
  EXPECT_EQ(sealer.open(ticket).error().code, Code::ticket_expired)
      << "the key before is still there";
  clock.advance(TicketSealer::key_life);
  (void)sealer.seal(secret, began_with);
  EXPECT_EQ(sealer.open(ticket).error().code, Code::ticket_invalid) << "its key is gone";
}

TEST_F(TicketTest, OfAnotherProcessIsRefused) {
  TicketSealer other(clock);
  const auto ticket = other.open(sealer.seal(secret, began_with));
  ASSERT_FALSE(ticket);
  EXPECT_EQ(ticket.error().code, Code::ticket_invalid);
}

TEST_F(TicketTest, NeverSealsTwiceTheSame) {
  EXPECT_NE(sealer.seal(secret, began_with), sealer.seal(secret, began_with));
}

}  // namespace
}  // namespace mintmark::issuer
