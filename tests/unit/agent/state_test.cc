#include "agent/state.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>

#include "base/json.h"
#include "support/temporary_directory.h"

namespace mintmark::agent {
namespace {

namespace fs = std::filesystem;

class State : public testing::Test {
 protected:
  State() : state_(StateDirectory::open(directory_.path() / "state").value()) {}

  static Identity identity() {
    return {.issuer = "https://issuer.example",
            .ca_file = "/etc/ca.pem",
            .key = TpmKey{.tcti = "device:/dev/tpmrm0",
                          .ek = hsm::tpm2::EkKind::ecc,
                          .ek_fingerprint = "00ff",
                          .ak = hsm::tpm2::KeyBlobs{{1, 2}, {3, 4}},
                          .device_key = {{5, 6}, {7, 8}},
                          .logs = {"/var/log/firmware", "/var/log/ima"},
                          .ak_certificate = ""},
            .jkt = "thumbprint",
            .client_id = "device-1",
            .attestation = Attestation{"a.b.c", from_unix(1000), from_unix(2000), "a-boot"}};
  }

  void write(const char* name, std::string_view content) const {
    ASSERT_TRUE(write_file_atomically(file(name), content));
  }
  [[nodiscard]] fs::path file(const char* name) const { return state_.path() / name; }

  void expect_invalid_identity(std::string_view content, const std::string& named) const {
    write("identity.json", content);
    const auto read = state_.identity();
    ASSERT_FALSE(read) << content;
    EXPECT_EQ(read.error().code, Code::agent_state_invalid);
    EXPECT_NE(read.error().detail.find("identity.json"), std::string::npos) << read.error().detail;
    EXPECT_NE(read.error().detail.find(named), std::string::npos) << read.error().detail;
  }

  test::TemporaryDirectory directory_;
  StateDirectory state_;
};

unsigned mode_of(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions());
}

TEST_F(State, ComesBackAsItWasSaved) {
  ASSERT_TRUE(state_.save(identity()));
  const auto read = state_.identity();
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->issuer, "https://issuer.example");
  EXPECT_EQ(read->ca_file, "/etc/ca.pem");
  const auto* key = std::get_if<TpmKey>(&read->key);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(key->tcti, "device:/dev/tpmrm0");
  EXPECT_EQ(key->ek, hsm::tpm2::EkKind::ecc);
  EXPECT_EQ(std::get<hsm::tpm2::KeyBlobs>(key->ak).private_area, (Bytes{3, 4}));
  EXPECT_EQ(key->device_key.public_area, (Bytes{5, 6}));
  EXPECT_EQ(read->attestation.value().text, "a.b.c");
  EXPECT_EQ(read->attestation->expires_at, from_unix(2000));
  EXPECT_EQ(read->attestation->boot_id, "a-boot");
  EXPECT_EQ(key->logs.event_log, "/var/log/firmware");
  EXPECT_EQ(key->logs.ima_log, "/var/log/ima");

  ASSERT_TRUE(
      state_.save(std::vector<CachedToken>{{"aud", "a b", "k", "t", from_unix(1), from_unix(2)}}));
  const auto tokens = state_.tokens();
  ASSERT_TRUE(tokens);
  ASSERT_EQ(tokens->size(), 1U);
  EXPECT_EQ(tokens->front().scope, "a b");
  EXPECT_EQ(tokens->front().expires_at, from_unix(2));
}

TEST_F(State, OfAKeyInAFileHasNoAttestation) {
  Identity keyed = identity();
  keyed.key = FileKey{};
  keyed.attestation.reset();
  ASSERT_TRUE(state_.save(keyed));
  const auto read = state_.identity();
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_TRUE(std::holds_alternative<FileKey>(read->key));
  EXPECT_FALSE(read->attestation);
  EXPECT_EQ(read->jkt, "thumbprint");
}

Json certified_identity(Identity identity) {
  auto& key = std::get<TpmKey>(identity.key);
  key.ak = hsm::tpm2::PersistentKey{0x81000003};
  key.ak_certificate = "nv:0x01C101D0";
  Json json = to_json(identity);
  json["format"] = 2;
  return json;
}

