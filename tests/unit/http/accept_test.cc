#include "http/accept.h"

#include <gtest/gtest.h>

namespace mintmark::http {
namespace {

constexpr std::string_view jwt = "application/statuslist+jwt";
constexpr std::string_view cwt = "application/statuslist+cwt";

std::string_view best(std::initializer_list<std::string> fields) {
  Headers headers;
  for (const std::string& field : fields) headers.add("accept", field);
  return best_accepted(headers, {jwt, cwt});
}

TEST(Accept, ThatIsNotThereTakesTheFirst) { EXPECT_EQ(best({}), jwt); }

TEST(Accept, TakesWhatIsNamed) {
  EXPECT_EQ(best({"application/statuslist+cwt"}), cwt);
  EXPECT_EQ(best({"Application/StatusList+CWT"}), cwt);
  EXPECT_EQ(best({"text/html, application/statuslist+cwt;v=1"}), cwt);
  EXPECT_EQ(best({"text/html", "application/statuslist+cwt"}), cwt);
}

TEST(Accept, TakesTheFirstOfEquals) {
  EXPECT_EQ(best({"application/statuslist+cwt, application/statuslist+jwt"}), jwt);
  EXPECT_EQ(best({"*/*"}), jwt);
  EXPECT_EQ(best({"application/*;q=0.5"}), jwt);
}

TEST(Accept, TakesTheOneWithTheHigherWeight) {
  EXPECT_EQ(best({"application/statuslist+jwt;q=0.5, application/statuslist+cwt;q=0.501"}), cwt);
  EXPECT_EQ(best({"application/statuslist+jwt; Q=0.9 ,*/*"}), cwt) << "what is named is not *";
  EXPECT_EQ(best({"*/*;q=0.1, application/*;q=0.2, application/statuslist+cwt;q=0.3"}), cwt);
  EXPECT_EQ(best({"application/statuslist+jwt;q=0, */*"}), cwt);
}

TEST(Accept, TakesNoneWhereNoneIsNamed) {
  for (const char* field :
       {"", "text/html", "application/json", "text/*", "application/statuslist", "application", "*",
        "*/html", "application/statuslist+jwt;q=0", "*/*;q=0.000", ",;,", ";q=1"})
    EXPECT_EQ(best({field}), "") << field;
}

TEST(Accept, TakesNothingByAWeightThatIsNone) {
  for (const char* weight : {"2", "1.001", "0.1234", "-1", "x", "0,5", ".5", "0x1", "1.0000"})
    EXPECT_EQ(best({std::string("application/statuslist+cwt;q=") + weight}), "") << weight;
  EXPECT_EQ(best({"application/statuslist+cwt;q=1.000"}), cwt);
}

}  // namespace
}  // namespace mintmark::http
