// A device's TPM through the port, on swtpm: three transient slots and no resource manager, so what
// is not flushed is seen.
#include "hsm/tpm2/device_tpm.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "base/file.h"
#include "hsm/tpm2/public_area.h"
#include "hsm/tpm2/tpm.h"
#include "said_by.h"
#include "support/child_process.h"
#include "support/swtpm.h"
#include "support/temporary_directory.h"
#include "support/tpm_bus.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr std::uint32_t first_transient = 0x80000000;
constexpr std::uint32_t first_loaded_session = 0x02000000;

class DeviceTpm : public testing::Test {
 protected:
  explicit DeviceTpm(bool manufactured = false) : swtpm_({.manufactured = manufactured}) { open(); }

  void open() {
    auto device = open_device(swtpm_.tcti());
    ASSERT_TRUE(device) << device.error().to_string();
    device_ = std::move(*device);
  }

  /// swtpm serves one connection at a time: others look while ours is closed.
  std::string tool(std::vector<std::string> arguments) {
    device_.reset();
    std::string output = test::run(arguments, {{"TPM2TOOLS_TCTI", swtpm_.tcti()}});
    open();
    return output;
  }

  void expect_nothing_is_held() {
    device_.reset();
    {
      auto tpm = Tpm::open(swtpm_.tcti());
      ASSERT_TRUE(tpm) << tpm.error().to_string();
      EXPECT_EQ(tpm->handles(first_transient)->size(), 0U);
      EXPECT_EQ(tpm->handles(first_loaded_session)->size(), 0U);
    }
    open();
  }

  void make_root_persistent(const std::vector<std::string>& options) {
    const std::string context = (files_.path() / "root").string();
    std::vector<std::string> create = {
        "tpm2_createprimary",
        "-Q",
        "-C",
        "o",
        "-g",
        "sha256",
        "-c",
        context,
        "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"};
    create.insert(create.end(), options.begin(), options.end());
    tool(create);
    tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", context, "0x81000001"});
    tool({"tpm2_flushcontext", "-t"});
  }

  KeyBlobs attestation_key() { return std::move(device_->create_attestation_key().value()); }
  KeyBlobs device_key() { return std::move(device_->create_device_key().value()); }

  test::Swtpm swtpm_;
  test::TemporaryDirectory files_;
  std::unique_ptr<Device> device_;
};

class ManufacturedTpm : public DeviceTpm {
 protected:
  ManufacturedTpm() : DeviceTpm(true) {}

  struct Credential {
    Bytes blob;
    Bytes secret;
  };

  /// tpm2-tools seals, for the key at a persistent handle and the object of that name.
  Credential seal(const std::string& ek_handle, BytesView name, const std::string& secret) {
    const std::string ek = (files_.path() / "ek.pub").string();
    const std::string sealed = (files_.path() / "sealed").string();
    const auto plain = files_.write("plain", secret);
    tool({"tpm2_readpublic", "-Q", "-c", ek_handle, "-o", ek});
    tool({"tpm2_makecredential", "-Q", "-T", "none", "-u", ek, "-s", plain.string(), "-n",
          to_hex(name), "-o", sealed});
    // Its file: magic and version (4 octets each), TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET.
    const Bytes file = to_bytes(as_bytes(read_file(sealed).value()));
    const std::size_t blob_size = 2U + (static_cast<std::size_t>(file[8]) << 8U | file[9]);
    const auto middle = file.begin() + 8 + static_cast<std::ptrdiff_t>(blob_size);
    return {Bytes(file.begin() + 8, middle), Bytes(middle, file.end())};
  }

  void expect_opens(EkKind kind, const std::string& ek_handle) {
    const auto certificate = device_->ek_certificate(kind);
    ASSERT_TRUE(certificate) << certificate.error().to_string();
    const KeyBlobs ak = attestation_key();
    const Credential credential =
        seal(ek_handle, name_of_public(ak.public_area).value(), "the secret of a test");
    const auto opened =
        device_->activate_credential(*certificate, ak, credential.blob, credential.secret);
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_EQ(as_text(opened->view()), "the secret of a test");
    expect_nothing_is_held();
  }
};

