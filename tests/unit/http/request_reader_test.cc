#include "http/request_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace mintmark::http {
namespace {

using Stage = RequestReader::Stage;

constexpr std::string_view host = "Host: a.example\r\n";

/// Feeds text in pieces of `step` octets; the last stage or the refusal.
Result<Stage> feed(RequestReader& reader, std::string_view text, std::size_t step = 4096) {
  Result<Stage> stage = Stage::idle;
  while (!text.empty()) {
    const auto space = reader.space();
    const std::size_t count = std::min({text.size(), step, space.size()});
    std::memcpy(space.data(), text.data(), count);
    reader.came(count);
    text.remove_prefix(count);
    stage = reader.advance();
    if (!stage) return stage;
  }
  return stage;
}

struct Refused {
  std::string name;
  std::string text;
  Code code;
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }

class RefusedRequest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedRequest, IsRefusedWithItsCode) {
  const ServerLimits limits;
  RequestReader reader(limits);
  const auto stage = feed(reader, GetParam().text);
  ASSERT_FALSE(stage);
  EXPECT_EQ(facts_of(stage.error().code).name, facts_of(GetParam().code).name);
  EXPECT_FALSE(stage.error().detail.empty());
}

TEST_P(RefusedRequest, IsRefusedTheSameWayOctetByOctet) {
  const ServerLimits limits;
  RequestReader reader(limits);
  const auto stage = feed(reader, GetParam().text, 1);
  ASSERT_FALSE(stage);
  EXPECT_EQ(facts_of(stage.error().code).name, facts_of(GetParam().code).name);
}

std::string get(const std::string& fields) {
  return "GET / HTTP/1.1\r\n" + std::string(host) + fields + "\r\n";
}
std::string post(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\n" + std::string(host) + fields + "\r\n" + body;
}
std::string line(const std::string& text) { return text + "\r\n" + std::string(host) + "\r\n"; }

using namespace std::string_literals;

INSTANTIATE_TEST_SUITE_P(
    RequestLine, RefusedRequest,
    testing::Values(Refused{"empty lines only", "\r\n\r\n\r\n\r\n\r\n\r\n", Code::http_malformed},
                    Refused{"no version", line("GET /"), Code::http_malformed},
                    Refused{"HTTP/0.9", line("GET / HTTP"), Code::http_malformed},
                    Refused{"no target", line("GET HTTP/1.1"), Code::http_malformed},
                    Refused{"two spaces", line("GET  / HTTP/1.1"), Code::http_malformed},
                    Refused{"space in target", line("GET /a b HTTP/1.1"), Code::http_malformed},
                    Refused{"tab", line("GET\t/ HTTP/1.1"), Code::http_malformed},
                    Refused{"trailing space", line("GET / HTTP/1.1 "), Code::http_malformed},
                    Refused{"leading space", line(" GET / HTTP/1.1"), Code::http_header_malformed},
                    Refused{"method no token", line("G@T / HTTP/1.1"), Code::http_malformed},
                    Refused{"lower-case version", line("GET / http/1.1"), Code::http_malformed},
                    Refused{"long version", line("GET / HTTP/1.10"), Code::http_malformed},
                    Refused{"version 2.0", line("GET / HTTP/2.0"), Code::http_version_unsupported},
                    Refused{"version 1.2", line("GET / HTTP/1.2"), Code::http_version_unsupported},
                    Refused{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                            Code::http_version_unsupported},
                    Refused{"TLS on a plain port", "\x16\x03\x01\x02", Code::http_malformed},
                    Refused{"NUL", "GET /\0 HTTP/1.1\r\n"s, Code::http_malformed},
                    Refused{"CONNECT", line("CONNECT a.example:443 HTTP/1.1"),
                            Code::http_method_unknown}));

