// A device whose secure element is a second SoftHSM, against an issuer that trusts its maker: from
// the factory to a service that lets it in, and each way to be refused.
#include <sys/stat.h>

#include "operating.h"
#include "support/identity_maker.h"
#include "support/scratch.h"
#include "support/softhsm.h"
#include "support/token_objects.h"

namespace mintmark::test {
namespace {

constexpr const char* service = "https://api.example/things";
const Bytes identity_id = {0x1D};

std::string line_of(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  return outcome.output.substr(0, outcome.output.find('\n'));
}

void expect_said(const Outcome& outcome, int status, const std::string& what) {
  EXPECT_EQ(outcome.status, status) << outcome.output;
  EXPECT_NE(outcome.output.find(what), std::string::npos) << outcome.output;
}

class DeviceWithAnElement : public Operating {
 protected:
  static void SetUpTestSuite() {
    Operating::SetUpTestSuite();
    struct Writing : DeviceWithAnElement {
      void TestBody() override {}
    };
    Writing().trust_the_maker();
  }

  void trust_the_maker() const {
    make("maker.pem", maker().root_pem());
    make("maker-authority.pem", maker().authority_pem());
    make("maker.crl", maker().crl_pem({99}, SystemClock().now() + std::chrono::hours(1)));
    Json json = Json::parse(content("mintd.json"), nullptr, true, true);
    json["enrolment"]["x509"] = {
        {"roots", "maker.pem"}, {"crls", "maker.crl"}, {"intermediates", "maker-authority.pem"}};
    write("mintd.json", json.dump(2));
    Json policy = Json::parse(content("policy.json"), nullptr, true, true);
    policy["rules"].push_back(
        {{"name", "gateways"},
         {"match", {{"format", "x509"}, {"key_protection", {"hardware", "unproven"}}}},
         {"grant", {{{"audience", "https://api.example"}, {"scopes", {"read"}}}}},
         {"default_audience", "https://api.example"}});
    write("policy.json", policy.dump(2));
    reload();
  }
  void make(const std::string& name, const Bytes& octets) const {
    std::FILE* out = std::fopen(file(name).c_str(), "we");
    ASSERT_NE(out, nullptr);
    std::fwrite(octets.data(), 1, octets.size(), out);
    std::fclose(out);
    chmod(file(name).c_str(), 0644);
  }
  void reload() const {
    const auto done = mintctl({"reload"});
    ASSERT_EQ(done.status, 0) << done.output;
  }

  // An identity key in the token and its certificate. Of a secure element, not of a TPM.
  void manufacture(const IdentityMaker& by, long serial) {
    TokenObjects objects(SoftHsm::module(), SoftHsm::pin());
    IdentityOptions options;
    options.module_type = "1.3.6.1.4.1.99999.7";
    options.policies.clear();
    options.serial = serial;
    const auto key = objects.generate(identity_id, "identity");
    objects.certificate(identity_id, by.certify(key.to_spki(), options));
    fingerprint_ = to_hex(sha256(key.to_spki()));
  }
  [[nodiscard]] std::string uri() const {
    return "pkcs11:token=mintmark%20test;object=identity?module-path=" + SoftHsm::module() +
           "&pin-source=" + (element_.directory() / "pin").string();
  }
  [[nodiscard]] Outcome agent(std::vector<std::string> words) const {
    words.insert(words.begin(), {stack["MINT_BIN"] + "/mint-agent", "--state", scratch_ / "agent"});
    return execute(words);
  }
  [[nodiscard]] Outcome enroll(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {
        "enroll", "--issuer", stack["MINT_ISSUER"], "--ca", stack["MINT_CA"], "--key", uri()};
    words.insert(words.end(), more.begin(), more.end());
    return agent(words);
  }
  void enrol_approved() const {
    ASSERT_EQ(mintctl({"devices", "expect", "--format", "x509", fingerprint_}).status, 0);
    const auto done = enroll();
    ASSERT_EQ(done.status, 0) << done.output;
  }
  [[nodiscard]] Json device() const {
    const Json all = stack.control({"devices", "list"});
    for (const Json& one : all["devices"]) {
      if (one["identity"] == fingerprint_) return one;
    }
    return {};
  }
  [[nodiscard]] std::size_t keys_made() const {
    TokenObjects objects(SoftHsm::module(), SoftHsm::pin());
    return objects.count(CKO_PRIVATE_KEY, "mintmark device key");
  }
  [[nodiscard]] std::string token_that_is_let_in() const {
    std::string token = line_of(agent({"token", "--scope", "read"}));
    const std::string proof =
        line_of(agent({"proof", "--method", "GET", "--url", service, "--token", token}));
    expect_said(stack.gate({"--audience", "https://api.example", "--token", token, "--proof", proof,
                            "--method", "GET", "--url", service}),
                0, "");
    return token;
  }
  static const IdentityMaker& maker() {
    static const IdentityMaker maker;
    return maker;
  }

