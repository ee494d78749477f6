// Real handshakes by OpenSSL on both sides, in memory; the server's key is in a key store.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "held_key_fixture.h"
#include "hsm/signer/certificate_verify.h"

namespace mintmark::hsm::tls {
namespace {

template <auto free_it>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free_it(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Free<SSL_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

Certificate certificate_of(const std::string& pem) {
  BIO* reader = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Certificate certificate(PEM_read_bio_X509(reader, nullptr, nullptr, nullptr));
  BIO_free(reader);
  return certificate;
}

// Passes on what is signed, and keeps it.
class Listening final : public Signer {
 public:
  explicit Listening(std::shared_ptr<Signer> signer) : signer_(std::move(signer)) {}
  void sign(const KeyId& key, std::string input, Deadline deadline, Done<Bytes> done) override {
    messages.push_back(input);
    if (!flip) return signer_->sign(key, std::move(input), deadline, std::move(done));
    signer_->sign(key, std::move(input), deadline,
                  [done = std::move(done)](Result<Bytes> signature) {
                    if (signature) signature->back() ^= 1U;
                    done(std::move(signature));
                  });
  }
  void list(Deadline deadline, Done<std::vector<KeyInfo>> done) override {
    signer_->list(deadline, std::move(done));
  }
  std::vector<std::string> messages;
  bool flip = false;

 private:
  std::shared_ptr<Signer> signer_;
};

struct Outcome {
  bool server = false;
  bool client = false;
  std::string client_error;
  int signature = 0;  ///< NID of what the server signed with.
};

class Handshake : public HeldKeyTest {
 protected:
  Handshake() { signer = listening; }

  Context server(const KeyInfo& info) {
    Context context(SSL_CTX_new_ex(library(), library_properties, TLS_server_method()));
    const auto certificate = certificate_of(ca.certify(info.public_key.to_spki()));
    EXPECT_EQ(SSL_CTX_use_certificate(context.get(), certificate.get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), held(info).get()), 1);
    EXPECT_EQ(SSL_CTX_check_private_key(context.get()), 1);
    return context;
  }

  [[nodiscard]] Context client() const {
    Context context(SSL_CTX_new(TLS_client_method()));
    const auto root = certificate_of(ca.certificate_pem());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), root.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    return context;
  }

  static Outcome shake(const Context& server_context, const Context& client_context) {
    const Connection accepting(SSL_new(server_context.get()));
    const Connection connecting(SSL_new(client_context.get()));
    BIO* one = nullptr;
    BIO* other = nullptr;
    BIO_new_bio_pair(&one, 0, &other, 0);
    SSL_set_bio(accepting.get(), one, one);
    SSL_set_bio(connecting.get(), other, other);
    SSL_set_accept_state(accepting.get());
    SSL_set_connect_state(connecting.get());
    SSL_set1_host(connecting.get(), "localhost");
    Outcome outcome;
    for (int round = 0; round < 10; ++round) {
      outcome.client = SSL_do_handshake(connecting.get()) == 1;
      if (!outcome.client && SSL_get_error(connecting.get(), 0) == SSL_ERROR_SSL) {
        outcome.client_error = ERR_reason_error_string(ERR_peek_last_error());
        break;
      }
      outcome.server = SSL_do_handshake(accepting.get()) == 1;
      ERR_clear_error();
    }
    SSL_get_peer_signature_type_nid(connecting.get(), &outcome.signature);
    ERR_clear_error();
    return outcome;
  }

  std::shared_ptr<Listening> listening = std::make_shared<Listening>(store);
};

TEST_F(Handshake, WithEitherCurveIsVerifiedByTheClient) {
  for (const auto algorithm : {jose::Algorithm::es256, jose::Algorithm::es384}) {
    const auto outcome = shake(server(make(algorithm)), client());
    EXPECT_TRUE(outcome.client) << outcome.client_error;
    EXPECT_TRUE(outcome.server);
    EXPECT_EQ(outcome.signature, NID_X9_62_id_ecPublicKey);
  }
  EXPECT_EQ(outcomes, (std::vector<std::string>{"good", "good"}));
}

TEST_F(Handshake, AsksForExactlyWhatTheRulesOfPurposeGrant) {
  const auto context = server(make(jose::Algorithm::es256));
  for (const char* suite :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    const auto connecting = client();
    ASSERT_EQ(SSL_CTX_set_ciphersuites(connecting.get(), suite), 1);
    EXPECT_TRUE(shake(context, connecting).client) << suite;
  }
  ASSERT_EQ(listening->messages.size(), 3U);
  for (const std::string& message : listening->messages)
    EXPECT_TRUE(signer::check_certificate_verify(message));
}

// What mintd does not offer with such a key: here to show that the rules would refuse it.
TEST_F(Handshake, OfTls12WouldAskForWhatTheRulesRefuse) {
  const auto connecting = client();
  SSL_CTX_set_max_proto_version(connecting.get(), TLS1_2_VERSION);
  EXPECT_TRUE(shake(server(make(jose::Algorithm::es256)), connecting).client);
  ASSERT_EQ(listening->messages.size(), 1U);
  const auto refused = signer::check_certificate_verify(listening->messages.front());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::purpose_refused);
}

TEST_F(Handshake, WithAWrongSignatureIsRefusedByTheClient) {
  listening->flip = true;
  const auto outcome = shake(server(make(jose::Algorithm::es256)), client());
  EXPECT_FALSE(outcome.client);
  EXPECT_EQ(outcome.client_error, "bad signature");
}

TEST_F(Handshake, FailsWhereTheSignerIsGoneAndTheNextOneDoesNot) {
  const auto context = server(make(jose::Algorithm::es256));
  store->fail_signing_with({Code::hsm_unavailable, "gone", 0});
  const auto failed = shake(context, client());
  EXPECT_FALSE(failed.client);
  EXPECT_FALSE(failed.server);
  store->sign_again();
  EXPECT_TRUE(shake(context, client()).client);
}

TEST_F(Handshake, ByAClientThatTakesAnotherSignatureOnlyIsNotSignedFor) {
  const auto connecting = client();
  ASSERT_EQ(SSL_CTX_set1_sigalgs_list(connecting.get(), "ECDSA+SHA384:RSA-PSS+SHA256"), 1);
  EXPECT_FALSE(shake(server(make(jose::Algorithm::es256)), connecting).client);
  EXPECT_TRUE(listening->messages.empty());
}

TEST_F(Handshake, IsNotEvenOfferedWithAnotherKeysCertificate) {
  Context context(SSL_CTX_new_ex(library(), library_properties, TLS_server_method()));
  const auto certificate =
      certificate_of(ca.certify(make(jose::Algorithm::es256).public_key.to_spki()));
  ASSERT_EQ(SSL_CTX_use_certificate(context.get(), certificate.get()), 1);
  EXPECT_NE(SSL_CTX_use_PrivateKey(context.get(), held(make(jose::Algorithm::es256)).get()), 1);
  ERR_clear_error();
}

}  // namespace
}  // namespace mintmark::hsm::tls
