// What checks of foreign results begin with: a verifier, its key configured, a device's key.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "attest/eat/format.h"
#include "support/eat_maker.h"

namespace mintmark::attest::eat {

inline const Moment now = from_unix(1'800'000'000);
inline const Sha256 binding = sha256("a binding");

/// Claims, changed by a test.
using Break = std::function<void(Json& claims)>;

class ForeignResult : public ::testing::TestWithParam<bool> {
 protected:
  ForeignResult() {
    maker.at = now;
    options.keys = maker.keys();
  }

  Result<Verdict> checked(const Json& evidence) {
    return make_format(options).value()->check({evidence, binding, key.public_key(), now});
  }
  Result<Verdict> checked() { return checked(maker.evidence(binding, key.public_key())); }
  Code refusal(const Json& evidence) {
    const auto verdict = checked(evidence);
    EXPECT_FALSE(verdict);
    return verdict ? Code::internal : verdict.error().code;
  }
  Code refusal() { return refusal(maker.evidence(binding, key.public_key())); }
  Code refusal(const Break& broken) {
    const Json good = maker.claims;
    broken(maker.claims);
    const Code code = refusal();
    maker.claims = good;
    return code;
  }
  static Json& vector_of(Json& claims) {
    return claims["submods"]["device"]["ear_trustworthiness_vector"];
  }

  test::EatMaker maker;
  test::SoftKey key;
  Options options;
};

/// What a JWT and a CWT have in common.
class EitherResult : public ForeignResult {
 protected:
  EitherResult() { maker.as_cwt = GetParam(); }
};

}  // namespace mintmark::attest::eat
