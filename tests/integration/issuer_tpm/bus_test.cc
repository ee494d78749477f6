// What somebody on the bus learns, and what he can change without being noticed: nothing.
#include <atomic>

#include "issuer_tpm.h"
#include "support/tpm_bus.h"

namespace mintmark::hsm::tpm2 {
namespace {

class Bus : public IssuerTpmStore {
 protected:
  Bus() : bus_(device_.tpm().port()) {}
  void SetUp() override { open(by_bus()); }

  config::HsmStore by_bus() {
    config::HsmStore settings = device_.store();
    settings.tpm->tcti = bus_.tcti();
    return settings;
  }
  [[nodiscard]] bool was_heard(BytesView octets) const {
    const Bytes heard = bus_.heard();
    return std::search(heard.begin(), heard.end(), octets.begin(), octets.end()) != heard.end();
  }
  /// The last octet of each answer to that command is changed: its HMAC.
  void spoil_answers_to(TPM2_CC wanted) {
    bus_.change_answers([wanted](std::uint32_t command, Bytes& answer) {
      if (command == wanted && answer.size() > 10) answer.back() ^= 1U;
    });
  }

  test::TpmBus bus_;
};

TEST_F(Bus, NeitherPinNorAuthorisationIsHeard) {
  const KeyInfo key = make_key();
  ASSERT_TRUE(sign(key.id));
  ASSERT_TRUE(evidence(key.id));
  ASSERT_TRUE(destroy(key.id));
  store_.reset();
  const auto directory = BlobDirectory::open(device_.blobs().string());
  const auto store = directory->read_store();
  const Secret auth = auth_of((*store)->salt, Secret(std::string_view("a long secret of a test")));
  ASSERT_FALSE(bus_.heard().empty());
  EXPECT_FALSE(was_heard(auth.view()));
  EXPECT_FALSE(was_heard(as_bytes("a long secret of a test")));
}

TEST_F(Bus, EverySessionIsSaltedToTheStorageRoot) {
  std::atomic<unsigned> salted = 0;
  std::atomic<unsigned> unsalted = 0;
  bus_.change_commands([&](std::uint32_t command, const Bytes& octets) {
    if (command != TPM2_CC_StartAuthSession) return;
    const bool has_key = (octets.at(10) & 0xC0U) == 0x80U;  // Transient or persistent, not null.
    ++(has_key ? salted : unsalted);
  });
  const KeyInfo key = make_key();
  ASSERT_TRUE(sign(key.id));
  ASSERT_TRUE(evidence(key.id));
  ASSERT_TRUE(destroy(key.id));
  EXPECT_GT(salted, 6U);
  EXPECT_EQ(unsalted, 0U);
}

TEST_F(Bus, WhatIsSignedIsNotHeard) {
  const KeyInfo key = make_key();
  const auto signature = sign(key.id);
  ASSERT_TRUE(signature);
  EXPECT_FALSE(was_heard(sha256("input")));
  EXPECT_TRUE(was_heard(BytesView(*signature).first(32)));  // It listens, after all.
}

TEST_F(Bus, OwnersAuthorisationIsNotHeard) {
  make_root_persistent();
  tool({"tpm2_changeauth", "-Q", "-c", "owner", "the owner's secret"});
  config::HsmStore settings = by_bus();
  settings.tpm->owner = device_.directory().write("owner", "the owner's secret").string();
  open(settings);
  const KeyInfo key = make_key();
  ASSERT_TRUE(destroy(key.id));
  EXPECT_FALSE(was_heard(as_bytes("the owner's secret")));
}

TEST_F(Bus, ChangedAnswerIsNoticedAndTheNextOneTaken) {
  const KeyInfo key = make_key();
  for (const TPM2_CC command : {TPM2_CC_PolicyNV, TPM2_CC_Sign, TPM2_CC_NV_Read}) {
    spoil_answers_to(command);
    if (command == TPM2_CC_NV_Read) {
      EXPECT_REFUSED(list(), Code::hsm_answer_forged);
    } else {
      EXPECT_REFUSED(sign(key.id), Code::hsm_answer_forged);
    }
    bus_.change_answers(nullptr);
    device_.tpm().power_cycle();  // Takes out what a resource manager would have flushed.
    const auto signature = sign(key.id);
    ASSERT_TRUE(signature) << signature.error().to_string();
  }
}

TEST_F(Bus, ChangedDigestIsNotSigned) {
  const KeyInfo key = make_key();
  bus_.change_commands([](std::uint32_t command, Bytes& octets) {
    // The digest is the last parameter but scheme (2) and ticket (8).
    if (command == TPM2_CC_Sign) octets.at(octets.size() - 12) ^= 1U;
  });
  // The TPM calls a wrong HMAC a wrong authorisation; for the PIN's fault nobody is to take it.
  EXPECT_REFUSED(sign(key.id), Code::hsm_answer_forged);
  bus_.change_commands(nullptr);
  EXPECT_TRUE(sign(key.id));
}

class DestructionOnTheBus : public Bus {
 protected:
  /// While the bus is as it is made: what is told of a destruction; then, without, that it can be
  /// done again and is final.
  Error told_of_a_destruction() {
    const KeyInfo key = make_key();
    const std::string file = read_file(file_of(key.id)).value();
    change();
    const auto destroyed = destroy(key.id);
    bus_.change_commands(nullptr);
    bus_.change_answers(nullptr);
    EXPECT_TRUE(destroy(key.id) || destroyed) << "neither";
    store_.reset();
    device_.directory().write("blobs/" + to_string(key.id) + ".key", file);
    open(by_bus());
    const auto signature = sign(key.id);
    EXPECT_TRUE(!signature && signature.error().code == Code::hsm_key_ended);
    return destroyed ? Error{Code::not_found, "it was destroyed"} : destroyed.error();
  }
  std::function<void()> change;
};

TEST_F(DestructionOnTheBus, IsNotToldWhereTheIncrementIsChanged) {
  change = [this] {
    bus_.change_commands([](std::uint32_t command, Bytes& octets) {
      if (command == TPM2_CC_NV_Increment) octets.back() ^= 1U;
    });
  };
  EXPECT_EQ(told_of_a_destruction().code, Code::hsm_answer_forged);
}

TEST_F(DestructionOnTheBus, IsNotToldWhereTheCounterIsSaidToBeGone) {
  change = [this] {
    bus_.change_answers([](std::uint32_t command, Bytes& answer) {
      if (command == TPM2_CC_NV_ReadPublic) answer = {0x80, 1, 0, 0, 0, 10, 0, 0, 0x01, 0x8B};
    });
  };
  EXPECT_EQ(told_of_a_destruction().code, Code::hsm_failed);
}

TEST_F(DestructionOnTheBus, IsNotToldWhereTheCounterIsShownAsAnothers) {
  change = [this] {
    // TPM2B_NV_PUBLIC (index, hash, attributes, no policy, size), then the Name (Part 3, 31.6).
    bus_.change_answers([](std::uint32_t command, Bytes& answer) {
      constexpr std::size_t area = 12;
      constexpr std::size_t name = area + 14 + 2 + 2;
      if (command != TPM2_CC_NV_ReadPublic || answer.size() < name + 32) return;
      answer.at(area + 6) ^= 0x20U;  // Orderly.
      const Sha256 digest = sha256(BytesView(answer).subspan(area, 14));
      std::copy(digest.begin(), digest.end(), answer.begin() + static_cast<std::ptrdiff_t>(name));
    });
  };
  EXPECT_EQ(told_of_a_destruction().code, Code::hsm_failed);
}

TEST_F(Bus, AnotherStorageRootThanTheStoresIsRefused) {
  make_key();
  store_.reset();
  // He shows a root whose private half he knows, to learn the salts: one bit is enough here.
  bus_.change_answers([](std::uint32_t command, Bytes& answer) {
    if (command == TPM2_CC_CreatePrimary && answer.size() > 200) answer.at(60) ^= 1U;
  });
  const Error refusal = refusal_to_open(by_bus());
  EXPECT_NE(refusal.code, Code::not_found);
  EXPECT_FALSE(was_heard(as_bytes("a long secret of a test")));
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
