// Answers that go on: the server's writing, its limits and its end, over plain sockets.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "stream_fixture.h"

namespace mintmark::http {
namespace {

using std::chrono::milliseconds;
using Written = BodyWriter::Written;

const std::string request = "GET /p HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(ServerStream, SendsEachPartAsItComesAndEndsInOrder) {
  StreamServer given;
  RawConnection connection(given.server.listen());
  connection.send(request);
  const auto head = connection.answer();
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->has("Transfer-Encoding: chunked\r\n"));
  EXPECT_TRUE(head->has("Connection: close\r\n"));
  EXPECT_FALSE(head->has("Content-Length"));
  const auto writer = given.streams.next();
  EXPECT_EQ(writer->write(part("a")), Written::taken);
  EXPECT_EQ(connection.until("a\r\n"), "1\r\na\r\n");
  EXPECT_EQ(writer->write(part("")), Written::taken);
  EXPECT_TRUE(connection.is_quiet());
  EXPECT_EQ(writer->write(part(std::string(17, 'b'))), Written::taken);
  EXPECT_EQ(connection.until("b\r\n"), "11\r\n" + std::string(17, 'b') + "\r\n");
  writer->end();
  EXPECT_EQ(connection.rest(), "0\r\n\r\n");
  EXPECT_EQ(writer->write(part("late")), Written::gone);
}

TEST(ServerStream, SendsWhatWasWrittenBeforeItsEnd) {
  StreamServer given;
  RawConnection connection(given.server.listen());
  connection.send(request);
  const auto writer = given.streams.next();
  EXPECT_EQ(writer->write(part("all")), Written::taken);
  writer->end();
  writer->end();
  (void)connection.answer();
  EXPECT_EQ(connection.rest(), "3\r\nall\r\n0\r\n\r\n");
}

TEST(ServerStream, EndsWhereItsWriterIsDropped) {
  StreamServer given;
  RawConnection connection(given.server.listen());
  connection.send(request);
  given.streams.next().reset();
  (void)connection.answer();
  EXPECT_EQ(connection.rest(), "0\r\n\r\n");
}

