// One test a refusal: each breaks one thing of a good file and sees the line, the key and the
// words.
#include "refusal.h"

namespace mintmark::config {
namespace {

std::string listen(const std::string& value) {
  return refusal(R"([{"address": "127.0.0.1", "port": 8443}])", value);
}

TEST(ConfigRefusal, OfClientCertificatesThatNobodyWouldJudge) {
  expect_text(refusal(R"({"self_signed": true, "authorities": ["devices-ca.pem"]})",
                      R"({"self_signed": false})"),
              "must take a method");
}

TEST(ConfigRefusal, OfACertificateHeaderThatAnybodyCouldSend) {
  expect_text(refusal(R"("self_signed": true,)",
                      R"("self_signed": true, "certificate_header": "Client-Cert",)"),
              "anybody could send it");
}

TEST(ConfigRefusal, OfACertificateHeaderThatIsNotKnown) {
  expect_text(refusal(R"("self_signed": true,)",
                      R"("self_signed": true, "certificate_header": "X-Client-Cert",)"),
              R"("Client-Cert" or "X-SSL-Client-Escaped-Cert")");
}

TEST(ConfigRefusal, OfATrustedProxyThatTellsNoCertificate) {
  expect_text(refusal(R"("tls": {"certificate": "tls/server.pem", "key": "tls/server.key"},
  "plain_http_behind_trusted_proxy": false)",
                      R"("plain_http_behind_trusted_proxy": true)"),
              "whichever the proxy overwrites");
}

std::string behind_a_proxy(const std::string& trusted) {
  const std::string own = R"("tls": {"certificate": "tls/server.pem", "key": "tls/server.key"},
  "plain_http_behind_trusted_proxy": false)";
  const std::string plain = replaced(sample, own, R"("plain_http_behind_trusted_proxy": true)");
  const auto config = parse("mintd.json", replaced(plain, R"("self_signed": true,)",
                                                   R"("self_signed": true,
        "certificate_header": "Client-Cert",)" + trusted));
  return config ? "" : config.error().detail;
}

TEST(ConfigRefusal, OfACertificateHeaderThatIsBelievedFromAnybody) {
  EXPECT_EQ(behind_a_proxy(R"("trusted_networks": ["127.0.0.1"],)"), "");
  for (const char* none : {"", R"("trusted_networks": [],)"})
    expect_text(behind_a_proxy(none), "must name at least one network");
  for (const char* wrong : {"localhost", "127.0.0.1/33", "127.0.0.1/8"})
    expect_text(behind_a_proxy(R"("trusted_networks": [")" + std::string(wrong) + R"("],)"),
                "must be an address or a network");
}

TEST(ConfigRefusal, OfTrustedNetworksWhereTlsIsOurs) {
  expect_text(refusal(R"("self_signed": true,)",
                      R"("self_signed": true, "trusted_networks": ["127.0.0.1"],)"),
              "speaks of a proxy");
}

TEST(ConfigRefusal, NamesFileLineAndKey) {
  EXPECT_EQ(refusal(R"("sessions": 3)", R"("sessions": "3")"),
            line_of(R"("sessions")") +
                ": key \"hsm.stores.main.sessions\": must be a whole number from 1 to 256, "
                "not text");
}

TEST(ConfigRefusal, OfAMissingKeyNamesTheLineOfItsObject) {
  EXPECT_EQ(refusal(R"("token": "mintmark",)", ""),
            line_of(R"("main")") + ": key \"hsm.stores.main.token\": is missing");
}

TEST(ConfigRefusal, OfStatusListsThatCouldNotBeSigned) {
  const std::string sampled = R"("status_bits": 1,
    "list_entries": 65536,)";
  expect_text(refusal(sampled, R"("list_entries": 100000,)"), "must be a power of two");
  expect_text(refusal(sampled, R"("list_entries": 8192,)"), "list_entries");
  expect_text(refusal(sampled, R"("list_entries": 2097152,)"), "list_entries");
  expect_text(refusal(sampled, R"("status_bits": 2, "list_entries": 1048576,)"),
              "must be at most 524288 with that many status_bits");
  expect_text(refusal(R"("status_bits": 1)", R"("status_bits": 3)"), "status_bits");
  expect_text(refusal(R"("list_ttl_seconds": 1,
    "list_life_seconds": 86400)",
                      R"("list_ttl_seconds": 60, "list_life_seconds": 59)"),
              "must not be less than list_ttl_seconds");
}

