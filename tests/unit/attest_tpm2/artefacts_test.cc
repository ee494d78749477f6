// Evidence of real hardware, judged as each topic's cases.json says; nothing here knows a file by
// its name.
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>

#include "attest/tpm2/endorsement.h"
#include "attest/tpm2/hash.h"
#include "attest/tpm2/quote.h"
#include "attest/tpm2/signature.h"
#include "attest/tpm2/structures.h"
#include "support/test_data.h"

namespace mintmark::attest::tpm2 {
namespace {

// The file of a role, by the ending that tells its format; "" where the entry has none.
std::string file_of(const Json& entry, const std::string& ending) {
  for (const Json& file : entry["files"]) {
    const std::string name = file.get<std::string>();
    if (name.size() >= ending.size() &&
        name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
      return name;
  }
  return {};
}

Bytes sized(const Bytes& octets) {
  Bytes out(2 + octets.size());
  out[0] = static_cast<std::uint8_t>(octets.size() >> 8U);
  out[1] = static_cast<std::uint8_t>(octets.size() & 0xFFU);
  std::copy(octets.begin(), octets.end(), out.begin() + 2);
  return out;
}

bool eku_is_ek(const Json& expect) {
  if (!expect.contains("cert")) return false;
  const Json eku = expect["cert"].value("eku", Json::array());
  return std::find(eku.begin(), eku.end(), "2.23.133.8.1") != eku.end();
}

bool has_ek_usage(const Json& expect) {
  for (const Json& usage : expect["cert"].value("ku", Json::array())) {
    if (usage == "Key Encipherment" || usage == "Key Agreement") return true;
  }
  return false;
}

Moment time_of(const std::string& text) {
  tm parts{};
  strptime(text.c_str(), "%b %e %H:%M:%S %Y", &parts);
  return from_unix(timegm(&parts));
}

// Every file that an "anchor" entry of the topic lists, as explicit anchors.
EkTrust trust_of_topic(const Json& entries) {
  std::vector<Certificate> anchors;
  for (const Json& entry : entries) {
    if (entry["expect"]["answer"] != "anchor") continue;
    for (const Json& file : entry["files"]) {
      const Bytes content = test::data_file(file.get<std::string>());
      BIO* bio = BIO_new_mem_buf(content.data(), static_cast<int>(content.size()));
      bool pem = false;
      while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
        anchors.emplace_back(certificate);
        pem = true;
      }
      BIO_free(bio);
      const std::uint8_t* at = content.data();
      if (X509* certificate =
              pem ? nullptr : d2i_X509(nullptr, &at, static_cast<long>(content.size())))
        anchors.emplace_back(certificate);
    }
  }
  return *EkTrust::from_certificates(std::move(anchors), {});
}

TEST(Artefacts, EkCertificatesOfRealTpmsChainToTheirMakersRoots) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  const Json entries = test::cases_of("tpm_ek_certs");
  const EkTrust trust = trust_of_topic(entries);
  std::size_t judged = 0;
  for (const Json& entry : entries) {
    const Json& expect = entry["expect"];
    if (!eku_is_ek(expect) || entry["files"].size() != 1) continue;
    SCOPED_TRACE(entry["id"].get<std::string>());
    const Bytes der = test::data_file(entry["files"][0].get<std::string>());
    const Moment inside =
        time_of(expect["cert"]["notBefore"].get<std::string>()) + std::chrono::hours(24);
    const auto checked = check_endorsement(der, {}, trust, inside);
    if (!has_ek_usage(expect)) {
      // An AK's certificate, whatever its extended key usage says.
      EXPECT_FALSE(checked);
    } else if (expect["answer"] == "accept") {
      ASSERT_TRUE(checked) << checked.error().to_string();
      EXPECT_FALSE(checked->manufacturer.empty());
    } else if (expect["answer"] == "reject") {
      EXPECT_FALSE(checked);
    }
    const auto before = check_endorsement(der, {}, trust, inside - std::chrono::hours(48));
    EXPECT_FALSE(before) << "a day before its validity";
    ++judged;
  }
  EXPECT_GT(judged, 0U);
}

// Text around PEM, cross-signed roots, names out of DER's order: all of it stands in these files.
TEST(Artefacts, RootsOfRealMakersAreAllRead) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t read = 0;
  for (const Json& entry : test::cases_of("tpm_ek_certs")) {
    if (entry["expect"]["answer"] != "anchor") continue;
    for (const Json& name : entry["files"]) {
      const auto path = test::test_data() / name.get<std::string>();
      const auto trust = EkTrust::load(path.string(), "");
      EXPECT_TRUE(trust) << trust.error().to_string();
      ++read;
    }
  }
  EXPECT_GT(read, 0U);
}

// An AK's certificate by the same maker, and the one EK certificate without the TCG's extended key
// usage: its chain is good, and the profile (§3.2.16) asks for more.
TEST(Artefacts, CertificatesThatDoNotSayEkAreRefusedForIt) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  const Json entries = test::cases_of("tpm_ek_certs");
  const EkTrust trust = trust_of_topic(entries);
  std::size_t judged = 0;
  for (const Json& entry : entries) {
    const Json& expect = entry["expect"];
    if (!expect.contains("cert") || !expect.contains("must_be_rejected_as_EK")) continue;
    if (!expect["must_be_rejected_as_EK"].get<bool>() && eku_is_ek(expect)) continue;
    SCOPED_TRACE(entry["id"].get<std::string>());
    const Bytes der = test::data_file(entry["files"][0].get<std::string>());
    const Moment inside =
        time_of(expect["cert"]["notBefore"].get<std::string>()) + std::chrono::hours(24);
    const auto checked = check_endorsement(der, {}, trust, inside);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, has_ek_usage(expect) ? Code::ek_eku : Code::ek_key_usage);
    ++judged;
  }
  EXPECT_GT(judged, 0U);
}

