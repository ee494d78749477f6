// What a service knows of what was revoked, over real connections.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

#include "jose/file_key.h"
#include "jose/jws.h"
#include "mintmark/verifier.h"
#include "support/event_issuer.h"
#include "support/machine_sleep.h"
#include "support/temporary_directory.h"
#include "verify/service_login.h"

namespace mintmark::verify {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::SoftKey;

constexpr const char* jwks_path = "/.well-known/jwks.json";

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

class Subscribed : public testing::Test {
 protected:
  void subscribe(milliseconds pauses = milliseconds(5)) {
    SubscriptionOptions options(issuer_.url(), "service-1", issuer_.service_key());
    options.ca_file = issuer_.ca_file();
    options.reconnect_first = options.reconnect_longest = pauses;
    options.keys_changed = [this] { ++keys_changed_; };
    subscription_ = mintmark::subscribe(std::move(options));
  }
  void subscribe_and_connect() {
    subscribe();
    ASSERT_TRUE(eventually([&] { return subscription_->standing().trusted; }))
        << subscription_->standing().trouble;
  }
  [[nodiscard]] std::string judged(const std::string& jti, const std::string& kid = "k") const {
    const auto standing = subscription_->judge({.token_id = jti,
                                                .subject = "device-1",
                                                .kid = kid,
                                                .issued_at = std::chrono::sys_seconds{seconds{5}}});
    return standing ? "good" : std::string(name_of(standing.error().refusal));
  }
  void expect_soon(const std::string& jti, const std::string& wanted,
                   const std::string& kid = "k") {
    EXPECT_TRUE(eventually([&] { return judged(jti, kid) == wanted; }))
        << jti << " is " << judged(jti, kid) << ", not " << wanted << "; "
        << subscription_->standing().trouble;
  }
  void expect_end(const std::string& reason) {
    EXPECT_TRUE(eventually([&] { return ends(reason) > 0; }))
        << reason << "; " << subscription_->standing().trouble;
  }
  [[nodiscard]] std::uint64_t ends(const std::string& reason) const {
    const auto all = subscription_->standing().ends;
    const auto found = all.find(reason);
    return found == all.end() ? 0 : found->second;
  }
  // It goes on by itself.
  void expect_recovery() {
    issuer_.revoke("later");
    expect_soon("later", "token_revoked");
    EXPECT_EQ(judged("another"), "good");
  }
  void bound_of(seconds bound) {
    issuer_.change_frontiers([bound](Frontier& frontier) { frontier.bound = bound; });
  }