TEST(ConfigRefusal, OfAMisspeltKeyNamesTheNearestKnownOne) {
  EXPECT_EQ(refusal(R"("threads")", R"("thread")"),
            line_of(R"("threads")") +
                ": key \"front.thread\": unknown key; the nearest known one is \"threads\"");
}

TEST(ConfigRefusal, OfAMisspeltRequiredKeyNamesTheMisspeltOne) {
  EXPECT_EQ(refusal(R"("issuer")", R"("isuer")"),
            "mintd.json:3: key \"isuer\": unknown key; the nearest known one is \"issuer\"");
}

TEST(ConfigRefusal, OfAForeignKeyNamesThoseThatMayStand) {
  EXPECT_EQ(
      refusal(R"("level": "warning")", R"("level": "warning", "colour-of-the-sky": 1)"),
      line_of(R"("log")") + ": key \"log.colour-of-the-sky\": unknown key; known here: \"level\"");
}

TEST(ConfigRefusal, OfAForeignTopKey) {
  expect_text(refusal(R"("log":)", R"("metrics-and-more": {}, "log":)"),
              "key \"metrics-and-more\"");
}

TEST(ConfigRefusal, OfAKeyThatStandsTwice) {
  expect_text(refusal(R"("log":)", R"("policy": "other.json", "log":)"),
              line_of(R"("log")") + ": the member");
}

TEST(ConfigRefusal, OfBrokenJsonNamesTheLine) {
  expect_text(refusal(R"("policy": )", R"("policy" )"),
              line_of(R"("policy")") + ": not valid JSON");
}

TEST(ConfigRefusal, OfADocumentThatIsNoObject) {
  const auto config = parse("mintd.json", "[]");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().detail, "mintd.json:1: the document must be an object, not a list");
}

TEST(ConfigRefusal, OfAnEmptyFile) {
  const auto config = parse("mintd.json", "");
  ASSERT_FALSE(config);
  expect_text(config.error().detail, "mintd.json:1: ");
}

TEST(ConfigRefusal, OfAnIssuerThatIsNotHttps) {
  expect_text(refusal("https://localhost:8443", "http://localhost:8443"),
              "mintd.json:3: key \"issuer\": must be an https URL");
}

TEST(ConfigRefusal, OfAnIssuerWithTrailingSlash) {
  expect_text(refusal("https://localhost:8443", "https://localhost:8443/"), "slash");
}

TEST(ConfigRefusal, OfNoListener) {
  expect_text(listen("[]"), "key \"listen\": must name at least");
}

TEST(ConfigRefusal, OfListenersThatAreNoList) {
  expect_text(listen(R"({"address": "127.0.0.1", "port": 1})"),
              "key \"listen\": must be a list of objects, not an object");
}

TEST(ConfigRefusal, OfAListenerThatIsNoObject) {
  expect_text(listen(R"(["127.0.0.1:8443"])"), "key \"listen[0]\": must be an object, not text");
}

TEST(ConfigRefusal, OfAHostNameAsAddress) {
  expect_text(listen(R"([{"address": "localhost", "port": 1}])"),
              "key \"listen[0].address\": must be an IP address");
}

TEST(ConfigRefusal, OfPortNought) {
  expect_text(listen(R"([{"address": "::", "port": 0}])"),
              "key \"listen[0].port\": must be from 1 to 65535, not 0");
}

