// A client's certificate: in the TLS handshake, and in a proxy's header.
#include "http/client_certificate.h"

#include <gtest/gtest.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <csignal>

#include <thread>

#include "http/client.h"
#include "http/handshake_threads.h"
#include "http_fixture.h"
#include "support/issued_certificate.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::http {
namespace {

constexpr auto malformed = Code::token_certificate_malformed;

Result<std::optional<Bytes>> told(const std::string& value, CertificateHeader header) {
  Headers headers;
  headers.add(header == CertificateHeader::client_cert ? "client-cert" : nginx_escaped_header,
              value);
  return forwarded_certificate(headers, header);
}

std::string base64(BytesView octets) {
  std::string text((octets.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets.data(),
                  static_cast<int>(octets.size()));
  text.pop_back();
  return text;
}

// As nginx does it (ngx_escape_uri, NGX_ESCAPE_URI_COMPONENT).
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool stays = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    out += stays ? std::string(1, c) : "%" + to_hex(BytesView(as_bytes({&c, 1})));
  }
  return out;
}

struct SelfSigned {
  explicit SelfSigned(const std::string& kind = "P-256", std::size_t padding = 0)
      : pair(test::new_pair(kind)) {
    test::IssuedCertificate of{.subject = {{"CN", "device"}}, .key = pair};
    if (padding > 0) of.extensions.emplace_back("1.2.3.4", Bytes(padding, 7));
    // Those that OpenSSL signs with by other calls are certified by another: nobody looks here.
    certificate = test::issue(of, {.key = kind.starts_with("ED") ? test::new_pair("P-256") : pair});
  }
  [[nodiscard]] Bytes der() const { return test::der_of(certificate.get()); }
  [[nodiscard]] std::string pem() const { return test::pem_text_of(certificate.get()); }

  test::Pair pair;
  std::shared_ptr<X509> certificate;
};

TEST(ForwardedCertificate, IsNoneWhereTheHeaderIsNotThereOrEmpty) {
  for (const auto header : {CertificateHeader::client_cert, CertificateHeader::nginx_escaped}) {
    EXPECT_EQ(forwarded_certificate({}, header).value(), std::nullopt);
    EXPECT_EQ(told("", header).value(), std::nullopt);
  }
}

TEST(ForwardedCertificate, IsReadFromTheConfiguredHeaderAlone) {
  const SelfSigned own;
  Headers headers;
  headers.add(client_cert_header, ":" + base64(own.der()) + ":");
  headers.add(nginx_escaped_header, "nonsense");
  EXPECT_EQ(forwarded_certificate(headers, CertificateHeader::client_cert).value(), own.der());
  EXPECT_EQ(forwarded_certificate(headers, CertificateHeader::none).value(), std::nullopt);
  EXPECT_FALSE(forwarded_certificate(headers, CertificateHeader::nginx_escaped));
}

TEST(ForwardedCertificate, IsReadAsNginxEscapesIt) {
  const SelfSigned own;
  EXPECT_EQ(told(escaped(own.pem()), CertificateHeader::nginx_escaped).value(), own.der());
}

TEST(ForwardedCertificate, ThatStandsTwiceIsRefused) {
  const SelfSigned own;
  Headers headers;
  headers.add(client_cert_header, ":" + base64(own.der()) + ":");
  headers.add("CLIENT-CERT", ":" + base64(own.der()) + ":");
  const auto read = forwarded_certificate(headers, CertificateHeader::client_cert);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, malformed);
}

TEST(ForwardedCertificate, ThatIsNoByteSequenceOfOneCertificateIsRefused) {
  const SelfSigned own;
  Bytes longer = own.der();
  longer.push_back(0);
  const std::string good = base64(own.der());
  const std::string unpadded = base64(Bytes{0x30, 0x02, 0x05, 0x00});
  for (const std::string& value :
       {good,
        ":" + good,
        good + ":",
        std::string(":"),
        std::string("::"),
        ":" + good + ":;a=1",
        ":" + good + ": ",
        ": " + good + ":",
        ":" + good + "\n:",
        ":=" + good.substr(1) + ":",
        ":" + good + ":, :" + good + ":",
        ":" + good.substr(1) + ":",
        ":" + base64(longer) + ":",
        ":" + base64(as_bytes("no certificate at all")) + ":",
        ":" + unpadded.substr(0, unpadded.find('=')) + ":",
        std::string(":MAIFAB==:"),
        std::string(":MAIFAA=A:"),
        ":" + std::string(8, '-') + ":",
        ":" + base64(Bytes{0x30, 0x81, 0x02, 0x05, 0x00}) + ":",
        ":" + base64(Bytes{0x30, 0x82, 0x00, 0x02, 0x05, 0x00}) + ":",
        ":" + base64(Bytes{0x30, 0x80, 0x00, 0x00}) + ":",
        ":" + base64(SelfSigned("P-256", longest_client_certificate).der()) + ":"}) {
    const auto read = told(value, CertificateHeader::client_cert);
    ASSERT_FALSE(read) << value;
    EXPECT_EQ(read.error().code, malformed) << value;
  }
  EXPECT_TRUE(told(":" + unpadded + ":", CertificateHeader::client_cert)) << "the frame is good";
}

