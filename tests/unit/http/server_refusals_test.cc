// What is malformed is answered with its status and reason over a real socket, and the process
// lives.
#include <gtest/gtest.h>

#include "http_fixture.h"

namespace mintmark::http {
namespace {

struct Malformed {
  std::string octets;
  unsigned status;
  std::string code;
};

std::string get(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

/// One for each status and code; each way to earn them stands in request_reader_test.cc.
std::vector<Malformed> malformed() {
  using namespace std::string_literals;
  return {
      {"nonsense\r\n\r\n", 400, "http_malformed"},
      {"GET / HTTP/1.1\nHost: a\n\n", 400, "http_malformed"},
      {"\x16\x03\x01\x02\x00\x01"s, 400, "http_malformed"},
      {get("A: \0\r\n"s), 400, "http_malformed"},
      {get("A: b\r\n c\r\n"), 400, "http_header_malformed"},
      {get("A b\r\n"), 400, "http_header_malformed"},
      {"GET / HTTP/1.1\r\n\r\n", 400, "http_host_wrong"},
      {get("Host: b\r\n"), 400, "http_host_wrong"},
      {get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400, "http_framing_ambiguous"},
      {get("Content-Length: x\r\n"), 400, "http_framing_ambiguous"},
      {get("Content-Length: 131073\r\n"), 413, "http_body_too_large"},
      {get("Transfer-Encoding: chunked\r\n") + "ffffff\r\n", 413, "http_body_too_large"},
      {"GET /" + std::string(9000, 'a'), 414, "http_target_too_long"},
      {get("Expect: tea\r\n"), 417, "http_expectation_unknown"},
      {get("A: " + std::string(40000, 'a')), 431, "http_header_too_large"},
      {get("Transfer-Encoding: gzip\r\n"), 501, "http_coding_unknown"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, "http_method_unknown"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version_unsupported"},
  };
}

TEST(Server, AnswersWhatIsMalformedWithItsReasonAndCloses) {
  TestServer server([](const Request& /*request*/, const Respond& respond) {
    ADD_FAILURE() << "a malformed request reached the handler";
    respond({});
  });
  const auto port = server.listen();
  for (const auto& [octets, status, code] : malformed()) {
    RawConnection connection(port);
    connection.send(octets);
    const auto answer = connection.answer();
    ASSERT_TRUE(answer) << code;
    EXPECT_EQ(answer->status, status) << code;
    EXPECT_TRUE(answer->has("\"code\":\"" + code + "\"")) << answer->body;
    EXPECT_TRUE(answer->has("\"error\":\"invalid_request\""));
    EXPECT_TRUE(answer->has("Content-Type: application/json\r\n"));
    EXPECT_TRUE(answer->has("Connection: close\r\n"));
    EXPECT_TRUE(answer->has("X-Request-Id: "));
    EXPECT_EQ(connection.rest(), "") << code;
  }
}

TEST(Server, NamesTheCodeOfEachRefusalInAHeaderWhereOneIsAskedFor) {
  ServerLimits limits;
  limits.refusal_header = "Refused-For";
  TestServer server(
      [](const Request& request, const Respond& respond) {
        if (request.path == "/throws") throw std::runtime_error("on purpose");
        respond(request.path == "/refused" ? error_response({Code::http_path_unknown, "no", 0})
                                           : Response{404, {}, "of another"});
      },
      limits);
  const auto port = server.listen();
  for (const auto& [octets, code] :
       {std::pair<std::string, std::string>{"nonsense\r\n\r\n", "http_malformed"},
        {"GET /throws HTTP/1.1\r\nHost: a\r\n\r\n", "http_handler_failed"},
        {"GET /refused HTTP/1.1\r\nHost: a\r\n\r\n", "http_path_unknown"},
        {get(""), ""}}) {
    RawConnection connection(port);
    connection.send(octets);
    const auto answer = connection.answer();
    ASSERT_TRUE(answer) << code;
    EXPECT_EQ(answer->has("Refused-For: " + code + "\r\n"), !code.empty()) << code;
    EXPECT_EQ(answer->has("Refused-For: "), !code.empty()) << code;
  }
}

TEST(Server, TakesNoRequestBehindAMalformedOne) {
  std::atomic<int> handled{0};
  TestServer server([&](const Request& request, const Respond& respond) {
    ++handled;
    echo(request, respond);
  });
  RawConnection connection(server.listen());
  connection.send(get("") + get("A: b\r\n c\r\n") + get(""));
  EXPECT_EQ(connection.answer()->status, 200U);
  EXPECT_EQ(connection.answer()->status, 400U);
  EXPECT_EQ(connection.rest(), "");
  EXPECT_EQ(handled, 1);
}

TEST(Server, LetsAClientThatIsStillSendingReadItsRefusal) {
  TestServer server;
  RawConnection connection(server.listen());
  connection.send(get("Content-Length: 900000\r\n"));
  // Without lingering, these octets would reset the connection and the answer with it.
  connection.send(std::string(900000, 'a'));
  const auto answer = connection.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413U);
  EXPECT_EQ(connection.rest(), "");
}

TEST(Server, OutlivesCutAndRandomInput) {
  TestServer server;
  const auto port = server.listen();
  const std::string whole =
      "POST /x?y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;e=\"f\"\r\nabc\r\n0\r\nT: u\r\n\r\n";
  std::uint32_t state = 12345;
  for (std::size_t round = 0; round < 300; ++round) {
    std::string octets = whole;
    for (int change = 0; change < 3; ++change) {
      state = state * 1664525U + 1013904223U;
      octets[(state >> 8U) % octets.size()] = static_cast<char>(state >> 24U);
    }
    RawConnection connection(port);
    connection.send(std::string_view(octets).substr(0, 1 + round % octets.size()));
    connection.end_sending();
    while (const auto answer = connection.answer()) EXPECT_LT(answer->status, 600U);
  }
  RawConnection connection(port);
  connection.send(get(""));
  EXPECT_EQ(connection.answer()->status, 200U);
}

}  // namespace
}  // namespace mintmark::http
