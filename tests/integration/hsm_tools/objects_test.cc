// `hsm objects`.
#include "hsm_tools.h"

namespace mintmark::test {
namespace {

class HsmObjects : public HsmTools {
 protected:
  [[nodiscard]] Json objects() const {
    const Outcome outcome = on({"objects"});
    if (outcome.status != 0) throw std::runtime_error(outcome.output);
    return outcome.json()["objects"];
  }
  [[nodiscard]] Json object(const std::string& object_class, const std::string& label) const {
    const Json all = objects();
    for (const Json& one : all) {
      if (one["class"] == object_class && one["label"] == label) return one;
    }
    throw std::runtime_error("no " + object_class + " \"" + label + "\": " + all.dump());
  }
};

TEST_F(HsmObjects, KeyOfOursIsShownWithPurposeKidAndThatItMaySign) {
  const hsm::KeyInfo key = generate(softhsm_.store(), hsm::Purpose::access_token);
  ASSERT_EQ(objects().size(), 2U);
  const Json half = object("private key", "mintmark access_token");
  EXPECT_EQ(half["id"], hsm::to_string(key.id));
  EXPECT_EQ(half["key_type"], "EC");
  EXPECT_EQ(half["curve"], "P-256");
  EXPECT_EQ(half["bits"], 256);
  EXPECT_EQ(half["mintmark"],
            Json({{"purpose", "access_token"}, {"kid", key.kid()}, {"fit", true}}));
  EXPECT_EQ(half["attributes"]["CKA_NEVER_EXTRACTABLE"], true);
  EXPECT_EQ(half["attributes"]["CKA_EXTRACTABLE"], false);
  EXPECT_EQ(half["attributes"]["CKA_LOCAL"], true);
  EXPECT_EQ(half["attributes"]["CKA_SIGN"], true);
  EXPECT_EQ(half["attributes"]["CKA_DECRYPT"], false);
  const Json other = object("public key", "mintmark access_token");
  EXPECT_EQ(other["id"], half["id"]);
  EXPECT_FALSE(other.contains("mintmark"));
}

TEST_F(HsmObjects, ImportedKeyWithALabelOfOursIsShownAsUnfitAndWhy) {
  run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-outform",
       "DER", "-out", path("soft.der")});
  run({"openssl", "pkey", "-in", path("soft.der"), "-inform", "DER", "-pubout", "-outform", "DER",
       "-out", path("public.der")});
  const std::string id = "000102030405060708090a0b0c0d0e0f";
  for (const std::string half : {"privkey", "pubkey"}) {
    (void)pkcs11_tool({"--write-object", path(half == "privkey" ? "soft.der" : "public.der"),
                       "--type", half, "--id", id, "--label", "mintmark access_token",
                       "--usage-sign"});
  }
  const Json key = object("private key", "mintmark access_token");
  EXPECT_EQ(key["mintmark"]["fit"], false);
  EXPECT_NE(key["mintmark"]["unfit"].get<std::string>().find("CKA_LOCAL is not true"),
            std::string::npos)
      << key;
  const Outcome shown = mintctl(on_token({"objects"}));
  EXPECT_TRUE(shown.says("UNFIT: ")) << shown.output;
}

TEST_F(HsmObjects, ForeignKeysAreShownWithTypeAndSize) {
  make_key("rsa:2048", "02", "web");
  make_key("EC:secp384r1", "03", "mail");
  const Json rsa = object("private key", "web");
  EXPECT_EQ(rsa["key_type"], "RSA");
  EXPECT_EQ(rsa["bits"], 2048);
  EXPECT_EQ(rsa["id"], "02");
  EXPECT_FALSE(rsa.contains("mintmark"));
  const Json ec = object("private key", "mail");
  EXPECT_EQ(ec["curve"], "P-384");
  EXPECT_EQ(ec["bits"], 384);
}

TEST_F(HsmObjects, Ed25519KeyStopsNothing) {
  make_key("EC:edwards25519", "01", "first");
  make_key("EC:prime256v1", "02", "second");
  EXPECT_EQ(objects().size(), 4U);
  const Json key = object("private key", "first");
  EXPECT_EQ(key["key_type"], "Ed25519");
  EXPECT_EQ(object("private key", "second")["curve"], "P-256");
}

TEST_F(HsmObjects, SecretKeysDataAndCertificatesAreShownAsSuch) {
  (void)pkcs11_tool({"--keygen", "--key-type", "AES:32", "--id", "05", "--label", "wrapping"});
  (void)pkcs11_tool({"--write-object", path("softhsm2.conf"), "--type", "data", "--label", "note"});
  const Json aes = object("secret key", "wrapping");
  EXPECT_EQ(aes["key_type"], "AES");
  EXPECT_EQ(aes["bits"], 256);
  EXPECT_FALSE(object("data", "note").contains("key_type"));
}

TEST_F(HsmObjects, EmptyTokenHasNone) { EXPECT_EQ(objects(), Json::array()); }

TEST_F(HsmObjects, AreShownForPeople) {
  const hsm::KeyInfo key = generate(softhsm_.store(), hsm::Purpose::client_attestation);
  const Outcome outcome = mintctl(on_token({"objects"}));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.says("client_attestation, kid " + key.kid() + ", may sign"))
      << outcome.output;
  EXPECT_TRUE(outcome.says("false     ALWAYS_AUTHENTICATE DECRYPT")) << outcome.output;
}

}  // namespace
}  // namespace mintmark::test