TEST(ForwardedCertificate, ThatIsNotOneEscapedPemIsRefused) {
  const SelfSigned own;
  const std::string good = escaped(own.pem());
  const SelfSigned long_one("P-256", longest_client_certificate);
  std::string plus = good;
  plus.replace(plus.find("%0a"), 1, "+");
  for (const std::string& value :
       {plus, own.pem(), good + good, good + "x", "x" + good, good.substr(0, good.size() - 1),
        good.substr(0, good.size() - 2), good + "%", good + "%0", good + "%zz", good + "+",
        std::string("%2D"), escaped("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"),
        escaped("-----BEGIN CERTIFICATE-----"), base64(own.der()), escaped(long_one.pem()),
        std::string(200'000, 'A')}) {
    const auto read = told(value, CertificateHeader::nginx_escaped);
    ASSERT_FALSE(read) << value.substr(0, 100);
    EXPECT_EQ(read.error().code, malformed) << value.substr(0, 100);
  }
}

// Which certificate each request came with.
struct Seen {
  Handler handler() {
    return [this](const Request& request, const Respond& respond) {
      {
        const std::lock_guard lock(mutex);
        certificates.push_back(request.client_certificate);
      }
      echo(request, respond);
    };
  }
  std::mutex mutex;
  std::vector<std::shared_ptr<const Bytes>> certificates;
};

// A client by OpenSSL itself, which keeps its sessions: what a stranger may come with.
class Stranger {
 public:
  Stranger(int version, const SelfSigned* identity)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), version);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    if (identity == nullptr) return;
    SSL_CTX_use_certificate(context_.get(), identity->certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity->pair.get());
  }
  // Sends it behind its own.
  void add(const SelfSigned& other) {
    SSL_CTX_add1_chain_cert(context_.get(), other.certificate.get());
  }
  // True: answered.
  bool get(std::uint16_t port) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_ssl_connect(context_.get()),
                                                            &BIO_free_all);
    SSL* ssl = nullptr;
    BIO_get_ssl(bio.get(), &ssl);
    if (session_) SSL_set_session(ssl, session_.get());
    BIO_set_conn_hostname(bio.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
    const std::string request = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    std::array<char, 4096> answer{};
    const bool answered =
        BIO_do_handshake(bio.get()) == 1 &&
        BIO_write(bio.get(), request.data(), static_cast<int>(request.size())) > 0 &&
        BIO_read(bio.get(), answer.data(), static_cast<int>(answer.size())) > 0;
    resumed_ = SSL_session_reused(ssl) == 1;
    session_.reset(SSL_get1_session(ssl), SSL_SESSION_free);
    return answered;
  }
  [[nodiscard]] bool resumed() const { return resumed_; }

 private:
  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<SSL_SESSION> session_;
  bool resumed_ = false;
};

class AskingServer : public testing::Test {
 protected:
  // A stranger writes on when the server has hung up.
  AskingServer() { std::signal(SIGPIPE, SIG_IGN); }
  ~AskingServer() override { threads_->end(); }
  std::uint16_t serve(ClientCertificates certificates = ClientCertificates::asked_for) {
    auto tls = TlsServerContext::from_pem(own_.certificate_pem, own_.key_pem, certificates);
    if (!tls) throw std::runtime_error(tls.error().to_string());
    return server_.listen(*tls);
  }
  std::uint16_t serve_with_held_key() {
    BIO* reader = BIO_new_mem_buf(own_.key_pem.data(), -1);
    const HeldKey key{{PEM_read_bio_PrivateKey(reader, nullptr, nullptr, nullptr), &EVP_PKEY_free},
                      nullptr,
                      "",
                      threads_};
    BIO_free(reader);
    auto tls =
        TlsServerContext::with_held_key(own_.certificate_pem, key, ClientCertificates::asked_for);
    if (!tls) throw std::runtime_error(tls.error().to_string());
    return server_.listen(*tls);
  }
  [[nodiscard]] Result<Response> get(Client& client, std::uint16_t port) const {
    return client.send("GET", "https://localhost:" + std::to_string(port) + "/a", {}, "",
                       Deadline::in(std::chrono::seconds{5}));
  }
  [[nodiscard]] Client client_with(const SelfSigned& identity) const {
    return client_with(identity.pem(), identity.pair);
  }
  [[nodiscard]] Client client_with(const std::string& pem, const test::Pair& key) const {
    return Client({.ca_file = ca_file_,
                   .identity = std::make_shared<const ClientIdentity>(
                       ClientIdentity{pem, {key, nullptr, "", nullptr}})});
  }

