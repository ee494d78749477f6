// Decisions: who is let in with which headers, and every refusal as its client sees it.
#include <gtest/gtest.h>

#include "gate/answers.h"
#include "gate/gate.h"
#include "jose/base64url.h"
#include "support/issued_certificate.h"
#include "unit/gate/decided.h"
#include "unit/gate/samples.h"

namespace mintmark::gate {
namespace {

TEST_F(Decided, ForAGoodTokenIsAGrantWithEveryIdentityHeader) {
  rule(usual());
  const auto response = decide_for(token());
  ASSERT_EQ(response.status, 200U) << code(response) << response.body;
  EXPECT_EQ(field(response, "Mintmark-Subject"), "device-1");
  EXPECT_EQ(field(response, "Mintmark-Client-Id"), "device-1");
  EXPECT_EQ(field(response, "Mintmark-Scope"), "read write");
  EXPECT_EQ(field(response, "Mintmark-Audience"), test::service);
  EXPECT_EQ(field(response, "Mintmark-Token-Id"), "token-1");
  EXPECT_EQ(field(response, "Mintmark-Key-Protection"), "hardware");
  EXPECT_EQ(field(response, "Mintmark-Binding"), "dpop");
  EXPECT_EQ(field(response, "Mintmark-Attestation-Format"), "tpm2");
  EXPECT_EQ(field(response, "Cache-Control"), "no-store");
  EXPECT_EQ(response.headers.count("DPoP-Nonce"), 0U);
}

TEST_F(Decided, HasEachIdentityHeaderOnceWhateverTheTokenSays) {
  rule(usual());
  Json claims = this->claims();
  for (const char* name : {"client_id", "scope", "key_protection", "attestation"})
    claims.erase(name);
  const auto bare = decide_for(issuer_key().sign_jws(TokenFixture::header(), claims));
  ASSERT_EQ(bare.status, 200U) << bare.body;
  for (const auto name : identity_headers()) {
    EXPECT_EQ(bare.headers.count(name), 1U) << name;
    EXPECT_NE(*bare.headers.find(name), "") << name;
  }
  EXPECT_EQ(field(bare, "Mintmark-Client-Id"), "-");
  EXPECT_EQ(field(bare, "Mintmark-Scope"), "-");
}

TEST_F(Decided, EncodesWhatAHeaderCannotHold) {
  rule(usual());
  const auto encoded = decide_for(
      token_with_claims({{"sub", "a\r\nX: y"}, {"client_id", "-"}, {"jti", "caf\xC3\xA9 100%"}}));
  ASSERT_EQ(encoded.status, 200U) << encoded.body;
  EXPECT_EQ(field(encoded, "Mintmark-Subject"), "a%0D%0AX:%20y");
  EXPECT_EQ(field(encoded, "Mintmark-Client-Id"), "%2D");
  EXPECT_EQ(field(encoded, "Mintmark-Token-Id"), "caf%C3%A9%20100%25");
}

TEST_F(Decided, ForAPeerThatIsNotTrustedIsARefusalBeforeAnythingElse) {
  rule(usual());
  peer_ = "127.0.0.2:4711";
  const auto response = decide_for(token());
  EXPECT_EQ(response.status, 403U);
  EXPECT_EQ(code(response), "gate_peer_untrusted");
}

TEST_F(Decided, BeforeTheTokenIsLookedAtByPathAndRule) {
  rule(usual(), "/things/*");
  const std::string good = token();
  EXPECT_EQ(code(decide(shown(good), "/other")), "gate_no_rule");
  EXPECT_EQ(decide(shown(good), "/other").status, 403U);
  EXPECT_EQ(code(decide(shown(good), "/things", "DELETE")), "gate_method_refused");
  EXPECT_EQ(code(decide(shown(good), "/things/%2e%2e/x")), "gate_path_ambiguous");
  EXPECT_EQ(decide(shown(good), "/things/%2e%2e/x").status, 400U);
  EXPECT_EQ(code(decide(shown(good), "/things/%00")), "gate_path_malformed");
  host_ = "other.example";
  EXPECT_EQ(code(decide_for(good)), "gate_origin_unknown");
  EXPECT_EQ(decide_for(good).status, 403U);
}

TEST_F(Decided, WithoutATokenHasAChallengeWithoutAnErrorCode) {
  rule(usual());
  const auto response = decide({});
  EXPECT_EQ(response.status, 401U);
  EXPECT_EQ(code(response), "token_missing");
  EXPECT_EQ(field(response, "WWW-Authenticate"), "DPoP algs=\"ES256 ES384 RS256 PS256 Ed25519\"");
  EXPECT_EQ(field(response, "Mintmark-Refusal"), "token_missing");
  EXPECT_EQ(field(response, "Cache-Control"), "no-store");
  Demand mtls = usual();
  mtls.binding = Binding::mtls;
  rule(mtls);
  EXPECT_EQ(field(decide({}), "WWW-Authenticate"), "Bearer realm=\"mintmark\"");
}

TEST_F(Decided, ForABadTokenOrProofHasAChallengeThatSaysWhy) {
  rule(usual());
  const auto expired = decide_for(token_with_claim("exp", to_unix(now()) - 100));
  EXPECT_EQ(expired.status, 401U);
  EXPECT_EQ(code(expired), "token_expired");
  EXPECT_TRUE(field(expired, "WWW-Authenticate").starts_with("DPoP error=\"invalid_token\", "));
  const std::string good = token();
  const auto unproven = decide({{"Authorization", "DPoP " + good}});
  EXPECT_EQ(unproven.status, 401U);
  EXPECT_EQ(code(unproven), "proof_missing");
  EXPECT_TRUE(
      field(unproven, "WWW-Authenticate").starts_with("DPoP error=\"invalid_dpop_proof\", "));
  EXPECT_EQ(unproven.headers.count("WWW-Authenticate"), 1U);
  const auto fields = shown(good);
  EXPECT_EQ(decide(fields).status, 200U);
  EXPECT_EQ(code(decide(fields)), "proof_replayed");
  EXPECT_EQ(code(decide(shown(good), "/elsewhere")), "proof_htu");
  auto twice = shown(good);
  twice.push_back(twice.back());
  EXPECT_EQ(code(decide(twice)), "proof_repeated");
  EXPECT_EQ(decide(twice).status, 401U);
}

TEST_F(Decided, WithAMalformedAuthorizationIs400) {
  rule(usual());
  const auto twice = decide({{"Authorization", "DPoP x"}, {"Authorization", "DPoP y"}});
  EXPECT_EQ(twice.status, 400U);
  EXPECT_EQ(code(twice), "authorization_repeated");
  EXPECT_EQ(decide({{"Authorization", "DPoP x y"}}).status, 400U);
}

TEST_F(Decided, WithWordsOfAStrangerInItsReasonKeepsItsHeaderWhole) {
  const auto response =
      refused({Code::token_expired, "a \"quoted\" \\ word,\r\nSet-Cookie: x\xC3\xA9", 0}, {});
  EXPECT_EQ(field(response, "WWW-Authenticate"),
            "DPoP error=\"invalid_token\", error_description=\"a 'quoted' ' word,??Set-Cookie: "
            "x??\", algs=\"ES256 ES384 RS256 PS256 Ed25519\"");
}

TEST_F(Decided, ForAMissingScopeIs403AndNamesThemAll) {
  Demand demand = usual();
  demand.scopes = {"read", "admin"};
  rule(demand);
  const auto response = decide_for(token());
  EXPECT_EQ(response.status, 403U);
  EXPECT_EQ(code(response), "gate_scope");
  EXPECT_NE(field(response, "WWW-Authenticate").find("error=\"insufficient_scope\""),
            std::string::npos);
  EXPECT_NE(field(response, "WWW-Authenticate").find("scope=\"read admin\""), std::string::npos);
}

TEST_F(Decided, ByEachDemandOfItsRule) {
  const auto refused_for = [&](const std::function<void(Demand&)>& ask) {
    Demand demand = usual();
    ask(demand);
    rule(demand);
    const auto response = decide_for(token());
    return std::to_string(response.status) + " " + code(response);
  };
  EXPECT_EQ(refused_for([](Demand& d) { d.audience = "https://other.example"; }),
            "401 token_audience");
  EXPECT_EQ(refused_for([](Demand& d) { d.binding = Binding::mtls; }), "403 gate_binding");
  EXPECT_EQ(refused_for([](Demand& d) { d.binding = Binding::bound; }), "200 ");
  EXPECT_EQ(refused_for([](Demand& d) {
              d.key_protections = {"session", "none"};
            }),
            "403 gate_key_protection");
  EXPECT_EQ(refused_for([](Demand& d) { d.key_protections = {"session", "hardware"}; }), "200 ");
  EXPECT_EQ(refused_for([](Demand& d) { d.attestation_formats = {"webauthn"}; }),
            "403 gate_attestation_format");
  EXPECT_EQ(refused_for([](Demand& d) { d.attestation_formats = {"webauthn", "tpm2"}; }), "200 ");
}

TEST_F(Decided, ByTheAgeOfTheAttestation) {
  Demand demand = usual();
  demand.attestation_age = std::chrono::seconds{60};
  const auto own = verifier();
  const auto judged = [&](const Json& attestation, std::int64_t later) {
    const auto read = own.check_without_proof(token_with_claim("attestation", attestation));
    const auto fits = judge(demand, *read, now() + std::chrono::seconds{later});
    return fits ? "" : std::string(facts_of(fits.error().code).name);
  };
  const Json attested{{"format", "tpm2"}, {"at", to_unix(now())}};
  EXPECT_EQ(judged(attested, 60), "");
  EXPECT_EQ(judged(attested, 61), "gate_attestation_old");
  EXPECT_EQ(judged({{"format", "tpm2"}}, 0), "gate_attestation_old");
  EXPECT_EQ(judged(nullptr, 0), "gate_attestation_old");
}

// ---- as each proxy asks ----

class DecidedForAProxy : public Decided {
 protected:
  DecidedForAProxy() {
    auto rules = std::make_shared<Rules>();
    (void)rules->add("/orders", {"GET", "POST", "DELETE"}, usual());
    (void)policy_->services.add("https://api.example", rules);
  }
  /// The sample with what its client sent beside, and who asks.
  [[nodiscard]] http::Response decide_sample(const Sample& sample, const Fields& more) {
    http::Request check = parsed(sample.octets);
    check.peer = peer_;
    for (const auto& [name, value] : more) check.headers.add(name, value);
    door_.dialect = sample.dialect;
    door_.path_prefix = sample.prefix;
    return Gate(keys_, policy_).decide(check, door_);
  }
  [[nodiscard]] Fields shown_for(const Sample& sample, const std::string& path = "/orders") {
    const std::string good = token();
    auto content = proof_content(good);
    content.method = sample.read.substr(0, sample.read.find(' '));
    content.url = "https://api.example" + path;
    return {{"Authorization", "DPoP " + good}, {"DPoP", make_proof(device(), content)}};
  }
};

TEST_F(DecidedForAProxy, ACallIsGrantedOrRefusedAsForEachOther) {
  for (const Sample& sample : samples) {
    const auto granted = decide_sample(sample, shown_for(sample));
    EXPECT_EQ(granted.status, 200U) << sample.octets << granted.body;
    EXPECT_EQ(field(granted, "Mintmark-Subject"), "device-1");
    const auto bare = decide_sample(sample, {});
    EXPECT_EQ(bare.status, 401U) << sample.octets;
    EXPECT_TRUE(field(bare, "WWW-Authenticate").starts_with("DPoP algs=")) << sample.octets;
    const auto other = decide_sample(sample, shown_for(sample, "/other"));
    EXPECT_EQ(code(other), "proof_htu") << sample.octets;
    EXPECT_TRUE(field(other, "WWW-Authenticate").starts_with("DPoP error=\"invalid_dpop_proof\""));
    EXPECT_EQ(decide_sample(sample, {{"Authorization", "DPoP x y"}}).status, 400U);
  }
}

TEST_F(DecidedForAProxy, WhatAClientSaysInAnotherProxysWordsIsNotHeard) {
  const std::vector<Fields> words{{{"X-Original-Method", "PUT"},
                                   {"X-Original-Scheme", "http"},
                                   {"X-Original-Host", "other.example"},
                                   {"X-Original-URI", "/other"}},
                                  {{"X-Forwarded-Method", "PUT"},
                                   {"X-Forwarded-Host", "other.example"},
                                   {"X-Forwarded-Uri", "/other"}}};
  for (const Sample& sample : samples) {
    for (const Fields& forged : words) {
      // Its own words twice are refused, never one of the two taken.
      const bool own = parsed(sample.octets).headers.find(forged.front().first) != nullptr;
      Fields fields = shown_for(sample);
      fields.insert(fields.end(), forged.begin(), forged.end());
      const auto response = decide_sample(sample, fields);
      EXPECT_EQ(code(response), own ? "gate_header_repeated" : "") << sample.octets;
    }
    Fields subject = shown_for(sample);
    subject.emplace_back("Mintmark-Subject", "forged");
    EXPECT_EQ(field(decide_sample(sample, subject), "Mintmark-Subject"), "device-1");
  }
}

TEST_F(DecidedForAProxy, AnotherOriginPathOrPeerIsRefused) {
  for (const Sample& sample : samples) {
    const auto changed = [&](const std::string& from, const std::string& to) {
      Sample other = sample;
      for (auto at = other.octets.find(from); at != std::string::npos;
           at = other.octets.find(from, at + to.size()))
        other.octets.replace(at, from.size(), to);
      return code(decide_sample(other, shown_for(sample)));
    };
    EXPECT_EQ(changed("api.example", "evil.example"), "gate_origin_unknown") << sample.octets;
    EXPECT_EQ(changed("https", "http"), "gate_origin_unknown") << sample.octets;
    EXPECT_EQ(changed("/orders?x", "/other"), "gate_no_rule") << sample.octets;
    EXPECT_EQ(changed("/orders?x", "/orders/%2e%2e/x"), "gate_path_ambiguous") << sample.octets;
    peer_ = "192.0.2.1:1";
    EXPECT_EQ(code(decide_sample(sample, shown_for(sample))), "gate_peer_untrusted")
        << sample.octets;
    peer_ = "127.0.0.1:1";
  }
}

class DecidedByCertificate : public Decided {
 protected:
  DecidedByCertificate() {
    const auto key = test::new_pair("P-256");
    const auto made = test::issue({.subject = {{"CN", "device"}}, .key = key}, {.key = key});
    certificate_ = test::der_of(made.get());
    Demand demand = usual();
    demand.binding = Binding::bound;
    rule(demand);
    door_.certificate = CertificateFrom::client_cert;
  }
  [[nodiscard]] std::string bound() const {
    return token_with_claim("cnf", {{"x5t#S256", jose::base64url(sha256(as_text(certificate_)))}});
  }
  [[nodiscard]] static std::string base64(BytesView octets) {
    std::string text = jose::base64url(octets);
    for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
    while (text.size() % 4 != 0) text += '=';
    return ":" + text + ":";
  }
  Bytes certificate_;
};

TEST_F(DecidedByCertificate, ATokenComesUnderBearerWithItsCertificate) {
  const auto response =
      decide({{"Authorization", "Bearer " + bound()}, {"Client-Cert", base64(certificate_)}});
  ASSERT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(field(response, "Mintmark-Binding"), "mtls");
}

TEST_F(DecidedByCertificate, ATokenWithoutItOrUnderDpopIsRefused) {
  const auto missing = decide({{"Authorization", "Bearer " + bound()}});
  EXPECT_EQ(missing.status, 401U);
  EXPECT_EQ(code(missing), "token_certificate_missing");
  EXPECT_TRUE(field(missing, "WWW-Authenticate").starts_with("Bearer error=\"invalid_token\""));
  const auto scheme =
      decide({{"Authorization", "DPoP " + bound()}, {"Client-Cert", base64(certificate_)}});
  EXPECT_EQ(code(scheme), "token_scheme");
  EXPECT_TRUE(field(scheme, "WWW-Authenticate").starts_with("Bearer "));
  const auto malformed =
      decide({{"Authorization", "Bearer " + bound()}, {"Client-Cert", "nonsense"}});
  EXPECT_EQ(malformed.status, 400U);
  EXPECT_EQ(code(malformed), "token_certificate_malformed");
}

TEST_F(DecidedByCertificate, ItIsTakenFromTheConfiguredPlaceAlone) {
  const Fields fields{{"Authorization", "Bearer " + bound()},
                      {"Client-Cert", base64(certificate_)}};
  for (const auto place : {CertificateFrom::none, CertificateFrom::nginx, CertificateFrom::tls}) {
    door_.certificate = place;
    EXPECT_EQ(code(decide(fields)), "token_certificate_missing");
  }
}

TEST_F(DecidedByCertificate, ATokenBoundToAKeyIsRefusedUnderBearer) {
  const auto response = decide(shown(token(), "Bearer"));
  EXPECT_EQ(response.status, 401U);
  EXPECT_EQ(code(response), "token_scheme");
  EXPECT_TRUE(field(response, "WWW-Authenticate").starts_with("DPoP error=\"invalid_token\""));
}

TEST_F(DecidedByCertificate, ATokenBoundToItAloneIsNoDpopRulesToken) {
  rule(usual());
  const auto response =
      decide({{"Authorization", "Bearer " + bound()}, {"Client-Cert", base64(certificate_)}});
  EXPECT_EQ(response.status, 403U);
  EXPECT_EQ(code(response), "gate_binding");
}

TEST_F(Decided, AsksForANonceAndTakesTheProofThatBearsIt) {
  with_nonces(ProofNonces::always);
  rule(usual());
  const std::string good = token();
  const auto first = decide(shown(good));
  EXPECT_EQ(first.status, 401U);
  EXPECT_EQ(code(first), "proof_nonce_required");
  EXPECT_TRUE(field(first, "WWW-Authenticate").starts_with("DPoP error=\"use_dpop_nonce\""));
  auto content = proof_content(good);
  content.nonce = field(first, "DPoP-Nonce");
  const auto second =
      decide({{"Authorization", "DPoP " + good}, {"DPoP", make_proof(device(), content)}});
  EXPECT_EQ(second.status, 200U) << second.body;
  EXPECT_EQ(second.headers.count("DPoP-Nonce"), 1U);
}

TEST_F(Decided, HasNoNonceWhereNoneAreConfigured) {
  rule(usual());
  EXPECT_EQ(decide({}).headers.count("DPoP-Nonce"), 0U);
}

TEST(StatusAtTheGate, IsOneThatSaysWhoseFaultItIs) {
  for (const auto& [code, status] :
       std::vector<std::pair<Code, unsigned>>{{Code::keys_unavailable, 503},
                                              {Code::keys_malformed, 503},
                                              {Code::metadata_issuer_mismatch, 503},
                                              {Code::replay_window_full, 503},
                                              {Code::gate_header_missing, 503},
                                              {Code::proof_replayed, 401},
                                              {Code::proof_before_start, 401},
                                              {Code::token_key_unknown, 401},
                                              {Code::gate_binding, 403},
                                              {Code::internal, 503}})
    EXPECT_EQ(status_of(code), status) << facts_of(code).name;
}

}  // namespace
}  // namespace mintmark::gate
