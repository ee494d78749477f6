// Whose connection is closed where there are as many as may be.
#include <gtest/gtest.h>

#include "http/client.h"
#include "http/session.h"
#include "no_descriptors.h"
#include "stream_fixture.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::http {
namespace {

constexpr const char* question = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

ServerLimits room_for(std::size_t connections, GivesWay who = GivesWay::who_is_idle) {
  ServerLimits limits;
  limits.connections = connections;
  limits.gives_way = who;
  return limits;
}

bool await_open(TestServer& server, std::size_t count) {
  return eventually([&] { return server.server().open_connections() == count; });
}
unsigned status_of(RawConnection& connection) {
  connection.send(question);
  const auto answer = connection.answer();
  return answer ? answer->status : 0;
}

/// What was sent and not read makes a close a reset.
bool was_closed(RawConnection& connection) {
  try {
    return connection.rest().empty();
  } catch (const std::runtime_error& problem) {
    return std::string_view(problem.what()).starts_with("reset");
  }
}

TEST(GivingWay, WhoHasWaitedLongestIsClosedForANewOne) {
  TestServer server(echo, room_for(2));
  const auto port = server.listen();
  RawConnection first(port);
  ASSERT_TRUE(await_open(server, 1));
  RawConnection second(port);
  ASSERT_TRUE(await_open(server, 2));
  RawConnection third(port);
  EXPECT_EQ(status_of(third), 200U);
  EXPECT_EQ(first.rest(), "");
  EXPECT_EQ(status_of(second), 200U);
  EXPECT_EQ(server.server().connections_that_gave_way(), 1U);
  EXPECT_EQ(server.server().connections_turned_away(), 0U);
}

TEST(GivingWay, WhoNeverAskedGoesBeforeOneThatAskedEarlier) {
  TestServer server(echo, room_for(2));
  const auto port = server.listen();
  RawConnection kept(port);
  EXPECT_EQ(status_of(kept), 200U);
  RawConnection silent(port);
  ASSERT_TRUE(await_open(server, 2));
  RawConnection third(port);
  EXPECT_EQ(status_of(third), 200U);
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(status_of(kept), 200U);
}

TEST(GivingWay, KeptOnesGoTooWhereNobodyElseIs) {
  TestServer server(echo, room_for(1));
  const auto port = server.listen();
  RawConnection kept(port);
  EXPECT_EQ(status_of(kept), 200U);
  // It waits again a moment after its answer has come.
  EXPECT_TRUE(eventually([&] {
    RawConnection second(port);
    return status_of(second) == 200U;
  }));
  EXPECT_EQ(kept.rest(), "");
}

TEST(GivingWay, KeptOnesStayWhereOnlyThoseGoWhoNeverAsked) {
  TestServer server(echo, room_for(1, GivesWay::who_never_asked));
  const auto port = server.listen();
  RawConnection kept(port);
  EXPECT_EQ(status_of(kept), 200U);
  RawConnection second(port);
  EXPECT_EQ(status_of(second), 503U);
  EXPECT_EQ(status_of(kept), 200U);
  EXPECT_EQ(server.server().connections_that_gave_way(), 0U);
}

TEST(GivingWay, NobodyGoesUnlessItIsSaid) {
  TestServer server(echo, room_for(1, GivesWay::nobody));
  const auto port = server.listen();
  RawConnection first(port);
  ASSERT_TRUE(await_open(server, 1));
  RawConnection second(port);
  EXPECT_EQ(status_of(second), 503U);
  EXPECT_EQ(status_of(first), 200U);
}

TEST(GivingWay, SlowHeadsAndSlowBodiesGo) {
  for (const char* begun :
       {"GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na"}) {
    TestServer server(echo, room_for(1));
    const auto port = server.listen();
    RawConnection slow(port);
    slow.send(begun);
    ASSERT_TRUE(await_open(server, 1));
    RawConnection second(port);
    EXPECT_EQ(status_of(second), 200U) << begun;
    EXPECT_TRUE(was_closed(slow)) << begun;
  }
}

TEST(GivingWay, WhoHasItsLastAnswerAndDoesNotCloseGoes) {
  for (const char* last : {"?\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
                           "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}) {
    ServerLimits limits = room_for(1, GivesWay::who_never_asked);
    limits.linger = std::chrono::minutes(1);
    TestServer server(echo, limits);
    const auto port = server.listen();
    RawConnection answered(port);
    answered.send(last);
    ASSERT_TRUE(answered.answer()) << last;
    EXPECT_EQ(answered.rest(), "") << last;
    RawConnection next(port);
    EXPECT_EQ(status_of(next), 200U) << last;
  }
}

TEST(GivingWay, WhoHasItsLastAnswerGoesBeforeOneThatWaitsLonger) {
  ServerLimits limits = room_for(2);
  limits.linger = std::chrono::minutes(1);
  TestServer server(echo, limits);
  const auto port = server.listen();
  RawConnection idle(port);
  ASSERT_TRUE(await_open(server, 1));
  RawConnection answered(port);
  answered.send("?\r\n\r\n");
  ASSERT_TRUE(answered.answer());
  EXPECT_EQ(answered.rest(), "");
  RawConnection next(port);
  EXPECT_EQ(status_of(next), 200U);
  EXPECT_EQ(status_of(idle), 200U);
}

// One that is read on stands so anew each time that its client has read.
TEST(GivingWay, WhoReadsItsAnswerOnStaysForAWhile) {
  using Standing = Session::Standing;
  const auto now = Session::clock::now();
  const Standing reads = Standing::unread(now);
  const auto patience = Standing::patience_with_readers;
  EXPECT_FALSE(reads.may_give_way(GivesWay::who_is_idle, now));
  EXPECT_FALSE(
      reads.may_give_way(GivesWay::who_is_idle, now + patience - std::chrono::nanoseconds(1)));
  EXPECT_TRUE(reads.may_give_way(GivesWay::who_is_idle, now + patience));
  EXPECT_TRUE(reads < Standing::waiting(true, now)) << "before who is idle";
}

TEST(GivingWay, WhoDoesNotReadItsAnswerGoes) {
  ServerLimits limits = room_for(1);
  limits.write_time = std::chrono::minutes(1);
  std::atomic<bool> asked = false;
  TestServer server(
      [&](const Request& request, const Respond& respond) {
        const std::size_t octets = request.path == "/long" ? 32U << 20U : 1U;
        asked = true;
        respond(json_response(200, std::string(octets, 'x')));
      },
      limits);
  const auto port = server.listen();
  RawConnection asking(port);
  asking.send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return asked.load(); }));
  EXPECT_TRUE(eventually([&] {
    RawConnection next(port);
    return status_of(next) == 200U;
  }));
  EXPECT_LT(asking.rest().size(), 32U << 20U);
}

