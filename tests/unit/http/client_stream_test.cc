// The client that reads answers while they come about, over TLS and plain sockets.
#include "http/client_stream.h"

#include <gtest/gtest.h>

#include <future>

#include "stream_fixture.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::http {
namespace {

using std::chrono::milliseconds;
using Written = BodyWriter::Written;

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

TEST_F(StreamClient, TakesAnAnswerOfAKnownLengthThatIsLongerThanAPart) {
  TestServer server([](const Request& /*request*/, const Respond& respond) {
    Response response;
    response.body.assign(2U << 20U, 'x');
    respond(std::move(response));
  });
  test::TemporaryDirectory directory;
  server.listen_unix_at(directory.path() / "s");
  StreamedCall asked = call();
  asked.url = "http://a/p";
  const auto end = stream({.unix_socket = directory.path() / "s"}, asked);
  ASSERT_TRUE(end) << end.error().to_string();
  EXPECT_EQ(*end, StreamEnd::by_server);
  EXPECT_EQ(heard_.body, std::string(2U << 20U, 'x'));
}

}  // namespace
}  // namespace mintmark::http