std::uint32_t attributes_of(const KeyBlobs& key) {
  return static_cast<std::uint32_t>(key.public_area[6]) << 24U |
         static_cast<std::uint32_t>(key.public_area[7]) << 16U |
         static_cast<std::uint32_t>(key.public_area[8]) << 8U | key.public_area[9];
}

TEST(TpmConnection, ToNothingIsUnavailable) {
  const auto device = open_device("swtpm:host=127.0.0.1,port=1");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, Code::tpm_unavailable);
}

TEST(TpmConnection, WithAnUnknownTctiIsUnavailable) {
  const auto device = open_device("telepathy:");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, Code::tpm_unavailable);
  EXPECT_NE(device.error().detail.find("telepathy"), std::string::npos);
}

TEST_F(DeviceTpm, MakesKeysWithTheAttributesThatAnIssuerAsksFor) {
  // TPM 2.0 Part 2, 8.3: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, sign; the
  // AK restricted too.
  EXPECT_EQ(attributes_of(attestation_key()), 0x00050472U);
  EXPECT_EQ(attributes_of(device_key()), 0x00040472U);
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, MakesAnotherKeyEachTime) {
  EXPECT_NE(device_key().public_area, device_key().public_area);
}

TEST_F(DeviceTpm, SignsWithADeviceKey) {
  const KeyBlobs key = device_key();
  for (int i = 0; i < 20; ++i) {  // One r or s in 128 has a leading zero.
    const std::string text = "octets " + std::to_string(i);
    const auto signature = device_->sign(key, sha256(text));
    ASSERT_TRUE(signature) << signature.error().to_string();
    ASSERT_EQ(signature->size(), 64U);
    EXPECT_TRUE(key_of_public(key.public_area)->verify(as_bytes(text), *signature));
  }
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, SignsAfterAPowerCut) {
  const KeyBlobs key = device_key();
  device_.reset();
  swtpm_.power_cycle();
  open();
  EXPECT_TRUE(device_->sign(key, sha256("octets")));
}

TEST_F(DeviceTpm, SignsAfterMorePowerCutsThanATpmTakesGuesses) {
  const KeyBlobs key = device_key();
  for (int cuts = 0; cuts < 8; ++cuts) {
    const auto signature = device_->sign(key, sha256("octets"));
    ASSERT_TRUE(signature) << cuts << ": " << signature.error().to_string();
    device_.reset();
    swtpm_.power_cycle();
    open();
  }
}