TEST(ConfigRefusal, OfAPortThatIsTooGreat) {
  expect_text(listen(R"([{"address": "::", "port": 65536}])"),
              "must be from 1 to 65535, not 65536");
}

TEST(ConfigRefusal, OfAnIntegerBeyondInt64) {
  expect_text(listen(R"([{"address": "::", "port": 18446744073709551615}])"),
              "must be from 1 to 65535, not 18446744073709551615");
}

TEST(ConfigRefusal, OfAnIntegerBeyondUint64) {
  expect_text(listen(R"([{"address": "::", "port": 18446744073709551616}])"), "mintd.json:4: ");
}

TEST(ConfigRefusal, OfAFraction) {
  expect_text(listen(R"([{"address": "::", "port": 443.0}])"), "not a number with a fraction");
}

TEST(ConfigRefusal, OfFiguresWhereStrangersAreServed) {
  expect_text(refusal(R"("port": 9464)", R"("port": 8443)"),
              "key \"metrics.port\": is one of \"listen\" already");
}

TEST(ConfigRefusal, OfARequestLineShorterThanTheStandardRecommends) {
  expect_text(refusal(R"("request_line_octets": 9000)", R"("request_line_octets": 7999)"),
              "key \"http.request_line_octets\": must be from 8000 to 65536, not 7999");
}

TEST(ConfigRefusal, OfALimitThatLetsNobodyIn) {
  expect_text(refusal(R"("connections": 500)", R"("connections": 0)"),
              "key \"http.connections\": must be from 1 to 1000000, not 0");
}

TEST(ConfigRefusal, OfTheSameListenerTwice) {
  expect_text(listen(R"([{"address": "::", "port": 1}, {"address": "::", "port": 1}])"),
              "key \"listen[1]\": stands twice");
}

TEST(ConfigRefusal, OfNoTlsWhereNoProxyIsNamed) {
  expect_text(refusal(R"("tls": {"certificate": "tls/server.pem", "key": "tls/server.key"},)", ""),
              "key \"tls\": is missing; it must be {\"certificate\": FILE, \"key\": FILE}, or "
              "\"plain_http_behind_trusted_proxy\": true");
}

TEST(ConfigRefusal, OfTlsWithoutKey) {
  expect_text(refusal(R"(, "key": "tls/server.key")", ""),
              "key \"tls\": must say where the private key is, by one of \"key\": FILE and "
              "\"key_store\": NAME");
}

TEST(ConfigRefusal, OfTlsWithAKeyInAFileAndInAKeyStore) {
  expect_text(
      refusal(R"("key": "tls/server.key")", R"("key": "tls/server.key", "key_store": "main")"),
      "key \"tls\": must say where the private key is, by one of");
}

TEST(ConfigRefusal, OfATlsKeyInAStoreThatIsNone) {
  expect_text(refusal(R"("key": "tls/server.key")", R"("key_store": "other")"),
              "key \"tls\": has a \"key_store\" that is none of \"hsm.stores\"");
}

TEST(ConfigRefusal, OfTlsWithoutCertificate) {
  expect_text(refusal(R"("certificate": "tls/server.pem", )", ""),
              "key \"tls.certificate\": is missing");
}

TEST(ConfigRefusal, OfTlsBesideATrustedProxy) {
  expect_text(refusal(R"(trusted_proxy": false)", R"(trusted_proxy": true)"),
              "key \"plain_http_behind_trusted_proxy\": must not be true where \"tls\" is given");
}

TEST(ConfigRefusal, OfATrustedProxyThatIsNoBoolean) {
  expect_text(refusal(R"(trusted_proxy": false)", R"(trusted_proxy": "no")"),
              "must be true or false, not text");
}

TEST(ConfigRefusal, OfAnAdminSocketThatTheSystemCannotBind) {
  expect_text(refusal("admin.sock", "/" + std::string(107, 'a')),
              "key \"admin.socket\": is 108 octets long as an absolute path; the system takes at "
              "most 107");
}

