// Files told apart by what is in them; whatever comes, it is bounded and ends.
#include "attest/offline/material.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "support/mutations.h"
#include "support/test_tpm.h"

namespace mintmark::attest::offline {
namespace {

const int quiet = setenv("TSS2_LOG", "all+NONE", 1);

Bytes bytes_of(std::string_view text) { return to_bytes(as_bytes(text)); }

class MaterialTest : public ::testing::Test {
 protected:
  MaterialTest() {
    const auto candidate = tpm2::check_candidate(tpm.presented(), trust, from_unix(1'800'000'000));
    const auto challenge = tpm2::make_challenge(*candidate, Bytes(32, 7));
    answer = tpm.answer(*challenge, Bytes(32, 1), {"sha256", {0, 7}});
  }
  test::TestAuthority authority;
  tpm2::EkTrust trust = authority.trust();
  test::TestTpm tpm{authority};
  tpm2::Answer answer;
};

TEST_F(MaterialTest, IsToldByItsContent) {
  const auto presented = tpm.presented();
  const Bytes bare(presented.ak_public.begin() + 2, presented.ak_public.end());
  const Material material = sort_files(
      {answer.quote_attest, answer.quote_signature, presented.ak_public, bare,
       presented.ek_certificate, bytes_of(authority.root_pem()),
       bytes_of(R"({"sha256": {"0": "00"}})"), bytes_of(R"({"7": "ff"})"), tpm.ak_name()});
  EXPECT_EQ(material.statements.size(), 1U);
  EXPECT_EQ(material.signatures.size(), 1U);
  EXPECT_EQ(material.areas.size(), 2U);
  EXPECT_EQ(material.areas[0].name, material.areas[1].name);
  EXPECT_EQ(material.certificates.size(), 2U);
  ASSERT_EQ(material.values.size(), 2U);
  EXPECT_EQ(material.values[0].banks.begin()->first, "sha256");
  EXPECT_EQ(material.values[1].banks.begin()->first, "");
  EXPECT_EQ(material.names.size(), 1U);
  EXPECT_TRUE(material.others.empty());
  EXPECT_EQ(material.broken, "");
}

TEST_F(MaterialTest, ThatIsNothingKnownIsKeptAsThat) {
  for (const Bytes& file :
       {Bytes{}, Bytes{0}, bytes_of("hello"), bytes_of("{}"), bytes_of("[1]"),
        bytes_of(R"({"sha256": {"0": "xy"}})"), bytes_of(R"({"sha256": {"a": "00"}})"),
        bytes_of("-----BEGIN NOTHING-----"), Bytes(100, 0x30)}) {
    const Material material = sort_files({file});
    EXPECT_EQ(material.others.size(), 1U) << to_hex(file);
  }
}

TEST_F(MaterialTest, ThatBeginsAsAStatementAndIsNoneIsBroken) {
  Bytes cut = answer.quote_attest;
  cut.pop_back();
  EXPECT_NE(sort_files({cut}).broken, "");
}

TEST_F(MaterialTest, OfCborIsBoundedInItsDepth) {
  EXPECT_EQ(sort_files({Bytes{0xA1, 0x61, 'a', 0x01}}).documents, 1U);
  EXPECT_EQ(sort_files({Bytes{0xA1, 0x61, 'a'}}).documents, 0U) << "it ends too early";
  EXPECT_EQ(sort_files({Bytes{0xA1, 0x61, 'a', 0x01, 0x01}}).documents, 0U) << "or too late";
  EXPECT_EQ(sort_files({Bytes(1U << 20U, 0x81)}).documents, 0U);
  EXPECT_EQ(sort_files({Bytes{0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}}).documents,
            0U);
}

TEST_F(MaterialTest, BrokenInAnyWayIsSortedAndNothingElseHappens) {
  const auto presented = tpm.presented();
  std::size_t sorted = 0;
  for (const Bytes& good : {answer.quote_attest, answer.quote_signature, presented.ak_public,
                            presented.ek_certificate, bytes_of(authority.root_pem())}) {
    test::for_each_mutation(std::string(as_text(good)), 300, [&](const std::string& broken) {
      sorted += sort_files({bytes_of(broken)}).others.size() <= 1 ? 1U : 0U;
    });
  }
  EXPECT_GT(sorted, 1500U);
}

}  // namespace
}  // namespace mintmark::attest::offline
