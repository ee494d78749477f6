// Status lists: the bits, and tokens of both forms with each part broken alone.
#include "verify/status_list.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "cbor/cose.h"
#include "cbor/cwt.h"
#include "cbor/write.h"
#include "jose/base64url.h"
#include "jose/jws.h"
#include "token_fixture.h"
#include "verify/status_list_token.h"

namespace mintmark::verify {
namespace {

using test::key_document;
using test::published;
using test::SoftKey;
namespace cwt = cbor::cwt;

constexpr std::int64_t now = 1'800'000'000;
const std::string issuer = "https://issuer.example";
const std::string uri = issuer + "/status/1";

Bytes hex(std::string_view text) { return from_hex(text).value(); }

Bytes deflated_as(BytesView octets, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(octets.size() + 100);
  stream.next_in = const_cast<Bytef*>(octets.data());
  stream.avail_in = static_cast<uInt>(octets.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::vector<int> values_of(const StatusList& list) {
  std::vector<int> values;
  for (std::size_t i = 0; i < list.size(); ++i) values.push_back(list.value(i).value());
  return values;
}

template <typename T>
void expect_code(const Result<T>& outcome, Code code) {
  ASSERT_FALSE(outcome) << "taken, where it should be " << facts_of(code).name;
  EXPECT_EQ(facts_of(outcome.error().code).name, facts_of(code).name)
      << outcome.error().to_string();
}

TEST(StatusList, OfOneBitIsAsTheDraftShowsIt) {
  EXPECT_EQ(compressed_list(hex("b9a3")), hex("78dadbb918000217015d"));
  const auto list = StatusList::inflate(1, hex("78dadbb918000217015d"));
  ASSERT_TRUE(list);
  EXPECT_EQ(values_of(*list), (std::vector<int>{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}));
  EXPECT_EQ(list->octets(), hex("b9a3"));
}

TEST(StatusList, OfTwoBitsIsAsTheDraftShowsIt) {
  EXPECT_EQ(compressed_list(hex("c944f9")), hex("78da3be9f2130003df0207"));
  const auto list = StatusList::inflate(2, hex("78da3be9f2130003df0207"));
  ASSERT_TRUE(list);
  EXPECT_EQ(values_of(*list), (std::vector<int>{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}));
}

TEST(StatusList, OfFourOrEightBitsHasTwoOrOneInAnOctet) {
  const Bytes octets = hex("b91f");
  EXPECT_EQ(values_of(*StatusList::inflate(4, compressed_list(octets))),
            (std::vector<int>{9, 11, 15, 1}));
  EXPECT_EQ(values_of(*StatusList::inflate(8, compressed_list(octets))),
            (std::vector<int>{0xB9, 0x1F}));
}

TEST(StatusList, SaysWhatAValueMeansAndTrustsNoneThatIsNotRegistered) {
  const auto list = StatusList::inflate(4, compressed_list(hex("10325cf4")));
  const auto says = [&](std::uint64_t index) { return list->at(index).value(); };
  EXPECT_EQ(says(0), ListedStatus::valid);
  EXPECT_EQ(says(1), ListedStatus::invalid);
  EXPECT_EQ(says(2), ListedStatus::suspended);
  for (std::uint64_t other = 3; other < 8; ++other)
    EXPECT_EQ(says(other), ListedStatus::invalid) << other;
}

TEST(StatusList, SaysNothingOfAnIndexBeyondIt) {
  const auto list = StatusList::inflate(1, compressed_list(hex("0000")));
  EXPECT_TRUE(list->at(15));
  for (const std::uint64_t beyond : {std::uint64_t{16}, std::uint64_t{1} << 32U, UINT64_MAX}) {
    expect_code(list->at(beyond), Code::status_index_out_of_range);
    expect_code(list->value(beyond), Code::status_index_out_of_range);
  }
  expect_code(StatusList::inflate(1, compressed_list({}))->at(0), Code::status_index_out_of_range);
}

TEST(StatusList, OfAnotherWidthIsRefused) {
  for (const unsigned bits : {0U, 3U, 5U, 7U, 16U, 32U})
    expect_code(StatusList::inflate(bits, compressed_list(hex("00"))), Code::status_list_malformed);
}

TEST(StatusList, ThatInflatesBeyondItsBoundIsRefused) {
  for (const unsigned bits : {1U, 2U, 8U}) {
    const std::size_t most = most_listed / 8 * bits;
    const auto whole = StatusList::inflate(bits, compressed_list(Bytes(most)));
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->size(), most_listed);
    expect_code(StatusList::inflate(bits, compressed_list(Bytes(most + 1))),
                Code::status_list_malformed);
  }
  // A thousand times its size, had it been let.
  expect_code(StatusList::inflate(1, compressed_list(Bytes(std::size_t{200} << 20U))),
              Code::status_list_malformed);
}

TEST(StatusList, ThatIsNoWholeZlibStreamIsRefused) {
  const Bytes octets = hex("b9a3b9a3b9a3");
  const Bytes good = compressed_list(octets);
  ASSERT_TRUE(StatusList::inflate(1, good));
  Bytes damaged = good;
  damaged.back() ^= 1U;
  constexpr int raw = -15;
  constexpr int gzip = 31;
  for (const Bytes& wrong :
       {Bytes{}, Bytes{0}, Bytes(good.begin(), good.end() - 1), cbor::joined(good, Bytes{0}),
        cbor::joined(good, good), damaged, deflated_as(octets, raw), deflated_as(octets, gzip),
        hex("78f900000000"), octets})
    expect_code(StatusList::inflate(1, wrong), Code::status_list_malformed);
}

TEST(StatusList, IsReadFromItsJson) {
  const Json object = {{"bits", 1}, {"lst", "eNrbuRgAAhcBXQ"}, {"aggregation_uri", "https://a"}};
  const auto list = StatusList::from_json(object);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->size(), 16U);
  EXPECT_EQ(list->aggregation_uri(), "https://a");
  EXPECT_EQ(status_list_json(1, compressed_list(list->octets()), "https://a"), object);
  EXPECT_FALSE(status_list_json(1, {}, "").contains("aggregation_uri"));
}

TEST(StatusList, OfAnotherJsonIsRefused) {
  const Json good = {{"bits", 1}, {"lst", "eNrbuRgAAhcBXQ"}};
  for (const auto& [name, value] :
       std::vector<std::pair<const char*, Json>>{{"bits", nullptr},
                                                 {"bits", "1"},
                                                 {"bits", 1.0},
                                                 {"bits", 3},
                                                 {"bits", -1},
                                                 {"bits", UINT64_MAX},
                                                 {"lst", nullptr},
                                                 {"lst", 1},
                                                 {"lst", "eNrbuRgAAhcBXQ=="},
                                                 {"lst", "eNrb+RgAAhcBXQ"},
                                                 {"lst", ""},
                                                 {"aggregation_uri", 1}}) {
    Json wrong = good;
    wrong[name] = value;
    expect_code(StatusList::from_json(wrong), Code::status_list_malformed);
  }
  for (const Json& wrong : {Json(), Json::array(), Json("x"), Json::object()})
    expect_code(StatusList::from_json(wrong), Code::status_list_malformed);
}

Result<StatusList> from_cbor(const Bytes& octets) {
  return StatusList::from_cbor(cbor::parse(octets).value());
}

TEST(StatusList, IsReadFromItsCbor) {
  EXPECT_EQ(status_list_cbor(1, hex("78dadbb918000217015d"), ""),
            hex("a2646269747301636c73744a78dadbb918000217015d"))
      << "as the draft shows it";
  const auto list = from_cbor(status_list_cbor(2, compressed_list(hex("c944f9")), "https://a"));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->bits(), 2U);
  EXPECT_EQ(list->octets(), hex("c944f9"));
  EXPECT_EQ(list->aggregation_uri(), "https://a");
}

TEST(StatusList, OfAnotherCborIsRefused) {
  const Bytes bits = cbor::text("bits");
  const Bytes lst = cbor::text("lst");
  const Bytes one = cbor::number(1);
  const Bytes octets = cbor::octets(compressed_list(hex("b9a3")));
  ASSERT_TRUE(from_cbor(cbor::map({{bits, one}, {lst, octets}})));
  for (const Bytes& wrong :
       {cbor::map({}), cbor::array({}), cbor::map({{bits, one}}), cbor::map({{lst, octets}}),
        cbor::map({{bits, cbor::number(3)}, {lst, octets}}),
        cbor::map({{bits, cbor::number(-2)}, {lst, octets}}),
        cbor::map({{bits, cbor::text("1")}, {lst, octets}}),
        cbor::map({{bits, one}, {lst, cbor::text("eNrbuRgAAhcBXQ")}}),
        cbor::map({{bits, one}, {lst, cbor::octets(Bytes{1})}}),
        cbor::map({{bits, one}, {lst, octets}, {cbor::text("aggregation_uri"), one}})})
    expect_code(from_cbor(wrong), Code::status_list_malformed);
}

/// Tokens of one issuer; a test breaks one thing.
class ListToken : public ::testing::Test {
 protected:
  ListToken() {
    claims = {.issuer = issuer,
              .uri = uri,
              .aggregation_uri = issuer + "/statuslists",
              .issued_at = from_unix(now),
              .life = std::chrono::seconds(300),
              .ttl = std::chrono::seconds(60),
              .bits = 1,
              .compressed = compressed_list(hex("b9a3"))};
  }

