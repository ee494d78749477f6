// Mutual TLS on the whole path: mint-agent with a TPM, curl with a key in a file, certificates of
// an authority, npm clients, nginx in front; and every certificate that is not to be taken.
#include <fstream>

#include "base/file.h"
#include "http/server.h"
#include "jose/base64url.h"
#include "operating.h"
#include "support/child_process.h"
#include "support/test_tls.h"

namespace mintmark::test {
namespace {

using namespace std::literals;

const std::string mutual_tls =
    R"("mutual_tls": {"self_signed": true, "authorities": ["tls/devices-ca.pem"]},)";
const std::string policy = R"({"rules": [
  {"name": "attested", "match": {"format": "tpm2", "key_protection": "hardware"},
   "grant": [{"audience": "https://api.example", "scopes": ["read", "write"]}],
   "default_audience": "https://api.example"},
  {"name": "files", "match": {"format": "key", "key_protection": "none"},
   "grant": [{"audience": "https://api.example", "scopes": ["read"]}],
   "default_audience": "https://api.example"}]})";

const TestCa& authority() {
  static const TestCa ca("Devices");
  return ca;
}

// A device whose key is a file, enrolled once for all tests.
struct FileDevice {
  std::string state;
  std::string client_id;
  Bytes public_key;  ///< SubjectPublicKeyInfo, DER.

  [[nodiscard]] std::string key() const { return state + "/device-key.pem"; }
};

class MutualTls : public Operating {
 protected:
  static void SetUpTestSuite() {
    if (!device_.state.empty()) return;
    const MutualTls now;
    now.write("tls/devices-ca.pem", authority().certificate_pem());
    now.write("policy.json", policy);
    now.replace("mintd.json", R"("admin": )", mutual_tls + R"( "admin": )");
    now.stack.down();
    now.stack.up();
    device_ = now.enrolled("file-agent");
  }
  void TestBody() override {}

  [[nodiscard]] Outcome agent_in(const std::string& state, std::vector<std::string> words) const {
    words.insert(words.begin(), {stack["MINT_BIN"] + "/mint-agent", "--state", state});
    return execute(words);
  }
  [[nodiscard]] FileDevice enrolled(const std::string& name) const {
    FileDevice made{file(name), "", {}};
    const std::string code = stack.control({"devices", "invite"})["code"];
    const auto done = agent_in(made.state, {"enroll", "--issuer", stack["MINT_ISSUER"], "--ca",
                                            stack["MINT_CA"], "--key", "file", "--code", code});
    EXPECT_EQ(done.status, 0) << done.output;
    made.client_id = Json::parse(agent_in(made.state, {"status", "--json"}).output)["client_id"];
    const std::string der = file(name + ".spki");
    EXPECT_EQ(
        execute({"openssl", "pkey", "-in", made.key(), "-pubout", "-outform", "DER", "-out", der})
            .status,
        0);
    made.public_key = to_bytes(as_bytes(read_file(der).value()));
    return made;
  }
  /// In a file of the stack's directory.
  [[nodiscard]] std::string kept(const std::string& name, const std::string& pem) const {
    std::ofstream(file(name)) << pem;
    return file(name);
  }
  /// A certificate on the file device's key as `openssl req -x509` makes it.
  [[nodiscard]] std::string by_openssl(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"openssl", "req",      "-x509", "-new", "-key", device_.key(),
                                   "-subj",   "/CN=curl", "-days", "1",    "-out", file("own.pem")};
    words.insert(words.end(), more.begin(), more.end());
    const auto made = execute(words);
    EXPECT_EQ(made.status, 0) << made.output;
    return file("own.pem");
  }
  [[nodiscard]] std::string by_authority(const CertificateRequest& request) const {
    return kept("certified.pem", authority().certify(device_.public_key, request));
  }
  [[nodiscard]] CertificateRequest for_client(const std::string& name) const {
    return {.common_name = name, .names = {}, .for_server = false};
  }

  /// What the token endpoint answers to curl with that certificate; "": with none.
  [[nodiscard]] Json ask(const std::string& certificate, const std::string& key,
                         const std::string& client_id) const {
    std::vector<std::string> words{"--data-urlencode", "grant_type=client_credentials",
                                   "--data-urlencode", "client_id=" + client_id,
                                   stack["MINT_ISSUER"] + "/token"};
    if (!certificate.empty()) words.insert(words.begin(), {"--cert", certificate, "--key", key});
    const auto answer = stack.curl(words);
    const Json body = Json::parse(answer.output, nullptr, false);
    EXPECT_TRUE(body.is_object()) << answer.output;
    return body;
  }
  [[nodiscard]] Json ask(const std::string& certificate) const {
    return ask(certificate, device_.key(), device_.client_id);
  }
  [[nodiscard]] static Json claims_of(const std::string& token) {
    const auto begin = token.find('.') + 1;
    const auto octets = jose::from_base64url(token.substr(begin, token.rfind('.') - begin));
    return octets ? Json::parse(as_text(*octets), nullptr, false) : Json();
  }
  /// x5t#S256 of the first certificate in the file, by openssl.
  [[nodiscard]] std::string thumbprint(const std::string& certificate) const {
    const std::string der = file("thumbprint.der");
    EXPECT_EQ(
        execute({"openssl", "x509", "-in", certificate, "-outform", "DER", "-out", der}).status, 0);
    return jose::base64url(sha256(read_file(der).value()));
  }
  void expect_bound(const Json& answer, const std::string& certificate) const {
    EXPECT_EQ(answer["token_type"], "Bearer") << answer;
    EXPECT_EQ(claims_of(answer.value("access_token", ""))["cnf"],
              Json({{"x5t#S256", thumbprint(certificate)}}));
  }

  static inline FileDevice device_;
};

