// What operators do with devices, on the whole path: who may enrol, who is revoked, who comes with
// a bare key.
#include <fstream>

#include "asking.h"
#include "base/file.h"
#include "support/scratch.h"

namespace mintmark::test {
namespace {

class DevicesOfAStack : public ::testing::Test {
 protected:
  Outcome control(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {stack["MINT_BIN"] + "/mintctl", "--admin", stack["MINT_ADMIN"]});
    return execute(arguments);
  }
  Outcome enrol_as_another(const std::string& ek) {
    return execute({stack["MINT_BIN"] + "/mint-agent", "--state", scratch / "agent", "enroll",
                    "--issuer", stack["MINT_ISSUER"], "--ca", stack["MINT_CA"], "--tcti",
                    stack["TPM_TCTI"], "--ek", ek});
  }
  std::string tpm_device() {
    const Json all = stack.control({"devices", "list"});
    for (const Json& device : all["devices"]) {
      if (device["format"] == "tpm2") return device["id"];
    }
    return {};
  }
  Json post(const std::string& path, const Json& body, const std::string& proof = "") {
    std::vector<std::string> arguments = {"--header", "Content-Type: application/json", "--data",
                                          body.dump(), stack["MINT_ISSUER"] + path};
    if (!proof.empty()) arguments.insert(arguments.begin(), {"--header", "DPoP: " + proof});
    return Json::parse(stack.curl(arguments).output);
  }
  static Moment now() { return SystemClock().now(); }

  Json token_by_assertion(const SoftKey& key, const std::string& client_id) {
    return body_of(ask_by_assertion(stack, key, client_id, ""));
  }
  std::string file_of(const SoftKey& key) {
    const std::string path = scratch / "key.json";
    std::ofstream(path) << key.public_key().to_jwk().dump();
    return path;
  }