TEST(GivingWay, WhoseRequestIsBeingAnsweredStays) {
  Held held;
  TestServer server([&](const Request& /*request*/, Respond respond) { held.take(respond); },
                    room_for(1));
  const auto port = server.listen();
  RawConnection asking(port);
  asking.send(question);
  ASSERT_TRUE(held.wait_for(1));
  RawConnection second(port);
  EXPECT_EQ(status_of(second), 503U);
  held.release(json_response(200, "late"));
  EXPECT_EQ(asking.answer()->body, "late");
}

TEST(GivingWay, AnAnswerThatGoesOnStays) {
  StreamServer one(room_for(1));
  const auto port = one.server.listen();
  RawConnection listening(port);
  listening.send(question);
  const auto writer = one.streams.next();
  RawConnection second(port);
  EXPECT_EQ(status_of(second), 503U);
  EXPECT_EQ(writer->write(part("news")), BodyWriter::Written::taken);
  EXPECT_NE(listening.until("news"), "");
}

TEST(GivingWay, HandshakesThatDoNotEndGo) {
  test::TestCa ca;
  test::TemporaryDirectory directory;
  const auto issued = ca.issue();
  const auto tls = TlsServerContext::from_pem(issued.certificate_pem, issued.key_pem);
  ASSERT_TRUE(tls);
  TestServer server(echo, room_for(2));
  const auto port = server.listen(*tls);
  RawConnection silent(port);
  RawConnection halfway(port);
  halfway.send("\x16\x03\x01\x02");
  ASSERT_TRUE(await_open(server, 2));
  const auto ca_file = directory.write("ca.pem", ca.certificate_pem());
  std::vector<Client> clients;
  for (int i = 0; i < 2; ++i) {
    const auto answer =
        clients.emplace_back(ClientOptions{.ca_file = ca_file})
            .send("GET", "https://localhost:" + std::to_string(port) + "/", {}, "", soon());
    ASSERT_TRUE(answer) << answer.error().to_string();
    EXPECT_EQ(answer->status, 200U);
  }
  EXPECT_TRUE(was_closed(silent));
  EXPECT_TRUE(was_closed(halfway));
}

TEST(GivingWay, WhereAShareIsFullItsOwnGo) {
  std::atomic<std::uint64_t> comes = 1;
  ServerLimits limits = room_for(100);
  limits.share_of = [&](const std::string& peer, const LocalPeer* local) {
    EXPECT_TRUE(peer.starts_with("127.0.0.1:")) << peer;
    EXPECT_EQ(local, nullptr);
    return ConnectionShare{comes, 1};
  };
  TestServer server(echo, limits);
  const auto port = server.listen();
  RawConnection anothers(port);
  ASSERT_TRUE(await_open(server, 1));
  comes = 2;
  RawConnection own(port);
  ASSERT_TRUE(await_open(server, 2));
  RawConnection next(port);
  EXPECT_EQ(status_of(next), 200U);
  EXPECT_EQ(own.rest(), "");
  EXPECT_EQ(status_of(anothers), 200U);
}

TEST(GivingWay, OfAFloodOfIdleOnesNoMoreStayThanMayAndEachWhoAsksIsAnswered) {
  TestServer server(echo, room_for(100));
  const auto port = server.listen();
  std::vector<std::unique_ptr<RawConnection>> idle;
  for (int i = 0; i < 300; ++i) {
    idle.push_back(std::make_unique<RawConnection>(port));
    if (i % 50 != 0) continue;
    RawConnection honest(port);
    EXPECT_EQ(status_of(honest), 200U);
  }
  EXPECT_TRUE(eventually([&] { return server.server().connections_that_gave_way() >= 200U; }));
  EXPECT_LE(server.server().open_connections(), 100U);
  EXPECT_EQ(server.server().connections_turned_away(), 0U);
  EXPECT_TRUE(server.reports().empty());
}

TEST(GivingWay, WhereDescriptorsRunOutIdleOnesGo) {
  TestServer server(echo, room_for(100));
  const auto port = server.listen();
  RawConnection idle(port);
  ASSERT_TRUE(await_open(server, 1));
  std::optional<NoDescriptors> none;
  UniqueFd spare(dup(0));
  none.emplace();
  spare = UniqueFd();
  RawConnection connection(port);
  EXPECT_EQ(status_of(connection), 200U);
  EXPECT_EQ(idle.rest(), "");
  EXPECT_EQ(server.reports(), std::vector<std::string>{"http_accept_failed"});
}

}  // namespace
}  // namespace mintmark::http