TEST_F(MutualTls, IsOfferedInTheMetadata) {
  const Json metadata = Json::parse(
      stack.curl({stack["MINT_ISSUER"] + "/.well-known/oauth-authorization-server"}).output);
  EXPECT_EQ(metadata["tls_client_certificate_bound_access_tokens"], true);
  EXPECT_EQ(metadata["token_endpoint_auth_methods_supported"],
            Json::array({"attest_jwt_client_auth_dpop", "private_key_jwt",
                         "self_signed_tls_client_auth", "tls_client_auth"}));
}

TEST_F(MutualTls, GivesADeviceWithATpmATokenBoundToItsCertificate) {
  const auto token = stack.agent({"token", "--mtls", "--scope", "read"});
  ASSERT_EQ(token.status, 0) << token.output;
  const auto certificate = stack.agent({"certificate"});
  ASSERT_EQ(certificate.status, 0) << certificate.output;
  const Json claims = claims_of(token.output);
  EXPECT_EQ(claims["cnf"], Json({{"x5t#S256", thumbprint(kept("tpm.pem", certificate.output))}}));
  EXPECT_EQ(claims["key_protection"], "hardware");
  // A token that is proven by the key itself is another one; both are kept.
  const auto proven = stack.agent({"token", "--scope", "read"});
  EXPECT_TRUE(claims_of(proven.output)["cnf"].contains("jkt")) << proven.output;
  EXPECT_EQ(stack.agent({"token", "--mtls", "--scope", "read"}).output, token.output);
  EXPECT_EQ(stack.agent({"token", "--scope", "read"}).output, proven.output);
}

TEST_F(MutualTls, IsServedByCertificatesThatOthersCanRead) {
  const std::string own = kept("tpm.pem", stack.agent({"certificate"}).output);
  EXPECT_EQ(execute({"openssl", "verify", "-CAfile", own, "-purpose", "sslclient", own}).status, 0);
  const auto anew = stack.agent({"certificate", "--hours", "2"});
  EXPECT_EQ(anew.status, 0) << anew.output;
  EXPECT_NE(anew.output, *read_file(own));
  const std::string shorter = kept("shorter.pem", anew.output);
  EXPECT_EQ(execute({"openssl", "x509", "-in", shorter, "-checkend", "7000", "-noout"}).status, 0);
  EXPECT_NE(execute({"openssl", "x509", "-in", shorter, "-checkend", "7300", "-noout"}).status, 0);
  EXPECT_EQ(stack.agent({"certificate"}).output, anew.output) << "kept until it is about to end";
  for (const char* wrong : {"0", "721", "-1", "x", ""})
    EXPECT_EQ(stack.agent({"certificate", "--hours", wrong}).status, 2) << wrong;
}

