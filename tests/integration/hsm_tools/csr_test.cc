// `hsm csr`, judged by openssl.
#include <array>

#include "hsm/pkcs11/login.h"
#include "hsm/pkcs11/objects.h"
#include "hsm_tools.h"

namespace mintmark::test {
namespace {

using hsm::pkcs11::Template;

/// pkcs11-tool makes no such key.
void make_key_that_agrees_only(const config::HsmStore& store, const std::string& label) {
  auto module = hsm::pkcs11::Module::load(store.module);
  const auto token = module->get()->tokens()->front();
  auto login = hsm::pkcs11::Login::into(**module, token, Secret(std::string_view(SoftHsm::pin())));
  auto session =
      hsm::pkcs11::Session::open(**module, token.slot_id, hsm::pkcs11::Access::read_write);
  constexpr std::array<std::uint8_t, 10> p256{0x06, 0x08, 0x2a, 0x86, 0x48,
                                              0xce, 0x3d, 0x03, 0x01, 0x07};
  Template publics;
  publics.flag(CKA_TOKEN, true).octets(CKA_EC_PARAMS, p256).octets(CKA_ID, p256);
  Template privates;
  privates.flag(CKA_TOKEN, true).flag(CKA_SIGN, false).flag(CKA_DERIVE, true);
  privates.octets(CKA_ID, p256).octets(CKA_LABEL, as_bytes(label));
  CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE made[2];
  if (session->calls().C_GenerateKeyPair(session->handle(), &mechanism, publics.data(),
                                         publics.size(), privates.data(), privates.size(), &made[0],
                                         &made[1]) != CKR_OK)
    throw std::runtime_error("no key was made");
}

class HsmCsr : public HsmTools {
 protected:
  [[nodiscard]] Outcome csr(const std::string& key, const std::string& subject,
                            std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"csr", "--key", key, "--subject", subject});
    return on(more);
  }
  /// openssl's words on the request; throws where it does not verify.
  [[nodiscard]] std::string judged(const Outcome& outcome) const {
    if (outcome.status != 0) throw std::runtime_error(outcome.output);
    const auto file = softhsm_.pin_file("judged.pem", outcome.json()["csr"]);
    return run(
        {"openssl", "req", "-in", file, "-verify", "-noout", "-text", "-nameopt", "RFC2253"});
  }
};

TEST_F(HsmCsr, OfAnEcKeyVerifiesAndHasItsNames) {
  make_key("EC:prime256v1", "01", "tls");
  const std::string text = judged(csr("01", "/C=DE/O=Example \\/ Sons/CN=issuer.example",
                                      {"--dns", "issuer.example", "--dns", "*.issuer.example",
                                       "--ip", "192.0.2.7", "--ip", "2001:db8::7"}));
  EXPECT_NE(text.find("verify OK"), std::string::npos) << text;
  EXPECT_NE(text.find("CN=issuer.example,O=Example / Sons,C=DE"), std::string::npos) << text;
  EXPECT_NE(text.find("DNS:issuer.example, DNS:*.issuer.example, IP Address:192.0.2.7, IP "
                      "Address:2001:DB8:0:0:0:0:0:7"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("ecdsa-with-SHA256"), std::string::npos) << text;
}

TEST_F(HsmCsr, OfP384IsSignedWithSha384) {
  make_key("EC:secp384r1", "01", "tls");
  EXPECT_NE(judged(csr("01", "/CN=a")).find("ecdsa-with-SHA384"), std::string::npos);
}

TEST_F(HsmCsr, OfAnRsaKeyVerifies) {
  make_key("rsa:2048", "01", "tls");
  const std::string text = judged(csr("tls", "/CN=issuer.example"));
  EXPECT_NE(text.find("verify OK"), std::string::npos) << text;
  EXPECT_NE(text.find("sha256WithRSAEncryption"), std::string::npos) << text;
  EXPECT_EQ(text.find("Alternative"), std::string::npos) << text;
}

TEST_F(HsmCsr, OfAKeyOfOursVerifies) {
  const hsm::KeyInfo key = generate(softhsm_.store(), hsm::Purpose::access_token);
  const std::string text = judged(csr(hsm::to_string(key.id), "/CN=issuer.example"));
  EXPECT_NE(text.find("verify OK"), std::string::npos) << text;
}

TEST_F(HsmCsr, IsForThePublicKeyInTheToken) {
  make_key("EC:prime256v1", "01", "tls");
  make_key("EC:prime256v1", "02", "other");
  const auto file = softhsm_.pin_file("request.pem", csr("02", "/CN=a").json()["csr"]);
  (void)pkcs11_tool(
      {"--read-object", "--type", "pubkey", "--id", "02", "--output-file", path("public.der")});
  EXPECT_EQ(run({"openssl", "req", "-in", file, "-pubkey", "-noout"}),
            run({"openssl", "pkey", "-pubin", "-inform", "DER", "-in", path("public.der")}));
}

TEST_F(HsmCsr, IsWrittenToAFileOrPrintedAlone) {
  make_key("EC:prime256v1", "01", "tls");
  const Outcome printed = mintctl(on_token({"csr", "--key", "01", "--subject", "/CN=a"}));
  EXPECT_EQ(printed.output.rfind("-----BEGIN CERTIFICATE REQUEST-----", 0), 0U) << printed.output;
  const Outcome written =
      mintctl(on_token({"csr", "--key", "01", "--subject", "/CN=a", "--out", path("out.pem")}));
  EXPECT_EQ(written.status, 0) << written.output;
  EXPECT_FALSE(written.says("BEGIN")) << written.output;
  EXPECT_NE(run({"openssl", "req", "-in", path("out.pem"), "-verify", "-noout"}).find("OK"),
            std::string::npos);
}

TEST_F(HsmCsr, UnknownKeyIsRefusedWithThoseThereAre) {
  make_key("EC:prime256v1", "01", "tls");
  const Outcome outcome = csr("02", "/CN=a");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_object_missing");
  EXPECT_NE(outcome.json()["error"]["detail"].get<std::string>().find("01 \"tls\""),
            std::string::npos)
      << outcome.output;
}

TEST_F(HsmCsr, LabelOfTwoKeysIsRefused) {
  make_key("EC:prime256v1", "01", "tls");
  make_key("EC:prime256v1", "02", "tls");
  const Outcome outcome = csr("tls", "/CN=a");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_object_ambiguous");
  EXPECT_EQ(csr("01", "/CN=a").status, 0);
}

TEST_F(HsmCsr, Ed25519KeyIsRefusedByName) {
  make_key("EC:edwards25519", "01", "tls");
  const Outcome outcome = csr("01", "/CN=a");
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.code(), "hsm_tool_failed");
  EXPECT_TRUE(outcome.says("this one is Ed25519")) << outcome.output;
}

