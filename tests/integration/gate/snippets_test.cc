// What no client can forge or take away behind nginx and Caddy, wherever in their configuration the
// service stands; and certificates that the proxies tell the gate.
#include <algorithm>

#include "base/file.h"
#include "beside.h"
#include "support/free_port.h"
#include "support/published_issuer.h"
#include "support/soft_key.h"
#include "support/test_tls.h"

namespace mintmark::test {
namespace {

class Forged : public Beside {
 protected:
  void expect_judged(const std::string& origin, const std::string& path, const std::string& target);
  std::string token_ = stack.token();
};

/// Refused without a token, and with one by the gate's word alone: `path` is the one that is
/// judged.
void Forged::expect_judged(const std::string& origin, const std::string& path,
                           const std::string& target) {
  const std::string url = origin + path;
  const Answer refused = call(url);
  EXPECT_EQ(refused.status, 401U) << url << refused.body;
  EXPECT_EQ(refused.body.find("upstream"), std::string::npos) << url << refused.body;
  Fields fields = shown(token_, url);
  for (const std::string& name : identity) fields.push_back(name + ": forged");
  fields.emplace_back("X-Forwarded-Host: forged.example");
  fields.emplace_back("X-Forwarded-Proto: http");
  fields.emplace_back("X-Forwarded-Method: DELETE");
  fields.emplace_back("X-Forwarded-Uri: /forged");
  const Answer granted = call(url, fields);
  ASSERT_LT(granted.status, 400U) << url << granted.body;
  if (target.empty()) return;
  EXPECT_EQ(Json::parse(granted.body, nullptr, false).value("target", ""), target) << url;
  const auto seen = seen_by_upstream(granted);
  for (const std::string& name : identity) {
    ASSERT_EQ(seen.count(in_lower_case(name)), 1U) << url << name << granted.body;
    EXPECT_NE(value_of(seen, in_lower_case(name).c_str()), "forged") << url << name;
  }
  EXPECT_EQ(seen.count("authorization"), 0U) << url;
}

TEST_F(Forged, NothingInACaddyRouteIsReachedPastTheGateWhateverStandsBeforeCaddy) {
  const std::string origin = routes_origin();
  expect_judged(origin, "/things/7?a", "/things/7?a");
  expect_judged(origin, "/things/handled/7", "/things/handled/7");
  expect_judged(origin, "/things/stripped/7", "/7");
  expect_judged(origin, "/things/uri/7", "/uri/7");
  expect_judged(origin, "/things/respond", "");
  expect_judged(origin, "/things/moved", "");
  const Answer host = call(origin + "/things", {"Host: other.example"});
  EXPECT_EQ(host.status, 403U);
  EXPECT_NE(host.body.find("gate_origin_unknown"), std::string::npos) << host.body;
}

TEST_F(Forged, AServiceBesideTheCaddyImportGetsNoIdentityAtAll) {
  for (const std::string path : {"/things/7", "/stripped/things/7", "/prefix/things/7"}) {
    const std::string url = astray_origin() + path;
    EXPECT_GE(call(url).status, 400U) << url;
    Fields fields = shown(token_, url);
    for (const std::string& name : identity) fields.push_back(name + ": forged");
    const Answer answer = call(url, fields);
    EXPECT_EQ(answer.body.find("forged"), std::string::npos) << url << answer.body;
  }
  // Asked about the path as it came, whatever rewrote it first.
  const Answer rewritten = call(astray_origin() + "/prefix/things/7");
  EXPECT_NE(rewritten.body.find("gate_no_rule"), std::string::npos) << rewritten.body;
}

TEST_F(Forged, ADefaultServerThatTakesUnderscoresLetsNoIdentityThroughAnother) {
  const std::string url = shared_origin() + "/things";
  std::string request = "GET /things HTTP/1.0\r\n";
  for (const std::string& name : identity) {
    std::string underscores = name;
    std::replace(underscores.begin(), underscores.end(), '-', '_');
    std::string last = name;
    last[last.rfind('-')] = '_';
    for (const std::string& spelling : {underscores, last, in_lower_case(underscores)})
      request += spelling + ": forged\r\n";
  }
  request += "X_Seen: yes\r\nHost: " + shared_origin().substr(8) + "\r\n";
  for (const std::string& field : shown(token_, url)) request += field + "\r\n";
  const Answer answer = call_raw(shared_origin(), request + "\r\n", {"-noservername"});
  ASSERT_EQ(answer.status, 200U) << answer.body;
  const auto seen = seen_by_upstream(answer);
  EXPECT_EQ(value_of(seen, "x-seen"), "yes") << "underscores came through at all";
  for (const std::string& name : identity)
    EXPECT_EQ(seen.count(in_lower_case(name)), 1U) << name << answer.body;
  EXPECT_EQ(answer.body.find("forged"), std::string::npos) << answer.body;
}

TEST_F(Forged, NothingOfAClientsReachesAFastCgiService) {
  expect_judged(proxies()[0].origin, "/things/fastcgi/7", "/things/fastcgi/7");
  const std::string url = proxies()[0].origin + "/things/fastcgi";
  Fields fields = shown(token_, url);
  for (const char* name :
       {"Forwarded", "X-Real-IP", "X-Forwarded-Prefix", "X-Original-URL", "X-HTTP-Method-Override",
        "Client-Cert", "X-SSL-Client-Escaped-Cert", "DPoP-Nonce"})
    fields.push_back(std::string(name) + ": forged");
  const Answer answer = call(url, fields);
  ASSERT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(answer.body.find("forged"), std::string::npos) << answer.body;
}

TEST_F(Forged, ABodyReachesTheServiceWhole) {
  const std::string file = gate_file().string() + ".body";
  (void)write_file_atomically(file, std::string(200'000, 'x')).has_value();
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/things";
    const Answer answer =
        call(url, shown(token_, url, "POST"), "POST", {"--data-binary", "@" + file});
    ASSERT_EQ(answer.status, 200U) << proxy.name << answer.body;
    EXPECT_EQ(Json::parse(answer.body)["octets"], 200'000) << proxy.name;
    EXPECT_EQ(call(url, {}, "POST", {"--data-binary", "@" + file}).status, 401U) << proxy.name;
  }
}

TEST_F(Beside, NoIdentityHeaderCanBeForgedInAnySpelling) {
  const std::string token = stack.token();
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/things";
    Fields fields = shown(token, url);
    for (const std::string& name : identity) {
      std::string underscores = name;
      std::replace(underscores.begin(), underscores.end(), '-', '_');
      std::string upper = name;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      std::string mixed = name;
      mixed[mixed.rfind('-')] = '_';
      for (const std::string& spelling : {name, upper, underscores, mixed, in_lower_case(name)})
        fields.push_back(spelling + ": forged");
    }
    const Answer answer = call(url, fields);
    ASSERT_EQ(answer.status, 200U) << proxy.name << answer.body;
    const auto seen = seen_by_upstream(answer);
    for (const std::string& name : identity) {
      const auto own = in_lower_case(name);
      ASSERT_EQ(seen.count(own), 1U) << proxy.name << name << answer.body;
      EXPECT_NE(seen.find(own)->second, "forged") << proxy.name << name;
    }
    EXPECT_EQ(answer.body.find("forged"), std::string::npos) << proxy.name << answer.body;
  }
}

TEST_F(Beside, NoClientCanHaveTheProxyTakeAnIdentityHeaderAway) {
  const std::string token = stack.token();
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/things";
    Fields fields = shown(token, url);
    std::string hops = "Connection: close";
    for (const std::string& name : identity) hops += ", " + name;
    fields.push_back(hops);
    const Answer answer = call(url, fields, "GET", {"--http1.1"});
    ASSERT_EQ(answer.status, 200U) << proxy.name << answer.body;
    const auto seen = seen_by_upstream(answer);
    for (const std::string& name : identity)
      EXPECT_EQ(seen.count(in_lower_case(name)), 1U) << proxy.name << name;
  }
}

TEST_F(Beside, WhatProxiesAndFrameworksBelieveComesFromNoClient) {
  const std::string token = stack.token();
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/things";
    Fields fields = shown(token, url);
    const std::vector<std::string> names{
        "X-Original-URL",    "X-Rewrite-URL",     "X-HTTP-Method-Override",    "X-HTTP-Method",
        "X-Method-Override", "Client-Cert",       "X-SSL-Client-Escaped-Cert", "X-Original-URI",
        "X-Original-Method", "X-Original-Host",   "X-Forwarded-Method",        "X-Forwarded-Uri",
        "X-Forwarded-Host",  "Forwarded",         "X-Forwarded-Prefix",        "X-Forwarded-Port",
        "X-Real-IP",         "X-Original-Scheme", "X-Forwarded-Server"};
    for (const std::string& name : names) fields.push_back(name + ": forged");
    const Answer answer = call(url, fields);
    ASSERT_EQ(answer.status, 200U) << proxy.name << answer.body;
    EXPECT_EQ(answer.body.find("forged"), std::string::npos) << proxy.name << answer.body;
  }
}

/// Clients by mutual TLS, and an issuer that binds tokens to their certificates.
class BesideCertificates : public Beside {
 protected:
  void SetUp() override {
    Json jwk = issuer_key_.public_key().to_jwk();
    jwk["kid"] = issuer_key_.jkt();
    jwk["mintmark_purpose"] = "access_token";
    issuer_.publish({{"keys", Json::array({jwk})}});
    Json own = settings();
    own["issuer"] = issuer_.url();
    own["ca"] = issuer_.ca_file();
    own["listen"][0]["client_certificate"] = "nginx";
    own["listen"][1]["client_certificate"] = "Client-Cert";
    stop_gate();
    write_settings(own.dump());
    start_gate();
  }
  void TearDown() override {
    stop_gate();
    write_settings(settings().dump());
    start_gate();
  }
  /// Options for curl that show a new certificate.
  [[nodiscard]] std::vector<std::string> client(const std::string& name) const {
    const auto made = ca_.issue({.common_name = name, .names = {}, .for_server = false});
    const std::string certificate = (files_.path() / name).string();
    (void)write_file_atomically(certificate, made.certificate_pem).has_value();
    (void)write_file_atomically(certificate + ".key", made.key_pem).has_value();
    return {"--cert", certificate, "--key", certificate + ".key"};
  }
  [[nodiscard]] static std::string thumbprint(const std::vector<std::string>& client) {
    return execute({"bash", "-c",
                    "openssl x509 -in \"$1\" -outform der | openssl dgst -sha256 -binary | "
                    "basenc --base64url | tr -d '=\\n'",
                    "bash", client.at(1)})
        .output;
  }
  [[nodiscard]] std::string bound_to(const std::vector<std::string>& client) const {
    const auto now = to_unix(SystemClock().now());
    return issuer_key_.sign_jws({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", issuer_key_.jkt()}},
                                {{"iss", issuer_.url()},
                                 {"aud", "https://api.example"},
                                 {"sub", "device-1"},
                                 {"jti", "token-1"},
                                 {"iat", now},
                                 {"exp", now + 300},
                                 {"cnf", {{"x5t#S256", thumbprint(client)}}}});
  }

  PublishedIssuer issuer_;
  SoftKey issuer_key_;
  TestCa ca_;
  TemporaryDirectory files_;
};

TEST_F(BesideCertificates, ATokenPassesEachProxyWithItsCertificateAndNoOther) {
  const auto device = client("device");
  const std::string pem = read_file(device.at(1)).value();
  std::string escaped;
  for (const char c : pem) escaped += "%" + to_hex(as_bytes({&c, 1}));
  std::string base64;
  for (std::size_t at = pem.find('\n') + 1; pem[at] != '-'; ++at)
    if (pem[at] != '\n') base64 += pem[at];
  const std::string bearer = "Authorization: Bearer " + bound_to(device);
  for (const Proxy& proxy : proxies()) {
    const std::string url = proxy.origin + "/certificates";
    const Answer granted = call(url, {bearer}, "GET", device);
    ASSERT_EQ(granted.status, 200U) << proxy.name << granted.body << gate().output();
    EXPECT_EQ(value_of(seen_by_upstream(granted), "mintmark-binding"), "mtls");
    const auto refused = [&](const Fields& fields, const std::vector<std::string>& shows) {
      const Answer answer = call(url, fields, "GET", shows);
      EXPECT_EQ(answer.status, 401U) << proxy.name << answer.body;
      return answer;
    };
    const auto has = [&](const Answer& answer, const char* code) {
      EXPECT_NE(answer.body.find(code), std::string::npos) << proxy.name << code << answer.body;
    };
    has(refused({bearer}, client("thief")), "token_certificate_mismatch");
    const Answer none = refused({bearer}, {});
    has(none, "token_certificate_missing");
    EXPECT_TRUE(none.header("WWW-Authenticate").starts_with("Bearer error=\"invalid_token\""));
    const Fields forged{bearer, "X-SSL-Client-Escaped-Cert: " + escaped,
                        "Client-Cert: :" + base64 + ":"};
    has(refused(forged, {}), "token_certificate_missing");
    has(refused(forged, client("thief")), "token_certificate_mismatch");
    has(refused({"Authorization: DPoP" + bearer.substr(21)}, device), "token_scheme");
  }
}

TEST_F(BesideCertificates, AreShownToAGateWithTlsOfItsOwnWhereItAsksForThem) {
  const auto server = [&](const std::string& name) {
    const auto made = ca_.issue({.common_name = name, .names = {"localhost"}});
    (void)write_file_atomically(files_.path() / "own.pem", made.certificate_pem).has_value();
    (void)write_file_atomically(files_.path() / "own.key", made.key_pem).has_value();
  };
  server("first");
  Json own = Json::parse(read_file(gate_file()).value());
  Json listener = own["listen"][0];
  listener.erase("plain_http_behind_trusted_proxy");
  listener["tls"] = {{"certificate", (files_.path() / "own.pem").string()},
                     {"key", (files_.path() / "own.key").string()}};
  std::vector<std::string> urls;
  for (const char* from : {"tls", "none"}) {
    listener["client_certificate"] = from;
    listener["port"] = free_port();
    urls.push_back("https://localhost:" + std::to_string(listener["port"].get<int>()) + "/");
    own["listen"].push_back(listener);
  }
  stop_gate();
  write_settings(own.dump());
  start_gate();
  const auto device = client("device");
  const Fields asked{"Authorization: Bearer " + bound_to(device), "X-Original-Method: GET",
                     "X-Original-Scheme: https",
                     "X-Original-Host: " + proxies()[0].origin.substr(8),
                     "X-Original-URI: /certificates"};
  const auto ask = [&](const std::string& url, std::vector<std::string> shows) {
    shows.emplace_back("--insecure");
    return call(url, asked, "GET", shows);
  };
  const Answer granted = ask(urls[0], device);
  EXPECT_EQ(granted.status, 200U) << granted.body << gate().output();
  EXPECT_EQ(granted.header("Mintmark-Binding"), "mtls");
  EXPECT_EQ(granted.header("Mintmark-Subject"), "device-1");
  EXPECT_NE(ask(urls[0], client("thief")).body.find("token_certificate_mismatch"),
            std::string::npos);
  EXPECT_NE(ask(urls[0], {}).body.find("token_certificate_missing"), std::string::npos);
  EXPECT_NE(ask(urls[1], device).body.find("token_certificate_missing"), std::string::npos);
  EXPECT_EQ(call("http" + urls[0].substr(5), asked).status, 0U) << "plain HTTP";

  const auto served = [&](const std::string& url) {
    return execute({"bash", "-c",
                    "openssl s_client -connect \"$0\" </dev/null 2>/dev/null | "
                    "openssl x509 -noout -subject",
                    url.substr(8, url.size() - 9)})
        .output;
  };
  EXPECT_NE(served(urls[0]).find("first"), std::string::npos) << served(urls[0]);
  server("second");
  reload_gate(own);
  for (const std::string& url : urls)
    EXPECT_NE(served(url).find("second"), std::string::npos) << served(url);
  EXPECT_EQ(ask(urls[0], device).status, 200U);
  const std::string name = urls[0].substr(18, urls[0].size() - 19);
  EXPECT_GT(
      gate_figure("mintmark_tls_certificate_end_seconds{listener=\"127.0.0.1:" + name + "\"}"), 0);
}

TEST_F(BesideCertificates, ASessionThatIsResumedStandsForNoCertificate) {
  const auto device = client("device");
  const std::string bearer = "Authorization: Bearer " + bound_to(device);
  for (const Proxy& proxy : proxies()) {
    const std::string request = "GET /certificates HTTP/1.0\r\nHost: " + proxy.origin.substr(8) +
                                "\r\n" + bearer + "\r\n\r\n";
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
      const std::string session = device.at(1) + version + proxy.name;
      const Answer first = call_raw(proxy.origin, request,
                                    {"-servername", "localhost", "-cert", device.at(1), "-key",
                                     device.at(3), version, "-sess_out", session});
      ASSERT_EQ(first.status, 200U) << proxy.name << version << first.body;
      // Without one saved there is nothing that could be stolen.
      if (!std::filesystem::exists(session)) continue;
      const Answer resumed = call_raw(proxy.origin, request,
                                      {"-servername", "localhost", version, "-sess_in", session});
      EXPECT_NE(resumed.status, 200U) << proxy.name << version;
      EXPECT_EQ(resumed.body.find("upstream"), std::string::npos) << proxy.name << version;
    }
  }
}

}  // namespace
}  // namespace mintmark::test