TEST_F(State, OfACertifiedAttestationKeyComesBackAsItWasSaved) {
  const Json json = certified_identity(identity());
  EXPECT_FALSE(json["key"].contains("ek"));
  EXPECT_FALSE(json["key"].contains("ak"));
  write("identity.json", json.dump());
  const auto read = state_.identity();
  ASSERT_TRUE(read) << read.error().to_string();
  const auto& key = std::get<TpmKey>(read->key);
  EXPECT_EQ(std::get<hsm::tpm2::PersistentKey>(key.ak).handle, 0x81000003U);
  EXPECT_EQ(key.ak_certificate, "nv:0x01C101D0");
}

TEST_F(State, OfACertifiedAttestationKeyThatIsBrokenNamesTheMember) {
  const Json json = certified_identity(identity());
  for (const char* member : {"handle", "certificate"}) {
    Json without = json;
    without["key"]["certified_ak"].erase(member);
    expect_invalid_identity(without.dump(), member);
  }
  for (const char* handle : {"", "0x01C101D0", "81000003", "0x8100000300", "0x81zz"}) {
    Json wrong = json;
    wrong["key"]["certified_ak"]["handle"] = handle;
    expect_invalid_identity(wrong.dump(), "handle");
  }
  Json wrong = json;
  wrong["key"]["certified_ak"] = "0x81000003";
  expect_invalid_identity(wrong.dump(), "certified_ak");
}

TEST_F(State, OfBeforeLogsAndBootsIsReadAsItIs) {
  Json json = to_json(identity());
  json["format"] = 2;
  json.erase("boot_id");
  for (const char* member : {"event_log", "ima_log"}) json["key"].erase(member);
  write("identity.json", json.dump());
  const auto read = state_.identity();
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->attestation->boot_id, "");
  EXPECT_EQ(std::get<TpmKey>(read->key).logs.event_log, "");
}

TEST_F(State, KeepsWhatTheLastTryToAttestCameTo) {
  EXPECT_FALSE(state_.renewal().failure);
  RenewalRecord record;
  record.failed(Error{Code::boot_refused, "PCR 4", 0}, from_unix(1000));
  record.said = "no log";
  ASSERT_TRUE(state_.save(record));
  const RenewalRecord read = state_.renewal();
  EXPECT_EQ(read.tried_at, from_unix(1000));
  EXPECT_EQ(read.failures, 1U);
  EXPECT_EQ(read.said, "no log");
  ASSERT_TRUE(read.failure);
  EXPECT_EQ(read.failure->code, "boot_refused");
  EXPECT_EQ(read.failure->detail, "PCR 4");
  EXPECT_TRUE(read.failure->refused);
}

TEST_F(State, WithABrokenRecordOfTheLastTryHasNone) {
  for (const char* content :
       {"", "[]", "{}", R"({"format":1,"tried_at":1,"failures":-1,"said":""})",
        R"({"format":1,"tried_at":1,"failures":9999999999,"said":""})",
        R"({"format":1,"tried_at":1,"failures":1,"said":"","failure":{"code":1,"detail":""}})",
        R"({"format":1,"tried_at":1,"failures":1,"said":"","failure":[]})",
        R"({"format":1,"tried_at":"1","failures":1,"said":"x"})"}) {
    write("renewal.json", content);
    EXPECT_EQ(state_.renewal().failures, 0U) << content;
    EXPECT_FALSE(state_.renewal().failure) << content;
  }
}

TEST_F(State, KeepsTheNonceOfItsIssuer) {
  EXPECT_EQ(state_.nonce("https://issuer.example"), "");
  ASSERT_TRUE(state_.save_nonce("https://issuer.example", "a-nonce"));
  EXPECT_EQ(state_.nonce("https://issuer.example"), "a-nonce");
  EXPECT_EQ(state_.nonce("https://other.example"), "");
}

