// An independent client, curl (Debian), and an independent TLS, `openssl s_client`, against the
// server.
#include <gtest/gtest.h>

#include "http_fixture.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::http {
namespace {

class Curl : public testing::Test {
 protected:
  Curl() {
    const auto issued = ca_.issue();
    auto tls = TlsServerContext::from_pem(issued.certificate_pem, issued.key_pem);
    if (!tls) throw std::runtime_error(tls.error().to_string());
    port_ = server_.listen(*tls);
    origin_ = "https://localhost:" + std::to_string(port_);
  }

  [[nodiscard]] std::string curl(std::vector<std::string> arguments) const {
    std::vector<std::string> all{"curl",     "--silent", "--show-error", "--max-time", "10",
                                 "--cacert", ca_file_,   "--noproxy",    "*"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return test::run(all);
  }
  void expect_refused(const std::vector<std::string>& arguments) const {
    EXPECT_THROW((void)curl(arguments), std::exception);
  }

  test::TestCa ca_;
  test::TemporaryDirectory directory_;
  std::string ca_file_ = directory_.write("ca.pem", ca_.certificate_pem());
  TestServer server_;
  std::uint16_t port_ = 0;
  std::string origin_;
};

TEST_F(Curl, WithTls11IsRefused) {
  expect_refused({"--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", origin_ + "/p"});
}

TEST_F(Curl, WithASuiteThatIsNoAeadIsRefused) {
  expect_refused({"--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-SHA256", origin_ + "/p"});
}

TEST_F(Curl, WithoutTheCaIsRefused) {
  expect_refused({"--cacert",
                  directory_.write("empty.pem", test::TestCa("Other").certificate_pem()),
                  origin_ + "/p"});
}

TEST_F(Curl, IsServedOverTls12) {
  EXPECT_EQ(curl({"--tls-max", "1.2", origin_ + "/p"}), "GET\n/p\n");
}

TEST_F(Curl, IsServedOverTls13) { EXPECT_EQ(curl({"--tlsv1.3", origin_ + "/p"}), "GET\n/p\n"); }

TEST_F(Curl, OfferingHttp2GetsHttp11) {
  EXPECT_EQ(curl({"--http2", "--write-out", "%{http_version}", origin_ + "/p"}), "GET\n/p\n1.1");
}

TEST_F(Curl, IsServedHttp10) { EXPECT_EQ(curl({"--http1.0", origin_ + "/p"}), "GET\n/p\n"); }

TEST_F(Curl, UploadsChunks) {
  const auto file = directory_.write("body", std::string(100000, 'x'));
  EXPECT_EQ(curl({"--header", "Transfer-Encoding: chunked", "--data-binary", "@" + file.string(),
                  origin_ + "/p"}),
            "POST\n/p\n" + std::string(100000, 'x'));
}

TEST_F(Curl, WaitsForContinue) {
  const auto file = directory_.write("body", std::string(100000, 'x'));
  EXPECT_EQ(curl({"--header", "Expect: 100-continue", "--expect100-timeout", "60", "--data-binary",
                  "@" + file.string(), origin_ + "/p"}),
            "POST\n/p\n" + std::string(100000, 'x'));
}

TEST_F(Curl, ReadsTheRefusalOfALongBody) {
  const auto file = directory_.write("body", std::string(300000, 'x'));
  EXPECT_EQ(curl({"--output", "/dev/null", "--write-out", "%{http_code}", "--data-binary",
                  "@" + file.string(), origin_ + "/p"}),
            "413");
}

TEST_F(Curl, KeepsItsConnection) {
  EXPECT_EQ(curl({"--write-out", "%{num_connects}", origin_ + "/1", origin_ + "/2"}),
            "GET\n/1\n1GET\n/2\n0");
}

TEST_F(Curl, AsksForTheHeadAlone) {
  const std::string head = curl({"--head", origin_ + "/p"});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  EXPECT_NE(head.find("Content-Length: 8\r\n"), std::string::npos);
}

TEST_F(Curl, SpeaksToAUnixSocket) {
  const std::string path = directory_.path() / "s";
  server_.listen_unix_at(path);
  EXPECT_EQ(curl({"--unix-socket", path, "http://mintd/p"}), "GET\n/p\n");
}

TEST_F(Curl, UsedAsForAProxySendsAnAbsoluteTarget) {
  const auto plain = server_.listen();
  EXPECT_EQ(curl({"--noproxy", "", "--proxy", "http://127.0.0.1:" + std::to_string(plain),
                  "http://a.example/p"}),
            "GET\n/p\n");
}

TEST_F(Curl, RenegotiationIsRefused) {
  const std::string said = test::run(
      {"sh", "-c",
       "printf 'R\\nGET /p HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' | timeout 10 "
       "openssl s_client -tls1_2 -connect localhost:" +
           std::to_string(port_) + " -CAfile " + ca_file_ + " 2>&1 || true"});
  EXPECT_EQ(said.find("GET\n/p\n"), std::string::npos) << said;
  EXPECT_NE(said.find("no renegotiation"), std::string::npos) << said;
  EXPECT_NE(said.find("Compression: NONE"), std::string::npos) << said;
}

}  // namespace
}  // namespace mintmark::http
