// A server whose key makes handshakes wait; here the threads for them are kept busy by hand.
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "http/client.h"
#include "http/handshake_threads.h"
#include "http_fixture.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::http {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<evp_pkey_st> key_of(const std::string& pem) {
  BIO* reader = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::shared_ptr<evp_pkey_st> key(PEM_read_bio_PrivateKey(reader, nullptr, nullptr, nullptr),
                                   &EVP_PKEY_free);
  BIO_free(reader);
  return key;
}

// Keeps one of the threads until it is opened.
class Busy {
 public:
  explicit Busy(HandshakeThreads& threads) {
    const bool taken = threads.run([state = state_] {
      std::unique_lock lock(state->mutex);
      state->running = true;
      state->changed.notify_all();
      state->changed.wait(lock, [&] { return state->open; });
    });
    if (!taken) throw std::runtime_error("not taken");
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [&] { return state_->running; });
  }
  ~Busy() { open(); }
  void open() {
    const std::lock_guard lock(state_->mutex);
    state_->open = true;
    state_->changed.notify_all();
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool running = false;
    bool open = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// With what was sent left unread, the kernel may reset instead of ending in order.
bool is_closed_without_a_word(RawConnection& connection) {
  try {
    return connection.rest().empty();
  } catch (const std::runtime_error& error) {
    return std::string(error.what()).starts_with("reset");
  }
}

class HeldKeyServer : public ::testing::Test {
 protected:
  static constexpr std::size_t most_waiting = 2;

  HeldKeyServer() { directory.write("ca.pem", ca.certificate_pem()); }
  ~HeldKeyServer() override { threads->end(); }

  std::uint16_t serve(ServerLimits limits = {}) {
    server.emplace(echo, limits);
    auto context = TlsServerContext::with_held_key(
        certificate.certificate_pem, {key_of(certificate.key_pem), nullptr, "", threads});
    if (!context) throw std::runtime_error(context.error().to_string());
    return port = server->listen(*context);
  }
  [[nodiscard]] Client client() const {
    return Client({.ca_file = (directory.path() / "ca.pem").string()});
  }
  Result<Response> get(Client& with, std::chrono::milliseconds patience = 5s) const {
    return with.send("GET", "https://localhost:" + std::to_string(port) + "/a", {}, "",
                     Deadline::in(patience));
  }

  const test::TestCa ca;
  const test::TestCertificate certificate = ca.issue();
  test::TemporaryDirectory directory;
  std::shared_ptr<HandshakeThreads> threads = std::make_shared<HandshakeThreads>(1, most_waiting);
  std::optional<TestServer> server;
  std::uint16_t port = 0;
};

TEST_F(HeldKeyServer, Serves) {
  serve();
  auto one = client();
  EXPECT_TRUE(get(one));
  EXPECT_TRUE(get(one)) << "on the same connection";
}

TEST_F(HeldKeyServer, WhoseThreadsAreBusyServesItsOpenConnectionsAndThenTheNewOnes) {
  serve();
  auto old_client = client();
  ASSERT_TRUE(get(old_client));
  Busy busy(*threads);
  auto new_client = client();
  const auto late = get(new_client, 200ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::deadline_passed);
  EXPECT_TRUE(get(old_client));
  busy.open();
  EXPECT_TRUE(get(new_client));
}

TEST_F(HeldKeyServer, ClosesWhatIsBeyondThoseThatMayWait) {
  serve();
  Busy busy(*threads);
  std::vector<RawConnection> waiting;
  for (std::size_t count = 0; count < most_waiting; ++count) {
    waiting.emplace_back(port);
    ASSERT_TRUE(waiting.back().send("begins"));
    ASSERT_TRUE(waiting.back().is_quiet());
  }
  RawConnection beyond(port);
  (void)beyond.send("begins");
  EXPECT_TRUE(is_closed_without_a_word(beyond));
  EXPECT_EQ(server->server().connections_turned_away(), 1U);
  EXPECT_TRUE(eventually([&] { return server->server().open_connections() == most_waiting; }));
}

TEST_F(HeldKeyServer, ForgetsAHandshakeWhoseTimeRanOutWhileItWaited) {
  ServerLimits limits;
  limits.handshake = 100ms;
  serve(limits);
  Busy busy(*threads);
  RawConnection waiting(port);
  ASSERT_TRUE(waiting.send("begins"));
  ASSERT_TRUE(eventually([&] { return server->server().open_connections() == 1; }));
  EXPECT_TRUE(eventually([&] { return server->server().open_connections() == 0; }));
  busy.open();
  EXPECT_TRUE(is_closed_without_a_word(waiting)) << "no handshake was tried any more";
}

TEST_F(HeldKeyServer, StopsWhileAHandshakeWaits) {
  serve();
  Busy busy(*threads);
  RawConnection waiting(port);
  ASSERT_TRUE(waiting.send("begins"));
  ASSERT_TRUE(eventually([&] { return server->server().open_connections() == 1; }));
  std::atomic<bool> drained{false};
  server->server().stop([&] { drained = true; });
  EXPECT_TRUE(eventually([&] { return drained.load(); }));
}

TEST_F(HeldKeyServer, TakesNoTls12) {
  serve();
  const std::string url = "https://localhost:" + std::to_string(port) + "/";
  const std::string curl = "curl --silent --show-error --cacert " +
                           (directory.path() / "ca.pem").string() + " --output /dev/null ";
  EXPECT_EQ(std::system((curl + "--tlsv1.3 " + url).c_str()), 0);
  EXPECT_NE(std::system((curl + "--tls-max 1.2 " + url + " 2>/dev/null").c_str()), 0);
}

TEST_F(HeldKeyServer, IsRefusedWithAKeyOfAnotherCertificate) {
  const auto context = TlsServerContext::with_held_key(
      certificate.certificate_pem, {key_of(ca.issue().key_pem), nullptr, "", threads});
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().code, Code::tls_certificate_unusable);
}

