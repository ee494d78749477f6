// The client against the server, over TLS with a CA made for the test.
#include "http/client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "http_fixture.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::http {
namespace {

Deadline soon() { return Deadline::in(std::chrono::seconds{5}); }

class TlsClient : public testing::Test {
 protected:
  /// A server whose certificate says so; its URL for a host.
  std::string serve(const test::CertificateRequest& certificate, const std::string& host,
                    const std::string& path = "/p") {
    const auto issued = ca_.issue(certificate);
    auto tls = TlsServerContext::from_pem(issued.certificate_pem, issued.key_pem);
    EXPECT_TRUE(tls) << tls.error().to_string();
    port_ = server_.listen(*tls);
    return "https://" + host + ":" + std::to_string(port_) + path;
  }
  [[nodiscard]] Client client() const { return Client({.ca_file = ca_file_}); }
  void expect_tls_refusal(const std::string& url, const std::string& reason) const {
    const auto answer = client().send("GET", url, {}, "", soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::tls_failed);
    EXPECT_NE(answer.error().detail.find(reason), std::string::npos) << answer.error().detail;
    EXPECT_EQ(requests_, 0);
  }

  test::TestCa ca_;
  test::TemporaryDirectory directory_;
  std::string ca_file_ = directory_.write("ca.pem", ca_.certificate_pem());
  std::atomic<int> requests_{0};
  TestServer server_{[this](const Request& request, const Respond& respond) {
    ++requests_;
    echo(request, respond);
  }};
  std::uint16_t port_ = 0;
};

TEST_F(TlsClient, RefusesACertificateForAnotherName) {
  const auto url = serve({.names = {"b.example", "127.0.0.2"}}, "localhost");
  expect_tls_refusal(url, "it is for b.example, 127.0.0.2");
}

TEST_F(TlsClient, RefusesACertificateForAnotherAddress) {
  const auto url = serve({.names = {"localhost", "127.0.0.2"}}, "127.0.0.1");
  expect_tls_refusal(url, "mismatch");
}

TEST_F(TlsClient, CallsNoAddressThatItsRuleSaysNoTo) {
  std::vector<std::string> asked;
  Client ruled({.ca_file = ca_file_, .address_rule = [&](const std::string& address) {
                  asked.push_back(address);
                  return address == "127.0.0.1";
                }});
  // The name leads to two addresses.
  const auto url = serve({}, "localhost");
  EXPECT_TRUE(ruled.send("GET", url, {}, "", soon()));
  EXPECT_EQ(asked.front(), "127.0.0.1");
  Client strict(
      {.ca_file = ca_file_, .address_rule = [](const auto& /*address*/) { return false; }});
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const auto answer = strict.send("GET", serve({}, host), {}, "", soon());
    ASSERT_FALSE(answer) << host;
    EXPECT_EQ(answer.error().code, Code::connect_failed);
    EXPECT_NE(answer.error().detail.find("may not be called"), std::string::npos);
  }
  EXPECT_EQ(requests_, 1);
}

TEST_F(TlsClient, RefusesANameThatStandsOnlyInTheSubject) {
  const auto url = serve({.common_name = "localhost", .names = {}}, "localhost");
  expect_tls_refusal(url, "mismatch");
}

TEST_F(TlsClient, RefusesAnAddressWrittenAsADnsName) {
  const auto url = serve({.common_name = "127.0.0.1", .names = {"localhost"}}, "127.0.0.1");
  expect_tls_refusal(url, "mismatch");
}

TEST_F(TlsClient, RefusesAnUnknownCa) {
  const auto url = serve({}, "localhost");
  const test::TestCa other("Other CA");
  directory_.write("ca.pem", other.certificate_pem());
  expect_tls_refusal(url, "unable to get local issuer certificate");
}

TEST_F(TlsClient, RefusesAnUnknownCaOfTheSameName) {
  const auto url = serve({}, "localhost");
  const test::TestCa other;
  directory_.write("ca.pem", other.certificate_pem());
  const auto answer = client().send("GET", url, {}, "", soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::tls_failed);
}

