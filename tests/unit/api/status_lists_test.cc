// GET ISSUER/status/LIST and ISSUER/statuslists.
#include "api/status_lists.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "support/manual_clock.h"
#include "support/scratch.h"
#include "support/soft_key.h"

namespace mintmark::api {
namespace {

using std::chrono::seconds;

const std::string issuer = "https://issuer.example/tenant";

class StatusListEndpoints : public ::testing::Test {
 protected:
  StatusListEndpoints() { add_status_lists(router, "/tenant", tokens, clock); }

  [[nodiscard]] http::Response get(const std::string& path, http::Headers headers = {},
                                   const std::string& query = "") {
    http::Request request;
    request.method = "GET";
    request.path = path;
    request.query = query;
    request.headers = std::move(headers);
    auto promise = std::make_shared<std::promise<http::Response>>();
    auto future = promise->get_future();
    router(request,
           [promise](http::Response response) { promise->set_value(std::move(response)); });
    if (future.wait_for(seconds(30)) != std::future_status::ready) {
      ADD_FAILURE() << "TIMEOUT";
      return {};
    }
    return future.get();
  }
  static http::Headers with(const char* name, const std::string& value) {
    http::Headers headers;
    headers.add(name, value);
    return headers;
  }
  static std::string field(const http::Response& response, const char* name) {
    const std::string* value = response.headers.find(name);
    return value == nullptr ? "" : *value;
  }
  void expect_refused(const http::Response& response, unsigned status, const char* code) {
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(Json::parse(response.body).value("code", ""), code);
    EXPECT_EQ(field(response, "Access-Control-Allow-Origin"), "*");
  }

  test::Scratch scratch;
  test::ManualClock clock;
  test::SoftKey key;
  std::atomic<bool> failing{false};
  std::unique_ptr<revoke::StatusIndexes> indexes =
      revoke::open_status_indexes(scratch / "status.db", {.entries = 1U << 14U}).value();
  revoke::StatusListTokens tokens{
      {.issuer = issuer, .pause = std::chrono::milliseconds(0)},
      {.indexes = *indexes, .clock = clock, .sign = [this](const auto& input, Deadline, auto done) {
         if (failing) return done(fail(Code::hsm_unavailable, "the token is away"));
         const std::string text = input(key.public_key());
         done(revoke::SignedInput{text, key.sign(as_bytes(text))});
       }}};
  http::Router router;
};

TEST_F(StatusListEndpoints, GiveAJwtUnlessACwtIsLikedBetter) {
  const auto plain = get("/tenant/status/1");
  EXPECT_EQ(plain.status, 200U);
  EXPECT_EQ(field(plain, "Content-Type"), "application/statuslist+jwt");
  EXPECT_EQ(field(plain, "Vary"), "Accept");
  EXPECT_EQ(field(plain, "Cache-Control"), "public, max-age=60");
  EXPECT_EQ(field(plain, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(plain.body.substr(0, 3), "eyJ");
  const auto other = get("/tenant/status/1", with("Accept", "application/statuslist+cwt"));
  EXPECT_EQ(other.status, 200U);
  EXPECT_EQ(field(other, "Content-Type"), "application/statuslist+cwt");
  EXPECT_EQ(static_cast<unsigned char>(other.body.at(0)), 0xD2U);
  EXPECT_NE(field(other, "ETag"), field(plain, "ETag"));
}

TEST_F(StatusListEndpoints, SayThatItIsTheSameToWhoHasIt) {
  const std::string etag = field(get("/tenant/status/1"), "ETag");
  const auto same = get("/tenant/status/1", with("If-None-Match", etag));
  EXPECT_EQ(same.status, 304U);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(field(same, "ETag"), etag);
  EXPECT_EQ(field(same, "Vary"), "Accept");
  indexes->set({indexes->next(clock.now()).value()}, revoke::Status::invalid);
  EXPECT_EQ(get("/tenant/status/1", with("If-None-Match", etag)).status, 200U);
}

TEST_F(StatusListEndpoints, LetNobodyKeepAListBeyondItsEnd) {
  (void)get("/tenant/status/1");
  failing = true;
  clock.advance(seconds(290));
  EXPECT_EQ(field(get("/tenant/status/1"), "Cache-Control"), "public, max-age=10");
  clock.advance(seconds(10));
  const auto over = get("/tenant/status/1");
  expect_refused(over, 503, "status_list_unavailable");
  EXPECT_NE(field(over, "Retry-After"), "");
  EXPECT_EQ(field(over, "Cache-Control"), "no-store");
}

TEST_F(StatusListEndpoints, RefuseWhoTakesNeitherForm) {
  for (const char* accept : {"text/html", "application/json", "application/statuslist+jwt;q=0"})
    expect_refused(get("/tenant/status/1", with("Accept", accept)), 406, "content_type_wrong");
}

TEST_F(StatusListEndpoints, KnowNoOtherLists) {
  for (const char* name :
       {"2", "0", "01", "+1", "1/", "1/2", "one", "", "-1", "4294967297", "99999999999999999999"})
    expect_refused(get(std::string("/tenant/status/") + name), 404, "status_list_unknown");
}

TEST_F(StatusListEndpoints, KeepNoListsOfThePast) {
  expect_refused(get("/tenant/status/1", {}, "time=1686925000"), 501, "http_malformed");
  EXPECT_EQ(get("/tenant/status/1", {}, "other=1").status, 200U);
}

TEST_F(StatusListEndpoints, NameAllLists) {
  const auto all = get("/tenant/statuslists");
  EXPECT_EQ(all.status, 200U);
  EXPECT_EQ(field(all, "Content-Type"), "application/json");
  EXPECT_EQ(Json::parse(all.body), (Json{{"status_lists", {issuer + "/status/1"}}}));
  EXPECT_EQ(field(all, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(get("/tenant/statuslists", with("If-None-Match", field(all, "ETag"))).status, 304U);
}

}  // namespace
}  // namespace mintmark::api