  Stack& stack = Stack::instance();
  const Scratch scratch;
};

void expect_said(const Outcome& outcome, int status, const std::string& what) {
  EXPECT_EQ(outcome.status, status) << outcome.output;
  EXPECT_NE(outcome.output.find(what), std::string::npos) << outcome.output;
}

TEST_F(DevicesOfAStack, TheStacksOwnWaitedForItsApproval) {
  const auto approved = read_file(stack.directory() + "/approve.log");
  ASSERT_TRUE(approved) << "it enrolled without having waited";
  EXPECT_NE(approved->find("approved"), std::string::npos) << *approved;
}

TEST_F(DevicesOfAStack, TheSecondEkOfATpmIsNoSecondDevice) {
  expect_said(enrol_as_another("ecc"), 1, "ek_kind_refused");
}

TEST_F(DevicesOfAStack, ARevokedOneGetsNothingMoreUntilItIsReinstated) {
  const std::string id = tpm_device();
  expect_said(control({"devices", "revoke", id, "--reason", "stolen"}), 0, "revoked, since");
  expect_said(stack.agent({"token", "--scope", "read"}), 1, "device_revoked");
  expect_said(enrol_as_another("rsa"), 1, "enrolment_revoked");
  expect_said(control({"devices", "show", id}), 0, "stolen");
  expect_said(control({"devices", "reinstate", id}), 0, "approved");
  expect_said(control({"devices", "reinstate", id}), 1, "device_state_wrong");
  expect_said(stack.agent({"token", "--scope", "read"}), 0, "eyJ");
  expect_said(control({"devices", "show", id}), 0, "enrolled");
}

TEST_F(DevicesOfAStack, LabelsAreTheOperatorsToSet) {
  const std::string id = tpm_device();
  expect_said(control({"devices", "label", id, "site=berlin", "line=7"}), 0, "site=berlin");
  const auto changed = control({"devices", "label", id, "line-"});
  expect_said(changed, 0, "site=berlin");
  EXPECT_EQ(changed.output.find("line=7"), std::string::npos);
  expect_said(control({"devices", "label", id}), 1, "admin_member_wrong");
  expect_said(control({"devices", "label", id, "b\xC3\xA4r=x"}), 1, "label_malformed");
  expect_said(control({"devices", "label", "nobody", "a=b"}), 1, "device_not_found");
}

TEST_F(DevicesOfAStack, OperatorsAreToldWhatIsWrongWithWhatTheyAsk) {
  expect_said(control({"devices", "approve", "12"}), 1, "fingerprint_malformed");
  expect_said(control({"devices", "approve", std::string(64, '7')}), 1, "fingerprint_unknown");
  expect_said(control({"devices", "expect", "12"}), 1, "fingerprint_malformed");
  expect_said(control({"devices", "revoke", "nobody"}), 1, "device_not_found");
  expect_said(control({"devices", "show", "nobody"}), 1, "device_not_found");
  expect_said(control({"devices", "invite", "--expires-in", "1"}), 1, "admin_member_wrong");
  expect_said(control({"devices", "add"}), 2, "--jwk is missing");
}

TEST_F(DevicesOfAStack, AnExpectedOneIsKnownBeforeItComes) {
  const std::string fingerprint(64, 'e');
  expect_said(control({"devices", "expect", fingerprint, "--label", "site=bonn"}), 0, fingerprint);
  bool seen = false;
  const Json all = stack.control({"devices", "list"});
  for (const Json& device : all["devices"]) {
    if (device["identity"] != fingerprint) continue;
    seen = true;
    EXPECT_EQ(device["state"], "approved");
    EXPECT_EQ(device["labels"]["site"], "bonn");
  }
  EXPECT_TRUE(seen);
}

TEST_F(DevicesOfAStack, AKeyThatAnOperatorAddsIsAClientThatNoRuleNames) {
  const SoftKey key;
  const auto added = control({"devices", "add", "--jwk", file_of(key), "--label", "site=bonn"});
  ASSERT_EQ(added.status, 0) << added.output;
  const std::string client_id = added.output.substr(0, added.output.find('\n'));
  expect_said(control({"devices", "add", "--jwk", file_of(key)}), 1, "device_exists");
  // The stack's policy asks for hardware: a key that nothing protects is named by no rule of it.
  EXPECT_EQ(token_by_assertion(key, client_id)["code"], "policy_no_rule");
  EXPECT_EQ(token_by_assertion(SoftKey(), client_id)["code"], "assertion_signature");
  expect_said(control({"devices", "revoke", client_id}), 0, "revoked");
  EXPECT_EQ(token_by_assertion(key, client_id)["code"], "device_revoked");
}

TEST_F(DevicesOfAStack, AnInvitedKeyEnrolsItselfOnce) {
  const SoftKey key;
  const auto invited = stack.control({"devices", "invite", "--label", "site=bonn"});
  const Json jwk = key.public_key().to_jwk();
  const auto finish = [&](const std::string& code) {
    const std::string ticket = post("/attest/key/begin", {{"jwk", jwk}})["ticket"];
    return post("/attest/key/finish", {{"jwk", jwk}, {"ticket", ticket}, {"code", code}},
                make_proof(key, {.method = "POST",
                                 .url = stack["MINT_ISSUER"] + "/attest/key/finish",
                                 .at = now(),
                                 .nonce = ticket}));
  };
  EXPECT_EQ(finish("wrong")["code"], "invite_invalid");
  const std::string code = invited["code"];
  const Json enrolled = finish(code);
  ASSERT_TRUE(enrolled.contains("client_id")) << enrolled.dump();
  EXPECT_EQ(finish(code)["code"], "invite_used");
  const auto shown = stack.control({"devices", "show", enrolled["client_id"]});
  EXPECT_EQ(shown["format"], "key");
  EXPECT_EQ(shown["facts"]["key_protection"], "none");
  EXPECT_EQ(shown["labels"]["site"], "bonn");
  const auto log = read_file(stack.directory() + "/mintd.log");
  ASSERT_TRUE(log);
  EXPECT_EQ(log->find(code), std::string::npos) << "a code is a secret";
}

TEST_F(DevicesOfAStack, MalformedKeysAreRefused) {
  EXPECT_EQ(post("/attest/key/begin", Json::object())["code"], "request_member_missing");
  EXPECT_EQ(post("/attest/key/begin", {{"jwk", {{"kty", "oct"}, {"k", "AAAA"}}}})["error"],
            "invalid_request");
  EXPECT_EQ(post("/attest/key/finish", Json::object())["code"], "proof_missing");
  EXPECT_EQ(post("/attest/key/finish", Json::object(), "x")["code"], "request_member_missing");
}

}  // namespace
}  // namespace mintmark::test