  [[nodiscard]] std::string jwt() const {
    const std::string input = status_list_jwt_input(claims, key.public_key());
    return jose::compact(input, key.sign(as_bytes(input)));
  }
  [[nodiscard]] std::string cwt_of(const SoftKey& by) const {
    const std::string input = status_list_cwt_input(claims, by.public_key());
    return status_list_cwt(input, by.sign(as_bytes(input)));
  }
  /// The JWT with one claim changed; null: without it.
  [[nodiscard]] std::string jwt_with(const char* name, const Json& value) const {
    auto parts = jose::parse_signing_input(status_list_jwt_input(claims, key.public_key())).value();
    parts.claims[name] = value;
    if (value.is_null()) parts.claims.erase(name);
    return key.sign_jws(parts.header, parts.claims);
  }
  using Map = std::map<std::int64_t, Bytes>;
  static Bytes encoded(const Map& map) {
    cbor::Members members;
    for (const auto& [label, value] : map) members.emplace_back(cbor::number(label), value);
    return cbor::map(members);
  }
  /// A CWT from its parts, whatever they are.
  [[nodiscard]] Bytes cwt_from(const Map& header, const Map& payload) const {
    const Bytes protected_header = encoded(header);
    const Bytes told = encoded(payload);
    return cbor::tagged(18, cbor::sign1(protected_header, told,
                                        key.sign(cbor::sig_structure(protected_header, told))));
  }
  [[nodiscard]] Map good_header() const {
    return {{cwt::alg, cbor::number(-7)},
            {cwt::kid, cbor::octets(as_bytes(key.jkt()))},
            {cwt::typ, cbor::text(status_list_cwt_type)}};
  }
  [[nodiscard]] Map good_payload() const {
    return {{cwt::iss, cbor::text(issuer)},
            {cwt::sub, cbor::text(uri)},
            {cwt::iat, cbor::number(now)},
            {cwt::exp, cbor::number(now + 300)},
            {cwt::ttl, cbor::number(60)},
            {cwt::status_list, status_list_cbor(1, claims.compressed, "")}};
  }
  [[nodiscard]] Result<StatusListToken> read(std::string_view token) const {
    return read_status_list_jwt(token, keys(), wanted());
  }
  [[nodiscard]] Result<StatusListToken> read(const Bytes& token) const {
    return read_status_list_cwt(token, keys(), wanted());
  }
  [[nodiscard]] Result<StatusListToken> read_cwt(const std::string& token) const {
    return read_status_list_cwt(as_bytes(token), keys(), wanted());
  }
  void refused(const Map& header, const Map& payload, Code code) const {
    expect_code(read(cwt_from(header, payload)), code);
  }
  void refused_with(std::int64_t label, const std::optional<Bytes>& value, Code code) const {
    Map payload = good_payload();
    payload.erase(label);
    if (value) payload[label] = *value;
    refused(good_header(), payload, code);
  }
  [[nodiscard]] KeySet keys() const {
    return KeySet::parse(key_document({published(key, purpose)}).dump(), status_list_purpose)
        .value();
  }
  [[nodiscard]] WantedStatusList wanted() const {
    return {.uri = wanted_uri, .issuer = issuer, .now = from_unix(read_at)};
  }