TEST_F(MutualTls, TakesWhatAnAuthorityCertifiesOnTheTpmsKey) {
  const std::string id = Json::parse(stack.agent({"status", "--json"}).output)["client_id"];
  const auto request = stack.agent({"certificate", "--request"});
  ASSERT_EQ(request.status, 0) << request.output;
  const std::string csr = kept("tpm.csr", request.output);
  const auto verified = execute({"openssl", "req", "-in", csr, "-verify", "-noout", "-subject"});
  EXPECT_EQ(verified.status, 0) << verified.output;
  EXPECT_NE(verified.output.find("CN = " + id), std::string::npos) << verified.output;
  ASSERT_EQ(execute({"bash", "-c",
                     "openssl req -in \"$1\" -pubkey -noout | openssl pkey -pubin -outform DER "
                     "-out \"$2\"",
                     "bash", csr, file("tpm.spki")})
                .status,
            0);
  const Bytes key = to_bytes(as_bytes(read_file(file("tpm.spki")).value()));
  const std::string given = kept("given.pem", authority().certify(key, for_client(id)));
  ASSERT_EQ(stack.agent({"certificate", "--install", given}).status, 0);
  const auto token = stack.agent({"token", "--mtls", "--scope", "write"});
  ASSERT_EQ(token.status, 0) << token.output;
  EXPECT_EQ(claims_of(token.output)["cnf"], Json({{"x5t#S256", thumbprint(given)}}));
  EXPECT_EQ(stack.agent({"certificate"}).output, *read_file(given));
  EXPECT_NE(stack.agent({"certificate", "--hours", "1"}).status, 0);

  const std::string other =
      kept("other.pem", authority().certify(device_.public_key, for_client(id)));
  const auto refused = stack.agent({"certificate", "--install", other});
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.output.find("agent_certificate_unfit"), std::string::npos) << refused.output;
  EXPECT_TRUE(std::filesystem::remove(stack["MINT_AGENT_STATE"] + "/installed-certificate.pem"));
  EXPECT_EQ(stack.agent({"token", "--mtls"}).status, 0) << "with a certificate of its own again";
}

TEST_F(MutualTls, GivesCurlWithAKeyInAFileATokenBoundToItsCertificate) {
  const std::string own = kept("agents.pem", agent_in(device_.state, {"certificate"}).output);
  const Json answer = ask(own);
  expect_bound(answer, own);
  EXPECT_EQ(claims_of(answer["access_token"])["key_protection"], "none");
  const std::string plain = by_openssl();
  expect_bound(ask(plain), plain);
  const auto token = agent_in(device_.state, {"token", "--mtls"});
  EXPECT_EQ(token.status, 0) << token.output;
}

TEST_F(MutualTls, GivesAClientWhoseSubjectAnAuthorityNamesAToken) {
  const std::string by_name = by_authority(for_client(device_.client_id));
  expect_bound(ask(by_name), by_name);
  CertificateRequest dns = for_client("a device");
  dns.names = {device_.client_id};
  const std::string by_dns = by_authority(dns);
  expect_bound(ask(by_dns), by_dns);
}

TEST_F(MutualTls, RefusesEachCertificateThatIsNotTheDevicesByItsName) {
  const TestCa stranger("Strangers");
  const auto certified = [&](const CertificateRequest& request) {
    return ask(by_authority(request))["code"];
  };
  EXPECT_EQ(certified(for_client("another")), "client_certificate_subject");
  CertificateRequest over = for_client(device_.client_id);
  over.not_after = -1s;
  EXPECT_EQ(certified(over), "client_certificate_time");
  CertificateRequest to_come = for_client(device_.client_id);
  to_come.not_before = 600s;
  EXPECT_EQ(certified(to_come), "client_certificate_time");
  CertificateRequest server = for_client(device_.client_id);
  server.for_server = true;
  EXPECT_EQ(certified(server), "client_certificate_usage");
  EXPECT_EQ(ask(kept("strange.pem",
                     stranger.certify(device_.public_key, for_client(device_.client_id))))["code"],
            "client_certificate_untrusted");
  const auto other_key = authority().issue(for_client(device_.client_id));
  EXPECT_EQ(ask(kept("other.pem", other_key.certificate_pem), kept("other.key", other_key.key_pem),
                device_.client_id)["code"],
            "client_certificate_key");
}

TEST_F(MutualTls, RefusesAnotherDevicesCertificateNoneAndStrangers) {
  const FileDevice other = enrolled("other-agent");
  const std::string theirs = kept("theirs.pem", agent_in(other.state, {"certificate"}).output);
  EXPECT_EQ(ask(theirs, other.key(), device_.client_id)["code"], "client_certificate_key");
  EXPECT_EQ(ask("", "", device_.client_id)["code"], "client_certificate_missing");
  EXPECT_EQ(ask(by_openssl(), device_.key(), "nobody")["code"], "device_unknown");
  expect_bound(ask(theirs, other.key(), other.client_id), theirs);
  (void)stack.control({"devices", "revoke", other.client_id});
  EXPECT_EQ(ask(theirs, other.key(), other.client_id)["code"], "device_revoked");
}

