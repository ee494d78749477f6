// Files told apart by what is in them; whatever comes, it is bounded and ends.
#include "attest/offline/material.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "jose/base64url.h"
#include "support/mutations.h"
#include "support/test_tpm.h"

namespace mintmark::attest::offline {
namespace {

const int quiet = setenv("TSS2_LOG", "all+NONE", 1);

Bytes bytes_of(std::string_view text) { return to_bytes(as_bytes(text)); }

class MaterialTest : public ::testing::Test {
 protected:
  MaterialTest() {
    const auto candidate = tpm2::check_candidate(tpm.presented(), trust, from_unix(1'800'000'000));
    const auto challenge = tpm2::make_challenge(*candidate, Bytes(32, 7));
    answer = tpm.answer(*challenge, Bytes(32, 1), {"sha256", {0, 7}});
  }
  test::TestAuthority authority;
  tpm2::EkTrust trust = authority.trust();
  test::TestTpm tpm{authority};
  tpm2::Answer answer;
};

TEST_F(MaterialTest, IsToldByItsContent) {
  const auto presented = tpm.presented();
  const Bytes bare(presented.ak_public.begin() + 2, presented.ak_public.end());
  const Material material = sort_files(
      {answer.quote_attest, answer.quote_signature, presented.ak_public, bare,
       presented.ek_certificate, bytes_of(authority.root_pem()),
       bytes_of(R"({"sha256": {"0": "00"}})"), bytes_of(R"({"7": "ff"})"), tpm.ak_name()});
  EXPECT_EQ(material.statements.size(), 1U);
  EXPECT_EQ(material.signatures.size(), 1U);
  EXPECT_EQ(material.areas.size(), 2U);
  EXPECT_EQ(material.areas[0].name, material.areas[1].name);
  EXPECT_EQ(material.certificates.size(), 2U);
  ASSERT_EQ(material.values.size(), 2U);
  EXPECT_EQ(material.values[0].banks.begin()->first, "sha256");
  EXPECT_EQ(material.values[1].banks.begin()->first, "");
  EXPECT_EQ(material.names.size(), 1U);
  EXPECT_TRUE(material.others.empty());
  EXPECT_EQ(material.broken, "");
}

TEST_F(MaterialTest, ThatIsNothingKnownIsKeptAsThat) {
  for (const Bytes& file :
       {Bytes{}, Bytes{0}, bytes_of("hello"), bytes_of("{}"), bytes_of("[1]"),
        bytes_of(R"({"sha256": {"0": "xy"}})"), bytes_of(R"({"sha256": {"a": "00"}})"),
        bytes_of("-----BEGIN NOTHING-----"), Bytes(100, 0x30)}) {
    const Material material = sort_files({file});
    EXPECT_EQ(material.others.size(), 1U) << to_hex(file);
  }
}

TEST_F(MaterialTest, ThatBeginsAsAStatementAndIsNoneIsBroken) {
  Bytes cut = answer.quote_attest;
  cut.pop_back();
  EXPECT_NE(sort_files({cut}).broken, "");
}

TEST_F(MaterialTest, OfCborIsBoundedInItsDepth) {
  EXPECT_EQ(sort_files({Bytes{0xA1, 0x61, 'a', 0x01}}).documents, 1U);
  EXPECT_EQ(sort_files({Bytes{0xA1, 0x61, 'a'}}).documents, 0U) << "it ends too early";
  EXPECT_EQ(sort_files({Bytes{0xA1, 0x61, 'a', 0x01, 0x01}}).documents, 0U) << "or too late";
  EXPECT_EQ(sort_files({Bytes(1U << 20U, 0x81)}).documents, 0U);
  EXPECT_EQ(sort_files({Bytes{0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}}).documents,
            0U);
}

// tpm2-tools' file of PCR values: sixteen selections, then lists of eight digests.
struct ToolsFile {
  struct Bank {
    TPM2_ALG_ID hash;
    std::uint8_t pcrs;  ///< Bits of PCR 0 to 7.
  };
  std::vector<Bank> banks = {{TPM2_ALG_SHA256, 0x81}};
  std::vector<std::uint8_t> counts = {2};  ///< Digests in each list.
  std::uint8_t digest_size = 32;
  std::uint8_t said_banks = 1;
  std::uint8_t said_lists = 1;

  [[nodiscard]] Bytes octets() const {
    constexpr std::size_t selection = 132;
    constexpr std::size_t list_size = 4 + 8 * 66;
    Bytes file(selection + 4 + counts.size() * list_size);
    file[0] = said_banks;
    for (std::size_t i = 0; i < banks.size(); ++i) {
      const std::size_t at = 4 + i * 8;
      file[at] = static_cast<std::uint8_t>(banks[i].hash & 0xFFU);
      file[at + 2] = 3;
      file[at + 3] = banks[i].pcrs;
    }
    file[selection] = said_lists;
    for (std::size_t list = 0; list < counts.size(); ++list) {
      const std::size_t at = selection + 4 + list * list_size;
      file[at] = counts[list];
      for (std::size_t i = 0; i < 8; ++i) file[at + 4 + i * 66] = digest_size;
    }
    return file;
  }
  [[nodiscard]] std::size_t read() const { return sort_files({octets()}).values.size(); }
};

TEST_F(MaterialTest, OfPcrValuesByTpm2ToolsHasADigestForEachPcrThatItSelects) {
  const Material good = sort_files({ToolsFile().octets()});
  ASSERT_EQ(good.values.size(), 1U);
  ASSERT_EQ(good.values[0].banks.count("sha256"), 1U);
  EXPECT_EQ(good.values[0].banks.at("sha256").count(0), 1U);
  EXPECT_EQ(good.values[0].banks.at("sha256").count(7), 1U);
  const auto read = [](const std::function<void(ToolsFile&)>& change) {
    ToolsFile file;
    change(file);
    return file.read();
  };
  EXPECT_EQ(read([](ToolsFile& file) { file.said_banks = 0; }), 0U);
  EXPECT_EQ(read([](ToolsFile& file) { file.said_banks = 17; }), 0U);
  EXPECT_EQ(read([](ToolsFile& file) { file.said_lists = 2; }), 0U);
  EXPECT_EQ(read([](ToolsFile& file) { file.counts = {}; }), 0U);
  EXPECT_EQ(read([](ToolsFile& file) { file.counts = {9}; }), 0U);
  EXPECT_EQ(read([](ToolsFile& file) { file.counts = {1}; }), 0U) << "fewer than selected";
  EXPECT_EQ(read([](ToolsFile& file) { file.counts = {3}; }), 0U) << "more than selected";
  EXPECT_EQ(read([](ToolsFile& file) { file.digest_size = 65; }), 0U);
  EXPECT_EQ(read([](ToolsFile& file) { file.banks[0].hash = TPM2_ALG_SM3_256; }), 0U);
  EXPECT_EQ(read([](ToolsFile& file) {
              file.counts.assign(17, 0);
              file.said_lists = 17;
            }),
            0U);
  EXPECT_EQ(read([](ToolsFile& file) {
              file.banks.push_back({TPM2_ALG_SHA1, 0x0F});
              file.said_banks = 2;
              file.counts = {4, 2};
              file.said_lists = 2;
            }),
            1U);
}

TEST_F(MaterialTest, OfPcrValuesInJsonNamesPcrsByNumbersAndHasHexadecimal) {
  for (const char* text : {R"({"123": "00"})", R"({"0": 7})", R"({"sha256": 7})", R"({"1a": "00"})",
                           R"({"sha256": {"": "00"}})", R"({"sha256": {"0": "00"}, "sha1": []})"})
    EXPECT_TRUE(sort_files({bytes_of(text)}).values.empty()) << text;
}

TEST_F(MaterialTest, OfACredentialIsAsLongAsItSays) {
  const Bytes magic = {0xBA, 0xDC, 0xC0, 0xDE, 0, 0, 0, 1};
  const auto with = [&](const Bytes& rest) {
    Bytes file = magic;
    file.insert(file.end(), rest.begin(), rest.end());
    return sort_files({file});
  };
  const Material good = with({0, 1, 0xAA, 0, 2, 0xBB, 0xBB});
  ASSERT_EQ(good.credentials.size(), 1U);
  EXPECT_EQ(good.credentials[0].id_object, 1U);
  EXPECT_EQ(good.credentials[0].encrypted_secret, 2U);
  EXPECT_EQ(good.broken, "");
  for (const Bytes& rest :
       {Bytes{}, Bytes{0}, Bytes{0, 0, 0, 1, 0xAA}, Bytes{0, 2, 0xAA}, Bytes{0, 1, 0xAA},
        Bytes{0, 1, 0xAA, 0, 2, 0xBB}, Bytes{0, 1, 0xAA, 0, 1, 0xBB, 0}})
    EXPECT_NE(with(rest).broken, "") << to_hex(rest);
}

TEST_F(MaterialTest, OfAKeyIsPemOrDerAndOfADamagedCertificateIsBroken) {
  const Bytes spki = tpm.ek_spki();
  EXPECT_EQ(sort_files({spki}).keys.size(), 1U);
  Bytes longer = spki;
  longer.push_back(7);
  EXPECT_EQ(sort_files({longer}).others.size(), 1U);
  std::string pem = "-----BEGIN PUBLIC KEY-----\n" + jose::base64(spki) + "\n";
  EXPECT_EQ(sort_files({bytes_of(pem)}).others.size(), 1U) << "without its end";
  pem += "-----END PUBLIC KEY-----\n";
  EXPECT_EQ(sort_files({bytes_of(pem)}).keys.size(), 1U);
  EXPECT_EQ(sort_files({bytes_of(pem + std::string(1U << 20U, '\n'))}).keys.size(), 0U)
      << "larger than is taken";
  EXPECT_NE(sort_files({bytes_of("-----BEGIN CERTIFICATE-----\nAAAA\n")}).broken, "");
}

TEST_F(MaterialTest, OfALogIsToldByItsFirstEvent) {
  const auto event = [](std::uint8_t pcr, std::uint8_t type, std::uint8_t high, std::uint8_t length,
                        std::size_t data) {
    Bytes file(32 + data);
    file[0] = pcr;
    file[4] = type;
    file[7] = high;
    file[28] = length;
    return sort_files({file}).event_logs.size();
  };
  EXPECT_EQ(event(23, 1, 0, 4, 4), 1U);
  EXPECT_EQ(event(0, 1, 0x80, 0, 0), 1U);
  EXPECT_EQ(event(24, 1, 0, 4, 4), 0U);
  EXPECT_EQ(event(0, 0, 0, 4, 4), 0U);
  EXPECT_EQ(event(0, 0x20, 0, 4, 4), 0U);
  EXPECT_EQ(event(0, 1, 0x40, 4, 4), 0U);
  EXPECT_EQ(event(0, 1, 0, 5, 4), 0U) << "longer than the file";
  Bytes ima(32);
  ima[0] = 10;
  std::copy_n("ima", 3, ima.begin() + 28);
  EXPECT_EQ(sort_files({ima}).ima_logs.size(), 1U);
  ima[0] = 11;
  EXPECT_EQ(sort_files({ima}).ima_logs.size(), 0U);
  ima[0] = 10;
  ima[30] = 'b';
  EXPECT_EQ(sort_files({ima}).ima_logs.size(), 0U);
}

TEST_F(MaterialTest, OfCborEndsWhereItsLengthsSay) {
  for (const Bytes& whole :
       {Bytes{0xC0, 0x80}, Bytes{0x81, 0x18, 0x20}, Bytes{0x82, 0x41, 7, 0x61, 'a'},
        Bytes{0xA1, 0x01, 0xC1, 0x1A, 0, 0, 0, 1}, Bytes{0x81, 0xF5}})
    EXPECT_EQ(sort_files({whole}).documents, 1U) << to_hex(whole);
  for (const Bytes& none :
       {Bytes{0xC0}, Bytes{0x81, 0x18}, Bytes{0x81, 0x42, 7}, Bytes{0x81, 0x63, 'a'},
        Bytes{0x9F, 0xFF}, Bytes{0x81, 0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        Bytes{0x85, 1}, Bytes{0xB9, 0xFF, 0xFF, 1}, Bytes{0x41, 7}, Bytes{0xF5}})
    EXPECT_EQ(sort_files({none}).documents, 0U) << to_hex(none);
}

TEST_F(MaterialTest, BrokenInAnyWayIsSortedAndNothingElseHappens) {
  const auto presented = tpm.presented();
  std::size_t sorted = 0;
  for (const Bytes& good : {answer.quote_attest, answer.quote_signature, presented.ak_public,
                            presented.ek_certificate, bytes_of(authority.root_pem())}) {
    test::for_each_mutation(std::string(as_text(good)), 300, [&](const std::string& broken) {
      sorted += sort_files({bytes_of(broken)}).others.size() <= 1 ? 1U : 0U;
    });
  }
  EXPECT_GT(sorted, 1500U);
}

}  // namespace
}  // namespace mintmark::attest::offline