TEST(ServerStream, GoesToHttp10AsItIsUntilTheClose) {
  StreamServer given;
  RawConnection connection(given.server.listen());
  connection.send("GET /p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto writer = given.streams.next();
  EXPECT_EQ(writer->write(part("as it is")), Written::taken);
  const auto head = connection.answer();
  ASSERT_TRUE(head);
  EXPECT_FALSE(head->has("Transfer-Encoding"));
  EXPECT_TRUE(head->has("Connection: close\r\n"));
  EXPECT_EQ(connection.until("it is"), "as it is");
  writer->end();
  EXPECT_EQ(connection.rest(), "");
}

TEST(ServerStream, DoesNotBeginForHead) {
  StreamServer given;
  RawConnection connection(given.server.listen());
  connection.send("HEAD /p HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto head = connection.answer(true);
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->has("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(connection.rest(), "");
  EXPECT_TRUE(given.streams.none_began());
}

TEST(ServerStream, IsOneAnswerToWhoeverCounts) {
  StreamServer given;
  RawConnection connection(given.server.listen());
  connection.send(request);
  const auto writer = given.streams.next();
  EXPECT_EQ(writer->write(part("a")), Written::taken);
  (void)connection.until("a\r\n");
  EXPECT_EQ(given.server.answers_seen().size(), 1U);
  writer->end();
  (void)connection.rest();
  ASSERT_EQ(given.server.answers_seen().size(), 1U);
  EXPECT_EQ(given.server.answers_seen()[0].status, 200U);
}

TEST(ServerStream, NoticesAClientThatClosedWhileNothingIsWritten) {
  StreamServer given;
  const auto port = given.server.listen();
  std::shared_ptr<BodyWriter> writer;
  {
    RawConnection connection(port);
    connection.send(request);
    writer = given.streams.next();
    EXPECT_EQ(given.server.server().open_connections(), 1U);
  }
  EXPECT_TRUE(eventually([&] { return given.server.server().open_connections() == 0; }));
  EXPECT_EQ(writer->write(part("a")), Written::gone);
}

TEST(ServerStream, TakesNoMoreThanMayWait) {
  ServerLimits limits;
  limits.stream_octets = 64U << 10U;
  StreamServer given(limits);
  RawConnection connection(given.server.listen());
  connection.send(request);
  const auto writer = given.streams.next();
  EXPECT_EQ(writer->write(part(std::string((64U << 10U) + 1, 'x'))), Written::full);
  EXPECT_EQ(fill(*writer), Written::full);
  // Who reads again is written to again.
  auto reading = std::async(std::launch::async, [&] { return connection.until("end").size(); });
  EXPECT_TRUE(eventually([&] { return writer->write(part("end")) == Written::taken; }));
  EXPECT_GT(reading.get(), 64U << 10U);
}

TEST(ServerStream, EndsByTheWriteTimeWhereTheClientStalls) {
  ServerLimits limits;
  limits.write_time = milliseconds{100};
  StreamServer given(limits);
  RawConnection connection(given.server.listen());
  connection.send(request);
  const auto writer = given.streams.next();
  (void)fill(*writer);
  EXPECT_TRUE(eventually([&] { return given.server.server().open_connections() == 0; }));
  EXPECT_EQ(writer->write(part("a")), Written::gone);
}

TEST(ServerStream, OutlivesEveryOtherTimeOutWhileItIsQuiet) {
  ServerLimits limits;
  limits.header_time = limits.body_time = limits.idle = limits.write_time = milliseconds{20};
  StreamServer given(limits);
  RawConnection connection(given.server.listen());
  connection.send(request);
  const auto writer = given.streams.next();
  (void)connection.answer();
  EXPECT_TRUE(connection.is_quiet());
  EXPECT_EQ(writer->write(part("a")), Written::taken);
  EXPECT_EQ(connection.until("a\r\n"), "1\r\na\r\n");
  EXPECT_TRUE(connection.is_quiet());
  EXPECT_EQ(writer->write(part("b")), Written::taken);
  EXPECT_EQ(connection.until("b\r\n"), "1\r\nb\r\n");
}

TEST(ServerStream, ClosesOnAClientThatGoesOnTalking) {
  StreamServer given;
  RawConnection connection(given.server.listen());
  connection.send(request + request);
  const auto writer = given.streams.next();
  (void)connection.answer();
  EXPECT_TRUE(connection.is_quiet());  // The second request is nobody's.
  EXPECT_TRUE(given.streams.none_began());
  const std::string noise(16U << 10U, 'n');
  for (int i = 0; i < 1000 && connection.send(noise); ++i) {
  }
  EXPECT_TRUE(eventually([&] { return given.server.server().open_connections() == 0; }));
  EXPECT_EQ(writer->write(part("a")), Written::gone);
}

TEST(ServerStream, ThatCannotBeginIsClosedAndReported) {
  TestServer server([](const Request& /*request*/, const Respond& respond) {
    Response response;
    response.stream = [](const std::shared_ptr<BodyWriter>& /*writer*/) {
      throw std::runtime_error("broken");
    };
    respond(std::move(response));
  });
  RawConnection connection(server.listen());
  connection.send(request);
  (void)connection.answer();
  EXPECT_EQ(connection.rest(), "");
  EXPECT_EQ(server.reports(), std::vector<std::string>{"http_handler_threw"});
}

TEST(ServerStream, LosesNothingOfWhatManyThreadsWrite) {
  StreamServer given;
  RawConnection connection(given.server.listen());
  connection.send("GET /p HTTP/1.0\r\n\r\n");
  const auto writer = given.streams.next();
  std::vector<std::thread> threads;
  for (char letter = 'a'; letter < 'e'; ++letter) {
    threads.emplace_back([&writer, letter] {
      for (int i = 0; i < 1000; ++i) EXPECT_EQ(writer->write(part({letter})), Written::taken);
    });
  }
  for (auto& thread : threads) thread.join();
  writer->end();
  (void)connection.answer();
  const std::string all = connection.rest();
  for (char letter = 'a'; letter < 'e'; ++letter)
    EXPECT_EQ(std::count(all.begin(), all.end(), letter), 1000);
}

/// stop() until drained.
bool drains(TestServer& server) {
  auto promise = std::make_shared<std::promise<void>>();
  auto drained = promise->get_future();
  server.server().stop([promise] { promise->set_value(); });
  return drained.wait_for(longest) == std::future_status::ready;
}

TEST(ServerStream, EndsWhenTheServerStops) {
  StreamServer given;
  RawConnection connection(given.server.listen());
  connection.send(request);
  const auto writer = given.streams.next();
  EXPECT_EQ(writer->write(part("a")), Written::taken);
  (void)connection.until("\na\r\n");
  EXPECT_TRUE(drains(given.server));
  EXPECT_EQ(connection.rest(), "0\r\n\r\n");
  EXPECT_EQ(writer->write(part("a")), Written::gone);
}

TEST(ServerStream, ThatStallsDoesNotHoldUpAServerThatStops) {
  ServerLimits limits;
  limits.write_time = std::chrono::minutes{1};
  StreamServer given(limits);
  RawConnection connection(given.server.listen());
  connection.send(request);
  const auto writer = given.streams.next();
  EXPECT_EQ(fill(*writer), Written::full);
  EXPECT_TRUE(drains(given.server));
  EXPECT_EQ(writer->write(part("a")), Written::gone);
}

}  // namespace
}  // namespace mintmark::http
