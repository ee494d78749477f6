// What operators take back, on the whole path: on disk before it is answered, and still so after
// the front was killed.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "jose/jws.h"
#include "stack.h"

namespace mintmark::test {
namespace {

class RevocationsOfAStack : public ::testing::Test {
 protected:
  Json claims_of(const std::string& token) {
    return jose::parse_signing_input(token.substr(0, token.rfind('.'))).value().claims;
  }
  /// From the issuer: none that the agent has kept.
  std::string fresh_token() {
    std::filesystem::remove(stack["MINT_AGENT_STATE"] + "/tokens.json");
    return stack.token();
  }
  /// As `mintctl tokens list` shows it; null: it does not.
  Json listed(const Json& claims) {
    const Json all = stack.control({"tokens", "list", "--device", claims["sub"]});
    for (const Json& token : all["tokens"]) {
      if (token["jti"] == claims["jti"]) return token;
    }
    return nullptr;
  }
  bool is_revoked(const Json& claims) { return listed(claims).value("revoked", false); }
  Outcome control(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {stack["MINT_BIN"] + "/mintctl", "--admin", stack["MINT_ADMIN"]});
    return execute(arguments);
  }
  void kill_the_front() {
    const int pid = stack.front_pid();
    kill(pid, SIGKILL);
    await("another front", [&] {
      const Outcome status = control({"--json", "status"});
      if (status.status != 0) return false;
      const Json front = Json::parse(status.output)["front"];
      return front["pid"] != pid && front["state"] == "ready";
    });
    stack.wait_until_ready();
  }

