// Services: who is registered, what tokens they get for the issuer itself; and how often anybody
// may ask.
#include "service_fixture.h"

namespace mintmark::issuer {
namespace {

using std::chrono::seconds;

// --- who is registered ---

using RegisteredServices = ServiceFixture;

TEST_F(RegisteredServices, AreFoundAgainAfterARestartAndRemovedOnesAreKnownForWhatTheyWere) {
  add_service("service-2", test::SoftKey(), {"events"}, {"https://b.example"});
  ASSERT_TRUE(services.remove(service_id, clock.now()));
  Services again(*service_store, gate);
  ASSERT_TRUE(again.load());
  ASSERT_TRUE(again.find("service-2"));
  EXPECT_EQ(again.find("service-2")->audiences, std::vector<std::string>{"https://b.example"});
  EXPECT_FALSE(again.find("service-2")->has_role(role_introspect));
  EXPECT_EQ(again.find(service_id), nullptr);
  EXPECT_TRUE(again.knows(service_id));
  EXPECT_FALSE(again.knows("service-3"));
}

TEST_F(RegisteredServices, HaveAKeyThatNoOtherClientGets) {
  EXPECT_EQ(services.check_key_is_free(service_key.jkt()).error().code, Code::service_exists);
  ASSERT_TRUE(services.remove(service_id, clock.now()));
  EXPECT_TRUE(services.check_key_is_free(service_key.jkt()));
}

TEST_F(RegisteredServices, TellThoseWhoServeThemWhenOneIsRemoved) {
  std::vector<std::string> told;
  services.on_removed([&](const std::string& id) {
    EXPECT_EQ(services.find(id), nullptr) << "told after it is in force";
    told.push_back(id);
  });
  ASSERT_TRUE(services.remove(service_id, clock.now()));
  EXPECT_EQ(told, std::vector<std::string>{service_id});
  EXPECT_EQ(services.remove("nobody", clock.now()).error().code, Code::service_not_found);
  EXPECT_EQ(told.size(), 1U);
}

// --- their tokens ---

class TokensOfServices : public ServiceFixture {
 protected:
  void expect_refused(TokenCall wanted, Code code) {
    const std::size_t before = key_store->signatures();
    const auto issued = mint_for_service(std::move(wanted));
    ASSERT_FALSE(issued) << facts_of(code).name;
    EXPECT_EQ(issued.error().code, code) << issued.error().to_string();
    EXPECT_EQ(key_store->signatures(), before) << "a refused request costs no signature";
  }
};

TEST_F(TokensOfServices, AreForTheIssuerItselfBoundToTheirKeyAndOfShortLife) {
  const auto issued = mint_for_service(service_call());
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_STREQ(issued->token_type, "DPoP");
  EXPECT_EQ(issued->expires_in, seconds(300));
  EXPECT_EQ(issued->scopes, std::vector<std::string>{"events"});
  const Json claims = claims_of(issued->token);
  EXPECT_EQ(claims["aud"], issuer_url);
  EXPECT_EQ(claims["sub"], service_id);
  EXPECT_EQ(claims["client_id"], service_id);
  EXPECT_EQ(claims["scope"], "events");
  EXPECT_EQ(claims["cnf"], Json({{"jkt", service_key.jkt()}}));
  EXPECT_EQ(claims["key_protection"], "none");
  EXPECT_EQ(claims["exp"].get<std::int64_t>(), to_unix(clock.now()) + 300);
  EXPECT_FALSE(claims.contains("attestation"));
}

TEST_F(TokensOfServices, AreLoggedAndHaveAnEntryInAStatusListAsAllHave) {
  const Json claims = claims_of(mint_for_service(service_call())->token);
  const auto logged = ledger.log.entries();
  ASSERT_EQ(logged.size(), 1U);
  EXPECT_EQ(logged[0].jti, claims["jti"]);
  EXPECT_EQ(logged[0].device, service_id);
  EXPECT_EQ(logged[0].kid, token_key.kid());
  EXPECT_EQ(claims["status"]["status_list"]["idx"], logged[0].index);
  EXPECT_TRUE(ledger.live.find(logged[0].jti));
}

TEST_F(TokensOfServices, DoNotLeaveWhereTheLogCannotBeWritten) {
  ledger.log.fail_with(Code::issuance_log_failed);
  EXPECT_EQ(mint_for_service(service_call()).error().code, Code::issuance_log_failed);
  EXPECT_EQ(ledger.live.size(), 0U);
}

TEST_F(TokensOfServices, TakeNoEntryInAStatusListForWhatIsSentAgain) {
  const TokenCall once = service_call();
  ASSERT_TRUE(mint_for_service(once));
  EXPECT_FALSE(mint_for_service(once));
  EXPECT_EQ(ledger.statuses.given(), 1U);
}

TEST_F(TokensOfServices, AreAskedForWithTheIssuerAsResourceOrNone) {
  TokenCall wanted = service_call();
  wanted.wanted.audience = issuer_url;
  wanted.wanted.scopes = {"events"};
  EXPECT_TRUE(mint_for_service(wanted));
  wanted = service_call();
  wanted.wanted.audience = api_audience;
  expect_refused(wanted, Code::service_audience);
}

TEST_F(TokensOfServices, HaveNoOtherScope) {
  TokenCall wanted = service_call();
  wanted.wanted.scopes = {"events", "read"};
  expect_refused(wanted, Code::service_scope);
}

TEST_F(TokensOfServices, AreForWhoMayHearOfEvents) {
  const test::SoftKey key;
  add_service("asker", key, {"introspect"});
  TokenCall wanted = service_call();
  wanted.credentials.client_assertion = assertion_by(key, assertion_claims("asker"));
  wanted.credentials.proof = proof_by(key);
  expect_refused(wanted, Code::service_role);
}

TEST_F(TokensOfServices, AreRefusedToWhoWasRemoved) {
  ASSERT_TRUE(services.remove(service_id, clock.now()));
  TokenCall wanted = service_call();
  EXPECT_TRUE(service_tokens->is_for_service(wanted.credentials)) << "so that it hears why";
  expect_refused(wanted, Code::service_unknown);
}

TEST_F(TokensOfServices, AreRefusedToADevice) {
  TokenCall wanted = service_call();
  wanted.credentials.client_assertion = device_assertion();
  wanted.credentials.proof = proof();
  EXPECT_FALSE(service_tokens->is_for_service(wanted.credentials));
  expect_refused(wanted, Code::service_unknown);
}

TEST_F(TokensOfServices, AreBoundToNoOtherKeyThoughTheAssertionVouchesForIt) {
  const test::SoftKey other;
  Json claims = assertion_claims(service_id);
  claims["cnf"] = {{"jkt", other.jkt()}};
  TokenCall wanted = service_call();
  wanted.credentials.client_assertion = assertion_by(service_key, claims);
  wanted.credentials.proof = proof_by(other);
  expect_refused(wanted, Code::proof_key_mismatch);
  wanted = service_call();
  wanted.credentials.proof = proof_by(other);
  expect_refused(wanted, Code::proof_key_unvouched);
}

TEST_F(TokensOfServices, AreGivenOnceForEachAssertionAndProof) {
  const TokenCall wanted = service_call();
  ASSERT_TRUE(mint_for_service(wanted));
  expect_refused(wanted, Code::proof_replayed);
  TokenCall again = wanted;
  again.credentials.proof = proof_by(service_key);
  expect_refused(again, Code::assertion_replayed);
}

TEST_F(TokensOfServices, AreRefusedForAnotherIssuersAssertion) {
  Json claims = assertion_claims(service_id);
  claims["aud"] = issuer_url + "/token";
  TokenCall wanted = service_call();
  wanted.credentials.client_assertion = assertion_by(service_key, claims);
  expect_refused(wanted, Code::assertion_aud);
}

TEST_F(TokensOfServices, AreNotGivenByTheWayOfDevices) {
  call = service_call();
  EXPECT_EQ(mint().error().code, Code::device_unknown);
  call.credentials = {};
  call.credentials.client_id = service_id;
  EXPECT_EQ(mint().error().code, Code::mutual_tls_off);
}

TEST_F(TokensOfServices, DoNotLeaveAfterTheServiceWasRemoved) {
  ledger.log.hold();
  std::promise<Result<IssuedToken>> promise;
  service_tokens->mint(service_call(),
                       [&](Result<IssuedToken> issued) { promise.set_value(std::move(issued)); });
  while (ledger.log.waiting() == 0) std::this_thread::yield();
  ASSERT_TRUE(services.remove(service_id, clock.now()));
  ledger.log.release();
  EXPECT_EQ(promise.get_future().get().error().code, Code::service_unknown);
}

// --- how often ---

class Rate : public testing::Test {
 protected:
  bool take(const std::string& who = "a") { return limit_.take(who, now_).has_value(); }
  std::uint32_t wait(const std::string& who = "a") {
    return limit_.take(who, now_).error().retry_after;
  }

