// A device's TPM, and each of its answers that is not what it should be, one after the other: told
// by a code that says what to do, and nothing left in the TPM.
#include <openssl/x509.h>

#include <set>

#include "attest/tpm2/credential.h"
#include "hsm/tpm2/device_tpm.h"
#include "integration/device_tpm/said_by.h"
#include "support/child_process.h"
#include "support/swtpm.h"
#include "support/temporary_directory.h"
#include "tpm_faults.h"

namespace mintmark::hsm::tpm2 {
namespace {

using test::TpmFault;

const std::vector<TpmFault> every_fault = {test::failure,   test::retry,         test::memory,
                                           test::no_handle, test::bad_parameter, test::cut,
                                           test::shortened};

/// What may be told of it. Nothing: it must be done all the same.
std::set<Code> told_of(const TpmFault& fault) {
  if (fault.kind == TpmFault::Kind::cut) return {Code::tpm_unavailable};
  // It may be half a list, which is one.
  if (fault.kind == TpmFault::Kind::shortened) return {Code::tpm_unavailable, Code::tpm_failed};
  switch (fault.rc) {
    case TPM2_RC_RETRY:
      return {};
    case TPM2_RC_OBJECT_MEMORY:
      return {Code::tpm_memory_full};
    case TPM2_RC_VALUE + TPM2_RC_P + TPM2_RC_1:
      return {Code::tpm_failed, Code::tpm_key_lost, Code::tpm_credential_refused};
    default:
      return {Code::tpm_failed};
  }
}

class EachAnswerOfADevice : public testing::Test {
 protected:
  EachAnswerOfADevice() : swtpm_({.manufactured = true}), bus_(swtpm_.port()) {
    reopen();
    ak_ = device_->create_attestation_key().value();
    key_ = device_->create_device_key().value();
  }
  void reopen() {
    device_.reset();
    auto opened = open_device(bus_.tcti());
    if (!opened) throw std::runtime_error(opened.error().to_string());
    device_ = std::move(*opened);
  }
  void tool(const std::vector<std::string>& arguments) {
    device_.reset();
    test::run(arguments, {{"TPM2TOOLS_TCTI", swtpm_.tcti()}});
    reopen();
  }

  using Asked = std::function<Result<void>()>;

  void each_answer(const Asked& asked) {
    expect_done(asked);
    const auto commands = bus_.commands_of([&] { expect_done(asked); });
    for (std::size_t turn = 0; turn < every_fault.size(); ++turn) {
      const TpmFault& fault = every_fault[turn];
      for (std::size_t nth = 0; nth < commands.size() && !HasFailure(); ++nth) {
        if (!test::befalls(fault, commands[nth]) || !test::is_tried(nth, turn)) continue;
        SCOPED_TRACE(testing::Message() << fault.name << " at " << nth << " of " << commands.size()
                                        << ", command 0x" << std::hex << commands[nth]);
        befallen(asked, fault, nth);
      }
    }
  }

  test::Swtpm swtpm_;
  test::FaultyTpmBus bus_;
  test::TemporaryDirectory files_;
  std::unique_ptr<Device> device_;
  KeyBlobs ak_;
  KeyBlobs key_;

