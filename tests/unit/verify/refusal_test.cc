#include "verify/refusal.h"

#include <gtest/gtest.h>

#include <set>

namespace mintmark::verify {
namespace {

TEST(Refusal, HasACodeOfItsNameAndNoOtherHasIt) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Refusal::metadata_issuer_mismatch); ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_TRUE(names.insert(name_of(refusal)).second) << name_of(refusal);
    const Code code = code_named(name_of(refusal));
    EXPECT_EQ(facts_of(code).name, name_of(refusal));
    EXPECT_EQ(refused(Error{code, "why", 0}).refusal, refusal) << name_of(refusal);
  }
}

TEST(Refusal, OfACodeWithoutOneRefusesStill) {
  EXPECT_EQ(refused(Error{Code::internal, "why", 0}).refusal, Refusal::token_malformed);
}

TEST(Refusal, OutsideTheEnumerationHasNoName) {
  EXPECT_EQ(name_of(static_cast<Refusal>(9999)), "unknown");
}

}  // namespace
}  // namespace mintmark::verify
