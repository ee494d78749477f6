#include "hsm/signer/wire.h"

#include <gtest/gtest.h>

#include "support/soft_key.h"

namespace mintmark::hsm::signer {
namespace {

using test::SoftKey;

KeyInfo some_key(std::string unfit = "") {
  return {random_key_id(), Purpose::client_attestation,
          SoftKey(jose::Algorithm::es384).public_key(), std::move(unfit)};
}

void expect_same(const KeyInfo& read, const KeyInfo& written) {
  EXPECT_EQ(read.id, written.id);
  EXPECT_EQ(read.purpose, written.purpose);
  EXPECT_EQ(read.kid(), written.kid());
  EXPECT_EQ(read.unfit, written.unfit);
}

// Every frame that is a beginning of this one, and this one with an octet more, must be refused by
// `read`, which gets a Reader and says whether it was content.
template <typename Read>
void expect_only_whole(const Bytes& frame, Read read) {
  {
    Reader whole(frame);
    ASSERT_TRUE(read(whole)) << "the whole frame is refused";
  }
  for (std::size_t length = 0; length < frame.size(); ++length) {
    Reader cut(BytesView(frame).first(length));
    EXPECT_FALSE(read(cut)) << "a frame cut after " << length << " octets is taken";
  }
  Bytes longer = frame;
  longer.push_back(0);
  Reader reader(longer);
  EXPECT_FALSE(read(reader)) << "an octet too many is taken";
}

TEST(WireNumbers, AreLittleEndian) {
  Writer writer;
  writer.u8(0x01).u16(0x0203).u32(0x04050607).u64(0x08090A0B0C0D0E0F);
  EXPECT_EQ(to_hex(writer.frame()),
            "01"
            "0302"
            "07060504"
            "0f0e0d0c0b0a0908");
  Reader reader(writer.frame());
  EXPECT_EQ(reader.u8(), 0x01);
  EXPECT_EQ(reader.u16(), 0x0203);
  EXPECT_EQ(reader.u32(), 0x04050607U);
  EXPECT_EQ(reader.u64(), 0x08090A0B0C0D0E0FU);
  EXPECT_TRUE(reader.ended());
}

TEST(WireReader, AfterALackGivesNothingMore) {
  const Bytes frame{1, 2, 3};
  Reader reader(frame);
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_EQ(reader.u8(), 0U);
  EXPECT_TRUE(reader.rest().empty());
  EXPECT_FALSE(reader.good());
}

TEST(WireReader, TextLongerThanTheFrameIsALack) {
  Writer writer;
  writer.u16(500).octets(Bytes(499));
  Reader reader(writer.frame());
  EXPECT_EQ(reader.text(), "");
  EXPECT_FALSE(reader.good());
}

TEST(WireRequest, CarriesTypeIdAndTimeLeft) {
  const Writer writer = begin_request(Request::destroy, 77, Deadline::in(std::chrono::seconds(5)));
  EXPECT_EQ(writer.frame().size(), request_head_size);
  Reader reader(writer.frame());
  const auto head = read_request_head(reader);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->type, Request::destroy);
  EXPECT_EQ(head->id, 77U);
  EXPECT_LE(head->left, std::chrono::seconds(5));
  EXPECT_GT(head->left, std::chrono::seconds(4));
}

TEST(WireRequest, WhoseDeadlineHasPassedHasNoTimeLeft) {
  const Writer writer = begin_request(Request::sign, 1, Deadline::in(std::chrono::seconds(-9)));
  Reader reader(writer.frame());
  EXPECT_EQ(read_request_head(reader)->left.count(), 0);
}

TEST(WireRequest, OfAnUnknownTypeIsRefused) {
  for (const unsigned type : {0U, 8U, 127U, 128U, 255U}) {
    Writer writer;
    writer.u8(static_cast<std::uint8_t>(type)).u64(1).u32(1);
    Reader reader(writer.frame());
    const auto head = read_request_head(reader);
    ASSERT_FALSE(head) << type;
    EXPECT_EQ(head.error().code, Code::internal);
  }
}

TEST(WireRequest, WithTheSignersOwnIdIsRefused) {
  Writer writer;
  writer.u8(1).u64(0).u32(1);
  Reader reader(writer.frame());
  EXPECT_FALSE(read_request_head(reader));
}

TEST(WireRequest, CutInItsHeadIsRefused) {
  expect_only_whole(begin_request(Request::list, 1, Deadline::in(std::chrono::seconds(5))).frame(),
                    [](Reader& reader) { return read_request_head(reader) && reader.ended(); });
}

TEST(WireAnswer, DoneCarriesItsId) {
  const Writer writer = begin_answer(99);
  Reader reader(writer.frame());
  const auto head = read_answer_head(reader);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->id, 99U);
  EXPECT_TRUE(head->outcome);
}

TEST(WireAnswer, RefusalCarriesCodeDetailAndNativeCode) {
  const Bytes frame = refusal(7, Error{Code::hsm_pin_locked, "locked \xE2\x9C\x93", 0xA4, 17});
  Reader reader(frame);
  const auto head = read_answer_head(reader);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->id, 7U);
  ASSERT_FALSE(head->outcome);
  EXPECT_EQ(head->outcome.error().code, Code::hsm_pin_locked);
  EXPECT_EQ(head->outcome.error().detail, "locked \xE2\x9C\x93");
  EXPECT_EQ(head->outcome.error().native, 0xA4U);
  EXPECT_EQ(head->outcome.error().retry_after, 17U);
}