TEST(ConfigRefusal, OfNoAdmin) {
  expect_text(refusal(R"("admin": {"socket": "admin.sock", "read_group": "mintmark-read", )"
                      R"("operate_group": "mintmark-operate"},)",
                      ""),
              "key \"admin\": is missing");
}

TEST(ConfigRefusal, OfARootFront) {
  expect_text(refusal("mintmark-front", "root"), "key \"users.front\": must not be root");
}

TEST(ConfigRefusal, OfARootSigner) {
  expect_text(refusal("mintmark-signer", "root"), "key \"users.signer\": must not be root");
}

TEST(ConfigRefusal, OfOneUserForFrontAndSigner) {
  expect_text(refusal("mintmark-signer", "mintmark-front"),
              "key \"users.signer\": must be another user than \"front\"");
}

TEST(ConfigRefusal, OfAnEmptyPath) {
  expect_text(refusal(R"("state_directory": "state")", R"("state_directory": "")"),
              "key \"state_directory\": must not be empty");
}

TEST(ConfigRefusal, OfAControlCharacter) {
  expect_text(refusal(R"("state_directory": "state")", R"("state_directory": "st\u0000ate")"),
              "key \"state_directory\": must not hold control characters");
}

TEST(ConfigRefusal, OfNoStateDirectory) {
  expect_text(refusal(R"("state_directory": "state",)", ""), "key \"state_directory\": is missing");
}

TEST(ConfigRefusal, OfNoPolicy) {
  expect_text(refusal(R"("policy": "policy.json",)", ""), "key \"policy\": is missing");
}

TEST(ConfigRefusal, OfATokenLifeOfMoreThanADay) {
  expect_text(refusal("200", "86401"),
              "key \"tokens.longest_life_seconds\": must be from 1 to 86400, not 86401");
}

TEST(ConfigRefusal, OfATokenLifeOfNothing) {
  expect_text(refusal("200", "0"), "key \"tokens.longest_life_seconds\": must be from 1");
}

TEST(ConfigRefusal, OfAnUnknownModeOfEnrolment) {
  expect_text(refusal(R"("open")", R"("closed")"),
              "key \"enrolment.mode\": must be \"approve\" or \"open\" or \"listed\"");
}

TEST(ConfigRefusal, OfUnknownChallenges) {
  expect_text(refusal(R"("required")", R"("always")"),
              "key \"tokens.challenges\": must be \"off\" or \"required\"");
}

TEST(ConfigRefusal, OfAnUnknownTokenAlgorithm) {
  for (const char* name : {R"("HS256")", R"("none")", R"("EdDSA")", R"("ES512")", R"("ps256")"}) {
    expect_text(refusal(R"("PS256")", name),
                "key \"tokens.algorithm\": must be \"ES256\" or \"ES384\" or \"RS256\" or "
                "\"PS256\" or \"Ed25519\"");
    expect_text(refusal(R"("RS256")", name), "key \"tokens.algorithm_by_audience\": must have");
  }
}

TEST(ConfigRefusal, OfAnAlgorithmForNoAudience) {
  expect_text(refusal(R"("https://legacy.example": "RS256")", R"("": "RS256")"),
              "key \"tokens.algorithm_by_audience\": must have audiences as names, none of them");
}

TEST(ConfigRefusal, OfNobodyWhoMayWait) {
  expect_text(refusal(R"("per_root": 20)", R"("per_root": 0)"),
              "key \"enrolment.pending.per_root\": must be from 1");
  expect_text(refusal(R"("per_address": 2)", R"("per_address": 0)"),
              "key \"enrolment.pending.per_address\": must be from 1");
  expect_text(refusal(R"("keep_seconds": 600)", R"("keep_seconds": 59)"),
              "key \"enrolment.pending.keep_seconds\": must be from 60");
}

TEST(ConfigRefusal, OfAnUnknownKindOfEk) {
  expect_text(refusal(R"("ek_kind": "ecc")", R"("ek_kind": "dsa")"),
              "key \"enrolment.tpm2.ek_kind\": must be \"rsa\" or \"ecc\"");
  expect_text(refusal(R"(": "rsa"})", R"(": "dsa"})"),
              "key \"enrolment.tpm2.ek_kind_by_root\": must have \"rsa\" or \"ecc\"");
  expect_text(refusal("{\"aaaa", "{\"AAAA"),
              "key \"enrolment.tpm2.ek_kind_by_root\": must have SHA-256 values");
}

