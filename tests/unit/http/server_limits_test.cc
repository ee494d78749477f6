// Each limit of ServerLimits: what is just allowed passes, what is beyond is answered as server.h
// says.
#include <gtest/gtest.h>

#include "http_fixture.h"
#include "no_descriptors.h"
#include "support/test_tls.h"

namespace mintmark::http {
namespace {

using std::chrono::milliseconds;

std::string post(const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(ServerLimit, HeaderThatStaysAwayIs408AndNamesTheLimit) {
  ServerLimits limits;
  limits.header_time = milliseconds{50};
  TestServer server(echo, limits);
  RawConnection connection(server.listen());
  connection.send("GET / HTTP/1.1\r\nHo");
  const auto answer = connection.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408U);
  EXPECT_TRUE(answer->has("http_too_slow"));
  EXPECT_TRUE(answer->has("the header took longer than 50 ms"));
  EXPECT_EQ(connection.rest(), "");
}

TEST(ServerLimit, HeaderDrippingOctetByOctetIs408) {
  ServerLimits limits;
  limits.header_time = milliseconds{100};
  TestServer server(echo, limits);
  RawConnection connection(server.listen());
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
  connection.send(head);
  for (int count = 0; count < 1000 && connection.is_quiet(); ++count) connection.send("a");
  const auto answer = connection.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408U);
}

TEST(ServerLimit, BodyThatStaysAwayIs408) {
  ServerLimits limits;
  limits.body_time = milliseconds{50};
  TestServer server(echo, limits);
  RawConnection connection(server.listen());
  connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  const auto answer = connection.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408U);
  EXPECT_TRUE(answer->has("the body took longer than 50 ms"));
}

TEST(ServerLimit, SecondRequestOfAKeptConnectionHasTheSameTime) {
  ServerLimits limits;
  limits.header_time = milliseconds{50};
  TestServer server(echo, limits);
  RawConnection connection(server.listen());
  connection.send(post("a"));
  EXPECT_EQ(connection.answer()->status, 200U);
  connection.send("POST");
  EXPECT_EQ(connection.answer()->status, 408U);
}

TEST(ServerLimit, IdleConnectionIsClosedWithoutAWord) {
  ServerLimits limits;
  limits.idle = milliseconds{50};
  TestServer server(echo, limits);
  const auto port = server.listen();
  RawConnection fresh(port);
  EXPECT_EQ(fresh.rest(), "");
  RawConnection kept(port);
  kept.send(post("a"));
  EXPECT_EQ(kept.answer()->status, 200U);
  EXPECT_EQ(kept.rest(), "");
}

TEST(ServerLimit, HandlerMayTakeLongerThanAllLimits) {
  ServerLimits limits;
  limits.idle = limits.header_time = limits.body_time = limits.write_time = milliseconds{20};
  Held held;
  TestServer server([&](const Request& /*request*/, Respond respond) { held.take(respond); },
                    limits);
  RawConnection connection(server.listen());
  connection.send(post("a"));
  ASSERT_TRUE(held.wait_for(1));
  EXPECT_TRUE(connection.is_quiet());
  held.release(json_response(200, "late"));
  EXPECT_EQ(connection.answer()->body, "late");
}

TEST(ServerLimit, ClientThatReadsNothingIsCut) {
  ServerLimits limits;
  limits.write_time = milliseconds{50};
  TestServer server(
      [](const Request& /*request*/, const Respond& respond) {
        respond(json_response(200, std::string(64U << 20U, 'a')));
      },
      limits);
  RawConnection connection(server.listen());
  connection.send(post(""));
  EXPECT_TRUE(eventually([&] { return server.server().open_connections() == 1; }));
  EXPECT_TRUE(eventually([&] { return server.server().open_connections() == 0; }));
}

TEST(ServerLimit, RefusedClientThatSendsOnIsCutAfterAWhile) {
  ServerLimits limits;
  limits.linger = milliseconds{50};
  TestServer server(echo, limits);
  RawConnection connection(server.listen());
  connection.send("nonsense\r\n\r\n");
  EXPECT_EQ(connection.answer()->status, 400U);
  EXPECT_TRUE(eventually([&] { return server.server().open_connections() == 0; }));
}

std::shared_ptr<const TlsServerContext> some_tls() {
  const auto certificate = test::TestCa().issue();
  return *TlsServerContext::from_pem(certificate.certificate_pem, certificate.key_pem);
}

TEST(ServerLimit, HandshakeThatStaysAwayIsCut) {
  ServerLimits limits;
  limits.handshake = milliseconds{50};
  TestServer server(echo, limits);
  const auto port = server.listen(some_tls());
  RawConnection silent(port);
  EXPECT_EQ(silent.rest(), "");
  RawConnection halfway(port);
  halfway.send("\x16\x03\x01\x02");
  EXPECT_EQ(halfway.rest(), "");
  EXPECT_TRUE(eventually([&] { return server.server().open_connections() == 0; }));
}

TEST(ServerLimit, PlainConnectionIsNotCutByTheHandshakesLimit) {
  ServerLimits limits;
  limits.handshake = milliseconds{20};
  TestServer server(echo, limits);
  RawConnection connection(server.listen());
  EXPECT_TRUE(connection.is_quiet());
  connection.send(post("a"));
  EXPECT_EQ(connection.answer()->status, 200U);
}

