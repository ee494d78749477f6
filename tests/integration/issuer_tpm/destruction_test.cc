// A key that was destroyed signs no more, whatever file comes back.
#include <array>
#include <cstdio>

#include "issuer_tpm.h"

namespace mintmark::hsm::tpm2 {
namespace {

namespace fs = std::filesystem;

class Destruction : public IssuerTpmStore {
 protected:
  /// A key, destroyed, and its file of before put back.
  KeyInfo destroyed_and_restored() {
    KeyInfo key = make_key();
    const std::string file = read_file(file_of(key.id)).value();
    const auto ended = destroy(key.id);
    EXPECT_TRUE(ended) << ended.error().to_string();
    store_.reset();
    device_.directory().write("blobs/" + to_string(key.id) + ".key", file);
    open();
    return key;
  }
  void expect_unfit(const KeyInfo& key, const std::string& why) {
    const auto keys = list();
    ASSERT_TRUE(keys) << keys.error().to_string();
    for (const KeyInfo& listed : *keys) {
      if (listed.id != key.id) continue;
      EXPECT_NE(listed.unfit.find(why), std::string::npos) << listed.unfit;
      return;
    }
    FAIL() << "not listed";
  }
};

TEST_F(Destruction, RemovesTheFileAndTheCounter) {
  const KeyInfo key = make_key();
  EXPECT_TRUE(fs::exists(file_of(key.id)));
  ASSERT_TRUE(destroy(key.id));
  EXPECT_FALSE(fs::exists(file_of(key.id)));
  EXPECT_TRUE(counters().empty());
}

TEST_F(Destruction, RestoredFileDoesNotSign) {
  const KeyInfo key = destroyed_and_restored();
  EXPECT_REFUSED(sign(key.id), Code::hsm_key_ended);
  EXPECT_REFUSED(evidence(key.id), Code::hsm_key_ended);
  expect_unfit(key, "hsm_key_ended");
}

TEST_F(Destruction, RestoredFileDoesNotSignWhereTheCounterOnlyMovedOn) {
  // As after a power cut between the increment and the end of the index.
  const KeyInfo key = make_key();
  const Json file = read_file_of(key.id);
  behind_its_back([&](const BlobDirectory&, const CounterAccess& access) {
    const auto counter = open_counter(access, file["counter_index"].get<std::uint32_t>());
    ASSERT_TRUE(counter);
    ASSERT_EQ(Esys_NV_Increment(access.tpm.esys(), counter->id(), counter->id(),
                                access.session.id(), ESYS_TR_NONE, ESYS_TR_NONE),
              TSS2_RC_SUCCESS);
  });
  open();
  EXPECT_REFUSED(sign(key.id), Code::hsm_key_ended);
  expect_unfit(key, "hsm_key_ended");
}

TEST_F(Destruction, RestoredFileDoesNotSignWhenItsIndexIsDefinedAgain) {
  const KeyInfo key = destroyed_and_restored();
  const auto index = read_file_of(key.id)["counter_index"].get<std::uint32_t>();
  behind_its_back([&](const BlobDirectory&, const CounterAccess& access) {
    ASSERT_TRUE(make_counter(access, index));
  });
  open();
  EXPECT_REFUSED(sign(key.id), Code::hsm_key_ended);
}

// By whoever has the owner's authorisation, with a secret of his own.
TEST_F(Destruction, KeyWhoseCounterSomebodyDefinedAnewIsUnfitAndTheOthersSignOn) {
  const KeyInfo lost = make_key();
  const KeyInfo other = make_key();
  std::array<char, 16> index{};
  std::snprintf(index.data(), index.size(), "0x%X",
                read_file_of(lost.id)["counter_index"].get<unsigned>());
  tool({"tpm2_nvundefine", "-Q", "-C", "o", index.data()});
  tool({"tpm2_nvdefine", "-Q", index.data(), "-C", "o", "-s", "8", "-a",
        "authread|authwrite|no_da|nt=counter", "-p", "theirs"});
  tool({"tpm2_nvincrement", "-Q", "-C", index.data(), "-P", "theirs", index.data()});
  open();
  expect_unfit(lost, "hsm_key_ended");
  EXPECT_REFUSED(sign(lost.id), Code::hsm_key_ended);
  EXPECT_TRUE(sign(other.id));
}

TEST_F(Destruction, CounterMadeAgainNeverHasAValueThatItHadBefore) {
  behind_its_back([&](const BlobDirectory&, const CounterAccess& access) {
    const std::uint32_t index = first_counter_index + 7;
    std::uint64_t before = 0;
    for (int round = 0; round < 5; ++round) {
      const auto value = make_counter(access, index);
      ASSERT_TRUE(value) << value.error().to_string();
      EXPECT_GT(*value, before);
      before = *value + 1;  // end_counter increments once more
      ASSERT_TRUE(end_counter(access, index));
    }
  });
}

// The owner may delete it without our increment, and define it anew.
TEST_F(Destruction, CounterDeletedByTheOwnerNeverHasAValueThatItHadBefore) {
  behind_its_back([&](const BlobDirectory&, const CounterAccess& access) {
    const std::uint32_t index = first_counter_index + 7;
    const auto value = make_counter(access, index);
    ASSERT_TRUE(value);
    const auto counter = open_counter(access, index);
    ASSERT_TRUE(counter);
    ASSERT_EQ(Esys_NV_UndefineSpace(access.tpm.esys(), ESYS_TR_RH_OWNER, counter->id(),
                                    ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
              TSS2_RC_SUCCESS);
    EXPECT_GT(make_counter(access, index).value(), *value);
  });
}

TEST_F(Destruction, CounterMadeAgainAfterAPowerCutNeverHasAValueThatItHadBefore) {
  const std::uint32_t index = first_counter_index + 7;
  std::uint64_t first = 0;
  behind_its_back([&](const BlobDirectory&, const CounterAccess& access) {
    first = make_counter(access, index).value();
    ASSERT_TRUE(end_counter(access, index));
  });
  device_.tpm().power_cycle();
  behind_its_back([&](const BlobDirectory&, const CounterAccess& access) {
    EXPECT_GT(make_counter(access, index).value(), first + 1);
  });
}

TEST_F(Destruction, LivingKeysCounterCannotStandInForTheDestroyedOnes) {
  const KeyInfo living = make_key();
  const KeyInfo ended = destroyed_and_restored();
  Json file = read_file_of(ended.id);
  const Json other = read_file_of(living.id);
  file["counter_index"] = other["counter_index"];
  file["counter_value"] = other["counter_value"];
  store_.reset();
  device_.directory().write("blobs/" + to_string(ended.id) + ".key", file.dump());
  open();
  EXPECT_REFUSED(sign(ended.id), Code::hsm_key_unfit);
  EXPECT_TRUE(sign(living.id));
}

TEST_F(Destruction, OfARestoredFileDoesNotTouchAYoungerKeysCounter) {
  const KeyInfo ended = destroyed_and_restored();
  KeySpec younger{.id = ended.id};  // The same first two octets: the same index.
  younger.id[15] ^= 1U;
  ASSERT_TRUE(generate(younger));
  ASSERT_EQ(read_file_of(younger.id)["counter_index"], read_file_of(ended.id)["counter_index"]);
  ASSERT_TRUE(destroy(ended.id));
  EXPECT_TRUE(sign(younger.id));
}

TEST_F(Destruction, OfARestoredFileWorksAndRemovesIt) {
  const KeyInfo key = destroyed_and_restored();
  ASSERT_TRUE(destroy(key.id));
  EXPECT_FALSE(fs::exists(file_of(key.id)));
  EXPECT_REFUSED(destroy(key.id), Code::hsm_key_unknown);
}

TEST_F(Destruction, OfOneKeyLeavesTheOthersCounters) {
  const KeyInfo one = make_key();
  const KeyInfo other = make_key();
  ASSERT_TRUE(destroy(one.id));
  EXPECT_TRUE(sign(other.id));
  EXPECT_EQ(counters().size(), 1U);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