TEST(ConfigRefusal, OfEvidenceThatIsNeverFresh) {
  expect_text(refusal("3600", "0"), "key \"enrolment.freshness_seconds\": must be from 1");
}

TEST(ConfigRefusal, OfNoRoots) {
  expect_text(refusal(R"("roots": "ek-roots",)", ""), "key \"enrolment.tpm2.roots\": is missing");
  for (const auto& [roots, wrong] :
       {std::pair<const char*, const char*>{"[]", "enrolment.tpm2.roots"},
        {"{}", "enrolment.tpm2.roots"},
        {"7", "enrolment.tpm2.roots"},
        {"[\"ek-roots\"]", "enrolment.tpm2.roots"},
        {R"([{"path": "a"}])", "rule"},
        {R"([{"rule": "trust"}])", "path"},
        {R"([{"path": "", "rule": "trust"}])", "path"},
        {R"([{"path": "a", "rule": "maybe"}])", "rule"},
        {R"([{"path": "a", "rule": "trust", "more": 1}])", "more"}}) {
    expect_text(refusal(R"("roots": "ek-roots",)", std::string("\"roots\": ") + roots + ","),
                wrong);
  }
  expect_text(refusal(R"("crls": "crls",
      "crls_required": false,)",
                      R"("crls_required": true,)"),
              "crls_required");
}

TEST(ConfigRefusal, OfAPcrBankThatIsNotTaken) {
  expect_text(refusal(R"("sha256")", R"("sha1")"),
              "key \"enrolment.tpm2.pcr_bank\": must be \"sha256\"");
}

TEST(ConfigRefusal, OfAPcrThatNoTpmHas) {
  expect_text(refusal("[7, 0, 1]", "[7, 24]"),
              "key \"enrolment.tpm2.pcrs[1]\": must be from 0 to 23, not 24");
}

TEST(ConfigRefusal, OfAPcrThatStandsTwice) {
  expect_text(refusal("[7, 0, 1]", "[7, 0, 7]"), "key \"enrolment.tpm2.pcrs[2]\": stands twice");
}

TEST(ConfigRefusal, OfNoPcrs) {
  expect_text(refusal("[7, 0, 1]", "[]"), "key \"enrolment.tpm2.pcrs\": must name at least one");
}

TEST(ConfigRefusal, OfPcrsThatAreNoList) {
  expect_text(refusal("[7, 0, 1]", "7"), "must be a list of whole numbers, not a number");
}

TEST(ConfigRefusal, OfAnUnknownLogLevel) {
  expect_text(refusal(R"({"level": "warning"})", R"({"level": "loud"})"),
              "key \"log.level\": must be \"debug\" or \"info\" or \"warning\" or \"error\"");
}

