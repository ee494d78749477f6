// The examples of docs/policy.md are policies and files that policies name.
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/file.h"
#include "boot_sample.h"
#include "policy/policy.h"
#include "policy/reference.h"

namespace mintmark::policy {
namespace {

/// The texts in docs/policy.md between such a fence and its end.
std::vector<std::string> examples(const std::string& fence) {
  const auto document = read_file(MINTMARK_SOURCE "/docs/policy.md");
  if (!document) throw std::runtime_error(document.error().to_string());
  std::vector<std::string> texts;
  for (std::size_t at = document->find(fence); at != std::string::npos;
       at = document->find(fence, at + 1)) {
    const std::size_t start = at + fence.size();
    texts.push_back(document->substr(start, document->find("\n```", start) - start));
  }
  return texts;
}

TEST(PolicyDocument, HasExamplesThatAreTaken) {
  const auto files = [](const std::string& name) -> Result<std::string> {
    return name.ends_with(".json") ? *baseline_of(test::good_boot(), "golden")
                                   : test::digest("a") + "  /bin/a\n";
  };
  const auto policies = examples("```jsonc\n");
  for (const std::string& text : policies) {
    const auto policy = Policy::from_text("example", text, files);
    EXPECT_TRUE(policy) << policy.error().detail;
  }
  EXPECT_GE(policies.size(), 3U);
}

TEST(PolicyDocument, HasAnExampleOfAFileOfMeasurements) {
  const auto references = examples("```json\n");
  for (const std::string& text : references) {
    const auto reference = read_reference("example", text);
    EXPECT_TRUE(reference) << reference.error().detail;
  }
  EXPECT_EQ(references.size(), 1U);
}

}  // namespace
}  // namespace mintmark::policy