TEST_F(HsmCsr, KeyThatMayNotSignIsRefused) {
  make_key_that_agrees_only(softhsm_.store(), "tls");
  const Outcome outcome = csr("tls", "/CN=a");
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.code(), "hsm_key_unfit");
  EXPECT_TRUE(outcome.says("CKA_SIGN")) << outcome.output;
}

TEST_F(HsmCsr, KeyWithoutItsPublicHalfIsRefused) {
  make_key("EC:prime256v1", "01", "tls");
  (void)pkcs11_tool({"--delete-object", "--type", "pubkey", "--id", "01"});
  const Outcome outcome = csr("01", "/CN=a");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_object_missing");
}

TEST_F(HsmCsr, PublicHalfOfAnotherKeyIsFoundOutBeforeTheRequestLeaves) {
  make_key("EC:prime256v1", "01", "tls");
  make_key("EC:prime256v1", "02", "other");
  (void)pkcs11_tool({"--delete-object", "--type", "pubkey", "--id", "01"});
  (void)pkcs11_tool(
      {"--read-object", "--type", "pubkey", "--id", "02", "--output-file", path("public.der")});
  (void)pkcs11_tool({"--write-object", path("public.der"), "--type", "pubkey", "--id", "01"});
  const Outcome outcome = csr("01", "/CN=a");
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.code(), "hsm_signature_wrong");
}

TEST_F(HsmCsr, BadNamesAreWrongUsageBeforeAnyPinIsAskedFor) {
  const std::vector<std::vector<std::string>> bad{{"--subject", ""},
                                                  {"--subject", "CN=a"},
                                                  {"--subject", "/"},
                                                  {"--subject", "/CN="},
                                                  {"--subject", "/CN=a+O=b"},
                                                  {"--subject", "/CN=a\\"},
                                                  {"--subject", "/XY=a"},
                                                  {"--subject", "/C=Germany"},
                                                  {"--subject", "/CN=\xff"},
                                                  {"--subject", "/CN=a", "--dns", "a..b"},
                                                  {"--subject", "/CN=a", "--dns", "-a.example"},
                                                  {"--subject", "/CN=a", "--dns", "a.example."},
                                                  {"--subject", "/CN=a", "--dns", "a b"},
                                                  {"--subject", "/CN=a", "--ip", "192.0.2"},
                                                  {"--subject", "/CN=a", "--ip", "issuer.example"}};
  for (const auto& names : bad) {
    std::vector<std::string> arguments{"csr", "--key", "01", "--module", "/no/such/module.so"};
    arguments.insert(arguments.end(), names.begin(), names.end());
    const Outcome outcome = mintctl_json(arguments);
    EXPECT_EQ(outcome.status, 2) << names.back() << outcome.output;
    EXPECT_EQ(outcome.code(), "invalid_argument") << names.back();
  }
}

TEST_F(HsmCsr, WithoutKeyOrSubjectIsWrongUsage) {
  EXPECT_TRUE(on({"csr", "--subject", "/CN=a"}).says("--key is missing"));
  EXPECT_TRUE(on({"csr", "--key", "01"}).says("--subject is missing"));
}

}  // namespace
}  // namespace mintmark::test