INSTANTIATE_TEST_SUITE_P(
    Target, RefusedRequest,
    testing::Values(
        Refused{"relative", line("GET a HTTP/1.1"), Code::http_malformed},
        Refused{"star of a GET", line("GET * HTTP/1.1"), Code::http_malformed},
        Refused{"fragment", line("GET /#a HTTP/1.1"), Code::http_malformed},
        Refused{"bad percent", line("GET /%zz HTTP/1.1"), Code::http_malformed},
        Refused{"cut percent", line("GET /%4 HTTP/1.1"), Code::http_malformed},
        Refused{"not encoded", line("GET /\xc3\xa9 HTTP/1.1"), Code::http_malformed},
        Refused{"backslash", line("GET /\\a HTTP/1.1"), Code::http_malformed},
        Refused{"absolute, other scheme", line("GET ftp://a/ HTTP/1.1"), Code::http_malformed},
        Refused{"absolute, userinfo", line("GET http://u@a/ HTTP/1.1"), Code::http_malformed},
        Refused{"absolute, no host", line("GET http:/// HTTP/1.1"), Code::http_malformed},
        Refused{"too long", line("GET /" + std::string(8192, 'a') + " HTTP/1.1"),
                Code::http_target_too_long}));

INSTANTIATE_TEST_SUITE_P(
    Fields, RefusedRequest,
    testing::Values(
        Refused{"LF alone", "GET / HTTP/1.1\nHost: a\n\n", Code::http_malformed},
        Refused{"CR alone", "GET / HTTP/1.1\rHost: a\r\n\r\n", Code::http_malformed},
        Refused{"LF alone in a field", get("A: b\nC: d\r\n"), Code::http_malformed},
        Refused{"CR alone in a field", get("A: b\rC: d\r\n"), Code::http_malformed},
        Refused{"NUL in a value", get("A: b\0c\r\n"s), Code::http_malformed},
        Refused{"control in a value", get("A: b\x01\r\n"), Code::http_malformed},
        Refused{"DEL in a value", get("A: b\x7f\r\n"), Code::http_malformed},
        Refused{"folded with a space", get("A: b\r\n c\r\n"), Code::http_header_malformed},
        Refused{"folded with a tab", get("A: b\r\n\tc\r\n"), Code::http_header_malformed},
        Refused{"folded before the first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
                Code::http_header_malformed},
        Refused{"no colon", get("A\r\n"), Code::http_header_malformed},
        Refused{"no name", get(": a\r\n"), Code::http_header_malformed},
        Refused{"space before the colon", get("A : b\r\n"), Code::http_header_malformed},
        Refused{"name no token", get("A@: b\r\n"), Code::http_header_malformed},
        Refused{"two content types", get("Content-Type: a/b\r\ncontent-type: a/b\r\n"),
                Code::http_header_malformed},
        Refused{"too long", get("A: " + std::string(32 << 10, 'a') + "\r\n"),
                Code::http_header_too_large},
        Refused{"never ends", "GET / HTTP/1.1\r\nA: " + std::string(64 << 10, 'a'),
                Code::http_header_too_large}));

INSTANTIATE_TEST_SUITE_P(
    Host, RefusedRequest,
    testing::Values(
        Refused{"missing", "GET / HTTP/1.1\r\n\r\n", Code::http_host_wrong},
        Refused{"twice", get("Host: a.example\r\n"), Code::http_host_wrong},
        Refused{"empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", Code::http_host_wrong},
        Refused{"path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Code::http_host_wrong},
        Refused{"userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Code::http_host_wrong},
        Refused{"bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", Code::http_host_wrong},
        Refused{"missing beside absolute", "GET http://a/ HTTP/1.1\r\n\r\n", Code::http_host_wrong},
        Refused{"twice in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
                Code::http_host_wrong}));

INSTANTIATE_TEST_SUITE_P(
    Framing, RefusedRequest,
    testing::Values(
        Refused{"both lengths", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "abc"),
                Code::http_framing_ambiguous},
        Refused{"both, other order",
                post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "abc"),
                Code::http_framing_ambiguous},
        Refused{"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"),
                Code::http_framing_ambiguous},
        Refused{"two equal lengths", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
                Code::http_framing_ambiguous},
        Refused{"list of lengths", post("Content-Length: 3, 3\r\n", "abc"),
                Code::http_framing_ambiguous},
        Refused{"plus sign", post("Content-Length: +3\r\n", "abc"), Code::http_framing_ambiguous},
        Refused{"negative", post("Content-Length: -3\r\n", "abc"), Code::http_framing_ambiguous},
        Refused{"hexadecimal", post("Content-Length: 0x3\r\n", "abc"),
                Code::http_framing_ambiguous},
        Refused{"empty length", post("Content-Length:\r\n"), Code::http_framing_ambiguous},
        Refused{"words", post("Content-Length: three\r\n"), Code::http_framing_ambiguous},
        Refused{"over 64 bits", post("Content-Length: 99999999999999999999\r\n"),
                Code::http_framing_ambiguous},
        Refused{"two codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                Code::http_framing_ambiguous},
        Refused{"coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                Code::http_framing_ambiguous},
        Refused{"gzip", post("Transfer-Encoding: gzip\r\n"), Code::http_coding_unknown},
        Refused{"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"),
                Code::http_coding_unknown},
        Refused{"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n"),
                Code::http_coding_unknown},
        Refused{"chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n"),
                Code::http_coding_unknown},
        Refused{"empty coding", post("Transfer-Encoding:\r\n"), Code::http_coding_unknown},
        Refused{"xchunked", post("Transfer-Encoding: xchunked\r\n"), Code::http_coding_unknown},
        Refused{"unknown expectation", post("Expect: 200-ok\r\n"), Code::http_expectation_unknown},
        Refused{"two expectations", post("Expect: 100-continue\r\nExpect: 100-continue\r\n"),
                Code::http_expectation_unknown}));

