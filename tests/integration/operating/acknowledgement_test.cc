// A verifier that says which keys it holds: the real library, the real front, and what the keeper
// knows of it then.
#include <signal.h>

#include <set>

#include "mintmark/verifier.h"
#include "operating.h"

namespace mintmark::test {
namespace {

/// A service's verifier that keeps no keys: each call asks for them.
class Service {
 public:
  Service(const Stack& stack, const std::string& instance)
      : verifier_(options(stack),
                  published_keys(stack["MINT_ISSUER"], stack["MINT_CA"], instance)) {}

  /// It gets the token.
  auto check(const std::string& token) { return verifier_.check_without_proof(token); }

 private:
  static VerifierOptions options(const Stack& stack) {
    VerifierOptions options(stack["MINT_ISSUER"], "https://api.example");
    options.keys_longest = options.keys_pause = std::chrono::seconds(0);
    return options;
  }

  Verifier verifier_;
};

class Acknowledged : public Operating {
 protected:
  [[nodiscard]] Json verifier(const std::string& id) const {
    const Json keys = stack.control({"keys", "list"});
    for (const Json& one : keys["verifiers"])
      if (one["id"] == id) return one;
    return nullptr;
  }
  [[nodiscard]] std::string signing_kid() const {
    const Json keys = stack.control({"keys", "list"});
    for (const Json& key : keys["keys"]) {
      if (key["purpose"] == "access_token" && key["state"] == "active")
        return key["kid"].get<std::string>();
    }
    return "";
  }
  /// Of access tokens' keys: the one that signs and the one ahead.
  [[nodiscard]] std::set<std::string> published_kids() const {
    std::set<std::string> kids;
    const Json keys = stack.control({"keys", "list"});
    for (const Json& key : keys["keys"]) {
      const bool out = key["state"] == "published" || key["state"] == "active";
      if (out && key["purpose"] == "access_token") kids.insert(key["kid"].get<std::string>());
    }
    return kids;
  }
  [[nodiscard]] std::set<std::string> held_by(const std::string& id) const {
    const Json said = verifier(id);
    return said["kids"].get<std::set<std::string>>();
  }
  [[nodiscard]] double heard(const std::string& outcome) const {
    return figure("mintmark_verifier_acknowledgements_total{outcome=\"" + outcome + "\"}");
  }
  /// A stranger's request for the keys with these header fields.
  void ask_with(const std::vector<std::string>& fields) const {
    std::vector<std::string> arguments{"--fail"};
    for (const std::string& field : fields) arguments.insert(arguments.end(), {"--header", field});
    arguments.push_back(stack["MINT_ISSUER"] + "/.well-known/jwks.json");
    const auto answer = stack.curl(arguments);
    EXPECT_EQ(answer.status, 0) << answer.output;
    EXPECT_NE(answer.output.find("\"keys\""), std::string::npos) << answer.output;
  }
};

TEST_F(Acknowledged, KeysAreKnownToTheKeeperWithTheRequestAfterTheyCame) {
  const Json other = verifier("gate-2");
  Service service(stack, "gate-1");
  const std::string token = stack.token();
  EXPECT_TRUE(service.check(token));
  await("the verifier, holding nothing yet", [&] {
    const Json said = verifier("gate-1");
    return !said["heard_at"].is_null() && said["kids"].empty();
  });
  EXPECT_TRUE(service.check(token));
  await("the verifier, holding the key that signs and the one ahead",
        [&] { return held_by("gate-1") == published_kids(); });
  EXPECT_EQ(verifier("gate-2"), other);
  const Json keys = stack.control({"keys", "list"});
  for (const Json& key : keys["keys"]) {
    if (key["state"] != "published" || key["purpose"] != "access_token") continue;
    EXPECT_GE(key["coverage"]["holding"], 1) << key;
    EXPECT_EQ(key["coverage"]["listed"], keys["verifiers"].size());
  }
}

TEST_F(Acknowledged, KeysAreRememberedWhenTheFrontIsStartedAgain) {
  Service service(stack, "gate-1");
  const std::string token = stack.token();
  EXPECT_TRUE(service.check(token));
  EXPECT_TRUE(service.check(token));
  await("the verifier, holding the key", [&] { return !verifier("gate-1")["kids"].empty(); });
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGKILL), 0);
  await("a new front", [&] { return stack.front_pid() != front; });
  stack.wait_until_ready();
  EXPECT_EQ(held_by("gate-1"), published_kids());
}

TEST_F(Acknowledged, WordsOfVerifiersThatNobodyListedAreOnlyCounted) {
  const double unlisted = heard("unlisted");
  Service service(stack, "gate-3");
  const std::string token = stack.token();
  EXPECT_TRUE(service.check(token));
  EXPECT_TRUE(service.check(token));
  EXPECT_EQ(heard("unlisted"), unlisted + 2);
  EXPECT_EQ(verifier("gate-3"), Json());
}

TEST_F(Acknowledged, WordsOfAnotherFormAreOnlyCounted) {
  const double malformed = heard("malformed");
  const Json before = verifier("gate-2");
  ask_with({"Mintmark-Verifier: gate-2", "Mintmark-Verifier: gate-2"});
  ask_with({"Mintmark-Verifier: gate-2", "Mintmark-Held-Kids: a,b"});
  ask_with({"Mintmark-Held-Kids: a"});
  EXPECT_EQ(heard("malformed"), malformed + 3);
  EXPECT_EQ(verifier("gate-2"), before);
}

TEST_F(Acknowledged, KidsThatWereNeverPublishedGoNoFurtherThanTheFront) {
  ask_with({"Mintmark-Verifier: gate-2", "Mintmark-Held-Kids: invented " + signing_kid()});
  await("the verifier", [&] { return !verifier("gate-2")["kids"].empty(); });
  EXPECT_EQ(verifier("gate-2")["kids"], Json::array({signing_kid()}));
}

TEST_F(Acknowledged, NothingIsSaidByAVerifierWithoutAName) {
  const double taken = heard("taken");
  const double unlisted = heard("unlisted");
  const double malformed = heard("malformed");
  Service service(stack, "");
  EXPECT_TRUE(service.check(stack.token()));
  EXPECT_EQ(heard("taken"), taken);
  EXPECT_EQ(heard("unlisted"), unlisted);
  EXPECT_EQ(heard("malformed"), malformed);
}

}  // namespace
}  // namespace mintmark::test
