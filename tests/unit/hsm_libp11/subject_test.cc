#include "hsm/libp11/subject.h"

#include <gtest/gtest.h>

namespace mintmark::hsm::libp11 {
namespace {

TEST(Subject, IsTypesAndValuesWithEscapesTakenOff) {
  const auto parts = parse_subject(R"(/C=DE/O=Example \/ Sons \+ \\/CN=a=b)");
  ASSERT_TRUE(parts) << parts.error().to_string();
  EXPECT_EQ(*parts, (SubjectParts{{"C", "DE"}, {"O", "Example / Sons + \\"}, {"CN", "a=b"}}));
}

TEST(Subject, ThatIsNoListOfPartsIsRefused) {
  for (const char* text : {"", "CN=a", "/", "//", "/CN", "/CN=", "/=a", "/CN=a/", "/CN=a+O=b",
                           "/CN=a\\", "/CN=\xff"}) {
    const auto parts = parse_subject(text);
    ASSERT_FALSE(parts) << text;
    EXPECT_EQ(parts.error().code, Code::invalid_argument) << text;
  }
}

TEST(DnsName, OfLabelsIsTakenWithAStarInFrontToo) {
  const std::string label(63, 'a');
  for (const std::string& name :
       {std::string("a"), std::string("A-0.example"), std::string("*.issuer.example"), label,
        label + "." + label + "." + label + "." + std::string(61, 'a')})
    EXPECT_TRUE(require_dns_name(name)) << name;
}

TEST(DnsName, ThatIsNoneIsRefused) {
  const std::string label(63, 'a');
  for (const std::string& name :
       {std::string(), std::string("*."), std::string("*"), std::string("a."), std::string(".a"),
        std::string("a..b"), std::string("-a"), std::string("a-"), std::string("a_b"),
        std::string("a b"), std::string("a.*.b"), std::string("**.a"), std::string("\xc3\xa4"),
        std::string("a:443"), label + "a",
        label + "." + label + "." + label + "." + std::string(62, 'a')}) {
    const auto good = require_dns_name(name);
    ASSERT_FALSE(good) << name;
    EXPECT_EQ(good.error().code, Code::invalid_argument);
  }
}

}  // namespace
}  // namespace mintmark::hsm::libp11