TEST(ConfigRefusal, OfAFormatThatNamesNobodyOrNothingThatCouldBe) {
  expect_text(refusal(R"("roots": "makers",)", ""), "key \"enrolment.x509.roots\": is missing");
  expect_text(refusal(R"(["example.org"])", "[]"),
              "key \"enrolment.webauthn.rp_ids\": must name at least one");
  expect_text(refusal(R"(["https://login.example.org"])", "[]"),
              "key \"enrolment.webauthn.origins\": must name at least one");
  for (const char* origin :
       {"login.example.org", "https://login.example.org/", "ftp://example.org"}) {
    expect_text(refusal("https://login.example.org", origin),
                "key \"enrolment.webauthn.origins[0]\": must be as clientDataJSON has it");
  }
  expect_text(refusal(R"("blob": "blob.jwt", )", ""),
              "key \"enrolment.webauthn.mds.blob\": is missing");
  expect_text(refusal(R"("roots": [{"path": "fido", "rule": "trust"}], )", ""),
              "key \"enrolment.webauthn.mds.roots\": is missing");
  expect_text(refusal(R"(["ABCDEFGHIJ.org.example.app"])", "[]"),
              "key \"enrolment.apple-appattest.app_ids\": must name at least one");
  for (const char* id : {"org.example.app", "ABCDEFGHIJ.", "ABCDEFGHIJ"}) {
    expect_text(refusal("ABCDEFGHIJ.org.example.app", id),
                "key \"enrolment.apple-appattest.app_ids[0]\": must be the team's ten");
  }
  expect_text(refusal(std::string(64, 'b'), "bb"),
              "key \"enrolment.apple-appattest.root_sha256\": must be the SHA-256");
  expect_text(refusal(R"("collateral": "pcs",
      "collateral_required": false)",
                      R"("collateral_required": true)"),
              "key \"enrolment.tdx.collateral_required\": needs \"collateral\"");
  expect_text(refusal(R"("keys": "verifier-keys.json",)", ""),
              "key \"enrolment.eat.keys\": is missing");
}

TEST(ConfigRefusal, OfTooManyThreads) {
  expect_text(refusal(R"("threads": 4)", R"("threads": 257)"),
              "key \"front.threads\": must be from 0 to 256, not 257");
}

TEST(ConfigRefusal, OfAVerifierThatCannotBeOne) {
  const auto verifiers = [](const std::string& list) {
    return refusal(R"(["gate-1", "api.v2_b"])", list);
  };
  for (const std::string& id : {std::string("gate 1"), std::string("gate/1"), std::string("gäte"),
                                std::string("gate-1\\u0000"), std::string(65, 'a')}) {
    const std::string said = verifiers(R"(["gate-2", ")" + id + R"("])");
    expect_text(said, "key \"keys.acknowledge.verifiers[1]\":");
  }
  expect_text(verifiers(R"(["gate-1", ""])"), "keys.acknowledge.verifiers[1]");
  expect_text(verifiers(R"(["gate-1", "gate-1"])"), "stands twice");
  expect_text(verifiers(R"("gate-1")"), "must be a list of texts");
  std::string many = "[";
  for (int i = 0; i < 1025; ++i) many += (i == 0 ? "\"" : ", \"") + std::to_string(i) + "\"";
  expect_text(verifiers(many + "]"), "must name at most 1024");
}

TEST(ConfigRefusal, OfForgettingAVerifierThatMayStillUseOldKeys) {
  expect_text(refusal(R"("forget_seconds": 9000)", R"("forget_seconds": 3899)"),
              "key \"keys.acknowledge.forget_seconds\": must be");
}

TEST(ConfigRefusal, NamesWhatIsWrongAboutEvidence) {
  const std::string attestation = R"({"kind": "yubihsm-attestation", "directory": "attestations"})";
  expect_text(refusal(attestation, R"({"kind": "faith", "directory": "x"})"),
              "key \"hsm.stores.main.attestation.kind\": must be");
  expect_text(refusal(attestation, R"({"kind": "yubihsm-attestation"})"),
              "key \"hsm.stores.main.attestation.directory\"");
  expect_text(refusal(attestation, R"({"directory": "x"})"),
              "key \"hsm.stores.main.attestation.kind\"");
  for (const char* count : {"-1", "601", "1.5"}) {
    expect_text(refusal(R"("activations_per_minute": 30)",
                        std::string(R"("activations_per_minute": )") + count),
                "key \"keys.evidence.activations_per_minute\": must be");
  }
}

}  // namespace
}  // namespace mintmark::config
