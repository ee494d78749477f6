// Answers that go on: the server's writing, its limits and its end, over plain sockets and TLS; and
// the client that reads them while they come about.
#include <gtest/gtest.h>

#include <future>

#include "http/client_stream.h"
#include "http_fixture.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::http {
namespace {

using std::chrono::milliseconds;
using Written = BodyWriter::Written;

constexpr std::chrono::seconds longest{5};
const std::string request = "GET /p HTTP/1.1\r\nHost: a\r\n\r\n";

Deadline soon() { return Deadline::in(longest); }

std::shared_ptr<const std::string> part(const std::string& text) {
  return std::make_shared<const std::string>(text);
}

/// Answers each request with one that goes on, and keeps its writer.
class Streams {
 public:
  [[nodiscard]] Handler handler() {
    return [this](const Request& /*request*/, const Respond& respond) {
      Response response;
      response.headers.set("Content-Type", "text/plain");
      response.stream = [this](std::shared_ptr<BodyWriter> writer) {
        const std::lock_guard lock(mutex_);
        writers_.push_back(std::move(writer));
        came_.notify_all();
      };
      respond(std::move(response));
    };
  }
  /// The next one; throws where none comes.
  [[nodiscard]] std::shared_ptr<BodyWriter> next() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, longest, [&] { return !writers_.empty(); }))
      throw std::runtime_error("no stream began");
    auto writer = std::move(writers_.front());
    writers_.erase(writers_.begin());
    return writer;
  }
  [[nodiscard]] bool none_began() {
    const std::lock_guard lock(mutex_);
    return writers_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::shared_ptr<BodyWriter>> writers_;
};

/// A server whose answers go on.
struct StreamServer {
  explicit StreamServer(const ServerLimits& limits = {}) : server(streams.handler(), limits) {}
  Streams streams;
  TestServer server;
};

/// Writes until no more is taken: what the sockets hold is the kernel's affair.
Written fill(BodyWriter& writer) {
  const auto block = part(std::string(32U << 10U, 'x'));
  Written written = Written::taken;
  const Deadline deadline = soon();
  // The connection empties its queue into the socket until that is full too.
  for (int full = 0; full < 50 && !deadline.passed();) {
    written = writer.write(block);
    if (written == Written::gone) return written;
    full = written == Written::full ? full + 1 : 0;
    if (full > 0) std::this_thread::sleep_for(milliseconds{1});
  }
  return written;
}

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
  (void)connection.until("a\r\n");
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

// ---- the client ----

/// What a call brought.
struct Heard {
  unsigned status = 0;
  std::string body;
};

class StreamClient : public testing::Test {
 protected:
  StreamClient() {
    const auto issued = ca_.issue({});
    auto tls = TlsServerContext::from_pem(issued.certificate_pem, issued.key_pem);
    EXPECT_TRUE(tls) << tls.error().to_string();
    url_ = "https://localhost:" + std::to_string(given_.server.listen(*tls)) + "/p";
  }

  [[nodiscard]] StreamedCall call() {
    return {.url = url_,
            .head_by = soon(),
            .silence = longest,
            .head =
                [this](const Response& head) {
                  heard_.status = head.status;
                  return true;
                },
            .part =
                [this](std::string_view text) {
                  heard_.body += text;
                  return true;
                },
            .interruption = &interruption_};
  }
  [[nodiscard]] Result<StreamEnd> make(const StreamedCall& call) {
    return stream({.ca_file = ca_file_}, call);
  }
  [[nodiscard]] std::future<Result<StreamEnd>> begin(StreamedCall call) {
    return std::async(std::launch::async, [this, call = std::move(call)] { return make(call); });
  }

  test::TestCa ca_;
  test::TemporaryDirectory directory_;
  std::string ca_file_ = directory_.write("ca.pem", ca_.certificate_pem());
  Interruption interruption_;
  StreamServer given_;
  std::string url_;
  Heard heard_;
};

TEST_F(StreamClient, HearsEachPartBeforeTheNextIsWritten) {
  std::promise<void> first;
  StreamedCall asked = call();
  asked.part = [&](std::string_view text) {
    heard_.body += text;
    if (heard_.body == "first") first.set_value();
    return true;
  };
  auto ended = begin(asked);
  const auto writer = given_.streams.next();
  EXPECT_EQ(writer->write(part("first")), Written::taken);
  ASSERT_EQ(first.get_future().wait_for(longest), std::future_status::ready);
  EXPECT_EQ(writer->write(part("second")), Written::taken);
  writer->end();
  const auto end = ended.get();
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_EQ(*end, StreamEnd::by_server);
  EXPECT_EQ(heard_.status, 200U);
  EXPECT_EQ(heard_.body, "firstsecond");
}