// RFC 9440 §2.2 is for proxies; here anybody could send it.
TEST_F(MutualTls, ReadsNoHeaderWhereTlsIsItsOwn) {
  const auto answer = stack.curl({"--header", "Client-Cert: :MAIFAA==:", "--data",
                                  "grant_type=client_credentials&client_id=" + device_.client_id,
                                  stack["MINT_ISSUER"] + "/token"});
  EXPECT_NE(answer.output.find("client_certificate_missing"), std::string::npos) << answer.output;
}

TEST_F(MutualTls, IsSpokenByNpmClientsAndShownToAServiceByTheAgent) {
  const std::string own = by_openssl();
  const auto judged =
      execute({"env", "NODE_EXTRA_CA_CERTS=" + stack["MINT_CA"], "MINT_BIN=" + stack["MINT_BIN"],
               "MINT_AGENT_STATE=" + stack["MINT_AGENT_STATE"], MINTMARK_JUDGES "/run",
               "mutual_tls.mjs", stack["MINT_ISSUER"], device_.client_id, own, device_.key(),
               file("tls/server.pem"), file("tls/server.key")});
  EXPECT_EQ(judged.status, 0) << judged.output;
  EXPECT_NE(judged.output.find("\nmutual_tls: 5 passed\n"), std::string::npos) << judged.output;
}

TEST_F(MutualTls, GoesOnAskingAfterAReload) {
  const PutBack put_back(stack, {"tls/server.pem", "tls/server.key"});
  // Another chain for the same key, so that TLS is made anew.
  write("tls/server.pem", content("tls/server.pem") + content("tls/ca.pem"));
  const auto reloaded = mintctl({"reload"});
  EXPECT_NE(reloaded.output.find("tls"), std::string::npos) << reloaded.output;
  const std::string own = by_openssl();
  expect_bound(ask(own), own);
}

// A real proxy in front, which ends TLS and tells the certificate; what its client says of it is
// overwritten.
class MutualTlsBehindAProxy : public MutualTls {
 protected:
  void SetUp() override {
    stack.down();
    const auto probe = http::listen_tcp("127.0.0.1", 0);
    inner_ = std::to_string(http::port_of(*probe));
    port_ = stack["MINT_ISSUER"].substr(stack["MINT_ISSUER"].rfind(':') + 1);
  }
  void TearDown() override {
    proxy_.reset();
    mintd_.reset();
    stack.up();
  }

  void serve(const std::string& header, const std::vector<std::string>& proxy) {
    const std::string former = content("mintd.json");
    replace("mintd.json", R"("port": )" + port_, R"("port": )" + inner_);
    replace("mintd.json", R"("tls": {"certificate": "tls/server.pem", "key": "tls/server.key"},)",
            R"("plain_http_behind_trusted_proxy": true,)");
    replace("mintd.json", R"("self_signed": true,)",
            R"("self_signed": true, "trusted_networks": ["127.0.0.1"], "certificate_header": ")" +
                header + R"(",)");
    const std::string behind = kept("behind.json", content("mintd.json"));
    write("mintd.json", former);
    // Not by the stack, which looks for TLS where mintd listens.
    mintd_.emplace(std::vector{stack["MINT_BIN"] + "/mintd", "--config"s, behind},
                   file("behind.log"));
    proxy_.emplace(proxy, file("proxy.log"), Environment{{"XDG_DATA_HOME", file("proxy-data")}});
    wait_until("mintd behind the proxy", *proxy_, [&] {
      return stack.curl({"--fail", "--output", "/dev/null", stack["MINT_ISSUER"] + "/readyz"})
                 .status == 0;
    });
  }
  void expect_the_certificate_that_the_proxy_saw(const std::string& header) const {
    const std::string own = by_openssl();
    expect_bound(ask(own), own);
    EXPECT_EQ(ask("", "", device_.client_id)["code"], "client_certificate_missing");
    const auto token = agent_in(device_.state, {"token", "--mtls", "--scope", "read"});
    EXPECT_EQ(token.status, 0) << token.output;
    const auto forged =
        stack.curl({"--header", header + ": :MAIFAA==:", "--header", header + ": twice", "--data",
                    "grant_type=client_credentials&client_id=" + device_.client_id,
                    stack["MINT_ISSUER"] + "/token"});
    EXPECT_NE(forged.output.find("client_certificate_missing"), std::string::npos) << forged.output;
  }
  /// What mintd itself answers to whoever reaches its plain port from that address, with no key and
  /// the device's certificate in the header.
  [[nodiscard]] std::string told_past_the_proxy(const std::string& from) const {
    const auto told = execute(
        {"bash", "-c", "openssl x509 -in \"$1\" -outform DER | base64 -w0", "bash", by_openssl()});
    return execute({"curl", "--silent", "--interface", from, "--header",
                    "Client-Cert: :" + told.output + ":", "--data",
                    "grant_type=client_credentials&client_id=" + device_.client_id,
                    "http://127.0.0.1:" + inner_ + "/token"})
        .output;
  }
  // The stack's directory has a blank in its name.
  [[nodiscard]] std::string place(const std::string& name) const {
    return "\"" + file(name) + "\"";
  }

  std::string port_;
  std::string inner_;

 private:
  std::optional<ChildProcess> mintd_;
  std::optional<ChildProcess> proxy_;
};

