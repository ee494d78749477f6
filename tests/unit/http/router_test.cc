#include "http/router.h"

#include <gtest/gtest.h>

namespace mintmark::http {
namespace {

Handler says(std::string text) {
  return [text = std::move(text)](const Request& /*request*/, const Respond& respond) {
    respond(json_response(200, text));
  };
}

Response ask(const Router& router, const std::string& method, const std::string& path) {
  Request request;
  request.method = method;
  request.path = path;
  Response answer;
  int answers = 0;
  router(std::move(request), [&](Response response) {
    answer = std::move(response);
    ++answers;
  });
  EXPECT_EQ(answers, 1);
  return answer;
}

Router example() {
  Router router;
  router.on("GET", "/keys", says("keys"));
  router.on("POST", "/token", says("token"));
  router.on("GET", "/status/*", says("status"));
  router.on("GET", "/status/deep/*", says("deep"));
  router.on("GET", "/status/exact", says("exact"));
  return router;
}

TEST(Router, UnknownPathIs404) {
  for (const auto* path : {"/", "/key", "/keys/", "/Keys", "/status", "", "*"}) {
    const Response response = ask(example(), "GET", path);
    EXPECT_EQ(response.status, 404U) << path;
    EXPECT_NE(response.body.find("http_path_unknown"), std::string::npos);
  }
}

TEST(Router, OtherMethodIs405AndNamesWhatIsAllowed) {
  const Response on_get = ask(example(), "POST", "/keys");
  EXPECT_EQ(on_get.status, 405U);
  EXPECT_EQ(*on_get.headers.find("Allow"), "GET, HEAD, OPTIONS");
  const Response on_post = ask(example(), "GET", "/token");
  EXPECT_EQ(on_post.status, 405U);
  EXPECT_EQ(*on_post.headers.find("Allow"), "OPTIONS, POST");
  EXPECT_NE(on_post.body.find("http_method_not_allowed"), std::string::npos);
}

TEST(Router, HeadOfAPostIs405) { EXPECT_EQ(ask(example(), "HEAD", "/token").status, 405U); }

TEST(Router, OptionsNamesWhatIsAllowedAndCallsNobody) {
  const Response response = ask(example(), "OPTIONS", "/keys");
  EXPECT_EQ(response.status, 204U);
  EXPECT_EQ(*response.headers.find("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(ask(example(), "OPTIONS", "/nowhere").status, 404U);
}

TEST(Router, OptionsOfTheServerItselfIsAnswered) {
  EXPECT_EQ(ask(example(), "OPTIONS", "*").status, 204U);
}

TEST(Router, MethodsHaveCase) { EXPECT_EQ(ask(example(), "get", "/keys").status, 405U); }

TEST(Router, GetServesHead) { EXPECT_EQ(ask(example(), "HEAD", "/keys").body, "keys"); }

TEST(Router, ExactGoesBeforeTheLongestPrefix) {
  EXPECT_EQ(ask(example(), "GET", "/status/1").body, "status");
  EXPECT_EQ(ask(example(), "GET", "/status/").body, "status");
  EXPECT_EQ(ask(example(), "GET", "/status/exact").body, "exact");
  EXPECT_EQ(ask(example(), "GET", "/status/deep/1").body, "deep");
}

}  // namespace
}  // namespace mintmark::http