TEST_F(StreamClient, IsLetGoByTheServerWhenItHasHeardEnough) {
  StreamedCall asked = call();
  asked.part = [](std::string_view) { return false; };
  auto ended = begin(asked);
  const auto writer = given_.streams.next();
  EXPECT_EQ(writer->write(part("first")), Written::taken);
  EXPECT_EQ(ended.get(), StreamEnd::by_caller);
  EXPECT_TRUE(eventually([&] { return writer->write(part("more")) == Written::gone; }));
}

TEST_F(StreamClient, ReadsNoBodyThatItsHeadSpeaksAgainst) {
  StreamedCall asked = call();
  asked.head = [](const Response& head) { return head.status != 200; };
  auto ended = begin(asked);
  const auto writer = given_.streams.next();
  EXPECT_EQ(ended.get(), StreamEnd::by_caller);
  EXPECT_EQ(heard_.body, "");
}

TEST_F(StreamClient, EndsWhereTheSilenceIsTooLong) {
  StreamedCall asked = call();
  asked.silence = milliseconds{50};
  auto ended = begin(asked);
  const auto writer = given_.streams.next();
  const auto end = ended.get();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::deadline_passed);
}

TEST_F(StreamClient, EndsWhenAnotherThreadSaysSo) {
  auto ended = begin(call());
  const auto writer = given_.streams.next();
  interruption_.raise();
  EXPECT_EQ(ended.get(), StreamEnd::interrupted);
}

TEST_F(StreamClient, EndsInTheMiddleOfADinWhenAnotherThreadSaysSo) {
  StreamedCall asked = call();
  asked.part = [this](std::string_view) {
    interruption_.raise();
    return true;
  };
  auto ended = begin(asked);
  const auto writer = given_.streams.next();
  while (writer->write(part("more")) != Written::gone) {
  }
  EXPECT_EQ(ended.get(), StreamEnd::interrupted);
}

TEST_F(StreamClient, EndsWhileAServerSaysNothingInTheHandshake) {
  const auto silent = listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(silent);
  url_ = "https://localhost:" + std::to_string(port_of(*silent)) + "/p";
  auto ended = begin(call());
  interruption_.raise();
  EXPECT_EQ(ended.get(), StreamEnd::interrupted);
}

TEST_F(StreamClient, RefusesAServerThatAnotherCaKnows) {
  directory_.write("ca.pem", test::TestCa("Other CA").certificate_pem());
  const auto end = make(call());
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::tls_failed);
  EXPECT_TRUE(given_.streams.none_began());
}

TEST_F(StreamClient, RefusesToAskWithoutTls) {
  url_ = "http://localhost/p";
  const auto end = make(call());
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::http_malformed);
}

TEST_F(StreamClient, RefusesAChunkBeyondItsLimit) {
  StreamedCall asked = call();
  asked.part_octets = 8;
  auto ended = begin(asked);
  const auto writer = given_.streams.next();
  EXPECT_EQ(writer->write(part("123456789")), Written::taken);
  const auto end = ended.get();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::http_answer_too_large);
  EXPECT_EQ(heard_.body, "");
}

TEST_F(StreamClient, TakesMoreInAllThanAtOnce) {
  StreamedCall asked = call();
  asked.part_octets = 8;
  std::atomic<std::size_t> octets{0};
  asked.part = [&](std::string_view text) {
    octets += text.size();
    return true;
  };
  auto ended = begin(asked);
  const auto writer = given_.streams.next();
  for (std::size_t i = 1; i <= 100; ++i) {
    EXPECT_EQ(writer->write(part("1234")), Written::taken);
    // Those that wait together are one chunk, as long as all of them.
    ASSERT_TRUE(eventually([&] { return octets == 4 * i; }));
  }
  writer->end();
  EXPECT_EQ(ended.get(), StreamEnd::by_server);
}

TEST_F(StreamClient, TellsAnAnswerThatWasCut) {
  auto ended = begin(call());
  const auto writer = given_.streams.next();
  given_.server.server().stop([] {});  // In order: the last chunk comes.
  EXPECT_EQ(ended.get(), StreamEnd::by_server);
  ServerLimits limits;
  limits.write_time = milliseconds{50};
  StreamServer stalling(limits);
  test::TemporaryDirectory directory;
  stalling.server.listen_unix_at(directory.path() / "s");
  StreamedCall asked = call();
  asked.url = "http://a/p";
  std::promise<void> cut;
  asked.part = [&, waited = false](std::string_view) mutable {
    if (!std::exchange(waited, true)) cut.get_future().wait();
    return true;
  };
  auto broken = std::async(std::launch::async,
                           [&] { return stream({.unix_socket = directory.path() / "s"}, asked); });
  const auto second = stalling.streams.next();
  (void)fill(*second);
  EXPECT_TRUE(eventually([&] { return second->write(part("a")) == Written::gone; }));
  cut.set_value();
  const auto end = broken.get();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::connect_failed);
}

}  // namespace
}  // namespace mintmark::http
