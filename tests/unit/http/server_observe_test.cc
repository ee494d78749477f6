// What the server tells of each exchange, and TLS that changes under it.
#include <gtest/gtest.h>

#include "http/client.h"
#include "http_fixture.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::http {
namespace {

TEST(ServerObserves, ARefusedRequestWithItsCodeAndNoneOfItsText) {
  TestServer server;
  RawConnection connection(server.listen());
  connection.send("GET /secret HTTP/1.1\r\n\r\n");
  const auto answer = connection.answer();
  ASSERT_TRUE(answer);
  const auto seen = server.answers_seen();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].status, 400U);
  EXPECT_EQ(seen[0].code, Code::http_host_wrong);
  EXPECT_EQ(seen[0].path, "");
  EXPECT_EQ(seen[0].took.count(), 0);
  EXPECT_TRUE(answer->has("X-Request-Id: " + seen[0].id + "\r\n"));
}

TEST(ServerObserves, TheCauseThatAHandlerGave) {
  TestServer server([](const Request& /*request*/, const Respond& respond) {
    Response response = json_response(403, "{}");
    response.cause = Error{Code::device_revoked, "why", 0};
    respond(std::move(response));
  });
  RawConnection connection(server.listen());
  connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = connection.answer();
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->has("why")) << "the cause is never sent";
  ASSERT_EQ(server.answers_seen().size(), 1U);
  EXPECT_EQ(server.answers_seen()[0].code, Code::device_revoked);
}

TEST(ServerObserves, EachRequestOfAConnectionWithoutItsQuery) {
  TestServer server;
  RawConnection connection(server.listen());
  connection.send("GET /a?secret HTTP/1.1\r\nHost: a\r\n\r\nPUT /b HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(connection.answer());
  ASSERT_TRUE(connection.answer());
  const auto seen = server.answers_seen();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].method + seen[0].path, "GET/a");
  EXPECT_EQ(seen[1].method + seen[1].path, "PUT/b");
  EXPECT_EQ(seen[1].status, 200U);
  EXPECT_FALSE(seen[1].code);
  EXPECT_NE(seen[0].id, seen[1].id);
}

TEST(ServerObserves, HowLongAHandlerTook) {
  Held held;
  TestServer server([&](const Request& /*request*/, Respond respond) { held.take(respond); });
  RawConnection connection(server.listen());
  connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(held.wait_for(1));
  EXPECT_TRUE(connection.is_quiet());  // At least as long as that looks.
  held.release(json_response(200, ""));
  ASSERT_TRUE(connection.answer());
  EXPECT_GT(server.answers_seen()[0].took.count(), 1000);
}

TEST(ServerObserves, AnObserverThatThrowsHarmsNothing) {
  boost::asio::io_context io;
  Server server(io, {}, echo, {}, [](const Answered&) { throw std::runtime_error("full disk"); });
  auto socket = listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(socket);
  const auto port = port_of(*socket);
  ASSERT_TRUE(server.accept_on(std::move(*socket), nullptr));
  std::thread thread([&] { io.run(); });
  RawConnection connection(port);
  connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(connection.answer()->status, 200U);
  io.stop();
  thread.join();
}

std::shared_ptr<const TlsServerContext> context_of(test::TestCa& ca) {
  const auto certificate = ca.issue();
  return *TlsServerContext::from_pem(certificate.certificate_pem, certificate.key_pem);
}

TEST(ServerTls, ReplacedIsServedToNewConnectionsWhileOldOnesGoOn) {
  const test::TemporaryDirectory directory;
  test::TestCa before;
  test::TestCa after;
  TestServer server;
  const auto port = server.listen(context_of(before));
  const std::string url = "https://localhost:" + std::to_string(port) + "/";
  const auto ask = [&](Client& client) {
    return client.send("GET", url, {}, "", Deadline::in(std::chrono::seconds(5)));
  };
  Client old_client({.ca_file = directory.write("before.pem", before.certificate_pem())});
  ASSERT_TRUE(ask(old_client));
  server.server().replace_tls(context_of(after));
  EXPECT_TRUE(ask(old_client)) << "the kept connection goes on";
  EXPECT_EQ(server.server().open_connections(), 1U);
  Client new_client({.ca_file = directory.write("after.pem", after.certificate_pem())});
  EXPECT_TRUE(ask(new_client));
  Client late_client({.ca_file = directory.write("before.pem", before.certificate_pem())});
  const auto refused = ask(late_client);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::tls_failed);
}

TEST(ServerTls, IsNotPutOnAPlainListener) {
  test::TestCa ca;
  TestServer server;
  RawConnection connection((server.listen()));
  const auto port = server.listen();
  server.server().replace_tls(context_of(ca));
  RawConnection plain(port);
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(plain.answer()->status, 200U);
}

}  // namespace
}  // namespace mintmark::http