TEST(WireAnswer, RefusalWithAnEndlessDetailIsCut) {
  const Bytes frame = refusal(7, Error{Code::internal, std::string(100'000, 'x'), 0});
  Reader reader(frame);
  EXPECT_EQ(read_answer_head(reader)->outcome.error().detail.size(), 65'535U);
}

TEST(WireAnswer, RefusalIsTakenOnlyWhole) {
  expect_only_whole(refusal(7, Error{Code::overloaded, "full", 1}), [](Reader& reader) {
    const auto head = read_answer_head(reader);
    return head && !head->outcome;
  });
}

TEST(WireCredential, IsTakenOnlyWhole) {
  Writer writer;
  write_credential(writer, {0x01C00002, Bytes{1, 2, 3}, Bytes(300, 7)});
  expect_only_whole(writer.frame(), [](Reader& reader) {
    const auto read = read_credential(reader);
    return read && read->ek_index == 0x01C00002 && read->credential_blob == Bytes{1, 2, 3} &&
           read->encrypted_secret == Bytes(300, 7);
  });
}

TEST(WireAnswer, ThatIsNoneIsRefused) {
  for (const char* hex : {"", "01", "80",
                          "810100000000000000"
                          "01",
                          "800100000000000000"
                          "02"}) {
    const Bytes frame = *from_hex(hex);
    Reader reader(frame);
    EXPECT_FALSE(read_answer_head(reader)) << hex;
  }
}

TEST(WireKey, ComesThroughWhole) {
  for (const KeyInfo& key : {some_key(), some_key("CKA_LOCAL is not true")}) {
    Writer writer;
    write_key(writer, key);
    Reader reader(writer.frame());
    const auto read = read_one_key(reader);
    ASSERT_TRUE(read);
    expect_same(*read, key);
  }
}

TEST(WireKey, IsTakenOnlyWhole) {
  Writer writer;
  write_key(writer, some_key("why"));
  expect_only_whole(writer.frame(),
                    [](Reader& reader) { return read_one_key(reader).has_value(); });
}

TEST(WireKey, OffTheCurveIsRefused) {
  Bytes spki = SoftKey().public_key().to_spki();
  std::fill(spki.end() - 64, spki.end(), std::uint8_t{1});
  Writer writer;
  write_key_id(writer, random_key_id());
  writer.text("access_token").text("ES256").text(as_text(spki));
  writer.text("");
  Reader reader(writer.frame());
  EXPECT_FALSE(read_one_key(reader));
}

TEST(WireKey, OfEveryAlgorithmArrivesAsItWas) {
  for (const jose::Algorithm algorithm : jose::all_algorithms) {
    const KeyInfo key{random_key_id(), Purpose::access_token, SoftKey(algorithm).public_key(), ""};
    Writer writer;
    write_key(writer, key);
    Reader reader(writer.frame());
    const auto arrived = read_one_key(reader);
    ASSERT_TRUE(arrived);
    EXPECT_EQ(arrived->public_key, key.public_key);
    EXPECT_EQ(arrived->public_key.algorithm(), algorithm);
  }
}

TEST(WireKey, OfAnUnknownPurposeOrAnotherAlgorithmThanItsKeysIsRefused) {
  const KeyInfo key = some_key();
  for (const auto& [purpose, algorithm] :
       {std::pair("anything", "ES384"), std::pair("access_token", "RS384"),
        std::pair("access_token", "EdDSA"), std::pair("access_token", "ES256"),
        std::pair("access_token", "RS256")}) {
    Writer writer;
    write_key_id(writer, key.id);
    writer.text(purpose).text(algorithm).text(as_text(key.public_key.to_spki())).text("");
    Reader reader(writer.frame());
    EXPECT_FALSE(read_one_key(reader)) << purpose << " " << algorithm;
  }
}

TEST(WireKeys, ComeThroughInOrder) {
  const std::vector<KeyInfo> keys{some_key(), some_key("a"), some_key("b")};
  Writer writer;
  write_keys(writer, keys);
  Reader reader(writer.frame());
  const auto read = read_keys(reader);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) expect_same((*read)[i], keys[i]);
}

TEST(WireKeys, AreTakenOnlyWhole) {
  Writer writer;
  write_keys(writer, {some_key(), some_key()});
  expect_only_whole(writer.frame(), [](Reader& reader) { return read_keys(reader).has_value(); });
}

TEST(WireSpec, ComesThroughWholeAndOnlyWhole) {
  const KeySpec spec{random_key_id(), Purpose::client_attestation, jose::Algorithm::es384};
  Writer writer;
  write_spec(writer, spec);
  EXPECT_LE(writer.frame().size(), spec_size);
  Reader reader(writer.frame());
  const auto read = read_spec(reader);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, spec.id);
  EXPECT_EQ(read->purpose, spec.purpose);
  EXPECT_EQ(read->algorithm, spec.algorithm);
  expect_only_whole(writer.frame(), [](Reader& r) { return read_spec(r).has_value(); });
}

TEST(WireEvidence, ComesThroughWholeAndOnlyWhole) {
  const KeyEvidence evidence{"pkcs11-attributes", {{"CKA_LOCAL", true}, {"label", "\xC3\xA4"}}};
  Writer writer;
  write_evidence(writer, evidence);
  Reader reader(writer.frame());
  const auto read = read_evidence(reader);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->kind, evidence.kind);
  EXPECT_EQ(read->facts, evidence.facts);
  expect_only_whole(writer.frame(), [](Reader& r) { return read_evidence(r).has_value(); });
}

TEST(WireEvidence, OfAModuleThatSpeaksNoUtf8IsStillJson) {
  Writer writer;
  write_evidence(writer, {"pkcs11-attributes", {{"label", "\xFF"}}});
  Reader reader(writer.frame());
  EXPECT_TRUE(read_evidence(reader));
}

TEST(WireNothing, IsNothing) {
  expect_only_whole({}, [](Reader& reader) { return read_nothing(reader).has_value(); });
}

}  // namespace
}  // namespace mintmark::hsm::signer
