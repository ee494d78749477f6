// The status list that a token names, from outside: fetched with curl, judged by our verifier and
// by another library, before and after the token is revoked.
#include "verify/status_list_token.h"

#include <signal.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "jose/jws.h"
#include "stack.h"

namespace mintmark::test {
namespace {

class StatusLists : public ::testing::Test {
 protected:
  struct Reference {
    std::string token;
    std::string jti;
    std::string uri;
    std::uint64_t index = 0;
  };

  [[nodiscard]] Reference issued() const {
    Reference made{stack.token(), {}, {}, 0};
    const auto input = std::string_view(made.token).substr(0, made.token.rfind('.'));
    const Json claims = jose::parse_signing_input(input).value().claims;
    made.jti = claims.at("jti");
    made.uri = claims.at("status").at("status_list").at("uri");
    made.index = claims.at("status").at("status_list").at("idx");
    return made;
  }
  // A fresh token for each, and none that was revoked for those that follow: the agent keeps its
  // last.
  void SetUp() override { forget_token(); }
  void TearDown() override { forget_token(); }
  void forget_token() const {
    (void)std::filesystem::remove(stack["MINT_AGENT_STATE"] + "/tokens.json");
  }
  [[nodiscard]] std::string fetched(const std::string& uri, const std::string& type) const {
    const std::string file = stack.directory() + "/fetched";
    const Outcome outcome =
        stack.curl({"--fail", "--header", "Accept: " + type, "--output", file, uri});
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    return read_file(file).value_or("");
  }
  [[nodiscard]] std::string jwks() const {
    return stack.curl({"--fail", stack["MINT_ISSUER"] + "/.well-known/jwks.json"}).output;
  }
  [[nodiscard]] verify::ListedStatus said(const Reference& of, bool cwt) const {
    const auto keys = verify::KeySet::parse(jwks(), verify::status_list_purpose).value();
    const verify::WantedStatusList wanted{
        .uri = of.uri,
        .issuer = stack["MINT_ISSUER"],
        .now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
    const std::string body = fetched(
        of.uri, std::string(cwt ? verify::status_list_cwt_type : verify::status_list_jwt_type));
    const auto list = cwt ? verify::read_status_list_cwt(as_bytes(body), keys, wanted)
                          : verify::read_status_list_jwt(body, keys, wanted);
    EXPECT_TRUE(list) << (list ? "" : list.error().to_string());
    return list ? list->list.at(of.index).value() : verify::ListedStatus::suspended;
  }
  /// What the npm package says.
  [[nodiscard]] Json judged(const Reference& of) const {
    const std::string keys = stack.directory() + "/status-jwks.json";
    const std::string list = stack.directory() + "/status-list.jwt";
    std::ofstream(keys) << jwks();
    std::ofstream(list) << fetched(of.uri, "application/statuslist+jwt");
    const Outcome outcome =
        execute({"bash", "-c", R"(printf %s "$1" | "$2/run" status.mjs "${@:3}")", "bash", of.token,
                 MINTMARK_JUDGES, keys, list, stack["MINT_ISSUER"]});
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    return Json::parse(outcome.output, nullptr, false);
  }

  Stack& stack = Stack::instance();
};

TEST_F(StatusLists, SayOfATokenThatItIsGoodUntilItIsRevoked) {
  const Reference token = issued();
  EXPECT_EQ(token.uri.rfind(stack["MINT_ISSUER"] + "/status/", 0), 0U) << token.uri;
  EXPECT_EQ(said(token, false), verify::ListedStatus::valid);
  EXPECT_EQ(said(token, true), verify::ListedStatus::valid);
  EXPECT_EQ(judged(token)["status"], 0);

  (void)stack.control({"tokens", "revoke", "--jti=" + token.jti});
  await("both forms of the list to say so", [&] {
    return said(token, false) == verify::ListedStatus::invalid &&
           said(token, true) == verify::ListedStatus::invalid;
  });
  const Json other = judged(token);
  EXPECT_EQ(other["status"], 1);
  EXPECT_EQ(other["uri"], token.uri);
  EXPECT_EQ(other["idx"], token.index);
  EXPECT_EQ(other["entries"], 1U << 20U);
}

TEST_F(StatusLists, SayItStillWhenTheFrontWasKilled) {
  const Reference token = issued();
  (void)stack.control({"tokens", "revoke", "--jti=" + token.jti});
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGKILL), 0);
  await("another front", [&] { return stack.front_pid() != front && stack.front_pid() > 0; });
  stack.wait_until_ready();
  EXPECT_EQ(said(token, false), verify::ListedStatus::invalid);
}

TEST_F(StatusLists, AreFoundByTheMetadataAndByTheListsThemselves) {
  const Reference token = issued();
  const auto metadata = Json::parse(
      stack.curl({"--fail", stack["MINT_ISSUER"] + "/.well-known/oauth-authorization-server"})
          .output);
  const std::string all = metadata.at("status_list_aggregation_endpoint");
  const Json lists = Json::parse(stack.curl({"--fail", all}).output)["status_lists"];
  EXPECT_NE(std::find(lists.begin(), lists.end(), token.uri), lists.end()) << lists;
}

TEST_F(StatusLists, AreNotSentAgainToWhoHasThemAndNotMadeForThem) {
  const Reference token = issued();
  // It may be made anew once more, for what was revoked within the second before.
  await("the same list again", [&] {
    const auto headers = stack.curl({"--fail", "--include", token.uri}).output;
    EXPECT_NE(headers.find("Cache-Control: public, max-age=60\r"), std::string::npos) << headers;
    const auto at = headers.find("ETag: ") + 6;
    const std::string etag = headers.substr(at, headers.find('\r', at) - at);
    const auto again = stack.curl({"--include", "--header", "If-None-Match: " + etag, token.uri});
    return again.output.rfind("HTTP/1.1 304 ", 0) == 0;
  });
  const auto unknown = stack.curl({"--include", stack["MINT_ISSUER"] + "/status/4711"});
  EXPECT_EQ(unknown.output.rfind("HTTP/1.1 404 ", 0), 0U) << unknown.output;
}

}  // namespace
}  // namespace mintmark::test