TEST_F(DeviceTpm, DoesNotSignStrangersDigestsWithAnAttestationKey) {
  const auto signature = device_->sign(attestation_key(), sha256("octets"));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, Code::tpm_failed);
  EXPECT_NE(signature.error().native, 0U);
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, CertifiesADeviceKey) {
  const KeyBlobs ak = attestation_key();
  const KeyBlobs key = device_key();
  const Sha256 qualifying = sha256("qualifying");
  const auto statement = device_->certify(key, ak, qualifying);
  ASSERT_TRUE(statement) << statement.error().to_string();
  expect_said_by(ak, *statement, qualifying);
  EXPECT_NE(to_hex(statement->attest).find(to_hex(name_of_public(key.public_area).value())),
            std::string::npos);
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, QuotesPcrsWithTheirValues) {
  const std::string value(64, 'a');
  tool({"tpm2_pcrextend", "23:sha256=" + value});
  const KeyBlobs ak = attestation_key();
  const Sha256 qualifying = sha256("qualifying");
  const std::vector<unsigned> selection = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 23};
  const auto quote = device_->quote(ak, "sha256", selection, qualifying);
  ASSERT_TRUE(quote) << quote.error().to_string();
  expect_said_by(ak, quote->statement, qualifying);

  ASSERT_EQ(quote->pcrs.size(), selection.size());
  Bytes extended(32, 0);
  extended.insert(extended.end(), 32, 0xAA);
  EXPECT_EQ(quote->pcrs.at(23), to_bytes(sha256(extended)));
  Bytes all;
  for (const auto& [index, pcr] : quote->pcrs) all.insert(all.end(), pcr.begin(), pcr.end());
  EXPECT_NE(to_hex(quote->statement.attest).find(to_hex(sha256(all))), std::string::npos);
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, RefusesABankThatTheTpmDoesNotKeep) {
  const KeyBlobs ak = attestation_key();
  for (const char* bank : {"md5", ""}) {
    const auto quote = device_->quote(ak, bank, {0}, {});
    ASSERT_FALSE(quote) << bank;
    EXPECT_EQ(quote.error().code, Code::tpm_pcr_bank_missing) << bank;
  }
  tool({"tpm2_pcrallocate", "-Q", "sha1:none+sha256:all+sha384:none+sha512:none"});
  device_.reset();
  swtpm_.power_cycle();
  open();
  const auto quote = device_->quote(ak, "sha384", {0}, {});
  ASSERT_FALSE(quote);
  EXPECT_EQ(quote.error().code, Code::tpm_pcr_bank_missing);
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, RefusesAPcrThatDoesNotExist) {
  const auto quote = device_->quote(attestation_key(), "sha256", {24}, {});
  ASSERT_FALSE(quote);
  EXPECT_EQ(quote.error().code, Code::invalid_argument);
}

TEST_F(DeviceTpm, RefusesQualifyingDataThatDoesNotFit) {
  const Bytes long_data(200, 1);
  const auto quote = device_->quote(attestation_key(), "sha256", {0}, long_data);
  ASSERT_FALSE(quote);
  EXPECT_EQ(quote.error().code, Code::invalid_argument);
  const auto certified = device_->certify(device_key(), attestation_key(), long_data);
  ASSERT_FALSE(certified);
  EXPECT_EQ(certified.error().code, Code::invalid_argument);
}

TEST_F(DeviceTpm, LosesItsKeysWhenTheTpmIsCleared) {
  const KeyBlobs key = device_key();
  tool({"tpm2_clear"});
  const auto signature = device_->sign(key, sha256("octets"));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, Code::tpm_key_lost);
  EXPECT_NE(signature.error().detail.find("enrol again"), std::string::npos);
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, CallsAKeyOfAnotherTpmLost) {
  KeyBlobs key = device_key();
  key.private_area.back() ^= 1U;
  const auto signature = device_->sign(key, sha256("octets"));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, Code::tpm_key_lost);
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, RefusesBlobsThatAreNone) {
  KeyBlobs key = device_key();
  key.public_area.push_back(0);
  EXPECT_EQ(device_->sign(key, sha256("octets")).error().code, Code::invalid_argument);
  key.public_area.clear();
  EXPECT_EQ(device_->sign(key, sha256("octets")).error().code, Code::invalid_argument);
  key = device_key();
  key.private_area.pop_back();
  EXPECT_EQ(device_->sign(key, sha256("octets")).error().code, Code::invalid_argument);
}

