// The second, independent module: a token inside a TPM.
#include "hsm_tools.h"
#include "support/tpm2_pkcs11.h"

namespace mintmark::test {
namespace {

class HsmToolsOnTpm : public testing::Test {
 protected:
  [[nodiscard]] Outcome on(std::vector<std::string> arguments) const {
    const config::HsmStore store = tpm_.store();
    arguments.insert(arguments.end(), {"--module", store.module, "--token", store.token,
                                       "--pin-file", store.pin.file});
    return mintctl_json(arguments);
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory_.path() / name).string();
  }

  Tpm2Pkcs11 tpm_;
  TemporaryDirectory directory_;
};

TEST_F(HsmToolsOnTpm, KeyIsListedGetsItsRequestAndItsCertificate) {
  const hsm::KeyInfo key = generate(tpm_.store(), hsm::Purpose::access_token);
  const Outcome objects = on({"objects"});
  ASSERT_EQ(objects.status, 0) << objects.output;
  std::size_t fit = 0;
  const Json listed = objects.json();
  for (const Json& object : listed["objects"]) {
    if (object.contains("mintmark")) fit += object["mintmark"]["fit"] == true ? 1U : 0U;
  }
  EXPECT_EQ(fit, 1U) << objects.output;

  const Outcome request =
      on({"csr", "--key", hsm::to_string(key.id), "--subject", "/CN=issuer.example", "--dns",
          "issuer.example", "--out", path("request.pem")});
  ASSERT_EQ(request.status, 0) << request.output;
  EXPECT_NE(run({"openssl", "req", "-in", path("request.pem"), "-verify", "-noout"}).find("OK"),
            std::string::npos);

  run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
       "-keyout", path("ca.key"), "-out", path("ca.pem"), "-days", "30", "-subj", "/CN=Test CA"});
  run({"openssl", "x509", "-req", "-in", path("request.pem"), "-CA", path("ca.pem"), "-CAkey",
       path("ca.key"), "-set_serial", "7", "-days", "20", "-out", path("one.pem")});
  const Outcome stored = on({"import-cert", path("one.pem")});
  ASSERT_EQ(stored.status, 0) << stored.output;
  const Outcome certs = on({"certs"});
  ASSERT_EQ(certs.status, 0) << certs.output;
  const Json all = certs.json()["certificates"];
  ASSERT_EQ(all.size(), 1U) << certs.output;
  EXPECT_EQ(all[0]["id"], hsm::to_string(key.id));
  EXPECT_EQ(all[0]["private_key"], "present");
}

TEST_F(HsmToolsOnTpm, UserPinIsChangedAndWrongOneRefused) {
  const auto file = [&](const std::string& name, const std::string& pin) {
    return directory_.write(name, pin).string();
  };
  EXPECT_EQ(on({"pin", "--new-pin-file", file("new", "new-user-1")}).status, 0);
  const Outcome refused = on({"objects"});
  EXPECT_EQ(refused.status, 1) << refused.output;
  EXPECT_EQ(refused.code(), "hsm_pin_refused");
}

}  // namespace
}  // namespace mintmark::test