  const test::TestCa ca_;
  const test::TestCertificate own_ = ca_.issue();
  test::TemporaryDirectory directory_;
  std::string ca_file_ = directory_.write("ca.pem", ca_.certificate_pem());
  std::shared_ptr<HandshakeThreads> threads_ = std::make_shared<HandshakeThreads>(1, 2);
  Seen seen_;
  TestServer server_{seen_.handler()};
};

TEST_F(AskingServer, ServesWhoHasNoCertificate) {
  Client client({.ca_file = ca_file_});
  ASSERT_TRUE(get(client, serve()));
  EXPECT_EQ(seen_.certificates.at(0), nullptr);
}

TEST_F(AskingServer, GivesEachRequestOfAConnectionTheOneCertificate) {
  const SelfSigned own;
  auto client = client_with(own);
  const auto port = serve();
  ASSERT_TRUE(get(client, port));
  ASSERT_TRUE(get(client, port));
  ASSERT_NE(seen_.certificates.at(0), nullptr);
  EXPECT_EQ(*seen_.certificates.at(0), own.der());
  EXPECT_EQ(seen_.certificates.at(0), seen_.certificates.at(1)) << "shared, not copied";
}

TEST_F(AskingServer, WhoseOwnKeyIsHeldElsewhereAsksToo) {
  const SelfSigned own;
  auto client = client_with(own);
  ASSERT_TRUE(get(client, serve_with_held_key()));
  ASSERT_NE(seen_.certificates.at(0), nullptr);
  EXPECT_EQ(*seen_.certificates.at(0), own.der());
}

TEST_F(AskingServer, ThatDoesNotAskSeesNone) {
  const SelfSigned own;
  auto client = client_with(own);
  ASSERT_TRUE(get(client, serve(ClientCertificates::none)));
  EXPECT_EQ(seen_.certificates.at(0), nullptr);
}

TEST_F(AskingServer, ResumesNoConnectionThatCameWithACertificate) {
  const SelfSigned own;
  const auto port = serve();
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    Stranger stranger(version, &own);
    ASSERT_TRUE(stranger.get(port));
    ASSERT_TRUE(stranger.get(port));
    EXPECT_FALSE(stranger.resumed()) << version;
  }
  ASSERT_EQ(seen_.certificates.size(), 4U);
  for (const auto& certificate : seen_.certificates) {
    ASSERT_NE(certificate, nullptr);
    EXPECT_EQ(*certificate, own.der());
  }
}

TEST_F(AskingServer, ResumesAConnectionThatCameWithout) {
  const auto port = serve();
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    Stranger stranger(version, nullptr);
    ASSERT_TRUE(stranger.get(port));
    ASSERT_TRUE(stranger.get(port));
    EXPECT_TRUE(stranger.resumed()) << version;
  }
  for (const auto& certificate : seen_.certificates) EXPECT_EQ(certificate, nullptr);
}

TEST_F(AskingServer, TakesAnyKeyThatCostsLittleToVerifyWith) {
  const auto port = serve();
  for (const char* kind : {"P-256", "P-384", "RSA", "ED25519"}) {
    const SelfSigned own(kind);
    EXPECT_TRUE(Stranger(TLS1_3_VERSION, &own).get(port)) << kind;
  }
}

TEST_F(AskingServer, RefusesAKeyOfOtherKindsAndSizes) {
  const auto port = serve();
  for (const char* kind : {"P-521", "RSA-wide", "RSA-short", "ED448"}) {
    const SelfSigned own(kind);
    EXPECT_FALSE(Stranger(TLS1_3_VERSION, &own).get(port)) << kind;
    EXPECT_FALSE(Stranger(TLS1_2_VERSION, &own).get(port)) << kind;
  }
  EXPECT_TRUE(seen_.certificates.empty());
}

