// The front's TLS key in the hardware, as an operator moves it there.
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "operating.h"
#include "support/test_tls.h"

namespace mintmark::test {
namespace {

class TlsKey : public Operating {
 protected:
  static void SetUpTestSuite() {
    Operating::SetUpTestSuite();
    if (moved_) return;
    moved_ = true;
    const TlsKey operation;
    operation.certify(operation.generate("ES256"));
    operation.replace("mintd.json", R"("key": "tls/server.key")", R"("key_store": "main")");
    std::filesystem::remove(operation.file("tls/server.key"));
    operation.stack.down();
    operation.stack.up();
  }
  void TestBody() override {}

  /// The new key's public half, in a file.
  [[nodiscard]] std::string generate(const std::string& algorithm) const {
    const Json key =
        stack.control({"keys", "generate", "--purpose", "tls", "--algorithm", algorithm});
    EXPECT_EQ(key["algorithm"], algorithm);
    write("tls/hsm.pub", key["public_key"]);
    return "tls/hsm.pub";
  }
  /// A certificate by the stack's CA for that public key, where mintd looks for it.
  void certify(const std::string& public_key) const {
    write("tls/names", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
    const auto made =
        execute({"openssl", "x509", "-new", "-force_pubkey", file(public_key), "-subj",
                 "/CN=localhost", "-CA", file("tls/ca.pem"), "-CAkey", file("tls/ca.key"), "-days",
                 "2", "-extfile", file("tls/names"), "-out", file("tls/server.pem")});
    ASSERT_EQ(made.status, 0) << made.output;
    ASSERT_EQ(execute({"chmod", "644", file("tls/server.pem")}).status, 0);
  }

  [[nodiscard]] std::string host() const {
    return stack["MINT_ISSUER"].substr(std::string("https://").size());
  }
  [[nodiscard]] Outcome s_client(const std::string& version) const {
    return execute({"bash", "-c",
                    "openssl s_client -connect \"$1\" -CAfile \"$2\" -verify_return_error "
                    "-verify_hostname localhost \"$3\" </dev/null",
                    "bash", host(), stack["MINT_CA"], version});
  }
  [[nodiscard]] int answers() const {
    return stack
        .curl({"--fail", "--max-time", "5", "--output", "/dev/null",
               stack["MINT_ISSUER"] + "/healthz"})
        .status;
  }
  /// SHA-256 of the public key that is served.
  [[nodiscard]] std::string served_key() const {
    return execute({"bash", "-c",
                    "openssl s_client -connect \"$1\" </dev/null 2>/dev/null | openssl x509 "
                    "-pubkey -noout | openssl pkey -pubin -outform DER | sha256sum",
                    "bash", host()})
        .output.substr(0, 64);
  }

 private:
  static inline bool moved_ = false;
};

TEST_F(TlsKey, ServesTls13AndNothingOlder) {
  const auto newest = s_client("-tls1_3");
  EXPECT_EQ(newest.status, 0) << newest.output;
  EXPECT_NE(newest.output.find("Peer signature type: ECDSA"), std::string::npos) << newest.output;
  const auto older = s_client("-tls1_2");
  EXPECT_NE(older.status, 0);
  EXPECT_NE(older.output.find("protocol version"), std::string::npos) << older.output;
}

TEST_F(TlsKey, LetsTokensBeIssuedAsBefore) {
  const auto token = fresh_token("read");
  EXPECT_EQ(token.status, 0) << token.output;
}

TEST_F(TlsKey, StandsInNoFileAndInNoProcessThatIsNotTheModule) {
  ASSERT_EQ(answers(), 0);
  const auto found = execute({"grep", "--recursive", "--files-with-matches", "PRIVATE KEY",
                              stack.directory(), "--exclude=ca.key"});
  // Those of the software TPM's own CAs, which play the manufacturer.
  EXPECT_EQ(found.output.find("/tls/"), std::string::npos) << found.output;
  EXPECT_EQ(found.output.find("/state/"), std::string::npos) << found.output;
  const std::string command = *read_file("/proc/" + std::to_string(stack.front_pid()) + "/cmdline");
  EXPECT_EQ(command.find("--tls-key-fd"), std::string::npos);
}

TEST_F(TlsKey, IsNeitherPublishedNorTakenForAnOrphan) {
  const Json keys = stack.control({"keys", "list"});
  EXPECT_EQ(keys["orphans"], Json::array());
  for (const Json& key : keys["keys"]) EXPECT_NE(key["purpose"], "tls");
  const auto jwks = stack.curl({"--fail", stack["MINT_ISSUER"] + "/.well-known/jwks.json"});
  EXPECT_EQ(jwks.output.find("\"tls\""), std::string::npos);
  EXPECT_EQ(log().find("key_without_record"), std::string::npos);
}

TEST_F(TlsKey, IsMadeForTlsOnly) {
  for (const char* purpose : {"access_token", "client_attestation", "other"}) {
    const auto refused = mintctl({"keys", "generate", "--purpose", purpose});
    EXPECT_EQ(refused.status, 1);
    EXPECT_NE(refused.output.find("admin_member_wrong"), std::string::npos) << refused.output;
  }
  const auto algorithm = mintctl({"keys", "generate", "--purpose", "tls", "--algorithm", "HS256"});
  EXPECT_EQ(algorithm.status, 1);
  EXPECT_NE(algorithm.output.find("must be \"ES256\" or \"ES384\""), std::string::npos)
      << algorithm.output;
  EXPECT_EQ(mintctl({"keys", "generate"}).status, 2);
}

TEST_F(TlsKey, IsMadeByOperatorsAlone) {
  if (geteuid() != 0) return;  // One user for all.
  const auto refused = execute({"setpriv", "--reuid=65534", "--regid=65534", "--groups", "games",
                                stack["MINT_BIN"] + "/mintctl", "--admin", stack["MINT_ADMIN"],
                                "keys", "generate", "--purpose", "tls"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.output.find("admin_forbidden"), std::string::npos) << refused.output;
}

TEST_F(TlsKey, IsReplacedByAReloadWithAnotherCertificate) {
  const PutBack put_back(stack, {"tls/server.pem"});
  auto open = client();
  ASSERT_TRUE(get(open, "/healthz"));
  const std::string before = served_key();
  certify(generate("ES384"));
  EXPECT_EQ(served_key(), before) << "not before the reload";
  const auto reloaded = mintctl({"reload"});
  EXPECT_EQ(reloaded.status, 0) << reloaded.output;
  EXPECT_NE(reloaded.output.find("tls"), std::string::npos) << reloaded.output;
  EXPECT_NE(served_key(), before);
  EXPECT_EQ(s_client("-tls1_3").status, 0);
  EXPECT_TRUE(get(open, "/healthz")) << "this connection was there before";
}

TEST_F(TlsKey, OfACertificateWhoseKeyIsNotInTheTokenIsRefusedByName) {
  const PutBack put_back(stack, {"tls/server.pem"});
  const std::string before = served_key();
  write("tls/server.pem", TestCa().issue().certificate_pem);
  const auto refused = mintctl({"reload"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_NE(refused.output.find("tls_key_missing"), std::string::npos) << refused.output;
  EXPECT_NE(refused.output.find("mintctl keys generate --purpose tls"), std::string::npos);
  EXPECT_EQ(served_key(), before);
}

TEST_F(TlsKey, OfAnAlgorithmThatNoneHasIsRefusedBeforeAnythingStarts) {
  const PutBack put_back(stack, {"tls/server.pem"});
  ASSERT_EQ(execute({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                     "/dev/null", "-subj", "/CN=localhost", "-out", file("tls/server.pem")})
                .status,
            0);
  const auto checked =
      execute({stack["MINT_BIN"] + "/mintd", "--config", stack["MINT_CONFIG"], "--check-config"});
  EXPECT_EQ(checked.status, 2);
  EXPECT_NE(checked.output.find("tls_certificate_unusable"), std::string::npos) << checked.output;
  EXPECT_NE(checked.output.find("server.pem"), std::string::npos) << checked.output;
}

TEST_F(TlsKey, InAFileAgainTakesARestart) {
  const PutBack put_back(stack, {"mintd.json", "tls/server.pem"});
  const auto certificate = TestCa().issue();
  write("tls/server.pem", certificate.certificate_pem);
  write("tls/other.key", certificate.key_pem);
  replace("mintd.json", R"("key_store": "main")", R"("key": "tls/other.key")");
  const auto refused = mintctl({"reload"});
  EXPECT_NE(refused.output.find("tls.key_store changed"), std::string::npos) << refused.output;
  std::filesystem::remove(file("tls/other.key"));
}

TEST_F(TlsKey, WorksAgainAfterTheSignerWasKilledWhileOpenConnectionsGoOn) {
  auto open = client();
  ASSERT_TRUE(get(open, "/healthz"));
  ASSERT_EQ(kill(stack.signer_pid(), SIGKILL), 0);
  EXPECT_TRUE(get(open, "/healthz"));
  await("handshakes again", [&] { return answers() == 0; });
  EXPECT_TRUE(get(open, "/healthz"));
  EXPECT_EQ(fresh_token("read").status, 0);
}

TEST_F(TlsKey, FailsHandshakesAndNothingElseWhileTheSignerIsStopped) {
  auto open = client();
  ASSERT_TRUE(get(open, "/healthz"));
  const int signer = stack.signer_pid();
  const double failed = figure("mintmark_tls_signatures_total{outcome=\"deadline_passed\"}");
  ASSERT_EQ(kill(signer, SIGSTOP), 0);
  auto late = client();
  const auto refused = get(late, "/healthz");
  EXPECT_FALSE(refused) << "no key, no handshake";
  EXPECT_TRUE(get(open, "/healthz"));
  ASSERT_EQ(kill(signer, SIGCONT), 0);
  await("handshakes again", [&] { return answers() == 0; });
  EXPECT_GT(figure("mintmark_tls_signatures_total{outcome=\"deadline_passed\"}"), failed);
  EXPECT_NE(log().find("tls_signing_fails"), std::string::npos);
  EXPECT_NE(log().find("tls_signing_again"), std::string::npos);
}

TEST_F(TlsKey, IsFoundAgainByAFrontThatIsStartedAgain) {
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGKILL), 0);
  EXPECT_EQ(stack
                .curl({"--fail", "--max-time", "20", "--output", "/dev/null",
                       stack["MINT_ISSUER"] + "/healthz"})
                .status,
            0);
  stack.wait_until_ready();
  EXPECT_NE(stack.front_pid(), front);
}

TEST_F(TlsKey, IsWaitedForByAFrontThatCannotHaveItAndAReloadEndsTheWait) {
  const std::string good = content("tls/server.pem");
  write("tls/server.pem", TestCa().issue().certificate_pem);
  const int keeper = stack.keeper_pid();
  ASSERT_EQ(kill(keeper, SIGTERM), 0);
  // Its socket goes first: until the process has ended it holds the stores.
  await("mintd to end", [&] {
    std::error_code ended;
    (void)std::filesystem::read_symlink("/proc/" + std::to_string(keeper) + "/exe", ended);
    return static_cast<bool>(ended);
  });
  const auto started = execute(
      {"bash", "-c",
       "setsid \"$1/mintd\" --config \"$2\" </dev/null >>\"$3\" 2>&1 & echo $! >\"$4\"", "bash",
       stack["MINT_BIN"], stack["MINT_CONFIG"], file("mintd.log"), file("mintd.pid")});
  ASSERT_EQ(started.status, 0);
  Json front;
  await("the front to say what it waits for", [&] {
    try {
      front = stack.control({"status"})["front"];
      return front["state"] == "waiting" &&
             front["trouble"].get<std::string>().find("tls_key_missing") != std::string::npos;
    } catch (const std::exception&) {
      return false;
    }
  });
  EXPECT_EQ(front["restarts"], 0) << "it waits, it does not end";
  write("tls/server.pem", good);
  const auto reloaded = mintctl({"reload"});
  EXPECT_EQ(reloaded.status, 0) << reloaded.output;
  stack.wait_until_ready();
  EXPECT_EQ(stack.control({"status"})["front"]["state"], "ready");
}

}  // namespace
}  // namespace mintmark::test