TEST_F(DeviceTpm, UsesAPersistentRootOfTheTemplateAndTheKeysMadeBefore) {
  const KeyBlobs before = device_key();
  // tpm2-tools take `unique` as their own memory has it: two TPM2B of 128 octets room each.
  const std::string number = std::string("\x20\0", 2) + std::string(128, '\0');
  make_root_persistent({"-G", "ecc256:aes128cfb", "-u", files_.write("unique", number + number)});
  EXPECT_TRUE(device_->sign(before, sha256("octets")));
  const KeyBlobs after = device_key();
  EXPECT_TRUE(device_->sign(after, sha256("octets")));
  tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", "0x81000001"});
  EXPECT_TRUE(device_->sign(after, sha256("octets")));
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, FindsTheKeysMadeBeforeWhenAnotherRootOfTheSameTemplatePersists) {
  const KeyBlobs before = device_key();
  make_root_persistent({"-G", "ecc256:aes128cfb"});  // `unique` is empty: another key.
  EXPECT_TRUE(device_->sign(before, sha256("octets")));
  EXPECT_TRUE(device_->sign(device_key(), sha256("octets")));
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, LeavesAPersistentKeyOfAnotherTemplateAlone) {
  make_root_persistent({"-G", "ecc384:aes128cfb"});
  EXPECT_TRUE(device_->sign(device_key(), sha256("octets")));
  expect_nothing_is_held();
}

TEST_F(DeviceTpm, SaysWhoFilledItWhenItsSlotsAreTaken) {
  const std::string context = (files_.path() / "context").string();
  for (int i = 0; i < 3; ++i)
    tool({"tpm2_createprimary", "-Q", "-C", "o", "-G", "ecc", "-c", context});
  const auto key = device_->create_device_key();
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::tpm_memory_full);
}

TEST_F(DeviceTpm, WithoutACertificateSaysSo) {
  for (const auto& [wanted, named] : {std::pair<std::optional<EkKind>, std::string>{},
                                      {EkKind::rsa, "no rsa EK"},
                                      {EkKind::ecc, "no ecc EK"}}) {
    const auto certificate = device_->ek_certificate(wanted);
    ASSERT_FALSE(certificate);
    EXPECT_EQ(certificate.error().code, Code::tpm_no_ek_certificate);
    EXPECT_NE(certificate.error().detail.find(named), std::string::npos)
        << certificate.error().detail;
  }
}

TEST(EkKindName, IsReadBack) {
  for (const EkKind kind : {EkKind::rsa, EkKind::ecc})
    EXPECT_EQ(ek_kind_named(name_of(kind)).value(), kind);
  EXPECT_EQ(ek_kind_named("RSA").error().code, Code::invalid_argument);
}

// Each time between the reading and the quoting.
TEST_F(DeviceTpm, SaysThatPcrsNeverStandStill) {
  const KeyBlobs ak = attestation_key();
  device_.reset();
  test::TpmBus bus(swtpm_.port());
  device_ = std::move(*open_device(bus.tcti()));
  unsigned read = 0;
  bus.change_answers([&read](std::uint32_t command, Bytes& answer) {
    constexpr std::uint32_t pcr_read = 0x17E;
    if (command == pcr_read) answer.back() ^= static_cast<std::uint8_t>(++read);
  });
  const auto quote = device_->quote(ak, "sha256", {0}, {});
  ASSERT_FALSE(quote);
  EXPECT_EQ(quote.error().code, Code::tpm_pcrs_moving);
  EXPECT_EQ(read, 5U);
  bus.change_answers(nullptr);
  EXPECT_TRUE(device_->quote(ak, "sha256", {0}, {}));
  device_.reset();
}

TEST_F(ManufacturedTpm, GivesItsRsaCertificateUnlessTheOtherIsWanted) {
  const auto first = device_->ek_certificate(std::nullopt);
  const auto rsa = device_->ek_certificate(EkKind::rsa);
  const auto ecc = device_->ek_certificate(EkKind::ecc);
  ASSERT_TRUE(first && rsa && ecc);
  EXPECT_EQ(first->der, rsa->der);
  EXPECT_EQ(rsa->nv_index, 0x01C00002U);
  EXPECT_EQ(ecc->nv_index, 0x01C00016U);
  for (const Bytes& der : {rsa->der, ecc->der}) {
    const std::uint8_t* at = der.data();
    X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
    EXPECT_NE(certificate, nullptr);
    EXPECT_EQ(at, der.data() + der.size());
    X509_free(certificate);
  }
  expect_nothing_is_held();
}

