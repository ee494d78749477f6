// `hsm import-cert` and `hsm certs`.
#include <filesystem>

#include "base/file.h"
#include "hsm_tools.h"

namespace mintmark::test {
namespace {

class HsmCerts : public HsmTools {
 protected:
  [[nodiscard]] Json certificates() const {
    const Outcome outcome = on({"certs"});
    if (outcome.status != 0) throw std::runtime_error(outcome.output);
    return outcome.json()["certificates"];
  }
  [[nodiscard]] static std::string content(const std::string& file) {
    const auto text = read_file(file);
    if (!text) throw std::runtime_error(text.error().to_string());
    return *text;
  }
};

TEST_F(HsmCerts, CertificateIsStoredBesideItsKey) {
  make_key("EC:prime256v1", "01", "other");
  make_key("EC:prime256v1", "02", "tls");
  const std::string file = certificate_for("02");
  const Outcome outcome = on({"import-cert", file});
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(outcome.json()["certificate"], "stored");
  EXPECT_EQ(outcome.json()["id"], "02");
  // As an independent tool reads it back.
  (void)pkcs11_tool(
      {"--read-object", "--type", "cert", "--id", "02", "--output-file", path("back.der")});
  EXPECT_EQ(
      run({"openssl", "x509", "-inform", "DER", "-in", path("back.der"), "-fingerprint", "-noout"}),
      run({"openssl", "x509", "-in", file, "-fingerprint", "-noout"}));
  EXPECT_NE(pkcs11_tool({"--list-objects", "--type", "cert"}).find("tls"), std::string::npos);
}

TEST_F(HsmCerts, AreListedWithTheirKeys) {
  make_key("rsa:2048", "02", "tls");
  const std::string file = certificate_for("02", "/O=Example/CN=issuer.example");
  ASSERT_EQ(on({"import-cert", file}).status, 0);
  const Json all = certificates();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["subject"], "CN=issuer.example,O=Example");
  EXPECT_EQ(all[0]["issuer"], "CN=Test CA");
  EXPECT_EQ(all[0]["id"], "02");
  EXPECT_EQ(all[0]["private_key"], "present");
  EXPECT_GT(all[0]["not_after"].get<std::int64_t>(), std::time(nullptr) + 19 * 86400);
  EXPECT_LT(all[0]["not_after"].get<std::int64_t>(), std::time(nullptr) + 21 * 86400);
  const Outcome shown = mintctl(on_token({"certs"}));
  EXPECT_TRUE(shown.says("private key  present")) << shown.output;
}

TEST_F(HsmCerts, CertificateWithoutItsKeyIsToldAsSuch) {
  make_key("EC:prime256v1", "02", "tls");
  ASSERT_EQ(on({"import-cert", certificate_for("02")}).status, 0);
  (void)pkcs11_tool({"--delete-object", "--type", "privkey", "--id", "02"});
  EXPECT_EQ(certificates()[0]["private_key"], "missing");
  (void)pkcs11_tool({"--delete-object", "--type", "pubkey", "--id", "02"});
  make_key("EC:prime256v1", "02", "tls");
  EXPECT_EQ(certificates()[0]["private_key"], "another key has this ID");
}

TEST_F(HsmCerts, AreListedBesideAnEd25519Key) {
  make_key("EC:prime256v1", "02", "tls");
  ASSERT_EQ(on({"import-cert", certificate_for("02")}).status, 0);
  make_key("EC:edwards25519", "03", "edwards");
  EXPECT_EQ(certificates()[0]["private_key"], "present");
}

TEST_F(HsmCerts, DerIsTakenToo) {
  make_key("EC:prime256v1", "02", "tls");
  const std::string file = certificate_for("02");
  run({"openssl", "x509", "-in", file, "-outform", "DER", "-out", path("one.der")});
  EXPECT_EQ(on({"import-cert", path("one.der")}).status, 0);
}

TEST_F(HsmCerts, CertificateOfAnotherKeyIsRefused) {
  make_key("EC:prime256v1", "01", "tls");
  (void)certificate_for("01");
  const Outcome outcome = on({"import-cert", path("ca.pem")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "certificate_mismatch");
  EXPECT_EQ(certificates(), Json::array());
}

TEST_F(HsmCerts, CertificateOfAnotherKeyThanTheOneNamedIsRefused) {
  make_key("EC:prime256v1", "01", "tls");
  make_key("EC:prime256v1", "02", "other");
  const Outcome outcome = on({"import-cert", certificate_for("01"), "--key", "02"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "certificate_mismatch");
}

TEST_F(HsmCerts, NamedKeyThatIsNotThereIsRefused) {
  make_key("EC:prime256v1", "01", "tls");
  const Outcome outcome = on({"import-cert", certificate_for("01"), "--key", "77"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_object_missing");
}

TEST_F(HsmCerts, DamagedFilesAreRefused) {
  make_key("EC:prime256v1", "01", "tls");
  const std::string good = content(certificate_for("01"));
  std::string half = good;
  half.resize(half.size() / 2);
  const std::string der_and_more = [&] {
    run({"openssl", "x509", "-in", softhsm_.pin_file("good.pem", good), "-outform", "DER", "-out",
         path("good.der")});
    return content(path("good.der")) + "x";
  }();
  for (const std::string& text : {std::string("no certificate"), std::string(), half, good + half,
                                  good + good, der_and_more}) {
    const Outcome outcome = on({"import-cert", softhsm_.pin_file("bad", text)});
    EXPECT_EQ(outcome.status, 1) << outcome.output;
    EXPECT_EQ(outcome.code(), "certificate_malformed");
  }
  EXPECT_EQ(on({"import-cert", path("no-such-file")}).code(), "certificate_malformed");
  EXPECT_EQ(certificates(), Json::array());
}

TEST_F(HsmCerts, ChainIsRefusedSayingSo) {
  make_key("EC:prime256v1", "01", "tls");
  const std::string leaf = content(certificate_for("01"));  // The CA is made with the first.
  const std::string chain = leaf + content(path("ca.pem"));
  const Outcome outcome = on({"import-cert", softhsm_.pin_file("chain.pem", chain)});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "certificate_malformed");
  EXPECT_TRUE(outcome.says("several certificates")) << outcome.output;
}

TEST_F(HsmCerts, SameCertificateTwiceIsStoredOnce) {
  make_key("EC:prime256v1", "01", "tls");
  const std::string file = certificate_for("01");
  ASSERT_EQ(on({"import-cert", file}).status, 0);
  const Outcome again = on({"import-cert", file});
  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(again.json()["certificate"], "there already");
  EXPECT_EQ(certificates().size(), 1U);
}

TEST_F(HsmCerts, NewCertificateTakesTheOldOnesPlaceOnlyWhenTold) {
  make_key("EC:prime256v1", "01", "tls");
  make_key("EC:prime256v1", "02", "mail");
  ASSERT_EQ(on({"import-cert", certificate_for("02")}).status, 0);
  ASSERT_EQ(on({"import-cert", certificate_for("01", "/CN=old")}).status, 0);
  const std::string renewed = certificate_for("01", "/CN=new");
  const Outcome refused = on({"import-cert", renewed});
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.code(), "hsm_object_ambiguous");
  EXPECT_EQ(certificates().size(), 2U);
  ASSERT_EQ(on({"import-cert", renewed, "--replace"}).status, 0);
  std::vector<std::string> subjects;
  for (const Json& one : certificates()) subjects.push_back(one["subject"]);
  std::sort(subjects.begin(), subjects.end());
  EXPECT_EQ(subjects, (std::vector<std::string>{"CN=issuer.example", "CN=new"}));
}

TEST_F(HsmCerts, OneKeyUnderTwoIdsWantsOneNamed) {
  run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
       "-keyout", path("soft.pem"), "-out", path("soft-cert.pem"), "-days", "9", "-subj", "/CN=a"});
  run({"openssl", "pkey", "-in", path("soft.pem"), "-outform", "DER", "-out", path("soft.der")});
  run({"openssl", "pkey", "-in", path("soft.pem"), "-pubout", "-outform", "DER", "-out",
       path("public.der")});
  for (const std::string id : {"01", "02"}) {
    (void)pkcs11_tool({"--write-object", path("soft.der"), "--type", "privkey", "--id", id});
    (void)pkcs11_tool({"--write-object", path("public.der"), "--type", "pubkey", "--id", id});
  }
  const Outcome outcome = on({"import-cert", path("soft-cert.pem")});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "hsm_object_ambiguous");
  EXPECT_EQ(on({"import-cert", path("soft-cert.pem"), "--key", "02"}).json()["id"], "02");
}

TEST_F(HsmCerts, CertificateAndPinFromOneStandardInputAreRefused) {
  const Outcome outcome =
      mintctl_json({"import-cert", "-", "--pin-file", "-", "--module", SoftHsm::module()});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.code(), "invalid_argument");
}

}  // namespace
}  // namespace mintmark::test
