// Decisions: who is let in with which headers, and every refusal as its client sees it.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "gate/answers.h"
#include "gate/gate.h"
#include "jose/base64url.h"
#include "support/issued_certificate.h"
#include "unit/verify/token_fixture.h"

namespace mintmark::gate {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string field(const http::Response& response, const char* name) {
  const std::string* value = response.headers.find(name);
  return value == nullptr ? "(none)" : *value;
}
std::string code(const http::Response& response) {
  return response.cause ? std::string(facts_of(response.cause->code).name) : "";
}

Demand usual() {
  Demand demand;
  demand.audience = test::service;
  return demand;
}

class Decided : public testing::Test, protected test::TokenFixture {
 protected:
  Decided() { policy_->verifier = std::make_shared<const Verifier>(verifier()); }

  void with_nonces(ProofNonces nonces) {
    VerifierOptions own = options();
    own.proof_nonces = policy_->nonces = nonces;
    policy_->verifier = std::make_shared<const Verifier>(verifier(std::move(own)));
  }
  /// The one rule.
  void rule(const Demand& demand, const std::string& path = "/*") {
    auto rules = std::make_shared<Rules>();
    ASSERT_TRUE(rules->add(path, {"GET"}, demand));
    policy_->services = Services();
    ASSERT_TRUE(policy_->services.add(test::service, rules));
  }
  [[nodiscard]] http::Response decide(const Fields& more, const std::string& uri = "/things",
                                      const std::string& method = "GET") const {
    http::Request check;
    check.peer = peer_;
    for (const auto& [name, value] : Fields{{"X-Original-Method", method},
                                            {"X-Original-Scheme", "https"},
                                            {"X-Original-Host", host_},
                                            {"X-Original-URI", uri}})
      check.headers.add(name, value);
    for (const auto& [name, value] : more) check.headers.add(name, value);
    const Gate gate(keys_, policy_);
    return gate.decide(check, door_);
  }
  [[nodiscard]] Fields shown(const std::string& token, const std::string& scheme = "DPoP") const {
    return {{"Authorization", scheme + " " + token}, {"DPoP", proof(token)}};
  }
  [[nodiscard]] http::Response decide_for(const std::string& token) const {
    return decide(shown(token));
  }

  std::shared_ptr<const KeptKeys> keys_ = [this] {
    auto keys = std::make_shared<KeptKeys>(source(), KeptKeysLimits{});
    while (!keys->usable()) std::this_thread::yield();
    return keys;
  }();
  std::shared_ptr<Policy> policy_ = std::make_shared<Policy>();
  Door door_{.dialect = Dialect::nginx,
             .path_prefix = "",
             .peers = {.networks = {*Network::parse("127.0.0.1")}, .users = {}},
             .certificate = CertificateFrom::none};
  std::string peer_ = "127.0.0.1:4711";
  std::string host_ = "service.example";
};

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
  for (const char* name : {"client_id", "jti", "scope", "key_protection", "attestation"})
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

// ---- the issuer's keys ----

/// Answers when the test lets it.
class HeldSource final : public KeySource {
 public:
  struct Tap {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    int asked = 0;
    std::vector<std::string> held;
    tl::expected<KeyDocument, Refused> answer;
    void set(bool value) {
      const std::lock_guard lock(mutex);
      open = value;
      changed.notify_all();
    }
    void await_asked(int times) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return asked >= times; });
    }
  };
  explicit HeldSource(std::shared_ptr<Tap> tap) : tap_(std::move(tap)) {}
  tl::expected<KeyDocument, Refused> fetch() override { return fetch_holding({}); }
  tl::expected<KeyDocument, Refused> fetch_holding(const std::vector<std::string>& held) override {
    std::unique_lock lock(tap_->mutex);
    ++tap_->asked;
    tap_->held = held;
    tap_->changed.notify_all();
    tap_->changed.wait(lock, [&] { return tap_->open; });
    return tap_->answer;
  }

 private:
  std::shared_ptr<Tap> tap_;
};