TEST(ServerLimit, BodyOfJustTheLimitPasses) {
  ServerLimits limits;
  limits.body_octets = 1000;
  TestServer server(echo, limits);
  const auto port = server.listen();
  RawConnection just(port);
  just.send(post(std::string(1000, 'a')));
  EXPECT_EQ(just.answer()->status, 200U);
  RawConnection beyond(port);
  beyond.send(post(std::string(1001, 'a')));
  const auto answer = beyond.answer();
  EXPECT_EQ(answer->status, 413U);
  EXPECT_TRUE(answer->has("longer than 1000 octets"));
}

TEST(ServerLimit, HeaderOfJustTheLimitPasses) {
  ServerLimits limits;
  limits.header_octets = 1000;
  TestServer server(echo, limits);
  const auto port = server.listen();
  const auto head_of = [](std::size_t size) {
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
    return begin + std::string(size - begin.size() - 4, 'a') + "\r\n\r\n";
  };
  RawConnection just(port);
  just.send(head_of(1000));
  EXPECT_EQ(just.answer()->status, 200U);
  RawConnection beyond(port);
  beyond.send(head_of(1001));
  const auto answer = beyond.answer();
  EXPECT_EQ(answer->status, 431U);
  EXPECT_TRUE(answer->has("longer than 1000 octets"));
}

TEST(ServerLimit, ConnectionBeyondTheLimitIsToldSoAndReachesNoHandler) {
  ServerLimits limits;
  limits.connections = 1;
  TestServer server(echo, limits);
  const auto port = server.listen();
  RawConnection first(port);
  ASSERT_TRUE(eventually([&] { return server.server().open_connections() == 1; }));
  RawConnection second(port);
  second.send(post("a") + post("b"));
  const auto answer = second.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503U);
  EXPECT_TRUE(answer->has("\"code\":\"http_too_many_connections\""));
  EXPECT_TRUE(answer->has("as many connections as may be open")) << answer->body;
  EXPECT_TRUE(answer->has("Retry-After: 1\r\n"));
  EXPECT_TRUE(answer->has("Connection: close\r\n"));
  EXPECT_EQ(second.rest(), "");
  EXPECT_EQ(server.server().connections_turned_away(), 1U);
  first.send(post("a"));
  EXPECT_EQ(first.answer()->status, 200U);
}

TEST(ServerLimit, EachServerCountsItsOwnConnections) {
  ServerLimits limits;
  limits.connections = 1;
  TestServer full(echo, limits);
  TestServer other(echo, limits);
  RawConnection taken(full.listen());
  ASSERT_TRUE(eventually([&] { return full.server().open_connections() == 1; }));
  RawConnection free(other.listen());
  free.send(post("a"));
  EXPECT_EQ(free.answer()->status, 200U);
}

TEST(ServerLimit, ConnectionBeyondThoseThatAreToldIsClosedAndOthersStay) {
  ServerLimits limits;
  limits.connections = 2;
  limits.refused_connections = 0;
  TestServer server(echo, limits);
  const auto port = server.listen();
  RawConnection first(port);
  std::optional<RawConnection> second(std::in_place, port);
  ASSERT_TRUE(eventually([&] { return server.server().open_connections() == 2; }));
  RawConnection third(port);
  EXPECT_EQ(third.rest(), "");
  first.send(post("a"));
  EXPECT_EQ(first.answer()->status, 200U);
  second.reset();
  ASSERT_TRUE(eventually([&] { return server.server().open_connections() == 1; }));
  RawConnection fourth(port);
  fourth.send(post("a"));
  EXPECT_EQ(fourth.answer()->status, 200U);
}

TEST(ServerLimit, ConnectionsOfOneShareLeaveTheOthersToOthers) {
  std::atomic<std::uint64_t> comes = 1;
  ServerLimits limits;
  limits.share_of = [&](const std::string&, const LocalPeer*) { return ConnectionShare{comes, 1}; };
  TestServer server(echo, limits);
  const auto port = server.listen();
  std::optional<RawConnection> first(std::in_place, port);
  ASSERT_TRUE(eventually([&] { return server.server().open_connections() == 1; }));
  RawConnection second(port);
  second.send(post("a"));
  EXPECT_EQ(second.answer()->status, 503U);
  // A few are told so; the next are closed at once, however many come.
  std::vector<std::unique_ptr<RawConnection>> more;
  for (int i = 0; i < 20; ++i) more.push_back(std::make_unique<RawConnection>(port));
  EXPECT_EQ(more.back()->rest(), "");
  EXPECT_LE(server.server().open_connections(), 5U);
  comes = 2;
  RawConnection another(port);
  another.send(post("a"));
  EXPECT_EQ(another.answer()->status, 200U);
  EXPECT_EQ(server.reports(), std::vector<std::string>{"http_connections_turned_away"});
  comes = 1;
  first.reset();
  more.clear();
  ASSERT_TRUE(eventually([&] {
    RawConnection again(port);
    again.send(post("a"));
    const auto answer = again.answer();
    return answer && answer->status == 200U;
  }));
}

TEST(ServerLimit, WithoutDescriptorsAcceptingPausesAndGoesOn) {
  TestServer server;
  const auto port = server.listen();
  // Connected by the kernel, taken by nobody yet: the socket is the last descriptor there is.
  std::optional<NoDescriptors> none;
  UniqueFd spare(dup(0));
  none.emplace();
  spare = UniqueFd();
  RawConnection connection(port);
  connection.send(post("a"));
  EXPECT_TRUE(eventually([&] { return !server.reports().empty(); }));
  const auto reports = server.reports();
  EXPECT_EQ(reports, std::vector<std::string>{"http_accept_failed"})
      << "it is said once in a while";
  none.reset();
  EXPECT_EQ(connection.answer()->status, 200U);
}

}  // namespace
}  // namespace mintmark::http
