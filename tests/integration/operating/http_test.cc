// HTTP as the issuer's own listener speaks it; each refusal of the server by itself stands in
// tests/unit/http.
#include "operating.h"

namespace mintmark::test {
namespace {

class Http : public Operating {
 protected:
  /// The answer, head and body, to a request with these arguments of curl.
  [[nodiscard]] std::string ask(std::vector<std::string> arguments, const std::string& path) const {
    arguments.insert(arguments.end(), {"--include", stack["MINT_ISSUER"] + path});
    return stack.curl(std::move(arguments)).output;
  }
  static void expect(const std::string& answer, const std::vector<std::string>& parts) {
    for (const std::string& part : parts)
      EXPECT_NE(answer.find(part), std::string::npos) << part << " in\n" << answer;
  }
  const std::string form = "grant_type=password";
};

TEST_F(Http, ConfiguredLimitsAreInForceAndNamed) {
  expect(ask({"--data", std::string(40'001, 'a')}, "/token"),
         {"413", "http_body_too_large", "longer than 40000 octets"});
  std::vector<std::string> many;
  for (int count = 0; count < 70; ++count)
    many.insert(many.end(), {"--header", "X-" + std::to_string(count) + ": a"});
  expect(ask(many, "/token"), {"431", "http_header_too_large", "more than 64 header fields"});
  expect(ask({"--header", "X: " + std::string(17'000, 'a')}, "/token"),
         {"431", "longer than 16384 octets"});
  expect(ask({}, "/token?" + std::string(9'000, 'a')), {"414", "longer than 8192 octets"});
}

TEST_F(Http, ABodyThatStaysAwayIsRefusedInItsTime) {
  // curl announces ten octets and sends three.
  expect(ask({"--data", "abc", "--header", "Content-Length: 10"}, "/token"),
         {"408", "http_too_slow", "the body took longer than 700 ms"});
}

TEST_F(Http, AFormMayComeInChunks) {
  expect(ask({"--data", form, "--header", "Transfer-Encoding: chunked"}, "/token"),
         {"400", "grant_type_unsupported"});
  // Debian 13's curl would announce a length beside it, which is refused for that.
  expect(ask({"--data", form, "--header", "Transfer-Encoding: gzip, chunked", "--header",
              "Content-Length:"},
             "/token"),
         {"501", "http_coding_unknown"});
}

TEST_F(Http, ATargetMayBeAbsolute) {
  expect(ask({"--data", form, "--request-target", stack["MINT_ISSUER"] + "/token"}, "/other"),
         {"400", "grant_type_unsupported"});
}

TEST_F(Http, ContinueIsSentToWhoWaitsAndOtherExpectationsAreRefused) {
  expect(ask({"--data", form, "--header", "Expect: 100-continue"}, "/token"),
         {"100 Continue", "grant_type_unsupported"});
  expect(ask({"--data", form, "--header", "Expect: tea"}, "/token"),
         {"417", "http_expectation_unknown"});
}

TEST_F(Http, HeadOptionsAndOtherMethodsAreAnsweredAsThePathHasThem) {
  const std::string head = ask({"--head"}, "/.well-known/jwks.json");
  expect(head, {"200 OK", "Content-Length: "});
  EXPECT_EQ(head.find("\"keys\""), std::string::npos);
  expect(ask({"--request", "OPTIONS"}, "/token"), {"204", "Allow: OPTIONS, POST"});
  expect(ask({"--request", "DELETE"}, "/token"),
         {"405", "Allow: OPTIONS, POST", "http_method_not_allowed"});
  expect(ask({}, "/token"), {"405", "Allow: OPTIONS, POST"});
  expect(ask({}, "/tokens"), {"404", "http_path_unknown"});
}

TEST_F(Http, ContentTypesAreOneAndTheRightOne) {
  expect(ask({"--data", form, "--header", "Content-Type: text/plain"}, "/token"),
         {"415", "content_type_wrong"});
  expect(ask({"--data", form, "--header", "Content-Type;"}, "/token"),
         {"415", "content_type_wrong"});
  expect(ask({"--data", form, "--header", "Content-Type: application/x-www-form-urlencoded",
              "--header", "Content-Type: application/json"},
             "/token"),
         {"400", "http_header_malformed", "Content-Type"});
  expect(ask({"--data", form, "--header",
              "Content-Type: Application/X-WWW-Form-URLencoded; charset=UTF-8"},
             "/token"),
         {"400", "grant_type_unsupported"});
}

// RFC 6749 §5.1: "no-store" on whatever holds tokens or credentials; here on refusals too.
TEST_F(Http, NothingThatIsSomebodysOwnIsKeptByCaches) {
  expect(ask({"--data", form}, "/token"), {"Cache-Control: no-store"});
  expect(ask({}, "/token"), {"Cache-Control: no-store"});
  expect(ask({}, "/nothing"), {"Cache-Control: no-store"});
  expect(ask({"--data", "{", "--header", "Content-Type: application/json"}, "/attest/tpm2/begin"),
         {"Cache-Control: no-store"});
  expect(ask({"--header", "Host: a b"}, "/token"), {"Cache-Control: no-store"});
  expect(ask({}, "/readyz"), {"Cache-Control: no-store"});
  expect(ask({}, "/.well-known/jwks.json"), {"Cache-Control: public, max-age="});
}

TEST_F(Http, EveryAnswerHasItsRequestId) {
  for (const char* path : {"/token", "/nothing", "/readyz", "/.well-known/jwks.json"})
    expect(ask({}, path), {"X-Request-Id: "});
  expect(ask({"--header", "Host: a b"}, "/token"), {"X-Request-Id: "});
}

}  // namespace
}  // namespace mintmark::test