class Kept : public testing::Test, protected test::TokenFixture {
 protected:
  void TearDown() override { tap_->set(true); }
  const KeptKeys& keep_keys(std::chrono::milliseconds pause = std::chrono::milliseconds{0}) {
    const std::lock_guard lock(tap_->mutex);
    tap_->answer = TokenFixture::keys().answer;
    kept_ = std::make_unique<KeptKeys>(std::make_unique<HeldSource>(tap_),
                                       KeptKeysLimits{.pause = pause});
    return *kept_;
  }
  static void await_usable(const KeptKeys& keys) {
    while (!keys.usable()) std::this_thread::yield();
  }
  std::shared_ptr<HeldSource::Tap> tap_ = std::make_shared<HeldSource::Tap>();
  std::unique_ptr<KeptKeys> kept_;
};

TEST_F(Kept, KeysAreFetchedAtOnceAndNobodyWaitsForThem) {
  const KeptKeys& kept = keep_keys();
  tap_->await_asked(1);
  EXPECT_FALSE(kept.usable());
  EXPECT_FALSE(kept.standing().ever);
  EXPECT_FALSE(kept.source()->fetch());
  tap_->set(true);
  await_usable(kept);
  EXPECT_TRUE(kept.source()->fetch());
  EXPECT_TRUE(kept.standing().ever);
}

TEST_F(Kept, KeysThatAreMissedAreFetchedAgainAndTheIssuerIsToldWhichAreHeld) {
  const KeptKeys& kept = keep_keys();
  tap_->set(true);
  await_usable(kept);
  const auto source = kept.source();
  ASSERT_TRUE(source->fetch());
  EXPECT_FALSE(source->fetch()) << "it does not wait";
  kept.await_answer(std::chrono::hours{1});
  EXPECT_TRUE(source->fetch());
  const std::lock_guard lock(tap_->mutex);
  EXPECT_EQ(tap_->asked, 2);
  EXPECT_EQ(tap_->held, std::vector<std::string>{issuer_key().jkt()});
}

TEST_F(Kept, KeysAreNotAskedForMoreOftenThanThePauseAllows) {
  const KeptKeys& kept = keep_keys(std::chrono::hours{1});
  tap_->set(true);
  await_usable(kept);
  const auto source = kept.source();
  ASSERT_TRUE(source->fetch());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(source->fetch());
  EXPECT_FALSE(kept.asking());
  const std::lock_guard lock(tap_->mutex);
  EXPECT_EQ(tap_->asked, 1);
}

TEST_F(Kept, KeysThatTheIssuerDoesNotAnswerForHoldNobodyForever) {
  const KeptKeys& kept = keep_keys();
  tap_->set(true);
  await_usable(kept);
  const auto source = kept.source();
  ASSERT_TRUE(source->fetch());
  tap_->set(false);
  const auto missed = source->fetch();
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().refusal, Refusal::keys_unavailable);
  kept.await_answer(std::chrono::milliseconds{1});
  EXPECT_TRUE(kept.asking());
  EXPECT_TRUE(kept.usable());
}

TEST_F(Kept, KeysOfADocumentThatIsNoneChangeNothing) {
  const KeptKeys& kept = keep_keys();
  tap_->set(true);
  await_usable(kept);
  const auto source = kept.source();
  ASSERT_TRUE(source->fetch());
  {
    const std::lock_guard lock(tap_->mutex);
    tap_->answer = KeyDocument{"nonsense", std::chrono::seconds{300}};
  }
  EXPECT_FALSE(source->fetch());
  kept.await_answer(std::chrono::hours{1});
  EXPECT_FALSE(source->fetch());
  EXPECT_TRUE(kept.usable());
  EXPECT_EQ(kept.standing().trouble->refusal, Refusal::keys_malformed);
}

