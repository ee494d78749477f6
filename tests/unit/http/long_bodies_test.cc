// Bodies longer than others: of named paths alone, and no more at once than there are places.
#include "http/long_bodies.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "http/request_reader.h"

namespace mintmark::http {
namespace {

using Stage = RequestReader::Stage;

class LongBodiesOfRequests : public testing::Test {
 protected:
  LongBodiesOfRequests() {
    limits_.body_octets = 10;
    limits_.long_bodies = std::make_shared<LongBodies>(std::vector<std::string>{"/long"}, 100, 1);
  }

  Result<Stage> feed(RequestReader& reader, std::string_view text) {
    Result<Stage> stage = Stage::idle;
    while (!text.empty()) {
      const auto space = reader.space();
      const std::size_t count = std::min(text.size(), space.size());
      std::memcpy(space.data(), text.data(), count);
      reader.came(count);
      text.remove_prefix(count);
      stage = reader.advance();
      if (!stage) return stage;
    }
    return stage;
  }
  static std::string head(const std::string& target, std::size_t length) {
    return "POST " + target +
           " HTTP/1.1\r\nHost: a.example\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  }
  static std::string whole(const std::string& target, std::size_t length) {
    return head(target, length) + std::string(length, 'x');
  }
  Code refusal_of(const std::string& text) {
    RequestReader reader(limits_);
    const auto stage = feed(reader, text);
    return stage ? Code::internal : stage.error().code;
  }

  ServerLimits limits_;
};

TEST_F(LongBodiesOfRequests, AreTakenWhereTheyAreExpected) {
  for (const char* target : {"/long", "/long?a=b"}) {
    RequestReader reader(limits_);
    const auto stage = feed(reader, whole(target, 100));
    ASSERT_TRUE(stage) << target << stage.error().to_string();
    EXPECT_EQ(*stage, Stage::complete);
    EXPECT_EQ(reader.take_request().body.size(), 100U);
  }
}

TEST_F(LongBodiesOfRequests, AreRefusedElsewhere) {
  for (const char* target : {"/", "/longer", "/long/er", "/LONG", "/x?/long"})
    EXPECT_EQ(refusal_of(head(target, 11)), Code::http_body_too_large) << target;
}

TEST_F(LongBodiesOfRequests, HaveAnEndToo) {
  EXPECT_EQ(refusal_of(head("/long", 101)), Code::http_body_too_large);
  std::string chunked =
      "POST /long HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(refusal_of(chunked + "65\r\n" + std::string(101, 'x')), Code::http_body_too_large);
}

TEST_F(LongBodiesOfRequests, WaitForAPlaceWhenMoreThanIsUsualHasCome) {
  RequestReader first(limits_);
  ASSERT_TRUE(feed(first, head("/long", 100) + std::string(11, 'x')));
  EXPECT_EQ(refusal_of(head("/long", 100) + std::string(11, 'x')), Code::overloaded);
  EXPECT_EQ(refusal_of(whole("/long", 10)), Code::internal) << "a short one needs none";
  ASSERT_TRUE(feed(first, std::string(89, 'x')));
  EXPECT_EQ(refusal_of(whole("/long", 100)), Code::overloaded) << "it is still being answered";
  (void)first.take_request();
  first.next();
  EXPECT_EQ(refusal_of(whole("/long", 100)), Code::internal) << "and now there is one";
}

TEST_F(LongBodiesOfRequests, ThatAreOnlyAnnouncedTakeNobodysPlace) {
  std::vector<std::unique_ptr<RequestReader>> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(std::make_unique<RequestReader>(limits_));
    ASSERT_TRUE(feed(*waiting.back(), head("/long", 100) + std::string(10, 'x')));
  }
  EXPECT_EQ(refusal_of(whole("/long", 100)), Code::internal);
}

TEST_F(LongBodiesOfRequests, GiveTheirPlaceBackWhenTheConnectionEnds) {
  {
    RequestReader gone(limits_);
    ASSERT_TRUE(feed(gone, head("/long", 100) + std::string(50, 'x')));
    EXPECT_EQ(refusal_of(whole("/long", 100)), Code::overloaded);
  }
  EXPECT_EQ(refusal_of(whole("/long", 100)), Code::internal);
}

}  // namespace
}  // namespace mintmark::http