TEST(Artefacts, PublicAreasHaveTheirNames) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  for (const char* topic : {"tpm_key_attestation", "tpm_quotes"}) {
    for (const Json& entry : test::cases_of(topic)) {
      const std::string file = file_of(entry, ".tpmt_public.bin");
      const Json& expect = entry["expect"];
      const std::string name = expect.value("ak_name", expect.value("key_name", ""));
      if (file.empty() || name.empty()) continue;
      const auto area = parse_public(sized(test::data_file(file)), "the public area");
      ASSERT_TRUE(area) << entry["id"] << area.error().to_string();
      EXPECT_EQ(to_hex(area->name), name) << entry["id"];
      ++judged;
    }
  }
  EXPECT_GT(judged, 0U);
}

// SHA-1 schemes and signatures of another kind are refused although upstream's signature is right
// (`crypto`: accept).
TEST(Artefacts, AttestationsAreTakenOrRefusedAsTheirAnswerSays) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  for (const char* topic : {"tpm_key_attestation", "tpm_quotes"}) {
    for (const Json& entry : test::cases_of(topic)) {
      const std::string public_file = file_of(entry, "ak.tpmt_public.bin");
      const std::string attest_file = file_of(entry, ".tpms_attest.bin");
      const std::string signature_file = file_of(entry, ".tpmt_signature.bin");
      if (public_file.empty() || attest_file.empty() || signature_file.empty()) continue;
      SCOPED_TRACE(entry["id"].get<std::string>());
      const auto ak = parse_public(sized(test::data_file(public_file)), "ak");
      ASSERT_TRUE(ak) << ak.error().to_string();
      Bytes attest = test::data_file(attest_file);
      const auto parsed = parse_attest(attest, "attest");
      ASSERT_TRUE(parsed) << parsed.error().to_string();
      EXPECT_EQ(to_hex(view_of(parsed->extraData)),
                entry["expect"]["attest"]["extra_data"].get<std::string>());
      const auto signature = parse_signature(test::data_file(signature_file), "signature");
      const bool sha1_key = !hash_of(signing_hash(ak->area));
      const bool taken =
          signature && !sha1_key && check_signature(ak->area, attest, *signature).has_value();
      const bool sha1_bank_alone =
          topic == std::string("tpm_quotes") && entry["expect"]["answer"] == "reject";
      EXPECT_EQ(taken, entry["expect"]["answer"] == "accept" || sha1_bank_alone);
      if (taken) {
        attest.back() ^= 1U;
        EXPECT_EQ(check_signature(ak->area, attest, *signature).error().code,
                  Code::signature_invalid);
      }
      ++judged;
    }
  }
  EXPECT_GT(judged, 0U);
}

PcrValues values_from(const Json& json, const std::string& bank) {
  PcrValues values;
  const Json& of_bank = json.contains(bank) ? json[bank] : json;
  for (const auto& [index, value] : of_bank.items()) {
    if (index.find_first_not_of("0123456789") == std::string::npos && value.is_string()) {
      values[static_cast<unsigned>(std::stoul(index))] = *from_hex(value.get<std::string>());
    }
  }
  return values;
}

TEST(Artefacts, QuotedPcrDigestsAreRecomputedFromTheValues) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t judged = 0;
  for (const Json& entry : test::cases_of("tpm_quotes")) {
    const std::string values_file = file_of(entry, "pcrs.json");
    const Json& expect = entry["expect"];
    if (values_file.empty() || !expect.contains("attest")) continue;
    SCOPED_TRACE(entry["id"].get<std::string>());
    const auto ak =
        parse_public(sized(test::data_file(file_of(entry, "ak.tpmt_public.bin"))), "ak");
    const auto attest = parse_attest(test::data_file(file_of(entry, ".tpms_attest.bin")), "attest");
    ASSERT_TRUE(ak && attest);
    const Json selected = expect["attest"]["pcr_select"][0];
    PcrSelection asked{selected["hash"].get<std::string>(),
                       selected["pcrs"].get<std::vector<unsigned>>()};
    const Bytes text = test::data_file(values_file);
    PcrValues all = values_from(Json::parse(text.begin(), text.end()), asked.bank);
    PcrValues values;
    for (const unsigned index : asked.indexes) values[index] = all[index];
    const auto checked =
        check_quoted(attest->attested.quote, signing_hash(ak->area), asked, values);
    EXPECT_EQ(checked.has_value(), expect["answer"] == "accept")
        << (checked ? "" : checked.error().to_string());
    if (checked) {
      values.begin()->second[0] ^= 1U;
      EXPECT_EQ(
          check_quoted(attest->attested.quote, signing_hash(ak->area), asked, values).error().code,
          Code::quote_digest);
    }
    ++judged;
  }
  EXPECT_GT(judged, 0U);
}

}  // namespace
}  // namespace mintmark::attest::tpm2