  SoftKey key;
  const char* purpose = "status_list";
  std::string wanted_uri = uri;
  std::int64_t read_at = now;
  StatusListClaims claims;
};

TEST_F(ListToken, OfBothFormsSaysWhatTheIssuerWrote) {
  for (const auto& token : {read(jwt()), read_cwt(cwt_of(key))}) {
    ASSERT_TRUE(token) << token.error().to_string();
    EXPECT_EQ(token->issued_at, from_unix(now));
    EXPECT_EQ(token->expires_at, from_unix(now + 300));
    EXPECT_EQ(token->ttl, std::chrono::seconds(60));
    EXPECT_EQ(token->list.octets(), hex("b9a3"));
    EXPECT_EQ(token->list.aggregation_uri(), issuer + "/statuslists");
  }
}

TEST_F(ListToken, IsReadByEveryAlgorithm) {
  for (const jose::Algorithm algorithm : jose::all_algorithms) {
    key = SoftKey(algorithm);
    EXPECT_TRUE(read(jwt())) << jose::name_of(algorithm);
    EXPECT_TRUE(read_cwt(cwt_of(key))) << jose::name_of(algorithm);
  }
}

TEST_F(ListToken, WithoutWhatIsOptionalIsTaken) {
  for (const char* name : {"iss", "exp", "ttl"}) EXPECT_TRUE(read(jwt_with(name, nullptr))) << name;
  EXPECT_FALSE(read(jwt_with("exp", nullptr))->expires_at);
  for (const std::int64_t label : {cwt::iss, cwt::exp, cwt::ttl}) {
    Map payload = good_payload();
    payload.erase(label);
    EXPECT_TRUE(read(cwt_from(good_header(), payload))) << label;
  }
  EXPECT_TRUE(read(jwt_with("more", 1)));
}

TEST_F(ListToken, OfAMillionThatDoNotCompressIsTaken) {
  claims.compressed = compressed_list(random_bytes(131'072));
  EXPECT_EQ(read(jwt())->list.size(), 1U << 20U);
  EXPECT_EQ(read_cwt(cwt_of(key))->list.size(), 1U << 20U);
  EXPECT_LT(status_list_jwt_input(claims, key.public_key()).size(), (256U << 10U) - 100)
      << "or the signer would not take it";
}

TEST_F(ListToken, ByAKeyOfAnotherPurposeIsRefused) {
  for (const char* other : {"access_token", "event", "client_attestation", "result"}) {
    purpose = other;
    expect_code(read(jwt()), Code::status_list_key_unknown);
    expect_code(read_cwt(cwt_of(key)), Code::status_list_key_unknown);
  }
}

TEST_F(ListToken, ByAnotherKeyIsRefused) {
  const SoftKey other;
  expect_code(read_cwt(cwt_of(other)), Code::status_list_key_unknown);
  const auto parts =
      jose::parse_signing_input(status_list_jwt_input(claims, key.public_key())).value();
  expect_code(read(other.sign_jws(parts.header, parts.claims)), Code::status_list_signature);
  std::string text = jwt();
  text[text.rfind('.') + 1] = text[text.rfind('.') + 1] == 'A' ? 'B' : 'A';
  expect_code(read(text), Code::status_list_signature);
  std::string octets = cwt_of(key);
  octets.back() = static_cast<char>(octets.back() ^ 1);
  expect_code(read_cwt(octets), Code::status_list_signature);
}

TEST_F(ListToken, ThatNamesAnotherAlgorithmThanItsKeysIsRefused) {
  auto parts = jose::parse_signing_input(status_list_jwt_input(claims, key.public_key())).value();
  for (const char* alg : {"none", "ES384", "HS256"}) {
    parts.header["alg"] = alg;
    expect_code(read(key.sign_jws(parts.header, parts.claims)), Code::status_list_signature);
  }
  for (const std::int64_t alg : {-35, -8, 5}) {
    Map header = good_header();
    header[cwt::alg] = cbor::number(alg);
    refused(header, good_payload(), Code::status_list_signature);
  }
}

TEST_F(ListToken, OfAnotherTypIsRefused) {
  auto parts = jose::parse_signing_input(status_list_jwt_input(claims, key.public_key())).value();
  for (const Json& typ : {Json("at+jwt"), Json("JWT"), Json("statuslist+cwt")}) {
    parts.header["typ"] = typ;
    expect_code(read(key.sign_jws(parts.header, parts.claims)), Code::status_list_typ);
  }
  for (const Json& typ : {Json(1), Json()}) {
    parts.header["typ"] = typ;
    expect_code(read(key.sign_jws(parts.header, parts.claims)), Code::status_list_malformed);
  }
  Map header = good_header();
  for (const Bytes& typ : {cbor::text("statuslist+cwt"), cbor::text("application/statuslist+jwt"),
                           cbor::number(16), cbor::text("")}) {
    header[cwt::typ] = typ;
    refused(header, good_payload(), Code::status_list_typ);
  }
  header.erase(cwt::typ);
  refused(header, good_payload(), Code::status_list_typ);
}

TEST_F(ListToken, OfAnotherListOrIssuerIsRefused) {
  wanted_uri = issuer + "/status/2";
  expect_code(read(jwt()), Code::status_list_subject);
  expect_code(read_cwt(cwt_of(key)), Code::status_list_subject);
  wanted_uri = uri;
  expect_code(read(jwt_with("iss", "https://other.example")), Code::status_list_subject);
  refused_with(cwt::iss, cbor::text("https://other.example"), Code::status_list_subject);
}

TEST_F(ListToken, WithoutWhatIsRequiredIsRefused) {
  for (const char* name : {"sub", "iat", "status_list"})
    expect_code(read(jwt_with(name, nullptr)), Code::status_list_malformed);
  for (const std::int64_t label : {cwt::sub, cwt::iat, cwt::status_list})
    refused_with(label, std::nullopt, Code::status_list_malformed);
}

TEST_F(ListToken, WithAClaimOfAnotherTypeIsRefused) {
  for (const auto& [name, value] : std::vector<std::pair<const char*, Json>>{{"sub", 1},
                                                                             {"iss", 1},
                                                                             {"iat", "x"},
                                                                             {"exp", "x"},
                                                                             {"nbf", "x"},
                                                                             {"ttl", "x"},
                                                                             {"ttl", 0},
                                                                             {"ttl", -1},
                                                                             {"status_list", "x"}})
    expect_code(read(jwt_with(name, value)), Code::status_list_malformed);
  for (const std::int64_t label : {cwt::sub, cwt::iss})
    refused_with(label, cbor::number(1), Code::status_list_malformed);
  for (const std::int64_t label : {cwt::iat, cwt::exp, cwt::nbf, cwt::ttl})
    refused_with(label, cbor::text("x"), Code::status_list_malformed);
  for (const std::int64_t ttl : {0, -1})
    refused_with(cwt::ttl, cbor::number(ttl), Code::status_list_malformed);
  refused_with(cwt::status_list, cbor::text("x"), Code::status_list_malformed);
}

TEST_F(ListToken, ThatIsOverOrToComeIsRefused) {
  const std::string text = jwt();
  const std::string octets = cwt_of(key);
  read_at = now + 299;
  EXPECT_TRUE(read(text));
  EXPECT_TRUE(read_cwt(octets));
  for (const std::int64_t wrong : {now + 300, now + 301, now - 61}) {
    read_at = wrong;
    expect_code(read(text), Code::status_list_expired);
    expect_code(read_cwt(octets), Code::status_list_expired);
  }
  read_at = now;
  expect_code(read(jwt_with("nbf", now + 61)), Code::status_list_expired);
  refused_with(cwt::nbf, cbor::number(now + 61), Code::status_list_expired);
}

TEST_F(ListToken, ThatIsNoTokenIsRefused) {
  for (const char* text : {"", ".", "a.b.c", "not a token"})
    expect_code(read(std::string_view(text)), Code::status_list_malformed);
  expect_code(read(std::string_view(cwt_of(key))), Code::status_list_malformed);
  for (const Bytes& octets : {Bytes{}, Bytes{0xD2}, Bytes{0xD2, 0x80}, to_bytes(as_bytes(jwt()))})
    expect_code(read(octets), Code::status_list_malformed);
}

TEST_F(ListToken, WithoutItsTagOrWithCwtsIsRefused) {
  const Bytes tagged = to_bytes(as_bytes(cwt_of(key)));
  const Bytes bare(tagged.begin() + 1, tagged.end());
  expect_code(read(bare), Code::status_list_malformed);
  expect_code(read(cbor::tagged(61, tagged)), Code::status_list_malformed);
  expect_code(read(cbor::tagged(17, bare)), Code::status_list_malformed);
}

TEST_F(ListToken, LongerThanAnyIsNotRead) {
  claims.compressed = compressed_list(random_bytes(longest_status_list_token));
  expect_code(read(jwt()), Code::status_list_malformed);
  expect_code(read_cwt(cwt_of(key)), Code::status_list_malformed);
}

}  // namespace
}  // namespace mintmark::verify
