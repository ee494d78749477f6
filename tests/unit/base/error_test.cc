#include "base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace mintmark {
namespace {

std::vector<Code> all_codes() {
  return {
#define MINTMARK_ERROR(code, action, http_status, oauth_error) Code::code,
#include "base/error_codes.def"
#undef MINTMARK_ERROR
  };
}

TEST(ErrorTable, HasADistinctNameForEachCode) {
  std::set<std::string_view> names;
  for (const Code code : all_codes()) {
    EXPECT_TRUE(names.insert(facts_of(code).name).second) << facts_of(code).name;
  }
  EXPECT_GT(names.size(), 60U);
}

TEST(ErrorTable, HasNamesThatMetricsAndJsonTake) {
  for (const Code code : all_codes()) {
    const std::string_view name = facts_of(code).name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"),
              std::string_view::npos)
        << name;
  }
}

TEST(ErrorTable, HasAnHttpErrorForEachCode) {
  for (const Code code : all_codes()) {
    EXPECT_GE(facts_of(code).http_status, 400) << facts_of(code).name;
    EXPECT_LE(facts_of(code).http_status, 599) << facts_of(code).name;
  }
}

TEST(ErrorTable, HasAnActionForEachCode) {
  const std::set<std::string_view> actions = {"fix_request", "reattest", "retry_later",
                                              "reset_session", "page_operator"};
  for (const Code code : all_codes()) {
    EXPECT_TRUE(actions.contains(name_of(facts_of(code).action))) << facts_of(code).name;
  }
}

TEST(ErrorTable, BlamesNoRequestForWhatAnOperatorMustMend) {
  for (const Code code : all_codes()) {
    if (facts_of(code).action != Action::page_operator) continue;
    EXPECT_GE(facts_of(code).http_status, 500) << facts_of(code).name;
  }
}

// RFC 6749 §5.2: an error code holds %x20-21 / %x23-5B / %x5D-7E.
TEST(ErrorTable, HasOAuthErrorsOfAllowedCharacters) {
  for (const Code code : all_codes()) {
    for (const char c : facts_of(code).oauth_error) {
      EXPECT_TRUE(c > 0x20 && c < 0x7F && c != '"' && c != '\\') << facts_of(code).name;
    }
  }
}

TEST(ErrorTable, FindsEachCodeByItsName) {
  for (const Code code : all_codes()) EXPECT_EQ(code_named(facts_of(code).name), code);
}

TEST(ErrorTable, TakesAnUnknownNameForInternal) {
  EXPECT_EQ(code_named(""), Code::internal);
  EXPECT_EQ(code_named("never_heard_of"), Code::internal);
}

TEST(Error, SaysCodeDetailAndNativeCode) {
  EXPECT_EQ((Error{Code::hsm_failed, "C_Sign", 0x30}).to_string(),
            "hsm_failed: C_Sign (native 0x30)");
  EXPECT_EQ((Error{Code::not_found, "", 0}).to_string(), "not_found");
}

TEST(Error, CarriesTheActionOfItsCode) {
  EXPECT_EQ((Error{Code::store_busy, "", 0}).action(), Action::retry_later);
}

}  // namespace
}  // namespace mintmark