TEST_F(AskingServer, RefusesACertificateThatIsTooLong) {
  const auto port = serve();
  for (const std::size_t padding : {longest_client_certificate, std::size_t{20'000}}) {
    const SelfSigned own("P-256", padding);
    EXPECT_FALSE(Stranger(TLS1_3_VERSION, &own).get(port)) << padding;
  }
  EXPECT_TRUE(seen_.certificates.empty());
}

// OpenSSL parses all of them before anybody is asked.
TEST_F(AskingServer, RefusesAChainThatIsTooLong) {
  const auto port = serve();
  const SelfSigned own;
  const SelfSigned other("P-256", 7000);
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    Stranger two(version, &own);
    for (int i = 0; i < 2; ++i) two.add(other);
    EXPECT_TRUE(two.get(port)) << "within the bound";
    Stranger three(version, &own);
    for (int i = 0; i < 3; ++i) three.add(other);
    EXPECT_FALSE(three.get(port));
  }
  EXPECT_EQ(seen_.certificates.size(), 2U);
}

// The public half of one and the private half of another, which signs.
test::Pair mixed(const test::Pair& shown, const test::Pair& signing) {
  std::array<std::uint8_t, 65> point{};
  std::size_t length = 0;
  BIGNUM* secret = nullptr;
  EVP_PKEY_get_octet_string_param(shown.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                  &length);
  EVP_PKEY_get_bn_param(signing.get(), OSSL_PKEY_PARAM_PRIV_KEY, &secret);
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data(), length);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret);
  OSSL_PARAM* parts = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY* pair = nullptr;
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &pair, EVP_PKEY_KEYPAIR, parts);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parts);
  OSSL_PARAM_BLD_free(builder);
  BN_free(secret);
  if (pair == nullptr) throw std::runtime_error("OpenSSL makes no key");
  return {pair, &EVP_PKEY_free};
}

TEST_F(AskingServer, RefusesAClientThatSignsWithAnotherKeyThanItsCertificates) {
  const auto port = serve();
  SelfSigned own;
  EXPECT_TRUE(Stranger(TLS1_3_VERSION, &own).get(port));
  own.pair = mixed(own.pair, test::new_pair("P-256"));
  EXPECT_FALSE(Stranger(TLS1_3_VERSION, &own).get(port));
  EXPECT_FALSE(Stranger(TLS1_2_VERSION, &own).get(port));
  EXPECT_EQ(seen_.certificates.size(), 1U);
}

TEST_F(AskingServer, IsNotCalledWithACertificateOnAnotherKey) {
  const SelfSigned own;
  auto client = client_with(own.pem(), SelfSigned().pair);
  const auto answer = get(client, serve());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::tls_certificate_unusable);
}

// Asks for certificates, takes any, and speaks TLS 1.2 alone; for one client.
class OldServer {
 public:
  explicit OldServer(const test::TestCertificate& own)
      : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free),
        door_(BIO_new_accept("127.0.0.1:0"), &BIO_free_all) {
    BIO* reader = BIO_new_mem_buf(own.certificate_pem.data(), -1);
    X509* certificate = PEM_read_bio_X509(reader, nullptr, nullptr, nullptr);
    BIO_free(reader);
    reader = BIO_new_mem_buf(own.key_pem.data(), -1);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(reader, nullptr, nullptr, nullptr);
    BIO_free(reader);
    SSL_CTX_use_certificate(context_.get(), certificate);
    SSL_CTX_use_PrivateKey(context_.get(), key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    if (BIO_do_accept(door_.get()) != 1) throw std::runtime_error("no port");
    thread_ = std::thread([this] { meet(); });
  }
  ~OldServer() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(BIO_get_accept_port(door_.get())));
  }
  // Once its client has come and gone.
  void wait() { thread_.join(); }
  bool shaken = false;
  bool saw_certificate = false;

 private:
  void meet() {
    if (BIO_do_accept(door_.get()) != 1) return;
    BIO* connection = BIO_pop(door_.get());
    SSL* ssl = SSL_new(context_.get());
    SSL_set_bio(ssl, connection, connection);
    shaken = SSL_accept(ssl) == 1;
    saw_certificate = SSL_get0_peer_certificate(ssl) != nullptr;
    SSL_free(ssl);
  }
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<BIO, decltype(&BIO_free_all)> door_;
  std::thread thread_;
};

// In TLS 1.2 a client signs what the server has a say in, and the device key signs JWTs too.
TEST_F(AskingServer, OfTls12AloneIsNotMetWithACertificate) {
  OldServer for_others(own_);
  Client plain({.ca_file = ca_file_});
  EXPECT_FALSE(get(plain, for_others.port()));
  for_others.wait();
  EXPECT_TRUE(for_others.shaken) << "a client without one speaks TLS 1.2";

  OldServer old(own_);
  const SelfSigned own;
  auto client = client_with(own);
  const auto answer = get(client, old.port());
  old.wait();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::tls_failed) << answer.error().to_string();
  EXPECT_FALSE(old.shaken);
  EXPECT_FALSE(old.saw_certificate);
}

}  // namespace
}  // namespace mintmark::http
