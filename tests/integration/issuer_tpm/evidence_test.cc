// Evidence of a key in a manufactured TPM, judged by the code that knows nothing of the store; and
// the activation of its attestation key.
#include "attest/tpm2/key_evidence.h"

#include "issuer_tpm.h"

namespace mintmark::hsm::tpm2 {
namespace {

using attest::tpm2::EkTrust;
using attest::tpm2::KeyVerdict;
using attest::tpm2::verify_key_evidence;

class Evidence : public IssuerTpmStore {
 protected:
  Evidence() : IssuerTpmStore(true) {}

  EkTrust trust() {
    auto loaded =
        EkTrust::load(device_.tpm().roots().string(), device_.tpm().intermediates().string());
    if (!loaded) throw std::runtime_error(loaded.error().to_string());
    return std::move(*loaded);
  }
  Result<KeyVerdict> judged(const KeyInfo& key) {
    auto facts = evidence(key.id);
    if (!facts) return pass_on(facts);
    // As it comes from the wire: text.
    return verify_key_evidence(Json::parse(facts->facts.dump()), test::contract_issuer, trust(),
                               SystemClock().now());
  }
  Result<Bytes> activate(std::uint32_t ek_index, const attest::tpm2::Challenge& sealed) {
    test::Answer<Bytes> answer;
    store_->activate({ek_index, sealed.credential_blob, sealed.encrypted_secret}, soon(),
                     answer.done());
    return answer.wait();
  }
};

TEST_F(Evidence, OfEveryAlgorithmHolds) {
  for (const auto algorithm : {jose::Algorithm::es256, jose::Algorithm::es384,
                               jose::Algorithm::rs256, jose::Algorithm::ps256}) {
    const KeyInfo key = make_key(algorithm);
    const auto verdict = judged(key);
    ASSERT_TRUE(verdict) << verdict.error().to_string();
    EXPECT_EQ(verdict->key(), key.public_key);
    EXPECT_EQ(verdict->eks().size(), 2U);
    EXPECT_EQ(verdict->counter_index(), read_file_of(key.id)["counter_index"].get<unsigned>());
  }
}

TEST_F(Evidence, AttestationKeyOpensWhatIsSealedToEachOfItsEks) {
  const KeyInfo key = make_key();
  const auto verdict = judged(key);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  for (const auto& ek : verdict->eks()) {
    const Bytes secret = attest::tpm2::activation_secret();
    const auto sealed = seal_for(*verdict, ek, secret);
    ASSERT_TRUE(sealed);
    const auto opened = activate(ek.nv_index, *sealed);
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_EQ(*opened, secret);
  }
}

// EK Credential Profile 2.5, 2.2.1.5: one behind the other, and perhaps across indexes.
TEST_F(Evidence, BringsWhatTheManufacturerStoredBesideTheCertificates) {
  const KeyInfo key = make_key();
  const auto put = [this](const char* index, const std::string& octets) {
    const auto file = device_.directory().write("octets", octets).string();
    tool({"tpm2_nvdefine", "-Q", "-C", "o", "-s", std::to_string(octets.size()), "-a",
          "ownerread|ownerwrite|authread", index});
    tool({"tpm2_nvwrite", "-Q", "-C", "o", "-i", file, index});
  };
  const std::string one("\x30\x03\x02\x01\x05", 5);
  const std::string other("\x30\x04\x04\x02\x00\x07", 6);
  put("0x01C00100", one + other.substr(0, 3));
  put("0x01C00101", other.substr(3) + "\xFF\xFF");
  put("0x01C00200", one);               // Beyond.
  put("0x01C0000A", "no certificate");  // Where one of another kind would be.
  open();
  const auto facts = evidence(key.id);
  ASSERT_TRUE(facts) << facts.error().to_string();
  EXPECT_EQ(facts->facts["ek_chain"],
            (Json{jose::base64url(as_bytes(one)), jose::base64url(as_bytes(other))}));
  EXPECT_EQ(facts->facts["ek"].size(), 2U);
}

TEST_F(Evidence, AttestationKeyStaysTheSameAfterReopening) {
  const KeyInfo key = make_key();
  const Bytes before = judged(key)->ak_name();
  open();
  EXPECT_EQ(judged(key)->ak_name(), before);
}

TEST_F(Evidence, CredentialForAnotherAttestationKeyIsRefused) {
  const KeyInfo key = make_key();
  const auto verdict = judged(key);
  ASSERT_TRUE(verdict);
  const auto& ek = verdict->eks()[0];
  Bytes name = verdict->ak_name();
  name.back() ^= 1U;
  const auto sealed = attest::tpm2::make_credential(ek.endorsement.kind, *ek.endorsement.key, name,
                                                    random_bytes(32));
  EXPECT_REFUSED(activate(ek.nv_index, *sealed), Code::tpm_credential_refused);
}

TEST_F(Evidence, DamagedCredentialIsRefused) {
  const KeyInfo key = make_key();
  const auto verdict = judged(key);
  ASSERT_TRUE(verdict);
  auto sealed = seal_for(*verdict, verdict->eks()[0], random_bytes(32));
  sealed->credential_blob.back() ^= 1U;
  EXPECT_REFUSED(activate(verdict->eks()[0].nv_index, *sealed), Code::tpm_credential_refused);
  EXPECT_REFUSED(activate(verdict->eks()[0].nv_index, {Bytes{1, 2, 3}, Bytes{4}}),
                 Code::tpm_credential_refused);
}

// Whoever enrols by an opened credential alone would take us for the asker: such secrets are kept.
TEST_F(Evidence, SecretOfSomebodyElsesEnrolmentIsNotTold) {
  const KeyInfo key = make_key();
  const auto verdict = judged(key);
  ASSERT_TRUE(verdict);
  Bytes nearly = attest::tpm2::activation_secret();
  nearly[15] ^= 1U;
  const Bytes only_the_label = to_bytes(as_bytes(activation_label));
  for (const Bytes& secret : {random_bytes(32), nearly, only_the_label, Bytes{7}}) {
    const auto sealed = seal_for(*verdict, verdict->eks()[0], secret);
    ASSERT_TRUE(sealed);
    EXPECT_REFUSED(activate(verdict->eks()[0].nv_index, *sealed), Code::activation_secret_foreign);
  }
}

TEST_F(Evidence, CredentialForAnEkThatIsNotThereIsRefused) {
  EXPECT_REFUSED(activate(0x01C0000A, {Bytes{0, 0}, Bytes{0, 0}}), Code::activation_unavailable);
}

TEST_F(Evidence, WithAnotherTpmsRootsIsRefused) {
  const KeyInfo key = make_key();
  const auto facts = evidence(key.id);
  ASSERT_TRUE(facts);
  const test::Swtpm other({.manufactured = true});
  const auto trust = EkTrust::load(other.roots().string(), other.intermediates().string());
  const auto verdict =
      verify_key_evidence(facts->facts, test::contract_issuer, *trust, SystemClock().now());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, Code::ek_untrusted_root);
}

TEST_F(Evidence, ForAnotherIssuerIsRefused) {
  const KeyInfo key = make_key();
  const auto facts = evidence(key.id);
  const auto verdict =
      verify_key_evidence(facts->facts, "https://other.example", trust(), SystemClock().now());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, Code::certify_binding);
}

using EvidenceWithoutCertificate = IssuerTpmStore;

TEST_F(EvidenceWithoutCertificate, IsGivenAndRefused) {
  const KeyInfo key = make_key();
  const auto facts = evidence(key.id);
  ASSERT_TRUE(facts) << facts.error().to_string();
  EXPECT_TRUE(facts->facts["ek"].empty());
  const test::Swtpm other({.manufactured = true});
  const auto trust = EkTrust::load(other.roots().string(), other.intermediates().string());
  const auto verdict =
      verify_key_evidence(facts->facts, test::contract_issuer, *trust, SystemClock().now());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, Code::evidence_ek_missing);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