TEST_F(MutualTlsBehindAProxy, TakesTheCertificateThatNginxSaw) {
  std::string text = "daemon off;\nworker_processes 1;\npid " + place("nginx.pid") +
                     ";\nevents {}\nhttp {\n  access_log off;\n";
  for (const std::string kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += "  " + kind + "_temp_path " + place("nginx-" + kind) + ";\n";
  text += "  server {\n    listen 127.0.0.1:" + port_ + " ssl;\n    ssl_certificate " +
          place("tls/server.pem") + ";\n    ssl_certificate_key " + place("tls/server.key") + R"(;
    ssl_verify_client optional_no_ca;
    ssl_session_tickets off;
    ssl_protocols TLSv1.3;
    location / {
      proxy_pass http://127.0.0.1:)" +
          inner_ + R"(;
      proxy_set_header Host $http_host;
      proxy_set_header X-SSL-Client-Escaped-Cert $ssl_client_escaped_cert;
    }
  }
}
)";
  serve("X-SSL-Client-Escaped-Cert", {"nginx", "-c", kept("nginx.conf", text), "-e", "stderr"});
  expect_the_certificate_that_the_proxy_saw("x-ssl-client-escaped-cert");
}

TEST_F(MutualTlsBehindAProxy, TakesTheCertificateThatCaddySaw) {
  const std::string text = "{\n  admin off\n  auto_https off\n}\nhttps://localhost:" + port_ +
                           " {\n  tls " + place("tls/server.pem") + " " + place("tls/server.key") +
                           R"( {
    client_auth {
      mode request
    }
  }
  map {http.request.tls.resumed}{http.request.tls.client.certificate_der_base64} {client_cert} {
    ~^false([A-Za-z0-9+/=]+)$ ":${1}:"
    default ""
  }
  reverse_proxy 127.0.0.1:)" +
                           inner_ +
                           R"( {
    header_up Client-Cert {client_cert}
  }
}
)";
  serve("Client-Cert",
        {"caddy", "run", "--adapter", "caddyfile", "--config", kept("Caddyfile", text)});
  expect_the_certificate_that_the_proxy_saw("client-cert");
  const std::string refused = told_past_the_proxy("127.0.0.2");
  EXPECT_NE(refused.find("mutual_tls_off"), std::string::npos) << refused;
  EXPECT_EQ(refused.find("access_token"), std::string::npos) << refused;
  const std::string taken = told_past_the_proxy("127.0.0.1");
  EXPECT_NE(taken.find("access_token"), std::string::npos) << "the proxy's word counts: " << taken;
}

// Last: it takes it out of the configuration.
TEST_F(MutualTls, IsRefusedByNameWhereItIsOff) {
  const std::string former = content("mintd.json");
  const std::string own = by_openssl();
  replace("mintd.json", mutual_tls, "");
  EXPECT_EQ(mintctl({"reload"}).output.find("reload_needs_restart") == std::string::npos, false);
  stack.down();
  stack.up();
  EXPECT_EQ(ask(own)["code"], "mutual_tls_off");
  const auto token =
      agent_in(device_.state, {"token", "--mtls", "--audience", "https://api.example"});
  EXPECT_EQ(token.status, 1) << token.output;
  EXPECT_NE(token.output.find("mutual_tls_off"), std::string::npos) << token.output;
  write("mintd.json", former);
}

}  // namespace
}  // namespace mintmark::test
