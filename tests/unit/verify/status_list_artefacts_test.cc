// The draft's test vectors, judged as the topic's cases.json says; then each again with something
// broken. Nothing here knows a file by its name: files are told apart by how their names end.
#include <gtest/gtest.h>

#include "support/test_data.h"
#include "verify/status_list_token.h"

namespace mintmark::verify {
namespace {

using test::data_file;

/// One entry: files by what their names end with.
struct Vector {
  std::string id;
  Json expect;
  std::optional<std::string> list_json;
  std::optional<Bytes> list_cbor;
  Json expected;
  std::optional<std::string> jwt;
  std::optional<Bytes> cwt;
  std::optional<std::string> key;

  [[nodiscard]] bool good() const { return expect.at("answer") == "accept"; }
};

std::vector<Vector> vectors() {
  std::vector<Vector> all;
  test::for_each_entry("status_list", [&all](const Json& entry) {
    Vector one{entry.at("id"), entry.at("expect"), {}, {}, {}, {}, {}, {}};
    for (const std::string name : entry.at("files")) {
      const Bytes octets = data_file(name);
      const std::string text(as_text(octets));
      if (name.ends_with(".expected.json"))
        one.expected = Json::parse(text);
      else if (name.ends_with(".jwk.json"))
        one.key = text;
      else if (name.ends_with(".json"))
        one.list_json = text;
      else if (name.ends_with(".cbor"))
        one.list_cbor = octets;
      else if (name.ends_with(".jwt"))
        one.jwt = text.substr(0, text.find_last_not_of("\r\n ") + 1);
      else if (name.ends_with(".cwt"))
        one.cwt = octets;
    }
    all.push_back(std::move(one));
  });
  return all;
}

class StatusListVectors : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::test_data_is_there()) GTEST_SKIP() << "no test data beside the checkout";
  }
};

void expect_as_said(const StatusList& list, const Json& expected) {
  EXPECT_EQ(list.bits(), expected.at("bits").get<unsigned>());
  EXPECT_EQ(list.size(), expected.at("entries").get<std::size_t>());
  EXPECT_EQ(list.octets().size(), expected.at("raw_len").get<std::size_t>());
  EXPECT_EQ(to_hex(sha256(as_text(list.octets()))), expected.at("raw_sha256"));
  std::size_t wrong = 0;
  const auto others = expected.value("all_other_entries", 0);
  const Json& statuses = expected.at("statuses");
  for (std::size_t i = 0; i < list.size(); ++i)
    wrong += list.value(i).value() == statuses.value(std::to_string(i), others) ? 0U : 1U;
  EXPECT_EQ(wrong, 0U);
  EXPECT_FALSE(list.value(list.size()));
}

std::size_t nonzero(const StatusList& list) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < list.size(); ++i) count += list.value(i).value() == 0 ? 0U : 1U;
  return count;
}

Result<StatusList> list_of_json(const std::string& text) {
  auto json = parse_json(text, {.octets = longest_status_list_token});
  if (!json) return pass_on(json);
  return StatusList::from_json(*json);
}

Result<StatusList> list_of_cbor(BytesView octets) {
  auto value = cbor::parse(octets, longest_status_list_token);
  if (!value) return pass_on(value);
  return StatusList::from_cbor(*value);
}

TEST_F(StatusListVectors, AreJudgedAsTheirAnswerSays) {
  std::size_t judged = 0;
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.id);
    std::vector<Result<StatusList>> lists;
    if (vector.list_json) lists.push_back(list_of_json(*vector.list_json));
    if (vector.list_cbor) lists.push_back(list_of_cbor(*vector.list_cbor));
    for (const auto& list : lists) {
      ++judged;
      ASSERT_EQ(list.has_value(), vector.good()) << (list ? "" : list.error().to_string());
      if (!list) continue;
      if (vector.expected.is_object()) expect_as_said(*list, vector.expected);
      if (vector.expect.contains("nonzero_entries_in_list")) {
        EXPECT_EQ(nonzero(*list), vector.expect["nonzero_entries_in_list"].get<std::size_t>());
      }
      EXPECT_EQ(list->octets(), lists.front()->octets()) << "both forms are one list";
    }
  }
  test::expect_some(judged);
}

