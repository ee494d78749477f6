// What a key is asked to sign, good for its purpose, for a test to break one thing.
#pragma once

#include <gtest/gtest.h>

#include "hsm/signer/rules.h"
#include "jose/jws.h"
#include "support/soft_key.h"

namespace mintmark::hsm::signer {

constexpr const char* typ_is_no_text = "no JWS signing input: the header's typ is no string";

using test::SoftKey;

inline constexpr std::int64_t now = 1'800'000'000;
inline const std::string issuer = "https://issuer.example";

inline const PurposeRules rules{
    .issuer = issuer,
    .longest_life = {{Purpose::access_token, std::chrono::seconds(300)},
                     {Purpose::client_attestation, std::chrono::hours(24)},
                     {Purpose::result, std::chrono::seconds(600)},
                     {Purpose::status_list, std::chrono::seconds(300)},
                     {Purpose::event, std::chrono::seconds(3600)}}};

// What is good for its purpose; a test breaks one thing.
class Rules : public ::testing::Test {
 protected:
  explicit Rules(Purpose purpose) : key{random_key_id(), purpose, pair.public_key(), ""} {}

  [[nodiscard]] Result<void> check() const { return check(jose::signing_input(header, claims)); }
  [[nodiscard]] Result<void> check(const std::string& input) const {
    return check_purpose(rules, key, input, from_unix(now));
  }
  void expect_refused(const std::string& why) const { expect_refused(check(), why); }
  static void expect_refused(const Result<void>& outcome, const std::string& why) {
    ASSERT_FALSE(outcome) << "it would be signed";
    EXPECT_EQ(outcome.error().code, Code::purpose_refused);
    EXPECT_EQ(outcome.error().detail, why);
  }

  SoftKey pair;
  SoftKey device;
  KeyInfo key;
  Json header;
  Json claims;
};

}  // namespace mintmark::hsm::signer
