// A policy with its files: read from a directory, carried, and nothing else.
#include "policy/bundle.h"

#include <gtest/gtest.h>

#include "boot_sample.h"
#include "policy/reference.h"
#include "support/temporary_directory.h"

namespace mintmark::policy {
namespace {

class PolicyBundle : public testing::Test {
 protected:
  PolicyBundle() {
    directory_.write("policy.json", test::boot_policy(R"({"baseline": "golden.json"})"));
    directory_.write("golden.json", *baseline_of(test::good_boot(), "golden"));
  }
  [[nodiscard]] Result<Bundle> read() const {
    return read_bundle((directory_.path() / "policy.json").string());
  }
  mintmark::test::TemporaryDirectory directory_;
};

TEST_F(PolicyBundle, HoldsThePolicyAndWhatItNames) {
  const auto bundle = read();
  ASSERT_TRUE(bundle) << bundle.error().detail;
  EXPECT_EQ(bundle->files.size(), 1U);
  EXPECT_EQ(bundle->files.at("golden.json"), *baseline_of(test::good_boot(), "golden"));
}

TEST_F(PolicyBundle, DecidesByWhatWasReadWhateverStandsThereNow) {
  const auto bundle = read();
  ASSERT_TRUE(bundle);
  directory_.write("golden.json", "spoilt");
  const auto policy = Policy::from(*bundle);
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_FALSE(policy->appraise(test::fitting_device(), test::good_boot(), nullptr).refused());
}

TEST_F(PolicyBundle, ComesBackAsItWent) {
  const auto bundle = read();
  ASSERT_TRUE(bundle);
  const auto back = Bundle::from(bundle->packed());
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, *bundle);
}

TEST_F(PolicyBundle, ThatIsCutOrLongerIsRefused) {
  Bundle bundle{"f", "text", {{"a", "1:b"}, {"b", ""}}};
  const std::string whole = bundle.packed();
  EXPECT_EQ(*Bundle::from(whole), bundle);
  std::size_t refused = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = Bundle::from(std::string_view(whole).substr(0, size));
    // Without its last files it is a whole bundle of fewer; its sender gives it whole.
    if (cut) continue;
    ++refused;
    EXPECT_EQ(cut.error().code, Code::internal);
  }
  EXPECT_EQ(refused, whole.size() - 2);
  EXPECT_FALSE(Bundle::from(whole + "x"));
  EXPECT_FALSE(Bundle::from(whole + "1:a1:c"));  // A name twice.
  EXPECT_FALSE(Bundle::from("1:f99999999999999999999:a"));
}

TEST_F(PolicyBundle, WithoutItsPolicyIsRefused) {
  std::filesystem::remove(directory_.path() / "policy.json");
  EXPECT_EQ(read().error().code, Code::io_failed);
}

TEST_F(PolicyBundle, WithoutAFileThatThePolicyNamesIsRefused) {
  std::filesystem::remove(directory_.path() / "golden.json");
  const auto bundle = read();
  ASSERT_FALSE(bundle);
  EXPECT_EQ(bundle.error().code, Code::reference_invalid);
  EXPECT_NE(bundle.error().detail.find("policy.json:8: key \"boot[0].expect.baseline\""),
            std::string::npos)
      << bundle.error().detail;
}

TEST_F(PolicyBundle, WithAFileThatIsTooLongIsRefused) {
  directory_.write("golden.json", std::string(longest_reference + 1, ' '));
  EXPECT_EQ(read().error().code, Code::reference_invalid);
}

std::string rules_of(std::size_t count) {
  std::string rules;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    rules +=
        (i == 0 ? "" : ",\n") + (R"({"name": ")" + number) +
        R"(", "match": {"format": "tpm2"}, "mode": "monitor", "expect": {"ima": {"reference": "f)" +
        number + "\"}}}";
  }
  return R"({"rules": [], "boot": [)" + rules + "]}";
}

TEST_F(PolicyBundle, OfThirtyTwoFilesIsTakenAndOfOneMoreRefused) {
  const std::string line = test::digest("a") + "  /a\n";
  for (int i = 0; i < 33; ++i) directory_.write("f" + std::to_string(i), line);
  directory_.write("policy.json", rules_of(32));
  EXPECT_TRUE(read());
  directory_.write("policy.json", rules_of(33));
  const auto bundle = read();
  ASSERT_FALSE(bundle);
  EXPECT_EQ(bundle.error().code, Code::reference_invalid);
  EXPECT_NE(bundle.error().detail.find("more than 32 files"), std::string::npos);
}

TEST_F(PolicyBundle, OfMoreThanThirtyTwoMebioctetsIsRefused) {
  const std::string long_line =
      test::digest("a") + "  /" + std::string((4U << 20U) - 80, 'a') + "\n";
  for (int i = 0; i < 9; ++i) directory_.write("f" + std::to_string(i), long_line);
  directory_.write("policy.json", rules_of(9));
  const auto bundle = read();
  ASSERT_FALSE(bundle);
  EXPECT_NE(bundle.error().detail.find("more than 32 MiB"), std::string::npos);
}

TEST_F(PolicyBundle, ReadsAFileThatTwoRulesNameOnce) {
  directory_.write("policy.json", R"({"rules": [], "boot": [
    {"name": "a", "match": {"format": "tpm2"}, "mode": "monitor", "expect": {"baseline": "golden.json"}},
    {"name": "b", "match": {"format": "tpm2"}, "mode": "monitor", "expect": {"reference": "golden.json"}}]})");
  const auto bundle = read();
  ASSERT_TRUE(bundle);
  EXPECT_EQ(bundle->files.size(), 1U);
}

}  // namespace
}  // namespace mintmark::policy