TEST_F(StatusListVectors, AreWrittenByUsSoThatTheyAreReadAsTheSame) {
  for (const Vector& vector : vectors()) {
    if (!vector.good() || !vector.list_json) continue;
    SCOPED_TRACE(vector.id);
    const auto list = list_of_json(*vector.list_json).value();
    const Bytes compressed = compressed_list(list.octets());
    const auto again = list_of_json(status_list_json(list.bits(), compressed, "").dump());
    EXPECT_EQ(again.value().octets(), list.octets());
    const auto other = list_of_cbor(status_list_cbor(list.bits(), compressed, ""));
    EXPECT_EQ(other.value().octets(), list.octets());
  }
}

TEST_F(StatusListVectors, CutShortAreRefused) {
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.id);
    if (vector.list_cbor) {
      const BytesView octets(*vector.list_cbor);
      EXPECT_FALSE(list_of_cbor(octets.first(octets.size() - 1)));
    }
    if (!vector.list_json) continue;
    Json list = Json::parse(*vector.list_json);
    const std::string lst = list["lst"];
    list["lst"] = lst.substr(0, lst.size() - 4);
    EXPECT_FALSE(StatusList::from_json(list));
  }
}

/// A token of the vectors, its key published as an issuer does it, and what it is taken as.
struct Token {
  explicit Token(const Vector& vector) : vector_(vector) {
    Json jwk = Json::parse(*vector.key);
    jwk["mintmark_purpose"] = status_list_purpose;
    keys = KeySet::parse(Json{{"keys", Json::array({jwk})}}.dump(), status_list_purpose).value();
    const Json& claims = vector.expect.at("claims");
    uri = claims.at("sub");
    issuer = claims.value("iss", "");
    at = from_unix(claims.at("iat").get<std::int64_t>());
  }
  [[nodiscard]] WantedStatusList wanted() const {
    return {.uri = uri, .issuer = issuer, .now = at};
  }
  [[nodiscard]] Result<StatusListToken> read(const WantedStatusList& wanted) const {
    return vector_.jwt ? read_status_list_jwt(*vector_.jwt, keys, wanted)
                       : read_status_list_cwt(*vector_.cwt, keys, wanted);
  }

  const Vector& vector_;
  KeySet keys;
  std::string uri;
  std::string issuer;
  Moment at;
};

TEST_F(StatusListVectors, TokensAreReadAndSayWhatTheEntryExpects) {
  std::size_t judged = 0;
  for (const Vector& vector : vectors()) {
    if ((!vector.jwt && !vector.cwt) || !vector.key) continue;
    SCOPED_TRACE(vector.id);
    ++judged;
    const Token token(vector);
    const auto read = token.read(token.wanted());
    ASSERT_EQ(read.has_value(), vector.good()) << (read ? "" : read.error().to_string());
    if (!read) continue;
    const Json& claims = vector.expect.at("claims");
    EXPECT_EQ(read->issued_at, token.at);
    EXPECT_EQ(read->expires_at, claims.contains("exp")
                                    ? std::optional(from_unix(claims["exp"].get<std::int64_t>()))
                                    : std::nullopt);
    EXPECT_EQ(read->ttl, claims.contains("ttl")
                             ? std::optional(std::chrono::seconds(claims["ttl"].get<int>()))
                             : std::nullopt);
    const auto list = StatusList::from_json(claims.at("status_list"));
    EXPECT_EQ(read->list.octets(), list.value().octets());
  }
  test::expect_some(judged);
}

TEST_F(StatusListVectors, TokensAreRefusedWithOneThingWrong) {
  for (const Vector& vector : vectors()) {
    if (!vector.good() || (!vector.jwt && !vector.cwt) || !vector.key) continue;
    SCOPED_TRACE(vector.id);
    const Token token(vector);
    WantedStatusList other = token.wanted();
    other.uri = "https://other.example/statuslists/1";
    EXPECT_EQ(token.read(other).error().code, Code::status_list_subject);
    WantedStatusList late = token.wanted();
    const auto end = token.read(token.wanted()).value().expires_at;
    if (end) {
      late.now = *end;
      EXPECT_EQ(token.read(late).error().code, Code::status_list_expired);
    }
    WantedStatusList early = token.wanted();
    early.now = token.at - std::chrono::hours(1);
    EXPECT_EQ(token.read(early).error().code, Code::status_list_expired);
    Vector changed = vector;
    if (changed.jwt) {
      char& first = (*changed.jwt)[changed.jwt->rfind('.') + 1];
      first = first == 'A' ? 'B' : 'A';
    } else {
      changed.cwt->back() ^= 1U;
    }
    const Token broken(changed);
    EXPECT_EQ(broken.read(broken.wanted()).error().code, Code::status_list_signature);
  }
}

}  // namespace
}  // namespace mintmark::verify