  test::EventIssuer issuer_;
  std::shared_ptr<Subscription> subscription_;
  std::atomic<int> keys_changed_{0};
};

TEST_F(Subscribed, KnowsWhatWasRevokedBeforeItCameAndFromThenOn) {
  issuer_.revoke("before");
  subscribe_and_connect();
  EXPECT_EQ(judged("before"), "token_revoked");
  EXPECT_EQ(judged("after"), "good");
  issuer_.revoke("after");
  expect_soon("after", "token_revoked");
  EXPECT_EQ(judged("other"), "good");
  const auto standing = subscription_->standing();
  EXPECT_EQ(standing.entries, 2U);
  EXPECT_EQ(standing.seq, 2U);
  EXPECT_EQ(standing.bound, seconds(60));
  EXPECT_EQ(standing.trouble, "");
  EXPECT_TRUE(standing.ends.empty());
}

TEST_F(Subscribed, LetsNobodyInBeforeTheFirstFrontier) {
  issuer_.greet(false);
  subscribe();
  ASSERT_TRUE(eventually([&] { return issuer_.listeners() == 1; }));
  EXPECT_EQ(judged("a"), "revocations_unavailable");
  EXPECT_FALSE(subscription_->standing().ever);
  issuer_.send_frontier();
  expect_soon("a", "good");
}

TEST_F(Subscribed, LetsNobodyInWhereNobodyAnswers) {
  issuer_.serve(false);
  subscribe();
  expect_end("unavailable");
  EXPECT_EQ(judged("a"), "revocations_unavailable");
  issuer_.serve(true);
  expect_soon("a", "good");
}

TEST_F(Subscribed, LetsNobodyInPastTheBoundUntilTheIssuerSpeaksAgain) {
  bound_of(seconds(1));
  subscribe_and_connect();
  issuer_.serve(false);
  expect_soon("a", "revocations_stale");
  EXPECT_FALSE(subscription_->standing().trusted);
  issuer_.serve(true);
  expect_soon("a", "good");
}

TEST_F(Subscribed, LetsNobodyInAfterTheMachineSleptUntilTheIssuerSpeaksAgain) {
  subscribe_and_connect();
  EXPECT_EQ(judged("a"), "good");
  test::machine_slept(seconds(300));
  EXPECT_EQ(judged("a"), "revocations_stale");
  issuer_.send_frontier();
  expect_soon("a", "good");
}

TEST_F(Subscribed, TakesNoFrontierThatWaitedWhileTheMachineSlept) {
  subscribe_and_connect();
  const std::string waiting = "event: frontier\ndata: " + issuer_.frontier() + "\n\n";
  test::machine_slept(seconds(300));
  issuer_.send(waiting);
  expect_end("frontier_old");
  expect_recovery();
}

TEST_F(Subscribed, ConnectsAgainWhereASilentIssuerKeepsTheConnection) {
  bound_of(seconds(2));
  subscribe_and_connect();
  expect_end("deadline_passed");
  expect_soon("a", "good");
}

TEST_F(Subscribed, MissesNothingOfARestartAndAsksForNoSnapshotAgain) {
  subscribe_and_connect();
  const int snapshots = issuer_.published().asked("/events/snapshot");
  issuer_.serve(false);
  issuer_.append_in_secret({{"type", "token"}, {"jti", "meanwhile"}});
  EXPECT_EQ(judged("meanwhile"), "good");
  issuer_.serve(true);
  expect_soon("meanwhile", "token_revoked");
  EXPECT_EQ(issuer_.published().asked("/events/snapshot"), snapshots);
}

TEST_F(Subscribed, LoadsASnapshotOfAnotherLogAndForgetsNothing) {
  issuer_.revoke("before");
  subscribe_and_connect();
  issuer_.begin_log("log-2");
  issuer_.append_in_secret({{"type", "token"}, {"jti", "elsewhere"}});
  expect_soon("elsewhere", "token_revoked");
  EXPECT_EQ(judged("before"), "token_revoked");
  EXPECT_GE(ends("event_snapshot_wanted"), 1U);
}

TEST_F(Subscribed, LoadsASnapshotOfAHundredThousandEntries) {
  const auto jti_of = [](int number) {
    const std::string digits = std::to_string(number);
    return "jti-" + std::string(18 - digits.size(), '0') + digits;
  };
  for (int entry = 0; entry < 400; ++entry) {
    std::vector<std::string> jtis;
    for (int i = 0; i < 250; ++i) jtis.push_back(jti_of(entry * 250 + i));
    issuer_.append_in_secret({{"type", "tokens"}, {"jtis", jtis}});
  }
  subscribe_and_connect();
  EXPECT_EQ(subscription_->standing().entries, 100'000U);
  for (const int number : {0, 50'000, 99'999}) EXPECT_EQ(judged(jti_of(number)), "token_revoked");
  EXPECT_EQ(judged(jti_of(100'000)), "good");
  expect_recovery();
}

TEST_F(Subscribed, LoadsASnapshotWhereAnEntryIsMissing) {
  subscribe_and_connect();
  issuer_.append_in_secret({{"type", "token"}, {"jti", "missing"}});
  issuer_.revoke("a");
  expect_soon("missing", "token_revoked");
  EXPECT_GE(ends("event_out_of_order"), 1U);
  expect_recovery();
}

TEST_F(Subscribed, LoadsASnapshotWhereAFrontierSpeaksOfWhatDidNotCome) {
  subscribe_and_connect();
  issuer_.append_in_secret({{"type", "token"}, {"jti", "missing"}});
  issuer_.send_frontier();
  expect_soon("missing", "token_revoked");
  EXPECT_GE(ends("event_out_of_order"), 1U);
}

TEST_F(Subscribed, LoadsASnapshotWhereTheChainIsBroken) {
  subscribe_and_connect();
  issuer_.append_in_secret({{"type", "token"}, {"jti", "true"}});
  issuer_.send(
      "event: revocation\ndata: " +
      Json{{"seq", 1}, {"type", "token"}, {"jti", "false"}, {"until", 4'000'000'000}}.dump() +
      "\n\n");
  issuer_.send_frontier();
  expect_soon("true", "token_revoked");
  EXPECT_GE(ends("event_chain_broken"), 1U);
}

TEST_F(Subscribed, LoadsASnapshotWhereAnEntryIsMalformed) {
  subscribe_and_connect();
  issuer_.send("event: revocation\ndata: {\n\n");
  expect_end("event_malformed");
  expect_recovery();
}

TEST_F(Subscribed, TakesNoFrontierAgain) {
  subscribe_and_connect();
  const std::string old = issuer_.frontier();
  issuer_.revoke("a");
  issuer_.send_frontier();
  issuer_.send("event: frontier\ndata: " + old + "\n\n");
  expect_end("frontier_old");
  expect_recovery();
}

TEST_F(Subscribed, TakesNoFrontierThatComesLaterThanItsBound) {
  subscribe_and_connect();
  issuer_.send("event: frontier\ndata: " + issuer_.frontier([](Frontier& frontier) {
    frontier.ms += 1000;
  }) + "\n\n");
  // As if it had waited on the way: others came 1 s after they were made, this one so long after.
  issuer_.send("event: frontier\ndata: " + issuer_.frontier([](Frontier& frontier) {
    frontier.ms += 1000;
    frontier.bound = seconds(1);
  }) + "\n\n");
  EXPECT_EQ(ends("frontier_old"), 0U);
  issuer_.send("event: frontier\ndata: " + issuer_.frontier([](Frontier& frontier) {
    frontier.ms -= 100'000;
  }) + "\n\n");
  expect_end("frontier_old");
  expect_recovery();
}

TEST_F(Subscribed, BelievesNoFrontierOfAKeyForSomethingElse) {
  const auto asked = [&](const SoftKey& key) {
    issuer_.sign_with(key);
    issuer_.send_frontier();
    EXPECT_TRUE(eventually([&] {
      return subscription_->standing().trouble.starts_with("frontier_key_unknown");
    })) << subscription_->standing().trouble;
  };
  subscribe_and_connect();
  asked(issuer_.token_key());
  issuer_.sign_with(issuer_.event_key());
  issuer_.send_frontier();
  ASSERT_TRUE(eventually([&] { return subscription_->standing().trouble.empty(); }));
  asked(SoftKey());
  EXPECT_TRUE(subscription_->standing().ends.empty());
}

TEST_F(Subscribed, IsNeverTrustedByFrontiersOfAKeyForSomethingElse) {
  issuer_.sign_with(issuer_.token_key());
  subscribe();
  expect_end("frontier_key_unknown");
  EXPECT_EQ(judged("a"), "revocations_unavailable");
}

TEST_F(Subscribed, BelievesNoFrontierOfAnotherIssuerNorAnotherKindOfEvent) {
  subscribe_and_connect();
  issuer_.sign_as("https://evil.example", std::string(frontier_typ));
  issuer_.send_frontier();
  expect_end("frontier_malformed");
  issuer_.sign_as(issuer_.url(), "secevent+jwt");
  const auto before = ends("frontier_malformed");
  issuer_.send_frontier();
  EXPECT_TRUE(eventually([&] { return ends("frontier_malformed") > before; }));
  issuer_.sign_as(issuer_.url(), std::string(frontier_typ));
  expect_recovery();
}

TEST_F(Subscribed, BelievesNoFrontierWhoseSignatureIsNotGood) {
  subscribe_and_connect();
  std::string forged = issuer_.frontier();
  char& letter = forged[forged.rfind('.') + 5];
  letter = letter == 'A' ? 'B' : 'A';
  issuer_.send("event: frontier\ndata: " + forged + "\n\n");
  expect_end("frontier_signature");
  expect_recovery();
}

TEST_F(Subscribed, RefusesAKeyThatAFrontierNamesWhileTheIssuerIsAway) {
  subscribe_and_connect();
  issuer_.change_frontiers([](Frontier& frontier) {
    frontier.bound = seconds(60);
    frontier.revoked_keys = {"compromised"};
  });
  EXPECT_EQ(judged("a", "compromised"), "good");
  issuer_.send_frontier();
  expect_soon("a", "token_key_revoked", "compromised");
  issuer_.serve(false);
  EXPECT_EQ(judged("a", "compromised"), "token_key_revoked");
  EXPECT_EQ(judged("a"), "good");
}

TEST_F(Subscribed, BelievesNoFrontierByAKeyThatWasRevoked) {
  subscribe_and_connect();
  issuer_.append({{"type", "key"}, {"kid", issuer_.event_key().jkt()}});
  issuer_.send_frontier();
  EXPECT_TRUE(eventually(
      [&] { return subscription_->standing().trouble.starts_with("frontier_key_unknown"); }));
}

TEST_F(Subscribed, SaysThatTheKeysChanged) {
  subscribe_and_connect();
  const auto before = subscription_->keys_epoch();
  issuer_.append({{"type", "keys"}, {"epoch", 2}});
  EXPECT_TRUE(eventually([&] { return subscription_->keys_epoch() > before; }));
  EXPECT_TRUE(eventually([&] { return keys_changed_ == 1; }));
}

TEST_F(Subscribed, TakesItThatTheKeysMayHaveChangedWhereItHasToLoadTheSnapshotAgain) {
  subscribe_and_connect();
  EXPECT_EQ(keys_changed_, 0) << "the first tells nothing";
  issuer_.send("event: snapshot\ndata: {\"reason\":\"too_slow\"}\n\n");
  EXPECT_TRUE(eventually([&] { return keys_changed_ == 1; }));
  EXPECT_EQ(subscription_->keys_epoch(), 1U);
}

TEST_F(Subscribed, TakesTheNoncesThatTheIssuerWants) {
  issuer_.want_nonces("nonce-of-token", "nonce-of-calls");
  subscribe_and_connect();
  issuer_.want_nonces("nonce-of-token-2", "nonce-of-calls-2");
  issuer_.forget_tokens();
  issuer_.cut_off();
  expect_recovery();
}

TEST_F(Subscribed, IsBackAtOnceWhereItsTokenIsOverAndNoncesChangedMeanwhile) {
  issuer_.want_nonces("nonce-of-token", "nonce-of-calls");
  subscribe(std::chrono::hours{1});
  ASSERT_TRUE(eventually([&] { return subscription_->standing().trusted; }))
      << subscription_->standing().trouble;
  issuer_.want_nonces("nonce-of-token-2", "nonce-of-calls-2");
  issuer_.forget_tokens();
  issuer_.cut_off();
  expect_recovery();
  EXPECT_EQ(ends("ended"), 1U);
  EXPECT_EQ(subscription_->standing().ends.size(), 1U) << "it was refused as a whole";
}

TEST_F(Subscribed, IsNotBackAtOnceWhereItsPlaceIsAnothersNow) {
  subscribe(std::chrono::hours{1});
  ASSERT_TRUE(eventually([&] { return subscription_->standing().trusted; }))
      << subscription_->standing().trouble;
  issuer_.send("event: full\ndata: {\"reason\":\"event_subscribers_full\"}\n\n");
  issuer_.cut_off();
  expect_end("event_subscribers_full");
  EXPECT_EQ(ends("ended"), 0U);
  EXPECT_EQ(issuer_.listeners(), 0);
}

TEST_F(Subscribed, AsksForAnotherTokenWhereItsOwnIsNotTakenAnyMore) {
  subscribe_and_connect();
  const int tokens = issuer_.published().asked("/token");
  issuer_.forget_tokens();
  issuer_.cut_off();
  expect_recovery();
  EXPECT_EQ(issuer_.published().asked("/token"), tokens + 1);
}

TEST_F(Subscribed, SaysWhyTheIssuerGivesNoToken) {
  issuer_.published().answer("/token",
                             http::error_response({Code::service_unknown, "who are you?"}));
  subscribe();
  expect_end("service_unknown");
  EXPECT_EQ(judged("a"), "revocations_unavailable");
}

TEST_F(Subscribed, TakesNoTokenAnswerThatIsNone) {
  const Json good = {{"access_token", "t"}, {"token_type", "DPoP"}, {"expires_in", 300}};
  std::vector<Json> answers{Json::array()};
  for (const auto& [member, value] :
       std::vector<std::pair<const char*, Json>>{{"access_token", "a b"},
                                                 {"access_token", "a\nb"},
                                                 {"access_token", 1},
                                                 {"token_type", "Bearer"},
                                                 {"expires_in", "300"},
                                                 {"expires_in", -1}}) {
    answers.push_back(good);
    answers.back()[member] = value;
  }
  for (const Json& answer : answers) {
    issuer_.published().answer("/token", answer);
    subscribe();
    expect_end("issuer_answer_invalid");
    subscription_.reset();
  }
}

TEST_F(Subscribed, TakesNoSnapshotThatIsNotTheOneOfItsFrontier) {
  for (const auto& [change, reason] :
       std::vector<std::pair<std::function<void(Json&)>, std::string>>{
           {[](Json& body) { body["snapshot"] = body["snapshot"].get<std::string>() + " "; },
            "event_chain_broken"},
           {[&](Json& body) { body["frontier"] = issuer_.frontier(); }, "event_chain_broken"},
           {[](Json& body) { body["frontier"] = "a.b.c"; }, "frontier_malformed"},
           {[](Json& body) { body.erase("frontier"); }, "event_snapshot_malformed"},
           {[](Json& body) { body["snapshot"] = 1; }, "event_snapshot_malformed"},
           {[](Json& body) { body = Json::array(); }, "event_snapshot_malformed"}}) {
    issuer_.change_snapshots(change);
    subscribe();
    expect_end(reason);
    EXPECT_EQ(judged("a"), "revocations_unavailable");
    subscription_.reset();
  }
}

TEST_F(Subscribed, TakesNoStreamThatIsNone) {
  issuer_.published().answer("/events", Json{{"hello", 1}});
  subscribe();
  expect_end("http_answer_malformed");
  EXPECT_EQ(judged("a"), "revocations_unavailable");
}

TEST_F(Subscribed, EndsAtOnceWhateverItIsDoing) {
  const auto begin = std::chrono::steady_clock::now();
  issuer_.greet(false);
  subscribe();
  ASSERT_TRUE(eventually([&] { return issuer_.listeners() == 1; }));
  subscription_.reset();
  issuer_.serve(false);
  subscribe(seconds(3600));
  expect_end("unavailable");
  subscription_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

TEST_F(Subscribed, ServesVerifiersWhoRememberTokens) {
  subscribe_and_connect();
  VerifierOptions options(issuer_.url(), "https://service.example");
  options.revocations = subscription_;
  const Verifier verifier(options, published_keys(issuer_.url(), issuer_.ca_file()));
  const auto now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
  const std::string token = issuer_.token_key().sign_jws(
      {{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", issuer_.token_key().jkt()}},
      {{"iss", issuer_.url()},
       {"aud", "https://service.example"},
       {"sub", "device-1"},
       {"iat", to_unix(now)},
       {"exp", to_unix(now) + 300},
       {"jti", "jti-1"},
       {"cnf", {{"jkt", SoftKey().jkt()}}}});
  ASSERT_TRUE(verifier.check_without_proof(token));
  issuer_.revoke("jti-1");
  EXPECT_TRUE(eventually([&] {
    const auto checked = verifier.check_without_proof(token);
    return !checked && checked.error().refusal == Refusal::token_revoked;
  }));
}

TEST(Subscription, IsNotMadeWithWhatCannotServe) {
  const test::TemporaryDirectory directory;
  const auto open = directory.write("open.pem", "x", std::filesystem::perms::all);
  const auto no_key = directory.write("no.pem", "x");
  for (const auto& [issuer, id, key] : std::vector<std::array<std::string, 3>>{
           {"http://issuer.example", "s", no_key},
           {"https://issuer.example/", "s", no_key},
           {"", "s", no_key},
           {"https://issuer.example", "", no_key},
           {"https://issuer.example", "s", no_key},
           {"https://issuer.example", "s", open},
           {"https://issuer.example", "s", directory.path() / "absent.pem"},
           {"https://issuer.example", "s", directory.path()}}) {
    EXPECT_THROW((void)subscribe(SubscriptionOptions(issuer, id, key)), std::invalid_argument)
        << issuer << " " << key;
  }
}

// 5 s ahead is what an issuer takes; gates' clocks are further out than that at times.
TEST(ServiceLogin, DatesWhatItSignsByTheClockOfAnIssuerThatRefusesItsOwn) {
  test::EventIssuer issuer;
  for (const seconds off : {seconds(20), seconds(3600), seconds(-3600)}) {
    auto key = jose::FileKey::open(issuer.service_key(), {Code::invalid_argument, "the key"});
    ASSERT_TRUE(key);
    ServiceLogin login({issuer.url(), "service-1", "events"}, std::move(*key),
                       {.ca_file = issuer.ca_file().string()});
    const Moment now = SystemClock().now();
    const auto headers =
        login.headers_for(issuer.url() + "/events", now + off, Deadline::in(seconds(10)));
    ASSERT_TRUE(headers) << off.count() << ": " << headers.error().to_string();
    const std::string proof = *headers->find("DPoP");
    const auto parts = jose::parse_signing_input(proof.substr(0, proof.rfind('.')));
    ASSERT_TRUE(parts);
    const Moment dated = from_unix(parts->claims["iat"].get<std::int64_t>());
    EXPECT_LE(std::chrono::abs(dated - now), seconds(5)) << off.count();
  }
}

}  // namespace
}  // namespace mintmark::verify