  RateLimit limit_{Code::rate_of_address, "from your address", 64};
  RateLimit::Clock::time_point now_ = RateLimit::Clock::now();
};

TEST_F(Rate, IsUnlimitedUntilItIsSet) {
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(take());
  EXPECT_EQ(limit_.size(), 0U);
}

TEST_F(Rate, LetsEachHaveAMinutesWorthAtOnceAndThenOneAfterTheOther) {
  limit_.set(6);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(take()) << i;
  const auto refused = limit_.take("a", now_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_of_address);
  EXPECT_EQ(refused.error().retry_after, 10U);
  EXPECT_TRUE(take("b")) << "another's bucket is another's";
  now_ += seconds(9);
  EXPECT_EQ(wait(), 1U);
  now_ += seconds(1);
  EXPECT_TRUE(take());
  EXPECT_FALSE(take());
  now_ += seconds(60);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(take()) << i;
  EXPECT_FALSE(take());
}

TEST_F(Rate, IsNotMadeWorseByBeingRefused) {
  limit_.set(1);
  EXPECT_TRUE(take());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(wait(), 60U);
  now_ += seconds(60);
  EXPECT_TRUE(take());
}

TEST_F(Rate, ChangesAtOnce) {
  limit_.set(1);
  EXPECT_TRUE(take());
  EXPECT_FALSE(take());
  limit_.set(0);
  EXPECT_TRUE(take());
  limit_.set(60);
  EXPECT_EQ(wait(), 1U);
  now_ += seconds(1);
  EXPECT_TRUE(take());
}

TEST_F(Rate, RemembersNoMoreThanItMay) {
  limit_.set(1);
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(take("address-" + std::to_string(i)));
  EXPECT_LE(limit_.size(), 64U);
  now_ += seconds(61);
  for (int i = 0; i < 64; ++i) (void)take("later-" + std::to_string(i));
  EXPECT_LE(limit_.size(), 64U);
}

using RateOfADevice = ServiceFixture;

TEST_F(RateOfADevice, IsUsedUpByTheDeviceAlone) {
  client_rate.set(2, 0);
  call.credentials.proof = proof_by(test::SoftKey());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(mint().error().code, Code::proof_key_mismatch);
  EXPECT_FALSE(device_token().empty());
  const std::string used = call.credentials.proof;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(mint().error().code, Code::proof_replayed) << used;
  EXPECT_FALSE(device_token().empty());
  call.credentials.proof = proof();
  const auto refused = mint();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_of_device);
  EXPECT_EQ(refused.error().retry_after, 30U);
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(mint_for_service(service_call())) << "what bounds devices bounds no service";
}

TEST_F(RateOfADevice, IsNoServicesWhichHasOneOfItsOwn) {
  client_rate.set(0, 1);
  EXPECT_TRUE(mint_for_service(service_call()));
  const auto refused = mint_for_service(service_call());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_of_device);
  EXPECT_NE(refused.error().detail.find("of this service"), std::string::npos)
      << refused.error().detail;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(device_token().empty());
}

}  // namespace
}  // namespace mintmark::issuer
