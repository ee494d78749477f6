#include "verify/https_key_source.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>

#include "support/machine_sleep.h"
#include "support/published_issuer.h"
#include "support/soft_key.h"

namespace {
// The thread that asked for a name last; numbers are not asked for.
std::thread::id looked_up_by;
}  // namespace

// Stands before the C library's: every look-up of this program comes by.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  if (hints == nullptr || (hints->ai_flags & AI_NUMERICHOST) == 0) {
    looked_up_by = std::this_thread::get_id();
    return EAI_NONAME;
  }
  using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  Real real = nullptr;
  void* const next = dlsym(RTLD_NEXT, "getaddrinfo");
  std::memcpy(&real, &next, sizeof real);
  return real(node, service, hints, found);
}

namespace mintmark::verify {
namespace {

using std::chrono::seconds;

constexpr const char* metadata_path = "/.well-known/oauth-authorization-server";
constexpr const char* jwks_path = "/.well-known/jwks.json";

class HttpsKeys : public testing::Test {
 protected:
  void SetUp() override { issuer_.publish({{"keys", Json::array()}}); }

  [[nodiscard]] HttpsKeySource source() const {
    return HttpsKeySource(issuer_.url(), issuer_.ca_file());
  }
  void expect_refused(HttpsKeySource source, Refusal refusal) {
    const auto document = source.fetch();
    ASSERT_FALSE(document);
    EXPECT_EQ(name_of(document.error().refusal), name_of(refusal)) << document.error().detail;
  }
  void publish_metadata(const Json& metadata) { issuer_.answer(metadata_path, metadata); }