const std::string chunked = "Transfer-Encoding: chunked\r\n";

INSTANTIATE_TEST_SUITE_P(
    Body, RefusedRequest,
    testing::Values(
        Refused{"too long", post("Content-Length: 131073\r\n"), Code::http_body_too_large},
        Refused{"chunk too long", post(chunked, "20001\r\n"), Code::http_body_too_large},
        Refused{"chunks too long together", post(chunked, "1\r\na\r\n20000\r\n"),
                Code::http_body_too_large},
        Refused{"chunk over 64 bits", post(chunked, "fffffffffffffffff\r\n"), Code::http_malformed},
        Refused{"no chunk size", post(chunked, "\r\nabc\r\n0\r\n\r\n"), Code::http_malformed},
        Refused{"chunk size no number", post(chunked, "x\r\nabc\r\n0\r\n\r\n"),
                Code::http_malformed},
        Refused{"negative chunk", post(chunked, "-3\r\nabc\r\n"), Code::http_malformed},
        Refused{"chunk longer than said", post(chunked, "3\r\nabcd\r\n0\r\n\r\n"),
                Code::http_malformed},
        Refused{"chunk header never ends", post(chunked, "3;" + std::string(20000, 'a')),
                Code::http_malformed},
        Refused{"trailers never end", post(chunked, "0\r\nA: " + std::string(20000, 'a')),
                Code::http_malformed}));

TEST(Request, MoreFieldsThanTheLimitAreRefused) {
  const ServerLimits limits;
  std::string fields;
  for (int count = 0; count < 99; ++count) fields += "A: b\r\n";
  RequestReader enough(limits);
  EXPECT_TRUE(feed(enough, get(fields)));
  RequestReader more(limits);
  const auto stage = feed(more, get(fields + "A: b\r\n"));
  ASSERT_FALSE(stage);
  EXPECT_EQ(stage.error().code, Code::http_header_too_large);
}

TEST(Request, ManySmallChunksWithLongHeadersAreRefused) {
  const ServerLimits limits;
  RequestReader reader(limits);
  ASSERT_TRUE(feed(reader, post(chunked)));
  const std::string chunk = "1;" + std::string(4000, 'x') + "\r\na\r\n";
  Result<Stage> stage = Stage::body;
  std::size_t sent = 0;
  while (stage && sent < 16 * limits.body_octets) {
    stage = feed(reader, chunk);
    sent += chunk.size();
  }
  ASSERT_FALSE(stage);
  EXPECT_EQ(stage.error().code, Code::http_body_too_large);
}

Request read_one(std::string_view text, std::size_t step = 4096) {
  const ServerLimits limits;
  RequestReader reader(limits);
  const auto stage = feed(reader, text, step);
  EXPECT_TRUE(stage) << stage.error().to_string();
  EXPECT_EQ(*stage, Stage::complete);
  return reader.take_request();
}

TEST(Request, OfAnySplitIsTheSame) {
  const std::string text = post("Content-Length: 3\r\nX:  y \r\n", "abc");
  for (std::size_t step = 1; step < text.size(); ++step) {
    const Request request = read_one(text, step);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.body, "abc");
    EXPECT_EQ(*request.headers.find("x"), "y");
  }
}