  SoftHsm element_;
  const Scratch scratch_;
  std::string fingerprint_;
};

TEST_F(DeviceWithAnElement, WaitsIsApprovedAndIsLetInByAService) {
  manufacture(maker(), 2);
  expect_said(enroll(), 3, fingerprint_);
  expect_said(mintctl({"devices", "approve", fingerprint_}), 0, "approved");
  expect_said(enroll(), 0, "identity " + fingerprint_.substr(0, 16));
  EXPECT_EQ(keys_made(), 1U);

  const Json facts = device()["facts"];
  EXPECT_EQ(device()["format"], "x509");
  EXPECT_EQ(facts["key_protection"], "unproven") << "no certificate says where this key is";
  EXPECT_EQ(facts["manufacturer"], "Test Maker");

  const std::string token = token_that_is_let_in();
  EXPECT_NE(stack.gate({"--audience", "https://api.example", "--token", token}).status, 0)
      << "a bound token without its proof";
  expect_said(agent({"status"}), 0, "in the token of pkcs11:token=mintmark%20test");
  expect_said(agent({"attest"}), 0, "attested");
  EXPECT_EQ(keys_made(), 1U);
}

TEST_F(DeviceWithAnElement, MayUseItsIdentityKeyForItsTokens) {
  manufacture(maker(), 3);
  ASSERT_EQ(mintctl({"devices", "expect", "--format", "x509", fingerprint_}).status, 0);
  const auto done = enroll({"--identity-key-signs"});
  ASSERT_EQ(done.status, 0) << done.output;
  EXPECT_EQ(keys_made(), 0U);
  (void)token_that_is_let_in();
}

TEST_F(DeviceWithAnElement, OfAnotherMakerIsRefused) {
  const IdentityMaker other;
  manufacture(other, 2);
  expect_said(enroll(), 1, "certificate_untrusted_root");
  EXPECT_TRUE(device().is_null());
  EXPECT_EQ(keys_made(), 1U);
  expect_said(enroll(), 1, "certificate_untrusted_root");
  EXPECT_EQ(keys_made(), 1U) << "a second one was left behind";
}

TEST_F(DeviceWithAnElement, ThatItsMakerRevokedIsRefused) {
  manufacture(maker(), 99);
  expect_said(enroll(), 1, "certificate_revoked");
}

TEST_F(DeviceWithAnElement, ThatItsOperatorRevokedGetsNothingMore) {
  manufacture(maker(), 4);
  enrol_approved();
  (void)line_of(agent({"token", "--scope", "read"}));
  expect_said(mintctl({"devices", "revoke", device()["id"], "--reason", "stolen"}), 0, "revoked");
  expect_said(agent({"token", "--scope", "read", "--audience", "https://api.example"}), 1,
              "device_revoked");
  expect_said(agent({"attest"}), 1, "enrolment_revoked");
  expect_said(enroll(), 1, "enrolment_revoked");
}

TEST_F(DeviceWithAnElement, WithAWrongPinTriesItOnce) {
  manufacture(maker(), 5);
  (void)element_.pin_file("pin", "wrong\n");
  expect_said(enroll(), 1, "CKR_PIN_INCORRECT");
  expect_said(enroll(), 1, "not tried again");
  (void)element_.pin_file("pin", SoftHsm::pin() + "\n");
  expect_said(enroll(), 3, fingerprint_);
}

TEST_F(DeviceWithAnElement, IsToldWhatItsCommandLineLacks) {
  const auto with = [&](const std::string& key, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {
        "enroll", "--issuer", stack["MINT_ISSUER"], "--ca", stack["MINT_CA"], "--key", key};
    words.insert(words.end(), more.begin(), more.end());
    return agent(words);
  };
  EXPECT_NE(with("pkcs11:object=x").output.find("agent_pkcs11_uri"), std::string::npos);
  expect_said(with(uri(), {"--tcti", "x"}), 2, "--tcti goes with --key tpm");
  expect_said(with("tpm", {"--identity-key-signs"}), 2, "--key pkcs11:URI");
  expect_said(with("file", {"--certificate", "x"}), 2, "--key pkcs11:URI");
  EXPECT_NE(with("pkcs11:object=x?module-path=/nowhere.so&pin-source=/nowhere")
                .output.find("agent_pkcs11_module"),
            std::string::npos);
}

}  // namespace
}  // namespace mintmark::test