TEST_F(TlsClient, DoesNotTrustTheSystemsRootsForATestCa) {
  const auto url = serve({}, "localhost");
  const auto answer = Client({}).send("GET", url, {}, "", soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::tls_failed);
}

TEST_F(TlsClient, RefusesAnExpiredCertificate) {
  const auto url = serve(
      {.not_before = std::chrono::hours{-2}, .not_after = std::chrono::hours{-1}}, "localhost");
  expect_tls_refusal(url, "certificate has expired");
}

TEST_F(TlsClient, RefusesACertificateThatIsNotYetValid) {
  const auto url =
      serve({.not_before = std::chrono::hours{1}, .not_after = std::chrono::hours{2}}, "localhost");
  expect_tls_refusal(url, "not yet valid");
}

TEST_F(TlsClient, RefusesACertificateThatIsForNoServer) {
  const auto url = serve({.for_server = false}, "localhost");
  expect_tls_refusal(url, "purpose");
}

TEST_F(TlsClient, RefusesAServerWithoutTls) {
  const std::string url = "https://127.0.0.1:" + std::to_string(server_.listen()) + "/";
  expect_tls_refusal(url, "");
}

TEST_F(TlsClient, RefusesRootsThatCannotBeRead) {
  const auto url = serve({}, "localhost");
  for (const auto& file : {directory_.path() / "none", directory_.write("bad.pem", "nothing")}) {
    const auto answer = Client({.ca_file = file}).send("GET", url, {}, "", soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::tls_failed);
    EXPECT_NE(answer.error().detail.find(file.string()), std::string::npos);
  }
}

TEST_F(TlsClient, RefusesHttpAndSaysWhy) {
  const auto port = server_.listen();
  const auto answer =
      client().send("GET", "http://127.0.0.1:" + std::to_string(port) + "/", {}, "", soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::http_malformed);
  EXPECT_NE(answer.error().detail.find("use https://"), std::string::npos);
  EXPECT_EQ(requests_, 0);
}

TEST_F(TlsClient, RefusesToSendWhatWouldSplitTheRequest) {
  const auto url = serve({}, "localhost");
  Headers value;
  value.add("A", "b\r\nC: d");
  Headers name;
  name.add("A\r\nB", "c");
  EXPECT_EQ(client().send("GET", url, value, "", soon()).error().code, Code::http_malformed);
  EXPECT_EQ(client().send("GET", url, name, "", soon()).error().code, Code::http_malformed);
  EXPECT_EQ(client().send("GET /x\r\n", url, {}, "", soon()).error().code, Code::http_malformed);
  EXPECT_EQ(client().send("GET", url + " x", {}, "", soon()).error().code, Code::http_malformed);
  EXPECT_EQ(requests_, 0);
}

TEST_F(TlsClient, WhereNobodyListensSaysSo) {
  std::uint16_t free = 0;
  { free = port_of(*listen_tcp("127.0.0.1", 0)); }
  const auto answer =
      client().send("GET", "https://127.0.0.1:" + std::to_string(free) + "/", {}, "", soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::connect_failed);
}

TEST_F(TlsClient, NameThatDoesNotExistIsNoConnection) {
  const auto answer = client().send("GET", "https://nowhere.invalid/", {}, "", soon());
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().code == Code::connect_failed ||
              answer.error().code == Code::deadline_passed);
}

TEST_F(TlsClient, ServerThatSaysNothingPassesTheDeadline) {
  const auto silent = listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(silent);
  const auto begin = std::chrono::steady_clock::now();
  const auto answer =
      client().send("GET", "https://127.0.0.1:" + std::to_string(port_of(*silent)) + "/", {}, "",
                    Deadline::in(std::chrono::milliseconds{100}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::deadline_passed);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{2});
}

TEST_F(TlsClient, IsServedByNameAndByAddress) {
  const auto by_name = client().send("GET", serve({}, "localhost"), {}, "", soon());
  ASSERT_TRUE(by_name) << by_name.error().to_string();
  EXPECT_EQ(by_name->body, "GET\n/p\n");
  const auto by_address = client().send("POST", serve({}, "127.0.0.1"), {}, "x", soon());
  ASSERT_TRUE(by_address) << by_address.error().to_string();
  EXPECT_EQ(by_address->body, "POST\n/p\nx");
}