TEST(Request, ChunksOfAnySplitAreJoined) {
  const std::string text =
      post(chunked, "3;a=b\r\nabc\r\n0000A\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n");
  for (std::size_t step = 1; step < text.size(); ++step) {
    const Request request = read_one(text, step);
    EXPECT_EQ(request.body, "abc0123456789");
  }
}

TEST(Request, TrailersNeverBecomeHeaders) {
  const Request request = read_one(post(chunked, "0\r\nDPoP: forged\r\n\r\n"));
  EXPECT_EQ(request.headers.count("DPoP"), 0U);
}

TEST(Request, SplitsTargetAtTheFirstQuestionMark) {
  const Request request = read_one(line("GET /a/b?c=d?e HTTP/1.1"));
  EXPECT_EQ(request.target, "/a/b?c=d?e");
  EXPECT_EQ(request.path, "/a/b");
  EXPECT_EQ(request.query, "c=d?e");
}

TEST(Request, AbsoluteTargetGivesPathAndReplacesHost) {
  const Request request = read_one(line("GET HTTPS://B.Example:8443/x?y HTTP/1.1"));
  EXPECT_EQ(request.target, "/x?y");
  EXPECT_EQ(request.path, "/x");
  EXPECT_EQ(request.headers.count("Host"), 1U);
  EXPECT_EQ(*request.headers.find("Host"), "b.example:8443");
}

TEST(Request, RepeatedFieldsAreAllKept) {
  const Request request = read_one(get("DPoP: a\r\nDPoP: b\r\n"));
  EXPECT_EQ(request.headers.count("dpop"), 2U);
}

TEST(Request, EmptyLinesBeforeItArePassedOver) {
  EXPECT_EQ(read_one("\r\n\r\n" + get("")).method, "GET");
}

TEST(Request, OptionsStarIsTaken) { EXPECT_EQ(read_one(line("OPTIONS * HTTP/1.1")).path, "*"); }

TEST(Request, OnesBehindAnotherComeInOrder) {
  const ServerLimits limits;
  RequestReader reader(limits);
  auto stage =
      feed(reader, post("Content-Length: 1\r\n", "1") + post("Content-Length: 1\r\n", "2"));
  ASSERT_TRUE(stage);
  EXPECT_EQ(reader.take_request().body, "1");
  reader.next();
  EXPECT_TRUE(reader.has_octets());
  stage = reader.advance();
  ASSERT_TRUE(stage);
  EXPECT_EQ(*stage, Stage::complete);
  EXPECT_EQ(reader.take_request().body, "2");
}

TEST(Request, SaysOnceThatTheClientWaitsForContinue) {
  const ServerLimits limits;
  RequestReader reader(limits);
  ASSERT_TRUE(feed(reader, post("Expect: 100-Continue\r\nContent-Length: 1\r\n")));
  EXPECT_TRUE(reader.take_wait_for_continue());
  EXPECT_FALSE(reader.take_wait_for_continue());
}

TEST(Request, ThatBeganItsBodyDoesNotWaitForContinue) {
  const ServerLimits limits;
  RequestReader reader(limits);
  ASSERT_TRUE(feed(reader, post("Expect: 100-continue\r\nContent-Length: 2\r\n", "a")));
  EXPECT_FALSE(reader.take_wait_for_continue());
}

TEST(Request, OfHttp10IsIgnoredItsExpectation) {
  const ServerLimits limits;
  RequestReader reader(limits);
  ASSERT_TRUE(feed(reader, "POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 1\r\n\r\n"));
  EXPECT_FALSE(reader.take_wait_for_continue());
  EXPECT_TRUE(reader.is_http_1_0());
}

TEST(Request, KeepsTheConnectionAsItsVersionSays) {
  const ServerLimits limits;
  const auto keeps = [&](const std::string& text) {
    RequestReader reader(limits);
    EXPECT_TRUE(feed(reader, text));
    return reader.keeps_alive();
  };
  EXPECT_TRUE(keeps(get("")));
  EXPECT_FALSE(keeps(get("Connection: close\r\n")));
  EXPECT_FALSE(keeps(get("Connection: x, Close\r\n")));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

}  // namespace
}  // namespace mintmark::http