TEST_F(HeldKeyServer, IsRefusedWithoutACertificate) {
  const auto context = TlsServerContext::with_held_key(
      "no certificate", {key_of(certificate.key_pem), nullptr, "", threads});
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().code, Code::tls_certificate_unusable);
}

TEST(HandshakeThreads, RunNothingAnyMoreWhenTheyHaveEnded) {
  HandshakeThreads threads(2, 8);
  threads.end();
  EXPECT_FALSE(threads.run([] {}));
}

TEST(HandshakeThreads, DropWhatWaitsAndWaitForWhatRuns) {
  HandshakeThreads threads(1, 8);
  std::atomic<bool> ran{false};
  {
    Busy busy(threads);
    ASSERT_TRUE(threads.run([&] { ran = true; }));
    std::thread ending([&] { threads.end(); });
    EXPECT_TRUE(eventually([&] { return !threads.run([] {}); }));
    busy.open();
    ending.join();
  }
  EXPECT_FALSE(ran);
}

TEST(ServerChain, SaysItsPublicKeyAndItsEnd) {
  const test::TestCa ca;
  const auto certificate = ca.issue();
  const auto chain = read_server_chain(certificate.certificate_pem + ca.certificate_pem());
  ASSERT_TRUE(chain);
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key_of(certificate.key_pem).get(), &der);
  EXPECT_EQ(chain->public_key, Bytes(der, der + size));
  OPENSSL_free(der);
  const auto context = TlsServerContext::from_pem(certificate.certificate_pem, certificate.key_pem);
  ASSERT_TRUE(context);
  EXPECT_EQ(chain->not_after, (*context)->not_after());
}

TEST(ServerChain, ThatIsNoneIsRefused) {
  const test::TestCa ca;
  const std::string good = ca.issue().certificate_pem;
  for (const std::string& text :
       {std::string(), std::string("no certificate"),
        good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    const auto chain = read_server_chain(text);
    ASSERT_FALSE(chain) << text;
    EXPECT_EQ(chain.error().code, Code::tls_certificate_unusable);
  }
}

}  // namespace
}  // namespace mintmark::http
