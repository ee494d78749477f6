#include <gtest/gtest.h>

#include <future>

#include "http_fixture.h"

namespace mintmark::http {
namespace {

const std::string request = "GET /p HTTP/1.1\r\nHost: a\r\n\r\n";

/// stop() with a future that is ready when drained.
std::future<void> stop(TestServer& server) {
  auto promise = std::make_shared<std::promise<void>>();
  auto drained = promise->get_future();
  server.server().stop([promise] { promise->set_value(); });
  return drained;
}

bool is_ready(std::future<void>& drained, std::chrono::milliseconds within) {
  return drained.wait_for(within) == std::future_status::ready;
}
constexpr std::chrono::milliseconds long_enough{5000};

TEST(ServerStop, TakesNoNewConnection) {
  TestServer server;
  const auto port = server.listen();
  auto drained = stop(server);
  ASSERT_TRUE(is_ready(drained, long_enough));
  EXPECT_TRUE(eventually([&] {
    try {
      RawConnection connection(port);
      return false;
    } catch (const std::exception&) {
      return true;
    }
  }));
}

TEST(ServerStop, ClosesIdleConnectionsAndTakesNoNewRequest) {
  TestServer server;
  RawConnection connection(server.listen());
  connection.send(request);
  EXPECT_EQ(connection.answer()->status, 200U);
  auto drained = stop(server);
  EXPECT_TRUE(is_ready(drained, long_enough));
  EXPECT_EQ(connection.rest(), "");
}

TEST(ServerStop, AnswersWhatIsUnderWayThenDrains) {
  Held held;
  TestServer server([&](const Request& /*request*/, Respond respond) { held.take(respond); });
  RawConnection connection(server.listen());
  connection.send(request);
  ASSERT_TRUE(held.wait_for(1));
  auto drained = stop(server);
  EXPECT_FALSE(is_ready(drained, std::chrono::milliseconds{50}));
  held.release(json_response(200, "late"));
  const auto answer = connection.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "late");
  EXPECT_TRUE(answer->has("Connection: close\r\n"));
  EXPECT_TRUE(is_ready(drained, long_enough));
}

TEST(ServerStop, AnswersARequestThatHasBegun) {
  TestServer server;
  RawConnection connection(server.listen());
  connection.send(request + "GET /p HT");
  EXPECT_EQ(connection.answer()->status, 200U);
  auto drained = stop(server);
  connection.send("TP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = connection.answer();
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->has("Connection: close\r\n"));
  EXPECT_TRUE(is_ready(drained, long_enough));
}

TEST(ServerStop, DrainsAtOnceWhereNothingIsOpen) {
  TestServer server;
  server.listen();
  auto drained = stop(server);
  EXPECT_TRUE(is_ready(drained, long_enough));
  server.server().stop([] { ADD_FAILURE() << "drained twice"; });
}

TEST(ServerStop, UnderLoadLosesNoAnswerThatWasPromised) {
  TestServer server;
  const auto port = server.listen();
  std::atomic<int> cut{0};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([&] {
      RawConnection connection(port);
      for (;;) {
        if (!connection.send(request)) return;
        std::optional<RawAnswer> answer;
        try {
          answer = connection.answer();
        } catch (const std::exception&) {
          ++cut;  // Reset: our request crossed the close of an idle connection.
        }
        if (!answer) return;
        ++answered;
        if (answer->has("Connection: close\r\n")) return;
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return answered > 200; }));
  auto drained = stop(server);
  for (auto& client : clients) client.join();
  EXPECT_TRUE(is_ready(drained, long_enough));
  EXPECT_LE(cut, 4);
}

}  // namespace
}  // namespace mintmark::http
