// Files of an Android key, judged: the chain, and Google's list of what is revoked.
#include <gtest/gtest.h>

#include "attest/offline/judge.h"
#include "support/android_chain.h"
#include "support/soft_key.h"

namespace mintmark::test {
namespace {

using attest::offline::Question;

constexpr const char* batch = "5cb838f1fe157a85";  // As the maker numbers it.

Bytes list_of(const std::string& serial, const std::string& status = "REVOKED") {
  return to_bytes(
      as_bytes("\n{\"entries\": {\"" + serial + "\": {\"status\": \"" + status + "\"}}}"));
}

class AndroidFiles : public ::testing::Test {
 protected:
  [[nodiscard]] Question with(const std::vector<Bytes>& more) const {
    Question question;
    question.format = "android-key";
    question.files = maker.chain(binding, SoftKey().public_key());
    question.files.insert(question.files.end(), more.begin(), more.end());
    question.roots = trust.get();
    question.at = from_unix(1'800'000'000);
    question.challenge = Bytes(binding.begin(), binding.end());
    return question;
  }
  [[nodiscard]] static Json judged(const Question& question) {
    return attest::offline::to_json(attest::offline::judge(question).value());
  }
  [[nodiscard]] static std::string code(const Question& question) {
    return judged(question).value("code", "");
  }

  const Sha256 binding = sha256("a binding");
  AndroidMaker maker;
  std::shared_ptr<const attest::x509::Trust> trust = maker.authority.trust();
};

TEST_F(AndroidFiles, WithoutAListSayThatRevocationWasNotLookedAt) {
  const Json answer = judged(with({}));
  EXPECT_EQ(answer["verdict"], "accept") << answer;
  EXPECT_EQ(answer["facts"]["not_evaluated"], Json::array({"revocation"}));
  Question unbound = with({});
  unbound.challenge = Bytes{1};
  EXPECT_EQ(judged(unbound)["facts"]["not_evaluated"], Json::array({"revocation"}));
}

TEST_F(AndroidFiles, WithAListThatNamesNoneOfThemAreAcceptedWithNothingLeftOut) {
  for (const Bytes& list : {list_of("77777"), to_bytes(as_bytes("{\"entries\": {}}"))}) {
    const Json answer = judged(with({list}));
    EXPECT_EQ(answer["verdict"], "accept") << answer;
    EXPECT_FALSE(answer["facts"].contains("not_evaluated"));
  }
}

TEST_F(AndroidFiles, WhoseCertificateIsListedAreRefusedByThatRuleAloneWhereverTheListStands) {
  for (const auto& [status, wanted] :
       {std::pair{"REVOKED", "android_revoked"}, std::pair{"SUSPENDED", "android_suspended"}}) {
    Question question = with({});
    for (const std::size_t place : {std::size_t{0}, std::size_t{2}, question.files.size()}) {
      Question listed = question;
      listed.files.insert(listed.files.begin() + static_cast<std::ptrdiff_t>(place),
                          list_of(batch, status));
      const Json answer = judged(listed);
      EXPECT_EQ(answer["code"], wanted) << answer;
      EXPECT_EQ(answer["crypto"], "accept");
      EXPECT_FALSE(answer["facts"].contains("not_evaluated"));
    }
  }
}

TEST_F(AndroidFiles, WithAListThatCannotBeReadOrTwoOfThemAreRefused) {
  for (const char* bad : {"{", "{}", "{\"entries\": []}", "{\"entries\": {\"x\": {}}}"})
    EXPECT_EQ(code(with({to_bytes(as_bytes(bad))})), "android_revocation_list") << bad;
  EXPECT_EQ(code(with({list_of(batch, "RETIRED")})), "android_revocation_list");
  EXPECT_EQ(code(with({list_of("1"), list_of("2")})), "evidence_files");
}

TEST_F(AndroidFiles, WithoutAKeysCertificatesOrWithSomethingElseAreRefused) {
  Question alone = with({});
  alone.files = {list_of("1")};
  EXPECT_EQ(code(alone), "evidence_files");
  for (const char* other : {"", " ", "[]", "nothing"})
    EXPECT_EQ(code(with({to_bytes(as_bytes(other))})), "evidence_files") << other;
}

TEST_F(AndroidFiles, WithCertificatesStackedAboveTheRootAreRefused) {
  Question question = with({});
  question.files = maker.authority.stacked_chain(maker.bound_to(binding),
                                                 SoftKey().public_key().to_spki(), {{"CN", "X"}});
  EXPECT_EQ(code(question), "android_chain_malformed");
}

}  // namespace
}  // namespace mintmark::test
