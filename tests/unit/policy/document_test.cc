// The examples of docs/policy.md are policies.
#include <gtest/gtest.h>

#include "base/file.h"
#include "policy/policy.h"

namespace mintmark::policy {
namespace {

TEST(PolicyDocument, HasExamplesThatAreTaken) {
  const auto document = read_file(MINTMARK_SOURCE "/docs/policy.md");
  ASSERT_TRUE(document);
  const std::string fence = "```jsonc\n";
  std::size_t examples = 0;
  for (std::size_t at = document->find(fence); at != std::string::npos;
       at = document->find(fence, at + 1), ++examples) {
    const std::size_t start = at + fence.size();
    const auto policy = Policy::from_text(
        "example", document->substr(start, document->find("\n```", start) - start));
    EXPECT_TRUE(policy) << policy.error().detail;
  }
  EXPECT_GE(examples, 2U);
}

}  // namespace
}  // namespace mintmark::policy
