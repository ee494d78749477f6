// The client against servers that break the rules, cut, or close what was kept.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "http/client.h"
#include "http/dial.h"
#include "http_fixture.h"
#include "support/temporary_directory.h"

namespace mintmark::http {
namespace {

Deadline soon() { return Deadline::in(std::chrono::seconds{5}); }

/// Takes connections one after another and gives each its script: an entry is written when a
/// request's head has come
/// ("" answers nothing and closes); at the script's end the connection is closed.
class ScriptedServer {
 public:
  using Script = std::vector<std::string>;

  explicit ScriptedServer(std::vector<Script> connections) : scripts_(std::move(connections)) {
    auto socket = listen_unix(path(), 0600);
    if (!socket) throw std::runtime_error(socket.error().to_string());
    listening_ = *std::move(socket);
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedServer() { thread_.join(); }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string path() const { return directory_.path() / "s"; }
  [[nodiscard]] int requests() const { return requests_; }
  /// Connections that were played to their end.
  [[nodiscard]] int closed() const { return closed_; }

 private:
  void serve() {
    for (const auto& script : scripts_) {
      if (!wait_for(listening_.get(), POLLIN, soon())) return;
      {
        const UniqueFd socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        play(socket.get(), script);
      }
      ++closed_;
    }
  }
  void play(int socket, const Script& script) {
    for (const auto& answer : script) {
      if (!receive_head(socket)) return;
      ++requests_;
      if (answer.empty()) return;
      (void)::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }
  static bool receive_head(int socket) {
    std::string text;
    while (text.find("\r\n\r\n") == std::string::npos) {
      std::array<char, 4096> octets{};
      if (!wait_for(socket, POLLIN, soon())) return false;
      const auto count = ::recv(socket, octets.data(), octets.size(), 0);
      if (count <= 0) return false;
      text.append(octets.data(), static_cast<std::size_t>(count));
    }
    return true;
  }

  test::TemporaryDirectory directory_;
  std::vector<Script> scripts_;
  UniqueFd listening_;
  std::atomic<int> requests_{0};
  std::atomic<int> closed_{0};
  std::thread thread_;
};

Result<Response> ask(const ScriptedServer& server, const std::string& method = "GET") {
  Client client({.unix_socket = server.path(), .answer_octets = 1000});
  return client.send(method, "http://a/", {}, "", soon());
}

const std::string good = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

TEST(Client, RefusesAnswersThatAreNoHttp) {
  for (const auto* answer :
       {"nonsense\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA b\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}) {
    const ScriptedServer server({{answer}});
    const auto response = ask(server);
    ASSERT_FALSE(response) << answer;
    EXPECT_EQ(response.error().code, Code::http_answer_malformed) << answer;
  }
}

TEST(Client, RefusesAnswersThatAreCut) {
  for (const auto* answer : {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ncut",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ncut\r\n"}) {
    const ScriptedServer server({{answer}});
    const auto response = ask(server);
    ASSERT_FALSE(response) << answer;
    EXPECT_EQ(response.error().code, Code::connect_failed) << answer;
  }
}

TEST(Client, RefusesAnswersBeyondItsLimit) {
  const std::string long_body(1001, 'a');
  for (const auto& answer : {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + long_body,
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
                                 long_body + "\r\n0\r\n\r\n",
                             "HTTP/1.1 200 OK\r\n\r\n" + long_body,
                             "HTTP/1.1 200 OK\r\nA: " + std::string(70000, 'a') + "\r\n\r\n"}) {
    const ScriptedServer server({{answer}});
    const auto response = ask(server);
    ASSERT_FALSE(response) << answer.substr(0, 60);
    EXPECT_EQ(response.error().code, Code::http_answer_too_large) << answer.substr(0, 60);
  }
}

TEST(Client, ReadsEveryFramingOfAnAnswer) {
  for (const auto& answer :
       {good, std::string("HTTP/1.1 200 OK\r\n\r\ngood"),
        std::string("HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\ngood"),
        std::string(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ngo\r\n2;a=b\r\nod\r\n"
            "0\r\nT: u\r\n\r\n"),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + good}) {
    const ScriptedServer server({{answer}});
    const auto response = ask(server);
    ASSERT_TRUE(response) << response.error().to_string();
    EXPECT_EQ(response->body, "good");
    EXPECT_EQ(response->status, 200U);
  }
}

TEST(Client, KnowsAnswersWithoutContent) {
  const ScriptedServer server({{"HTTP/1.1 204 No Content\r\n\r\n"}});
  const auto response = ask(server);
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->status, 204U);
}

TEST(Client, ReplacesAKeptConnectionThatWasClosed) {
  ScriptedServer server({{good}, {good}});
  Client client({.unix_socket = server.path()});
  ASSERT_TRUE(client.send("POST", "http://a/", {}, "", soon()));
  // Even a POST finds out, before it is sent, that nobody is there to take it.
  ASSERT_TRUE(eventually([&] { return server.closed() == 1; }));
  const auto second = client.send("POST", "http://a/", {}, "", soon());
  ASSERT_TRUE(second) << second.error().to_string();
}

TEST(Client, SendsAnIdempotentRequestAgainWhereAKeptConnectionGaveNoAnswer) {
  ScriptedServer server({{good, ""}, {good}});
  Client client({.unix_socket = server.path()});
  ASSERT_TRUE(client.send("GET", "http://a/", {}, "", soon()));
  ASSERT_TRUE(client.send("GET", "http://a/", {}, "", soon()));
  EXPECT_EQ(server.requests(), 3);
}

TEST(Client, NeverSendsAPostTwiceThatMayHaveBeenActedOn) {
  ScriptedServer server({{good, ""}});
  Client client({.unix_socket = server.path()});
  ASSERT_TRUE(client.send("POST", "http://a/", {}, "", soon()));
  const auto second = client.send("POST", "http://a/", {}, "", soon());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::connect_failed);
  EXPECT_EQ(server.requests(), 2);
}

TEST(Client, NeverSendsAgainOnceSomethingOfAnAnswerCame) {
  ScriptedServer server({{good, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"}});
  Client client({.unix_socket = server.path()});
  ASSERT_TRUE(client.send("GET", "http://a/", {}, "", soon()));
  EXPECT_FALSE(client.send("GET", "http://a/", {}, "", soon()));
  EXPECT_EQ(server.requests(), 2);
}

TEST(Client, DropsAConnectionOnWhichMoreCameThanWasAsked) {
  const ScriptedServer server(
      {{good + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"}, {good}});
  Client client({.unix_socket = server.path()});
  ASSERT_TRUE(client.send("GET", "http://a/", {}, "", soon()));
  const auto second = client.send("GET", "http://a/", {}, "", soon());
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_EQ(second->body, "good");
}

}  // namespace
}  // namespace mintmark::http