TEST_F(Decided, ForANewKeyMayChangeWhileTheIssuerIsAsked) {
  rule(usual());
  const auto tap = std::make_shared<HeldSource::Tap>();
  tap->answer = keys().answer;
  tap->open = true;
  const auto kept = std::make_shared<KeptKeys>(
      std::make_unique<HeldSource>(tap), KeptKeysLimits{.pause = std::chrono::milliseconds{0}});
  while (!kept->usable()) std::this_thread::yield();
  VerifierOptions own = options();
  own.keys_pause = std::chrono::seconds{0};
  policy_->verifier = std::make_shared<const Verifier>(std::move(own), kept->source());
  clock().advance(std::chrono::seconds{1});
  keys_ = kept;
  EXPECT_EQ(decide_for(token()).status, 200U);
  // The issuer signs with a key that it published since.
  const test::SoftKey next;
  {
    const std::lock_guard lock(tap->mutex);
    tap->answer =
        KeyDocument{test::key_document({test::published(next)}).dump(), std::chrono::seconds{300}};
    tap->open = false;
  }
  const std::string fresh =
      next.sign_jws({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", next.jkt()}}, claims());
  const auto fields = shown(fresh);
  const Gate gate(kept, policy_);
  const auto before = kept->attempts();
  const auto missed = decide(fields);
  EXPECT_EQ(code(missed), "token_key_unknown");
  EXPECT_TRUE(gate.may_change(missed, before));
  EXPECT_FALSE(gate.may_change(decide({}), before));
  tap->set(true);
  kept->await_answer(std::chrono::hours{1});
  EXPECT_TRUE(gate.may_change(missed, before)) << "the answer came after the decision";
  EXPECT_FALSE(gate.may_change(missed, kept->attempts()));
  EXPECT_EQ(decide(fields).status, 200U);
}

TEST_F(Decided, ByAKeyThatTheIssuerTookBackIsARefusalFromTheNextFetchOn) {
  rule(usual());
  const auto tap = std::make_shared<HeldSource::Tap>();
  const auto publish = [&](const std::string& jwks) {
    const std::lock_guard lock(tap->mutex);
    tap->answer = KeyDocument{jwks, std::chrono::seconds{2}};
  };
  publish(keys().answer->jwks);
  tap->open = true;
  const auto kept = std::make_shared<KeptKeys>(std::make_unique<HeldSource>(tap), KeptKeysLimits{});
  while (!kept->usable()) std::this_thread::yield();
  keys_ = kept;
  VerifierOptions own = options();
  own.keys_pause = std::chrono::seconds{0};
  own.keys_grace = std::chrono::hours{1};
  policy_->verifier = std::make_shared<const Verifier>(std::move(own), kept->source());
  clock().advance(std::chrono::seconds{1});
  const std::string good = token();
  ASSERT_EQ(decide_for(good).status, 200U);
  publish(test::key_document({test::published(test::SoftKey())}).dump());
  // Half of max-age later, long before the copy that the verifier took would be too old.
  tap->await_asked(2);
  while (kept->attempts() < 2) std::this_thread::yield();
  clock().advance(std::chrono::seconds{1});
  const auto late = decide_for(good);
  EXPECT_EQ(late.status, 401U);
  EXPECT_EQ(code(late), "token_key_unknown");
}

TEST_F(Decided, ByKeysThatCannotBeFetchedAgainGoesOnWhileTheyMayBeUsed) {
  rule(usual());
  const auto tap = std::make_shared<HeldSource::Tap>();
  tap->answer = KeyDocument{keys().answer->jwks, std::chrono::seconds{2}};
  tap->open = true;
  const auto kept = std::make_shared<KeptKeys>(std::make_unique<HeldSource>(tap), KeptKeysLimits{});
  while (!kept->usable()) std::this_thread::yield();
  keys_ = kept;
  VerifierOptions own = options();
  own.keys_pause = std::chrono::seconds{0};
  own.keys_grace = std::chrono::hours{1};
  policy_->verifier = std::make_shared<const Verifier>(std::move(own), kept->source());
  clock().advance(std::chrono::seconds{1});
  const std::string good = token();
  ASSERT_EQ(decide_for(good).status, 200U);
  {
    const std::lock_guard lock(tap->mutex);
    tap->answer = tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "down"});
  }
  clock().advance(std::chrono::seconds{20});
  EXPECT_EQ(decide_for(good).status, 200U);
}

TEST_F(Decided, WithoutKeysIs503AndSaysWhenToComeBack) {
  rule(usual());
  const auto tap = std::make_shared<HeldSource::Tap>();
  tap->answer = tl::unexpected<Refused>(Refused{Refusal::keys_unavailable, "down"});
  keys_ = std::make_shared<KeptKeys>(std::make_unique<HeldSource>(tap), KeptKeysLimits{});
  const auto response = decide_for(token());
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(code(response), "gate_starting");
  EXPECT_EQ(field(response, "Retry-After"), "1");
  tap->set(true);
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
