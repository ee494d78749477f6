// Two key stores make one issuer: both sign, and the loss of one costs nobody a token.
#include <signal.h>

#include <filesystem>
#include <set>

#include "keys.h"

namespace mintmark::test {
namespace {

class TwoStores : public Keys {
 protected:
  void TearDown() override {
    if (!moved_.empty()) std::filesystem::rename(moved_ + ".away", moved_);
    moved_.clear();
  }
  /// The token's files are gone, and its signer with it.
  void pull(const std::string& folder, const std::string& store) {
    moved_ = file(folder);
    std::filesystem::rename(moved_, moved_ + ".away");
    kill(signer(store)["pid"].get<int>(), SIGTERM);  // Ignored: only the keeper ends a signer.
    kill(signer(store)["pid"].get<int>(), SIGKILL);
  }
  void put_back() { TearDown(); }

 private:
  std::string moved_;
};

TEST_F(TwoStores, BothHaveKeysOfTheirOwnAndAllArePublished) {
  const auto kids = published();
  const std::set<std::string> all(kids.begin(), kids.end());
  EXPECT_NE(active("main"), active("second"));
  EXPECT_TRUE(all.contains(active("main")));
  EXPECT_TRUE(all.contains(active("second")));
}

TEST_F(TwoStores, TheLossOfOneCostsNoTokenAndItComesBackByItself) {
  const std::string lost_kid = active("main");
  pull("hsm/tokens", "main");
  for (int i = 0; i < 30; ++i) {
    const std::string answer = ask();
    ASSERT_EQ(status_of(answer), 200) << i << ": " << answer;
  }
  EXPECT_EQ(kid_of(token()), active("second"));
  const Outcome ready = stack.curl({stack["MINT_ISSUER"] + "/readyz"});
  const Json said = Json::parse(ready.output);
  EXPECT_EQ(said["status"], "ready");
  EXPECT_EQ(said["warnings"].dump().find("second"), std::string::npos);
  EXPECT_NE(said["warnings"].dump().find("signer: main"), std::string::npos) << ready.output;
  const auto kids = published();
  EXPECT_EQ(std::count(kids.begin(), kids.end(), lost_kid), 1) << "what it signed is good";
  EXPECT_EQ(active("main"), lost_kid) << "nothing was made or ended in its place";

  put_back();
  await("the store is back", [&] { return signer("main")["state"] == "ready"; });
  await("it signs again", [&] { return kid_of(token()) == lost_kid; });
}

TEST_F(TwoStores, ARevocationOfAKeyInALostStoreHoldsAtOnceAndEndsItLater) {
  const std::string bad = active("main");
  pull("hsm/tokens", "main");
  const Json answer =
      stack.control({"keys", "revoke", "--reason", "stolen with the token", "--", bad});
  EXPECT_FALSE(answer["ended_in_hardware"]);
  const auto kids = published();
  EXPECT_EQ(std::count(kids.begin(), kids.end(), bad), 0);
  EXPECT_EQ(verify(token()), 0);
  put_back();
  await("it has ended in the hardware", [&] { return key(bad)["state"] == "destroyed"; });
  await("the store is back", [&] { return signer("main")["state"] == "ready"; });
}

TEST_F(TwoStores, WithBothGoneTokensWaitAndTheRestAnswers) {
  const int main = signer("main")["pid"].get<int>();
  const int second = signer("second")["pid"].get<int>();
  kill(main, SIGSTOP);
  kill(second, SIGSTOP);
  const std::string answer = ask();
  EXPECT_EQ(status_of(answer), 503) << answer;
  EXPECT_NE(answer.find("Retry-After: "), std::string::npos);
  EXPECT_EQ(published().size(), 16U + keys({"retired", "retiring"}).size());
  // The keeper has found them hanging and starts others.
  await("tokens again", [&] { return status_of(ask()) == 200; });
}

}  // namespace
}  // namespace mintmark::test