TEST_F(State, WithABrokenNonceHasNone) {
  for (const char* content : {"", "[]", "{}", R"({"format":1,"issuer":"https://issuer.example"})",
                              R"({"format":1,"issuer":"https://issuer.example","nonce":1})"}) {
    write("nonce.json", content);
    EXPECT_EQ(state_.nonce("https://issuer.example"), "") << content;
  }
}

TEST_F(State, IsForItsOwnerAlone) {
  ASSERT_TRUE(state_.save_nonce("https://issuer.example", "a-nonce"));
  ASSERT_TRUE(state_.save(identity()));
  ASSERT_TRUE(state_.save(std::vector<CachedToken>{}));
  ASSERT_TRUE(state_.save(RenewalRecord{}));
  ASSERT_TRUE(state_.lock());
  EXPECT_EQ(mode_of(state_.path()), 0700U);
  for (const char* name : {"identity.json", "tokens.json", "nonce.json", "renewal.json", "lock"})
    EXPECT_EQ(mode_of(file(name)), 0600U) << name;
}

TEST_F(State, ThatOthersMayEnterIsRefused) {
  for (const mode_t mode : {0750U, 0701U, 0720U}) {
    ASSERT_EQ(chmod(state_.path().c_str(), mode), 0);
    const auto opened = StateDirectory::open(state_.path());
    ASSERT_FALSE(opened) << mode;
    EXPECT_EQ(opened.error().code, Code::agent_state_exposed);
  }
}

TEST_F(State, ThatIsAFileIsRefused) {
  const auto opened = StateDirectory::open(directory_.write("file", ""));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::io_failed);
}

TEST_F(State, WithoutAnEnrolmentSaysSo) {
  ASSERT_FALSE(state_.identity());
  EXPECT_EQ(state_.identity().error().code, Code::agent_not_enrolled);
  EXPECT_TRUE(state_.tokens()->empty());
}

TEST_F(State, ThatIsBrokenNamesTheFileAndTheMember) {
  ASSERT_TRUE(state_.save(identity()));
  const std::string good = read_file(file("identity.json")).value();
  expect_invalid_identity("", "no JSON");
  expect_invalid_identity("[]", "no JSON object");
  expect_invalid_identity("{}", "format");
  expect_invalid_identity(good.substr(0, good.size() / 2), "no JSON");
  Json json = Json::parse(good);
  for (const char* member : {"issuer", "ca_file", "key", "jkt", "client_id", "client_attestation",
                             "attested_at", "expires_at"}) {
    Json without = json;
    without.erase(member);
    expect_invalid_identity(without.dump(), member);
    Json wrong = json;
    wrong[member] = true;
    expect_invalid_identity(wrong.dump(), member);
  }
  for (const char* member : {"kind", "tcti", "ek", "ek_fingerprint", "ak", "device_key"}) {
    Json without = json;
    without["key"].erase(member);
    expect_invalid_identity(without.dump(), member);
    Json wrong = json;
    wrong["key"][member] = true;
    expect_invalid_identity(wrong.dump(), member);
  }
  Json nameless = json;
  nameless["boot_id"] = true;
  expect_invalid_identity(nameless.dump(), "boot_id");
  for (const char* member : {"event_log", "ima_log"}) {
    Json wrong = json;
    wrong["key"][member] = true;
    expect_invalid_identity(wrong.dump(), member);
  }
  json["format"] = 1;
  expect_invalid_identity(json.dump(), "format 2");
  json["format"] = 2;
  json["key"]["kind"] = "paper";
  expect_invalid_identity(json.dump(), "\"tpm\" or \"file\"");
  json["key"]["kind"] = "tpm";
  json["key"]["ek"] = "dsa";
  expect_invalid_identity(json.dump(), "\"rsa\" or \"ecc\"");
  json["key"]["ek"] = "rsa";
  json["key"]["ak"]["private"] = "=";
  expect_invalid_identity(json.dump(), "base64url");
}

TEST_F(State, WithBrokenTokensNamesTheFile) {
  for (const char* content :
       {"", "{}", R"({"format":1})", R"({"format":1,"tokens":{}})", R"({"format":1,"tokens":[1]})",
        R"({"format":1,"tokens":[{"audience":"a"}]})"}) {
    write("tokens.json", content);
    const auto tokens = state_.tokens();
    ASSERT_FALSE(tokens) << content;
    EXPECT_EQ(tokens.error().code, Code::agent_state_invalid);
    EXPECT_NE(tokens.error().detail.find("tokens.json"), std::string::npos);
  }
}

TEST_F(State, IsWrittenByOneAtATime) {
  auto first = state_.lock();
  ASSERT_TRUE(first);
  auto second = std::async(std::launch::async, [this] { return state_.lock().has_value(); });
  EXPECT_EQ(second.wait_for(std::chrono::milliseconds{50}), std::future_status::timeout);
  *first = UniqueFd();
  EXPECT_TRUE(second.get());
}

}  // namespace
}  // namespace mintmark::agent