 private:
  static void expect_done(const Asked& asked) {
    const auto done = asked();
    EXPECT_TRUE(done) << done.error().to_string();
  }
  void befallen(const Asked& asked, const TpmFault& fault, std::size_t nth) {
    bus_.befall(nth, fault);
    const auto told = asked();
    EXPECT_TRUE(bus_.end(nth)) << "it did not ask so much";
    if (!told) {
      EXPECT_TRUE(told_of(fault).contains(told.error().code)) << told.error().to_string();
    }
    auto again = asked();
    // As an agent does by this code, and by no other.
    if (!again && again.error().code == Code::tpm_unavailable) {
      reopen();
      again = asked();
    }
    EXPECT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(bus_.indexes_and_nothing_else(), 0U);
  }
};

Result<void> right(bool is_right, const std::string& what) {
  EXPECT_TRUE(is_right) << what;
  return {};
}

TEST_F(EachAnswerOfADevice, OfACertificate) {
  for (const auto wanted : {std::optional<EkKind>(), std::optional(EkKind::ecc)}) {
    const Bytes known = device_->ek_certificate(wanted).value().der;
    each_answer([&]() -> Result<void> {
      auto found = device_->ek_certificate(wanted);
      if (!found) return pass_on(found);
      return right(found->der == known, "another certificate");
    });
  }
  const Bytes known = device_->ak_certificate(0x01C00016).value();
  each_answer([&]() -> Result<void> {
    auto found = device_->ak_certificate(0x01C00016);
    if (!found) return pass_on(found);
    return right(*found == known, "another certificate");
  });
}

TEST_F(EachAnswerOfADevice, OfANewKey) {
  each_answer([&]() -> Result<void> {
    auto key = device_->create_device_key();
    if (!key) return pass_on(key);
    return right(key_of_public(key->public_area).has_value(), "no key");
  });
}

TEST_F(EachAnswerOfADevice, OfASignature) {
  const auto public_key = key_of_public(key_.public_area).value();
  each_answer([&]() -> Result<void> {
    auto signature = device_->sign(key_, sha256("octets"));
    if (!signature) return pass_on(signature);
    return right(public_key.verify(as_bytes("octets"), *signature), "another signature");
  });
}

TEST_F(EachAnswerOfADevice, OfACertifiedKey) {
  each_answer([&]() -> Result<void> {
    auto said = device_->certify(key_, ak_, sha256("qualifying"));
    if (!said) return pass_on(said);
    expect_said_by(ak_, *said, sha256("qualifying"));
    return {};
  });
}

TEST_F(EachAnswerOfADevice, OfAQuote) {
  const std::vector<unsigned> pcrs = {0, 1, 2, 3, 4, 5, 6, 7, 8, 23};
  each_answer([&]() -> Result<void> {
    auto quote = device_->quote(ak_, "sha256", pcrs, sha256("qualifying"));
    if (!quote) return pass_on(quote);
    expect_said_by(ak_, quote->statement, sha256("qualifying"));
    return right(quote->pcrs.size() == pcrs.size(), "other PCRs");
  });
}

TEST_F(EachAnswerOfADevice, OfAKeyThatPersists) {
  const PersistentKey persistent{0x81010001};
  const Bytes known = device_->public_area(persistent).value();
  each_answer([&]() -> Result<void> {
    auto area = device_->public_area(persistent);
    if (!area) return pass_on(area);
    return right(*area == known, "another key");
  });
}

class EachAnswerOfAnActivation : public EachAnswerOfADevice {
 protected:
  void each_answer_for(const EkCertificate& ek, attest::tpm2::EkKind kind) {
    const std::uint8_t* at = ek.der.data();
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        d2i_X509(nullptr, &at, static_cast<long>(ek.der.size())), &X509_free);
    const auto sealed = attest::tpm2::make_credential(kind, *X509_get0_pubkey(certificate.get()),
                                                      name_of_public(ak_.public_area).value(),
                                                      as_bytes("the secret of a test"));
    ASSERT_TRUE(sealed) << sealed.error().to_string();
    each_answer([&]() -> Result<void> {
      auto opened =
          device_->activate_credential(ek, ak_, sealed->credential_blob, sealed->encrypted_secret);
      if (!opened) return pass_on(opened);
      return right(as_text(opened->view()) == "the secret of a test", "another secret");
    });
  }
};

TEST_F(EachAnswerOfAnActivation, ByAKeyThatPersists) {
  each_answer_for(*device_->ek_certificate(EkKind::rsa), attest::tpm2::EkKind::rsa2048);
}

TEST_F(EachAnswerOfAnActivation, ByAKeyThatIsMadeAnew) {
  const auto ek = device_->ek_certificate(EkKind::ecc).value();
  tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", "0x81010016"});
  each_answer_for(ek, attest::tpm2::EkKind::ecc_p384);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