  Stack& stack = Stack::instance();
};

TEST_F(RevocationsOfAStack, ATokenHasAnEntryInAStatusListAndIsListed) {
  const Json claims = claims_of(fresh_token());
  const Json status = claims["status"]["status_list"];
  EXPECT_EQ(status["uri"].get<std::string>().rfind(stack["MINT_ISSUER"] + "/status/", 0), 0U);
  const Json entry = listed(claims);
  ASSERT_TRUE(entry.is_object());
  EXPECT_EQ(entry["index"], status["idx"]);
  EXPECT_EQ(entry["revoked"], false);
}

TEST_F(RevocationsOfAStack, ATokenIsRevokedByWhatSomebodyHoldsOfIt) {
  const std::string token = fresh_token();
  const Json claims = claims_of(token);
  const std::string forged = token.substr(0, token.rfind('.')) + ".AAAA";
  const Json tried = stack.control({"tokens", "revoke", "--token", forged, "--dry-run"});
  EXPECT_EQ(tried["live"], 1);
  EXPECT_FALSE(is_revoked(claims)) << "it was a dry run";
  const Json revoked = stack.control({"tokens", "revoke", "--token", forged});
  EXPECT_EQ(revoked["live"], 1);
  EXPECT_GT(revoked["seq"], 0);
  EXPECT_TRUE(is_revoked(claims));
  const Json again = stack.control({"tokens", "revoke", "--jti", claims["jti"]});
  EXPECT_EQ(again["live"], 0);
  EXPECT_EQ(again["seq"], 0);
}

TEST_F(RevocationsOfAStack, WhatNamesNothingIsRefusedInWords) {
  const Outcome unknown = control({"tokens", "revoke", "--jti", "nobodys"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_NE(unknown.output.find("revoked_token_unknown"), std::string::npos) << unknown.output;
  EXPECT_EQ(control({"tokens", "revoke"}).status, 2);
  EXPECT_EQ(control({"tokens", "revoke", "--jti", "a", "--device", "b"}).status, 2);
  EXPECT_EQ(control({"tokens", "revoke", "--issued-before", "tomorrow"}).status, 2);
  const Outcome ahead = control({"tokens", "revoke", "--issued-before", "2100-01-01T00:00:00Z"});
  EXPECT_NE(ahead.output.find("revocation_malformed"), std::string::npos) << ahead.output;
}

TEST_F(RevocationsOfAStack, AKeyThatSignsIsNotForTokensRevoke) {
  const Json all = stack.control({"keys", "list"});
  for (const Json& key : all["keys"]) {
    if (key["state"] != "active" || key["purpose"] != "access_token") continue;
    const Outcome refused = control({"tokens", "revoke", "--key=" + key["kid"].get<std::string>()});
    EXPECT_NE(refused.output.find("keys revoke"), std::string::npos) << refused.output;
    EXPECT_NE(refused.status, 0);
    EXPECT_EQ(
        control({"tokens", "revoke", "--dry-run", "--key=" + key["kid"].get<std::string>()}).status,
        0)
        << "asking does no harm";
  }
}

TEST_F(RevocationsOfAStack, WhatIsMistypedIsNotAnsweredAsIfItWereRevoked) {
  const auto refusal = [&](const std::string& option, const std::string& name) {
    return control({"tokens", "revoke", option + "=" + name}).output;
  };
  EXPECT_NE(refusal("--device", "nosuch").find("device_not_found"), std::string::npos);
  EXPECT_NE(refusal("--key", std::string(43, 'A')).find("key_not_found"), std::string::npos);
  const Json all = stack.control({"keys", "list"});
  for (const Json& key : all["keys"]) {
    if (key["state"] != "published") continue;
    const std::string refused = refusal("--key", key["kid"]);
    EXPECT_NE(refused.find("key_not_found"), std::string::npos)
        << "it would shut minting when it comes to sign: " << refused;
  }
}

TEST_F(RevocationsOfAStack, AllThatIsOutNowEndsAndWhatComesNextIsGood) {
  const Json before = claims_of(fresh_token());
  EXPECT_GE(stack.control({"tokens", "revoke", "--issued-before", "now", "--dry-run"})["live"], 1);
  EXPECT_FALSE(is_revoked(before));
  EXPECT_GE(stack.control({"tokens", "revoke", "--issued-before", "now"})["live"], 1);
  EXPECT_TRUE(is_revoked(before));
  EXPECT_FALSE(is_revoked(claims_of(fresh_token())));
}

TEST_F(RevocationsOfAStack, ADevicesTokensEndAndItsNextIsGoodAtOnce) {
  const Json before = claims_of(fresh_token());
  const Json revoked = stack.control({"tokens", "revoke", "--device", before["sub"]});
  EXPECT_GE(revoked["live"], 1);
  EXPECT_TRUE(is_revoked(before));
  EXPECT_FALSE(is_revoked(claims_of(fresh_token())));
}

TEST_F(RevocationsOfAStack, ADeviceIsAskedDryWhatItsEndWouldMeet) {
  const Json claims = claims_of(fresh_token());
  const std::string id = claims["sub"];
  const Outcome said = control({"devices", "revoke", "--dry-run", "--", id});
  EXPECT_EQ(said.status, 0) << said.output;
  EXPECT_EQ(said.output.rfind("would revoke ", 0), 0U) << said.output;
  const Json tried = stack.control({"devices", "revoke", "--dry-run", "--", id});
  EXPECT_GE(tried["live"], 1);
  EXPECT_EQ(tried["dry_run"], true);
  EXPECT_FALSE(is_revoked(claims));
  EXPECT_EQ(stack.control({"devices", "show", "--", id})["state"], "enrolled");
}

TEST_F(RevocationsOfAStack, WhatARevocationWouldMeetIsAskedOfWhatThereIs) {
  const Outcome device = control({"devices", "revoke", "--dry-run", "nosuch"});
  EXPECT_EQ(device.status, 1);
  EXPECT_NE(device.output.find("device_not_found"), std::string::npos) << device.output;
  const Outcome key = control({"keys", "revoke", "--dry-run", std::string(43, 'A')});
  EXPECT_EQ(key.status, 1);
  EXPECT_NE(key.output.find("key_not_found"), std::string::npos) << key.output;
  EXPECT_EQ(control({"keys", "revoke", std::string(43, 'A')}).status, 2) << "without a reason";
}

TEST_F(RevocationsOfAStack, WhatWasRevokedIsSoAfterTheFrontWasKilled) {
  const Json claims = claims_of(fresh_token());
  ASSERT_GE(stack.control({"tokens", "revoke", "--jti", claims["jti"]})["live"], 1);
  kill_the_front();
  EXPECT_TRUE(is_revoked(claims));
  EXPECT_EQ(stack.control({"tokens", "revoke", "--jti", claims["jti"]})["seq"], 0);
  EXPECT_FALSE(is_revoked(claims_of(fresh_token())));
}

TEST_F(RevocationsOfAStack, TokensOfAKeyEndWithIt) {
  const std::string token = fresh_token();
  const Json claims = claims_of(token);
  const Json entry = listed(claims);
  const std::string kid = entry["kid"];
  EXPECT_GE(stack.control({"keys", "revoke", "--dry-run", "--", kid})["live"], 1);
  EXPECT_FALSE(is_revoked(claims)) << "it was a dry run";
  EXPECT_EQ(stack.control({"keys", "revoke", "--reason", "test", "--", kid})["was_revoked_before"],
            false);
  EXPECT_TRUE(is_revoked(claims));
  const Json again = stack.control({"keys", "revoke", "--reason", "again", "--", kid});
  EXPECT_EQ(again["was_revoked_before"], true);
  EXPECT_EQ(again["kid"], kid);
  EXPECT_EQ(stack.control({"keys", "revoke", "--dry-run", "--", kid})["live"], 0);
  EXPECT_FALSE(is_revoked(claims_of(fresh_token())));
  kill_the_front();
  EXPECT_TRUE(is_revoked(claims)) << "it is said once, and kept";
}

TEST_F(RevocationsOfAStack, EvidenceThatEndsTakesTokensWithItWhereTheRuleSaysSo) {
  const std::string policy = stack.directory() + "/policy.json";
  const std::string kept = read_file(policy).value();
  Json changed = parse_json_document(policy, kept).value().value;
  for (Json& rule : changed["rules"]) rule["standing_tokens"] = "revoke";
  std::ofstream(policy) << changed.dump();
  (void)stack.control({"reload"});
  const Json claims = claims_of(fresh_token());
  ASSERT_TRUE(listed(claims)["ends_with_evidence"]);
  (void)stack.control({"devices", "attest", claims["sub"]});
  EXPECT_TRUE(is_revoked(claims));
  // It is told use_fresh_attestation, attests, and gets another.
  const Json next = claims_of(fresh_token());
  EXPECT_NE(next["jti"], claims["jti"]);
  EXPECT_FALSE(is_revoked(next));
  std::ofstream(policy) << kept;
  (void)stack.control({"reload"});
}

}  // namespace
}  // namespace mintmark::test
