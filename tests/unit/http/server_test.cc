// What a well-behaved client may count on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "http_fixture.h"
#include "support/temporary_directory.h"

namespace mintmark::http {
namespace {

std::string post(const std::string& body, const std::string& fields = "") {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(Server, HandlerThatThrowsBecomes500AndAReport) {
  TestServer server([](const Request& request, const Respond& respond) {
    if (request.body == "throw") throw std::runtime_error("secret reason");
    if (request.body == "throw 7") throw 7;
    echo(request, respond);
  });
  RawConnection connection(server.listen());
  for (const auto* body : {"throw", "throw 7"}) {
    connection.send(post(body));
    const auto answer = connection.answer();
    EXPECT_EQ(answer->status, 500U);
    EXPECT_TRUE(answer->has("http_handler_failed"));
    EXPECT_FALSE(answer->has("secret reason"));
  }
  EXPECT_EQ(server.reports(),
            (std::vector<std::string>{"http_handler_threw", "http_handler_threw"}));
  connection.send(post("fine"));
  EXPECT_EQ(connection.answer()->status, 200U);
}

TEST(Server, HandlerThatGetsNoMemoryBecomes503AndTheConnectionGoesOn) {
  TestServer server([](const Request& request, const Respond& respond) {
    if (request.body == "large") throw std::bad_alloc();
    echo(request, respond);
  });
  RawConnection connection(server.listen());
  connection.send(post("large"));
  const auto answer = connection.answer();
  EXPECT_EQ(answer->status, 503U);
  EXPECT_TRUE(answer->has("out_of_memory"));
  EXPECT_TRUE(answer->has("Retry-After: 1"));
  for (int i = 0; i < 3; ++i) {
    connection.send(post("large"));
    EXPECT_EQ(connection.answer()->status, 503U);
  }
  EXPECT_EQ(server.reports(), (std::vector<std::string>{"out_of_memory"})) << "told once";
  connection.send(post("fine"));
  EXPECT_EQ(connection.answer()->status, 200U);
}

TEST(Server, HandlerThatDropsItsRequestBecomes500) {
  TestServer server([](const Request& /*request*/, const Respond& /*respond*/) {});
  RawConnection connection(server.listen());
  connection.send(post("a"));
  EXPECT_EQ(connection.answer()->status, 500U);
  EXPECT_EQ(server.reports(), (std::vector<std::string>{"http_request_unanswered"}));
}

TEST(Server, AnswerThatWouldBreakTheFramingBecomes500) {
  TestServer server([](const Request& /*request*/, const Respond& respond) {
    Response response;
    response.headers.add("A", "b\r\nSet-Cookie: c");
    respond(std::move(response));
  });
  RawConnection connection(server.listen());
  connection.send(post("a"));
  const auto answer = connection.answer();
  EXPECT_EQ(answer->status, 500U);
  EXPECT_FALSE(answer->has("Set-Cookie"));
  EXPECT_EQ(server.reports(), (std::vector<std::string>{"http_answer_invalid"}));
}

TEST(Server, SecondAnswerIsIgnored) {
  TestServer server([](const Request& /*request*/, const Respond& respond) {
    respond(json_response(200, "first"));
    respond(json_response(500, "second"));
  });
  RawConnection connection(server.listen());
  connection.send(post("a") + post("b"));
  EXPECT_EQ(connection.answer()->body, "first");
  EXPECT_EQ(connection.answer()->body, "first");
  EXPECT_TRUE(connection.is_quiet());
}

TEST(Server, ThrowBehindAnAnswerChangesNothing) {
  TestServer server([](const Request& /*request*/, const Respond& respond) {
    respond(json_response(200, "first"));
    throw std::runtime_error("too late");
  });
  RawConnection connection(server.listen());
  connection.send(post("a"));
  EXPECT_EQ(connection.answer()->body, "first");
  EXPECT_TRUE(connection.is_quiet());
}

TEST(Server, AnswerToAConnectionThatIsGoneIsHarmless) {
  Held held;
  TestServer server([&](const Request& /*request*/, Respond respond) { held.take(respond); });
  {
    RawConnection connection(server.listen());
    connection.send(post("a"));
    ASSERT_TRUE(held.wait_for(1));
  }
  held.release(json_response(200, std::string(1U << 20U, 'a')));
  EXPECT_TRUE(eventually([&] { return server.server().open_connections() == 0; }));
}

TEST(Server, AnswerAfterTheServerIsGoneIsHarmless) {
  Held held;
  {
    TestServer server([&](const Request& /*request*/, Respond respond) { held.take(respond); });
    RawConnection connection(server.listen());
    connection.send(post("a"));
    ASSERT_TRUE(held.wait_for(1));
  }
  held.release({});
}

TEST(Server, KeepsAConnectionForManyRequests) {
  TestServer server;
  RawConnection connection(server.listen());
  for (int count = 0; count < 2000; ++count) {
    connection.send(post(std::to_string(count)));
    const auto answer = connection.answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "POST\n/p\n" + std::to_string(count));
  }
  EXPECT_EQ(server.server().open_connections(), 1U);
}

TEST(Server, AnswersPipelinedRequestsInTheirOrder) {
  Held held;
  TestServer server([&](const Request& request, const Respond& respond) {
    if (request.body == "0") return held.take(respond);
    echo(request, respond);
  });
  RawConnection connection(server.listen());
  std::string requests;
  for (int count = 0; count < 1000; ++count) requests += post(std::to_string(count));
  connection.send(requests);
  ASSERT_TRUE(held.wait_for(1));
  EXPECT_TRUE(connection.is_quiet());
  held.release(json_response(200, "POST\n/p\n0"));
  for (int count = 0; count < 1000; ++count) {
    ASSERT_EQ(connection.answer()->body, "POST\n/p\n" + std::to_string(count));
  }
}

TEST(Server, ServesManyConnectionsAtOnce) {
  TestServer server;
  const auto port = server.listen();
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      RawConnection connection(port);
      for (int count = 0; count < 200; ++count) {
        const std::string body = std::to_string(client * 1000 + count);
        connection.send(post(body));
        const auto answer = connection.answer();
        if (answer && answer->body == "POST\n/p\n" + body) ++good;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, 1600);
}

TEST(Server, HoldsNoThreadWhileRequestsWait) {
  Held held;
  TestServer server([&](const Request& request, const Respond& respond) {
    if (request.body == "wait") return held.take(respond);
    echo(request, respond);
  });
  const auto port = server.listen();
  std::vector<std::unique_ptr<RawConnection>> waiting;
  for (int count = 0; count < 20; ++count) {
    waiting.push_back(std::make_unique<RawConnection>(port));
    waiting.back()->send(post("wait"));
  }
  ASSERT_TRUE(held.wait_for(20));
  RawConnection other(port);
  other.send(post("now"));
  EXPECT_EQ(other.answer()->status, 200U);
  held.release(json_response(200, "late"));
  for (const auto& connection : waiting) EXPECT_EQ(connection->answer()->body, "late");
}

TEST(Server, GivesEveryRequestAnIdOfItsOwn) {
  TestServer server([](const Request& request, const Respond& respond) {
    respond(json_response(200, request.id));
  });
  RawConnection connection(server.listen());
  std::set<std::string> ids;
  for (int count = 0; count < 100; ++count) {
    connection.send(post("a", "X-Request-Id: chosen-by-a-stranger\r\n"));
    const auto answer = connection.answer();
    EXPECT_EQ(answer->body.size(), 24U);
    EXPECT_TRUE(answer->has("X-Request-Id: " + answer->body + "\r\n"));
    ids.insert(answer->body);
  }
  EXPECT_EQ(ids.size(), 100U);
}

TEST(Server, SendsContinueToWhoWaitsForIt) {
  TestServer server;
  RawConnection connection(server.listen());
  connection.send(
      "POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(connection.answer()->head, "HTTP/1.1 100 Continue\r\n\r\n");
  connection.send("abc");
  EXPECT_EQ(connection.answer()->body, "POST\n/p\nabc");
  connection.send(post("abc", "Expect: 100-continue\r\n"));
  EXPECT_EQ(connection.answer()->status, 200U);
}

TEST(Server, RefusesALongBodyInsteadOfSendingContinue) {
  TestServer server;
  RawConnection connection(server.listen());
  connection.send(
      "POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 999999\r\n\r\n");
  EXPECT_EQ(connection.answer()->status, 413U);
}

TEST(Server, AnswersHeadWithoutBodyAndGoesOn) {
  TestServer server;
  RawConnection connection(server.listen());
  connection.send("HEAD /p HTTP/1.1\r\nHost: a\r\n\r\n" + post("a"));
  const auto head = connection.answer(true);
  EXPECT_EQ(head->status, 200U);
  EXPECT_TRUE(head->has("Content-Length: 8\r\n"));
  EXPECT_EQ(connection.answer()->body, "POST\n/p\na");
}

TEST(Server, ClosesWhereTheClientWantsIt) {
  TestServer server;
  const auto port = server.listen();
  RawConnection closing(port);
  closing.send(post("a", "Connection: close\r\n") + post("never"));
  EXPECT_TRUE(closing.answer()->has("Connection: close\r\n"));
  EXPECT_EQ(closing.rest(), "");
}

TEST(Server, ServesHttp10) {
  TestServer server;
  const auto port = server.listen();
  RawConnection once(port);
  once.send("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_EQ(once.answer()->body, "GET\n/old\n");
  EXPECT_EQ(once.rest(), "");
  RawConnection kept(port);
  kept.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(kept.answer()->has("Connection: keep-alive\r\n"));
  kept.send("GET /again HTTP/1.0\r\n\r\n");
  EXPECT_EQ(kept.answer()->body, "GET\n/again\n");
}

TEST(Server, AnswersAClientThatHasEndedSending) {
  TestServer server;
  RawConnection connection(server.listen());
  connection.send(post("last"));
  connection.end_sending();
  EXPECT_EQ(connection.answer()->body, "POST\n/p\nlast");
  EXPECT_EQ(connection.rest(), "");
}

TEST(Server, NamesThePeer) {
  const test::TemporaryDirectory directory;
  TestServer server([](const Request& request, const Respond& respond) {
    respond(json_response(200, request.peer));
  });
  RawConnection tcp(server.listen());
  tcp.send(post("a"));
  EXPECT_TRUE(tcp.answer()->body.starts_with("127.0.0.1:"));
  const std::string path = directory.path() / "s";
  server.listen_unix_at(path);
  RawConnection local(path);
  local.send(post("a"));
  EXPECT_EQ(local.answer()->body, "unix:uid=" + std::to_string(getuid()));
}

TEST(Server, KnowsWhoIsAtTheOtherEndOfAUnixSocket) {
  const test::TemporaryDirectory directory;
  TestServer server([](const Request& request, const Respond& respond) {
    if (!request.local_peer) return respond(json_response(200, "nobody"));
    std::string text = std::to_string(request.local_peer->user);
    for (const gid_t group : request.local_peer->groups) text += "," + std::to_string(group);
    respond(json_response(200, text));
  });
  RawConnection tcp(server.listen());
  tcp.send(post("a"));
  EXPECT_EQ(tcp.answer()->body, "nobody");
  const std::string path = directory.path() / "s";
  server.listen_unix_at(path);
  RawConnection local(path);
  local.send(post("a"));
  std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
  ASSERT_GE(getgroups(static_cast<int>(groups.size()), groups.data()), 0);
  std::string expected = std::to_string(getuid()) + "," + std::to_string(getgid());
  for (const gid_t group : groups) expected += "," + std::to_string(group);
  EXPECT_EQ(local.answer()->body, expected);
}

TEST(Server, RefusesToAcceptOnWhatDoesNotListen) {
  const test::TemporaryDirectory directory;
  const auto file = directory.write("file", "");
  TestServer server;
  const std::vector<int> descriptors{-1, ::open(file.c_str(), O_RDONLY | O_CLOEXEC),
                                     ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  for (const int descriptor : descriptors) {
    const auto accepted = server.server().accept_on(UniqueFd(descriptor), nullptr);
    ASSERT_FALSE(accepted);
    EXPECT_EQ(accepted.error().code, Code::listen_failed);
  }
}

}  // namespace
}  // namespace mintmark::http