TEST_F(TlsClient, TakesAnyStatusAsAnAnswer) {
  const auto answer = client().send("GET", serve({}, "localhost", "/a"), {}, "", soon());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200U);
  EXPECT_NE(answer->headers.find("x-request-id"), nullptr);
}

TEST_F(TlsClient, KeepsOneConnection) {
  const auto url = serve({}, "localhost");
  Client kept = client();
  for (int count = 0; count < 50; ++count) {
    ASSERT_TRUE(kept.send("POST", url, {}, std::to_string(count), soon()));
  }
  EXPECT_EQ(server_.server().open_connections(), 1U);
  EXPECT_EQ(requests_, 50);
}

TEST_F(TlsClient, SendsAndReceivesMuch) {
  const auto url = serve({}, "localhost");
  const std::string body(100U << 10U, 'x');
  const auto answer = client().send("POST", url, {}, body, soon());
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body, "POST\n/p\n" + body);
}

TEST_F(TlsClient, ReadsTheRefusalOfABodyThatIsTooLong) {
  const auto url = serve({}, "localhost");
  const auto answer = client().send("POST", url, {}, std::string(900U << 10U, 'x'), soon());
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->status, 413U);
}

TEST_F(TlsClient, HeadHasNoBody) {
  const auto url = serve({}, "localhost");
  Client kept = client();
  const auto answer = kept.send("HEAD", url, {}, "", soon());
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body, "");
  EXPECT_TRUE(kept.send("GET", url, {}, "", soon()));
}

TEST(TlsServer, RefusesAKeyOfAnotherCertificate) {
  const test::TestCa ca;
  const auto one = ca.issue();
  const auto other = ca.issue();
  const auto tls = TlsServerContext::from_pem(one.certificate_pem, other.key_pem);
  ASSERT_FALSE(tls);
  EXPECT_EQ(tls.error().code, Code::tls_certificate_unusable);
  EXPECT_NE(tls.error().detail.find("does not fit"), std::string::npos);
}

TEST(TlsServer, RefusesWhatIsNoCertificateOrKey) {
  const test::TestCa ca;
  const auto good = ca.issue();
  const std::string cut = good.certificate_pem.substr(0, good.certificate_pem.size() / 2);
  EXPECT_FALSE(TlsServerContext::from_pem("", good.key_pem));
  EXPECT_FALSE(TlsServerContext::from_pem("nothing", good.key_pem));
  EXPECT_FALSE(TlsServerContext::from_pem(cut, good.key_pem));
  EXPECT_FALSE(TlsServerContext::from_pem(good.certificate_pem + cut, good.key_pem));
  EXPECT_FALSE(TlsServerContext::from_pem(good.certificate_pem, ""));
  EXPECT_FALSE(TlsServerContext::from_pem(good.certificate_pem, good.certificate_pem));
}

TEST(TlsServer, TakesAChain) {
  const test::TestCa ca;
  const auto good = ca.issue();
  EXPECT_TRUE(
      TlsServerContext::from_pem(good.certificate_pem + ca.certificate_pem(), good.key_pem));
}

TEST(UnixClient, SpeaksPlainHttpToASocket) {
  const test::TemporaryDirectory directory;
  TestServer server;
  const std::string path = directory.path() / "s";
  server.listen_unix_at(path);
  Client client({.unix_socket = path});
  for (const auto* url : {"http://mintd/p", "https://anything/p", "http://mintd/p"}) {
    const auto answer = client.send("POST", url, {}, "x", soon());
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->body, "POST\n/p\nx");
  }
}

TEST(UnixClient, WithoutASocketSaysWhich) {
  const auto answer =
      Client({.unix_socket = "/nowhere/s"}).send("GET", "http://a/", {}, "", soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::connect_failed);
  EXPECT_NE(answer.error().detail.find("/nowhere/s"), std::string::npos);
}

}  // namespace
}  // namespace mintmark::http
