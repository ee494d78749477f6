#include "attest/tpm2/structures.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "support/test_tpm.h"

namespace mintmark::attest::tpm2 {
namespace {

// tss2-mu writes a line to the standard error for everything malformed.
const int quiet = setenv("TSS2_LOG", "all+NONE", 1);

TEST(PublicArea, ThatIsNotAsLongAsItSaysIsRefused) {
  const test::TestAuthority authority;
  const Bytes good = test::TestTpm(authority).presented().ak_public;
  ASSERT_TRUE(parse_public(good, "area"));
  for (std::size_t i = 0; i < good.size(); ++i)
    EXPECT_EQ(parse_public(BytesView(good).first(i), "area").error().code, Code::tpm_structure)
        << i;
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(parse_public(longer, "area"));
  longer[1] = static_cast<std::uint8_t>(longer[1] + 1);
  EXPECT_FALSE(parse_public(longer, "area")) << "an octet inside that belongs to nothing";
  EXPECT_FALSE(parse_public(Bytes(longest_structure + 1, 0), "area"));
}

TEST(Structures, OfRandomOctetsNeverDoMoreThanBeRefused) {
  std::mt19937 random(20261123);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same octets each time
  const test::TestAuthority authority;
  const test::TestTpm tpm(authority);
  const Bytes area = tpm.presented().ak_public;
  for (int i = 0; i < 20'000; ++i) {
    Bytes octets = i % 2 == 0 ? area : Bytes(random() % 200);
    for (int j = 0; j < 4 && !octets.empty(); ++j)
      octets[random() % octets.size()] = static_cast<std::uint8_t>(random());
    if (const auto parsed = parse_public(octets, "area"); parsed) {
      EXPECT_GE(parsed->name.size(), 34U);
    }
    (void)parse_attest(octets, "attest").has_value();
    (void)parse_signature(octets, "signature").has_value();
  }
}

}  // namespace
}  // namespace mintmark::attest::tpm2