  test::PublishedIssuer issuer_;
};

TEST_F(HttpsKeys, AreFoundByTheMetadata) {
  issuer_.answer("/elsewhere", Json{{"keys", Json::array()}}, "public, max-age=77");
  publish_metadata({{"issuer", issuer_.url()}, {"jwks_uri", issuer_.url() + "/elsewhere"}});
  const auto document = source().fetch();
  ASSERT_TRUE(document) << document.error().detail;
  EXPECT_EQ(document->jwks, R"({"keys":[]})");
  EXPECT_EQ(document->max_age, seconds{77});
}

TEST_F(HttpsKeys, AreFetchedFreshWhileTheMetadataAreKept) {
  HttpsKeySource keys = source();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(keys.fetch());
  EXPECT_EQ(issuer_.asked(metadata_path), 1);
  EXPECT_EQ(issuer_.asked(jwks_path), 3);
}

TEST_F(HttpsKeys, AreLookedForAnewWhenTheyMoved) {
  HttpsKeySource keys = source();
  EXPECT_TRUE(keys.fetch());
  issuer_.answer(jwks_path, http::json_response(410, "{}"));
  EXPECT_FALSE(keys.fetch());
  issuer_.answer("/new", Json{{"keys", Json::array()}});
  publish_metadata({{"issuer", issuer_.url()}, {"jwks_uri", issuer_.url() + "/new"}});
  EXPECT_TRUE(keys.fetch());
}

TEST_F(HttpsKeys, OfMetadataThatNameAnotherIssuerAreRefused) {
  for (const Json& named :
       {Json("https://evil.example"), Json(issuer_.url() + "/"), Json(""), Json(1)}) {
    publish_metadata({{"issuer", named}, {"jwks_uri", issuer_.url() + jwks_path}});
    expect_refused(source(), Refusal::metadata_issuer_mismatch);
  }
  publish_metadata({{"jwks_uri", issuer_.url() + jwks_path}});
  expect_refused(source(), Refusal::metadata_issuer_mismatch);
  EXPECT_EQ(issuer_.asked(jwks_path), 0);
}

TEST_F(HttpsKeys, OfMetadataThatSayNotWhereAreRefused) {
  publish_metadata({{"issuer", issuer_.url()}});
  expect_refused(source(), Refusal::metadata_malformed);
  publish_metadata({{"issuer", issuer_.url()}, {"jwks_uri", 1}});
  expect_refused(source(), Refusal::metadata_malformed);
}

TEST_F(HttpsKeys, OfWhatAreNoMetadataAreRefused) {
  publish_metadata(Json::array());
  expect_refused(source(), Refusal::metadata_malformed);
  http::Response page;
  page.body = "<html>";
  issuer_.answer(metadata_path, page);
  expect_refused(source(), Refusal::metadata_malformed);
  page.body = R"({"issuer":"a","issuer":")" + issuer_.url() + R"(","jwks_uri":"x"})";
  issuer_.answer(metadata_path, page);
  expect_refused(source(), Refusal::metadata_malformed);
}

TEST_F(HttpsKeys, ThatAreNotServedAreUnavailable) {
  for (const unsigned status : {204U, 302U, 404U, 500U, 503U}) {
    issuer_.answer(jwks_path, http::json_response(status, status == 204U ? "" : "{}"));
    expect_refused(source(), Refusal::keys_unavailable);
  }
}

TEST_F(HttpsKeys, OfAnIssuerWhoseCertificateNobodyVouchesForAreUnavailable) {
  expect_refused(HttpsKeySource(issuer_.url(), issuer_.other_ca_file()), Refusal::keys_unavailable);
  expect_refused(HttpsKeySource(issuer_.url(), ""), Refusal::keys_unavailable);
  EXPECT_EQ(issuer_.asked(metadata_path), 0);
}

TEST_F(HttpsKeys, WithoutTlsAreNotFetched) {
  publish_metadata({{"issuer", issuer_.url()}, {"jwks_uri", "http://127.0.0.1:1/jwks"}});
  expect_refused(source(), Refusal::keys_unavailable);
  expect_refused(HttpsKeySource("http://127.0.0.1:1"), Refusal::keys_unavailable);
}

TEST_F(HttpsKeys, OfNobodyAreUnavailable) {
  expect_refused(HttpsKeySource("https://127.0.0.1:1"), Refusal::keys_unavailable);
}

const std::string some_kid(43, 'k');

std::string field(const http::Headers& headers, const char* name) {
  EXPECT_LE(headers.count(name), 1U) << name;
  const std::string* value = headers.find(name);
  return value == nullptr ? "(absent)" : *value;
}

TEST_F(HttpsKeys, AreAskedForWithoutAWordOfTheVerifierByDefault) {
  HttpsKeySource keys = source();
  ASSERT_TRUE(keys.fetch_holding({some_kid}));
  for (const char* path : {metadata_path, jwks_path}) {
    const http::Headers heard = issuer_.heard(path);
    EXPECT_NE(heard.find("Accept"), nullptr);
    for (const auto& [name, value] : heard.fields())
      EXPECT_EQ(name.find("intmark"), std::string::npos) << name << " of " << path;
  }
  EXPECT_EQ(issuer_.heard(jwks_path).find("Cache-Control"), nullptr);
}

TEST_F(HttpsKeys, AreAskedForWithTheInstanceAndTheKidsThatAreHeld) {
  HttpsKeySource keys(issuer_.url(), issuer_.ca_file(), "gate-1.b_C");
  ASSERT_TRUE(keys.fetch_holding({}));
  EXPECT_EQ(field(issuer_.heard(jwks_path), "Mintmark-Verifier"), "gate-1.b_C");
  EXPECT_EQ(field(issuer_.heard(jwks_path), "Mintmark-Held-Kids"), "(absent)");
  ASSERT_TRUE(keys.fetch_holding({some_kid, "other_Kid-1"}));
  EXPECT_EQ(field(issuer_.heard(jwks_path), "Mintmark-Verifier"), "gate-1.b_C");
  EXPECT_EQ(field(issuer_.heard(jwks_path), "Mintmark-Held-Kids"), some_kid + " other_Kid-1");
}

TEST_F(HttpsKeys, AreNotAskedOfACacheOnTheWayWhereTheIssuerIsToHear) {
  HttpsKeySource keys(issuer_.url(), issuer_.ca_file(), "gate-1");
  ASSERT_TRUE(keys.fetch_holding({some_kid}));
  EXPECT_EQ(field(issuer_.heard(jwks_path), "Cache-Control"), "no-cache");
}

TEST_F(HttpsKeys, HaveMetadataThatAreToldNothing) {
  HttpsKeySource keys(issuer_.url(), issuer_.ca_file(), "gate-1");
  ASSERT_TRUE(keys.fetch_holding({some_kid}));
  EXPECT_EQ(field(issuer_.heard(metadata_path), "Mintmark-Verifier"), "(absent)");
  EXPECT_EQ(field(issuer_.heard(metadata_path), "Mintmark-Held-Kids"), "(absent)");
}

Json access_key(const test::SoftKey& key, const char* purpose = "access_token") {
  Json jwk = key.public_key().to_jwk();
  jwk["kid"] = key.jkt();
  jwk["mintmark_purpose"] = purpose;
  return jwk;
}

TEST_F(HttpsKeys, ThatTheVerifierUsesAreSaidAndNoOthers) {
  const test::SoftKey first;
  const test::SoftKey second;
  const test::SoftKey attester;
  const Json others = access_key(attester, "client_attestation");
  issuer_.publish({{"keys", {access_key(first), others}}});
  VerifierOptions options(issuer_.url(), "https://service.example");
  const Verifier verifier(options, published_keys(issuer_.url(), issuer_.ca_file(), "gate-1"));
  const auto held_as_said_next = [&] {
    test::machine_slept(seconds{301});
    EXPECT_FALSE(verifier.check_without_proof(
        "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.AA"));
    return field(issuer_.heard(jwks_path), "Mintmark-Held-Kids");
  };
  EXPECT_EQ(held_as_said_next(), "(absent)") << "nothing was held before";
  issuer_.publish({{"keys", {access_key(second), access_key(first), others}}});
  EXPECT_EQ(held_as_said_next(), first.jkt()) << "the answer counts when it was taken";
  const auto both = std::minmax(first.jkt(), second.jkt());
  EXPECT_EQ(held_as_said_next(), both.first + " " + both.second);
}

TEST_F(HttpsKeys, AreNotFetchedUnderANameThatCouldNotStandInAHeader) {
  for (const std::string& instance :
       {std::string(" "), std::string("a b"), std::string("a\r\nX-Y: z"), std::string("a\n"),
        std::string("a\0b", 3), std::string("a,b"), std::string("a/b"), std::string("gäte"),
        std::string(65, 'a')}) {
    EXPECT_THROW(static_cast<void>(published_keys(issuer_.url(), "", instance)),
                 std::invalid_argument)
        << instance;
  }
  EXPECT_TRUE(published_keys(issuer_.url(), "", std::string(64, 'a')));
}

TEST(HeldKids, AreNeverMoreThanTheBound) {
  std::vector<std::string> held;
  for (int i = 0; i < 100; ++i) held.push_back(std::string(40, 'k') + std::to_string(100 + i));
  const std::string said = field(acknowledgement("gate-1", held), "Mintmark-Held-Kids");
  EXPECT_EQ(std::count(said.begin(), said.end(), ' '), 63);
  EXPECT_EQ(said.size(), 64U * 44 - 1);
  EXPECT_TRUE(said.starts_with(held[0] + " " + held[1] + " "));
}

// The issuer writes the kids, and whoever answers in its name.
TEST(HeldKids, ThatCouldNotStandInAHeaderAreLeftOut) {
  const auto headers =
      acknowledgement("gate-1", {"good", "", "a b", "a\r\nX-Admin: yes", "a\nb", "a\tb", "kä",
                                 std::string("a\0b", 3), "a,b", std::string(44, 'k'), "also-good"});
  EXPECT_EQ(field(headers, "Mintmark-Held-Kids"), "good also-good");
  EXPECT_EQ(headers.fields().size(), 2U);
}

std::size_t threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST_F(HttpsKeys, AreFetchedWithoutAThreadThatStays) {
  const std::size_t before = threads_of_this_process();
  const Verifier verifier(VerifierOptions(issuer_.url(), "https://service.example"),
                          published_keys(issuer_.url(), issuer_.ca_file()));
  EXPECT_FALSE(verifier.check_without_proof(
      "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.AA"));
  EXPECT_EQ(issuer_.asked(jwks_path), 1);
  EXPECT_EQ(threads_of_this_process(), before);
}

// The look-up of a name is the one thing that could hide a thread and be gone again.
TEST_F(HttpsKeys, HaveTheirIssuersNameLookedUpByTheCaller) {
  looked_up_by = std::thread::id();
  expect_refused(HttpsKeySource("https://issuer.invalid"), Refusal::keys_unavailable);
  EXPECT_EQ(looked_up_by, std::this_thread::get_id());
}

TEST(MetadataUrl, HasTheIssuersPathBehindIt) {
  // RFC 8414 §3.1.
  EXPECT_EQ(metadata_url("https://example.com").value(),
            "https://example.com/.well-known/oauth-authorization-server");
  EXPECT_EQ(metadata_url("https://example.com/").value(),
            "https://example.com/.well-known/oauth-authorization-server");
  EXPECT_EQ(metadata_url("https://example.com:8443/issuer1").value(),
            "https://example.com:8443/.well-known/oauth-authorization-server/issuer1");
}

TEST(MetadataUrl, OfWhatIsNoIssuerIsRefused) {
  for (const char* issuer : {"", "example.com", "http://example.com", "https://example.com?a",
                             "https://example.com#a", "https://u@example.com"}) {
    EXPECT_FALSE(metadata_url(issuer)) << issuer;
  }
}

std::chrono::seconds age_of(const char* cache_control) {
  http::Headers headers;
  headers.add("cache-control", cache_control);
  return max_age_of(headers);
}

TEST(MaxAge, IsWhatCacheControlSays) {
  EXPECT_EQ(age_of("max-age=300"), seconds{300});
  EXPECT_EQ(age_of("public, Max-Age=300, must-revalidate"), seconds{300});
  EXPECT_EQ(max_age_of({}), silent_max_age);
  EXPECT_EQ(age_of("public"), silent_max_age);
}

TEST(MaxAge, IsTheLeastThatIsSaid) {
  http::Headers headers;
  headers.add("Cache-Control", "max-age=300");
  headers.add("Cache-Control", "public, max-age=60");
  EXPECT_EQ(max_age_of(headers), seconds{60});
  EXPECT_EQ(age_of("max-age=10, max-age=20"), seconds{10});
}

TEST(MaxAge, IsLessByTheTimeInCachesOnTheWay) {
  const auto left = [](const char* age) {
    http::Headers headers;
    headers.add("Cache-Control", "max-age=300");
    headers.add("Age", age);
    return max_age_of(headers);
  };
  EXPECT_EQ(left("100"), seconds{200});
  EXPECT_EQ(left("300"), seconds{0});
  EXPECT_EQ(left("4000"), seconds{0});
  for (const char* unreadable : {"", "x", "-1", "99999999999"})
    EXPECT_EQ(left(unreadable), seconds{0}) << unreadable;
}

TEST(MaxAge, OfWhatMustNotBeKeptIsNothing) {
  for (const char* text : {"no-store", "no-cache", "max-age=300, no-store", "max-age=x",
                           "max-age=", "max-age=-1", "max-age=99999999999"}) {
    EXPECT_EQ(age_of(text), seconds{0}) << text;
  }
}

}  // namespace
}  // namespace mintmark::verify
