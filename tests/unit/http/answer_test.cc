#include "http/answer.h"

#include <gtest/gtest.h>

namespace mintmark::http {
namespace {

using namespace std::string_literals;

const AnswerFrame frame{"abc", true, false, false};

Response with(std::string name, std::string value) {
  Response response;
  response.headers.add(std::move(name), std::move(value));
  return response;
}

std::string written(const Response& response, const AnswerFrame& given = frame) {
  std::string out;
  EXPECT_TRUE(append_answer(out, response, given));
  return out;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Answer, ThatWouldBreakTheFramingIsRefused) {
  const std::vector<Response> bad{with("A", "b\r\nC: d"), with("A", "b\nc"), with("A", "b\0"s),
                                  with("A\r\n", "b"),     with("A:", "b"),   with("", "b"),
                                  with("A b", "c")};
  for (const auto& response : bad) {
    std::string out = "before";
    const auto appended = append_answer(out, response, frame);
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code, Code::http_answer_invalid);
    EXPECT_EQ(out, "before");
  }
}

TEST(Answer, WithAStatusThatEndsNothingIsRefused) {
  for (const unsigned status : {0U, 99U, 100U, 101U, 199U, 600U, 99999U}) {
    Response response;
    response.status = status;
    std::string out;
    EXPECT_FALSE(append_answer(out, response, frame)) << status;
  }
}

TEST(Answer, ToHeadTellsTheLengthThatGetWouldHaveOrNone) {
  const AnswerFrame to_head{"abc", true, false, true};
  Response own;
  own.body = "body";
  EXPECT_TRUE(contains(written(own, to_head), "Content-Length: 4\r\n"));
  EXPECT_TRUE(contains(written(with("Content-Length", "999"), to_head), "Content-Length: 999\r\n"));
  EXPECT_FALSE(contains(written(with("Content-Length", "9,9"), to_head), "Content-Length"));
  EXPECT_FALSE(contains(written(Response{}, to_head), "Content-Length"));
  EXPECT_TRUE(contains(written(Response{}), "Content-Length: 0\r\n"));
}

TEST(Answer, TakesTheFramesFieldsFromNobody) {
  Response response = with("Content-Length", "999");
  response.headers.add("transfer-encoding", "chunked");
  response.headers.add("Connection", "upgrade");
  response.headers.add("X-Request-ID", "forged");
  response.body = "body";
  const std::string text = written(response);
  EXPECT_FALSE(contains(text, "999"));
  EXPECT_FALSE(contains(text, "chunked"));
  EXPECT_FALSE(contains(text, "upgrade"));
  EXPECT_FALSE(contains(text, "forged"));
  EXPECT_TRUE(contains(text, "Content-Length: 4\r\n"));
}

TEST(Answer, CarriesIdDateLengthAndBody) {
  Response response = json_response(200, "{}");
  const std::string text = written(response);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(contains(text, "\r\nDate: "));
  EXPECT_TRUE(contains(text, " GMT\r\n"));
  EXPECT_TRUE(contains(text, "\r\nX-Request-Id: abc\r\n"));
  EXPECT_TRUE(contains(text, "\r\nContent-Type: application/json\r\n"));
  EXPECT_TRUE(text.ends_with("\r\nContent-Length: 2\r\n\r\n{}"));
  EXPECT_FALSE(contains(text, "Server:"));
  EXPECT_FALSE(contains(text, "Connection:"));
}

TEST(Answer, ToHeadTellsTheLengthAndLeavesTheBodyOut) {
  const std::string text = written(json_response(200, "four"), {"abc", true, false, true});
  EXPECT_TRUE(text.ends_with("\r\nContent-Length: 4\r\n\r\n"));
}

TEST(Answer, WithoutContentSaysNoLength) {
  for (const unsigned status : {204U, 304U}) {
    Response response = json_response(status, "never");
    const std::string text = written(response);
    EXPECT_FALSE(contains(text, "Content-Length"));
    EXPECT_TRUE(text.ends_with("\r\n\r\n"));
  }
}

TEST(Answer, SaysWhetherTheConnectionStays) {
  EXPECT_TRUE(contains(written({}, {"abc", false, false, false}), "Connection: close\r\n"));
  EXPECT_TRUE(contains(written({}, {"abc", true, true, false}), "Connection: keep-alive\r\n"));
}

}  // namespace
}  // namespace mintmark::http
