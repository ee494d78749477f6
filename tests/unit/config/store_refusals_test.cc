// Of key stores. One test a refusal: each breaks one thing of a good file and sees the line, the
// key and the words.
#include "refusal.h"

namespace mintmark::config {
namespace {

std::string pin(const std::string& value) { return refusal(R"({"file": "pin"})", value); }

TEST(ConfigRefusal, OfNoKeyStore) {
  const std::string from = sample.substr(sample.find(R"("main": {)"));
  const std::string store = from.substr(0, from.find("\n    }\n"));
  expect_text(refusal(store, ""), "key \"hsm.stores\": must have at least one store");
}

TEST(ConfigRefusal, OfAKeyStoreWithAStrangeName) {
  expect_text(refusal(R"("main": {)", R"("ma/in": {)"),
              "key \"hsm.stores.ma/in\": must be named with letters, digits");
}

TEST(ConfigRefusal, OfNoModule) {
  expect_text(refusal("\"profile\": \"softhsm\",\n        \"module\": "
                      "\"/usr/lib/softhsm/libsofthsm2.so\",",
                      ""),
              "key \"hsm.stores.main.module\": is missing");
}

TEST(ConfigRefusal, OfNoPin) {
  expect_text(refusal(R"("pin": {"file": "pin"},)", ""), "key \"hsm.stores.main.pin\": is missing");
}

TEST(ConfigRefusal, OfThePinItselfDoesNotRepeatIt) {
  const std::string text = pin("\"918273\"");
  expect_text(text, "key \"hsm.stores.main.pin\": must not be the PIN itself");
  EXPECT_EQ(text.find("918273"), std::string::npos);
}

TEST(ConfigRefusal, OfThePinAsNumberDoesNotRepeatIt) {
  const std::string text = pin("918273");
  expect_text(text, "must be an object, not a number");
  EXPECT_EQ(text.find("918273"), std::string::npos);
}

TEST(ConfigRefusal, OfThePinInAMemberDoesNotRepeatIt) {
  const std::string text = pin(R"({"value": "918273"})");
  expect_text(text, "key \"hsm.stores.main.pin\": must have exactly one member: {\"file\": PATH}");
  EXPECT_EQ(text.find("918273"), std::string::npos);
}

TEST(ConfigRefusal, OfNoPinSource) { expect_text(pin("{}"), "must have exactly one member"); }

TEST(ConfigRefusal, OfTwoPinSources) {
  expect_text(pin(R"({"file": "pin", "fd": 3})"), "must have exactly one member");
}

TEST(ConfigRefusal, OfAPinSourceBesideAForeignMember) {
  expect_text(pin(R"({"file": "pin", "value": "918273"})"),
              "key \"hsm.stores.main.pin.value\": unknown key");
}

TEST(ConfigRefusal, OfANegativePinDescriptor) {
  expect_text(pin(R"({"fd": -1})"), "key \"hsm.stores.main.pin.fd\": must be from 0");
}

TEST(ConfigRefusal, OfACredentialThatIsAPath) {
  expect_text(pin(R"({"credential": "../pin"})"),
              "key \"hsm.stores.main.pin.credential\": must be the name of a systemd credential");
}

TEST(ConfigRefusal, OfATokenUriWithPinDoesNotRepeatIt) {
  const std::string text =
      refusal(R"("token": "mintmark")", R"("token": "pkcs11:token=a?pin-value=918273")");
  expect_text(text, "key \"hsm.stores.main.token\": must not hold a PIN");
  EXPECT_EQ(text.find("918273"), std::string::npos);
}

TEST(ConfigRefusal, OfATpmBesideAModule) {
  expect_text(refusal(R"("module": "/usr/lib/softhsm/libsofthsm2.so",)",
                      R"("module": "m.so", "tpm": {"tcti": "device:/dev/tpmrm0"},)"),
              "key \"hsm.stores.main.module\": must not stand beside \"tpm\"");
}

TEST(ConfigRefusal, OfATpmWithoutAWayToReachIt) {
  expect_text(refusal(R"("profile": "softhsm",
        "module": "/usr/lib/softhsm/libsofthsm2.so",
        "token": "mintmark",)",
                      R"("tpm": {},)"),
              "key \"hsm.stores.main.tpm.tcti\": is missing");
}

TEST(ConfigRefusal, OfAnOwnersAuthorisationInTheFileItself) {
  expect_text(refusal(R"("profile": "softhsm",
        "module": "/usr/lib/softhsm/libsofthsm2.so",
        "token": "mintmark",)",
                      R"("tpm": {"tcti": "device:/dev/tpmrm0", "owner": "secret"},)"),
              "key \"hsm.stores.main.tpm.owner\": must be");
}

TEST(ConfigRefusal, OfABootPolicyWithoutApprovals) {
  expect_text(
      refusal(R"("profile": "softhsm",
        "module": "/usr/lib/softhsm/libsofthsm2.so",
        "token": "mintmark",)",
              R"("tpm": {"tcti": "device:/dev/tpmrm0", "boot_policy": {"authority": "a"}},)"),
      "key \"hsm.stores.main.tpm.boot_policy.approved\": is missing");
}

TEST(ConfigRefusal, OfATokenUriWithAPinsPlace) {
  expect_text(refusal(R"("token": "mintmark")", R"("token": "pkcs11:token=a?pin-source=/etc/pin")"),
              "key \"hsm.stores.main.token\": must not hold a PIN or its place");
}

TEST(ConfigRefusal, OfANetworkThatIsNeitherAllNorNone) {
  expect_text(refusal(R"("network": "none")", R"("network": "any")"),
              R"(key "hsm.stores.main.sandbox.network": must be "host" or "none")");
  expect_text(refusal(R"("network": "none")", R"("network": false)"),
              "key \"hsm.stores.main.sandbox.network\": must be");
}

TEST(ConfigRefusal, OfASandboxThatIsHalfNamed) {
  expect_text(refusal(R"("seccomp": true)", R"("seccomp": "yes")"),
              "key \"hsm.stores.main.sandbox.seccomp\": must be");
  expect_text(refusal(R"("seccomp": true)", R"("secomp": true)"),
              "key \"hsm.stores.main.sandbox.secomp\":");
  expect_text(refusal(R"("sandbox": {"network": "none", "seccomp": true})", R"("sandbox": "off")"),
              "key \"hsm.stores.main.sandbox\": must be");
}

TEST(ConfigRefusal, OfNoSessions) {
  expect_text(refusal(R"("sessions": 3)", R"("sessions": 0)"), "must be from 1 to 256, not 0");
}

TEST(ConfigRefusal, OfNoQueue) {
  expect_text(refusal(R"("queue": 512)", R"("queue": 0)"), "must be from 1 to 65536, not 0");
}

TEST(ConfigRefusal, OfADeadlineThatNoCallCanKeep) {
  expect_text(refusal(R"("call_deadline_ms": 1500)", R"("call_deadline_ms": 1)"),
              "must be from 10 to 60000, not 1");
}

TEST(ConfigRefusal, OfAnEnvironmentNameThatIsNone) {
  expect_text(refusal("SOFTHSM2_CONF", "A=B"),
              "key \"hsm.stores.main.environment\": must have names of letters, digits and _");
}

TEST(ConfigRefusal, OfAnEnvironmentValueThatIsNoText) {
  expect_text(refusal(R"("SOFTHSM2_CONF": "softhsm2.conf")", R"("SOFTHSM2_CONF": 1)"),
              "key \"hsm.stores.main.environment.SOFTHSM2_CONF\": must be text, not a number");
}

}  // namespace
}  // namespace mintmark::config