TEST_F(ManufacturedTpm, OpensACredentialForItsRsaKey) { expect_opens(EkKind::rsa, "0x81010001"); }

TEST_F(ManufacturedTpm, OpensACredentialForItsEccKey) { expect_opens(EkKind::ecc, "0x81010016"); }

TEST_F(ManufacturedTpm, OpensACredentialWithAKeyThatDoesNotPersist) {
  for (const auto& [kind, handle] :
       {std::pair{EkKind::rsa, "0x81010001"}, {EkKind::ecc, "0x81010016"}}) {
    const auto certificate = device_->ek_certificate(kind);
    const KeyBlobs ak = attestation_key();
    const Credential credential = seal(handle, name_of_public(ak.public_area).value(), "secret");
    tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", handle});
    const auto opened =
        device_->activate_credential(*certificate, ak, credential.blob, credential.secret);
    ASSERT_TRUE(opened) << handle << opened.error().to_string();
    EXPECT_EQ(as_text(opened->view()), "secret");
    expect_nothing_is_held();
  }
}

TEST_F(ManufacturedTpm, DoesNotOpenACredentialForAnotherAttestationKey) {
  const auto certificate = device_->ek_certificate(std::nullopt);
  const KeyBlobs ak = attestation_key();
  const KeyBlobs other = attestation_key();
  const Credential credential =
      seal("0x81010001", name_of_public(other.public_area).value(), "secret");
  const auto opened =
      device_->activate_credential(*certificate, ak, credential.blob, credential.secret);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::tpm_credential_refused);
  expect_nothing_is_held();
}

TEST_F(ManufacturedTpm, DoesNotOpenACredentialForAnotherEndorsementKey) {
  const auto certificate = device_->ek_certificate(EkKind::ecc);
  const KeyBlobs ak = attestation_key();
  const Credential credential =
      seal("0x81010001", name_of_public(ak.public_area).value(), "secret");
  const auto opened =
      device_->activate_credential(*certificate, ak, credential.blob, credential.secret);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::tpm_credential_refused);
  expect_nothing_is_held();
}

TEST_F(ManufacturedTpm, RefusesACredentialThatIsNone) {
  auto certificate = device_->ek_certificate(std::nullopt).value();
  const KeyBlobs ak = attestation_key();
  for (const auto& [blob, secret] : {std::pair<Bytes, Bytes>{{1}, {0, 0}}, {{0, 0}, {1}}})
    EXPECT_EQ(device_->activate_credential(certificate, ak, blob, secret).error().code,
              Code::tpm_credential_refused);
  certificate.nv_index = 0x01C00003;
  EXPECT_EQ(device_->activate_credential(certificate, ak, Bytes{0, 0}, Bytes{0, 0}).error().code,
            Code::invalid_argument);
  expect_nothing_is_held();
}

TEST_F(ManufacturedTpm, RefusesACertificateOfAnotherKey) {
  auto certificate = device_->ek_certificate(EkKind::rsa).value();
  certificate.der = device_->ek_certificate(EkKind::ecc)->der;
  const KeyBlobs ak = attestation_key();
  const Credential credential =
      seal("0x81010001", name_of_public(ak.public_area).value(), "secret");
  const auto opened =
      device_->activate_credential(certificate, ak, credential.blob, credential.secret);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::tpm_ek_mismatch);
  expect_nothing_is_held();
}

TEST_F(ManufacturedTpm, AfterAChangedEndorsementSeedIsNotTheCertifiedOne) {
  const auto certificate = device_->ek_certificate(std::nullopt);
  tool({"tpm2_changeeps", "-Q"});
  const auto opened =
      device_->activate_credential(*certificate, attestation_key(), Bytes{0, 0}, Bytes{0, 0});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::tpm_ek_mismatch);
  expect_nothing_is_held();
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
