#include "verify/refusal.h"

#include <gtest/gtest.h>

#include <cctype>
#include <regex>
#include <set>

#include "base/file.h"

namespace mintmark::verify {
namespace {

TEST(Refusal, HasACodeOfItsNameAndNoOtherHasIt) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Refusal::revocations_stale); ++i) {
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

// What mint-gate answers by the status of a code, services answer by this.
TEST(Refusal, SaysNothingAboutTheTokenWhereItsCodeIsAnsweredBy503) {
  for (int i = 0; i <= static_cast<int>(Refusal::revocations_stale); ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_EQ(is_unavailable(refusal), facts_of(code_named(name_of(refusal))).http_status >= 500)
        << name_of(refusal);
  }
}

TEST(Refusal, OutsideTheEnumerationHasNoName) {
  EXPECT_EQ(name_of(static_cast<Refusal>(9999)), "unknown");
}

TEST(Refusal, HasTheSameNameInC) {
  const std::string header = read_file(MINTMARK_C_HEADER).value();
  const std::string numbered = header.substr(header.find("MINTMARK_TOKEN_MALFORMED"));
  const std::regex constant("MINTMARK_([A-Z_]+) = ([0-9]+)");
  int last = 0;
  for (std::sregex_iterator at(numbered.begin(), numbered.end(), constant), end; at != end; ++at) {
    std::string name = (*at)[1];
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(std::stoi((*at)[2]), ++last) << name;
    EXPECT_EQ(name_of(static_cast<Refusal>(last - 1)), name);
  }
  EXPECT_EQ(last, static_cast<int>(Refusal::revocations_stale) + 1);
}

}  // namespace
}  // namespace mintmark::verify
