// The store and its TPM: what it holds, what it survives, what it refuses.
#include "issuer_tpm.h"

namespace mintmark::hsm::tpm2 {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t first_transient = 0x80000000;
constexpr std::uint32_t first_loaded_session = 0x02000000;

class Store : public IssuerTpmStore {
 protected:
  explicit Store(bool manufactured = false) : IssuerTpmStore(manufactured) {}

  void expect_nothing_is_held(const std::string& after) {
    {
      const Tpm connection = tpm();
      EXPECT_EQ(connection.handles(first_transient)->size(), 0U) << after;
      EXPECT_EQ(connection.handles(first_loaded_session)->size(), 0U) << after;
    }
    open();
  }
  /// Other programs' indexes, until not even a counter finds room: a TPM keeps some for counters.
  void fill() {
    const Tpm connection = tpm();
    const TPM2B_AUTH nothing{};
    std::uint32_t index = 0x01800100;
    constexpr TPMA_NV plain = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE;
    const std::pair<UINT16, TPMA_NV> kinds[] = {
        {2048, plain}, {256, plain}, {8, plain}, {8, plain | TPM2_NT_COUNTER << 4U}};
    for (const auto& [size, attributes] : kinds) {
      TSS2_RC rc = TSS2_RC_SUCCESS;
      while (rc == TSS2_RC_SUCCESS) {
        TPM2B_NV_PUBLIC area{};
        area.nvPublic.nvIndex = index++;
        area.nvPublic.nameAlg = TPM2_ALG_SHA256;
        area.nvPublic.attributes = attributes;
        area.nvPublic.dataSize = size;
        ESYS_TR id = ESYS_TR_NONE;
        rc = Esys_NV_DefineSpace(connection.esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
                                 ESYS_TR_NONE, ESYS_TR_NONE, &nothing, &area, &id);
      }
    }
  }
  std::uint32_t lockout_count() { return tpm().property(TPM2_PT_LOCKOUT_COUNTER).value(); }
  config::HsmStore with_pin(const std::string& pin) {
    config::HsmStore settings = device_.store();
    settings.pin.file = device_.directory().write("other-pin", pin).string();
    return settings;
  }
  config::HsmStore with_owner(const std::string& auth) {
    config::HsmStore settings = device_.store();
    settings.tpm->owner = device_.directory().write("owner", auth).string();
    return settings;
  }
};

class ManufacturedStore : public Store {
 protected:
  ManufacturedStore() : Store(true) {}
};

TEST_F(Store, HoldsNothingInTheTpmAfterAnyCall) {
  expect_nothing_is_held("opening");
  const KeyInfo key = make_key();
  expect_nothing_is_held("generate");
  ASSERT_TRUE(sign(key.id));
  expect_nothing_is_held("sign");
  ASSERT_TRUE(list());
  expect_nothing_is_held("list");
  ASSERT_TRUE(evidence(key.id));
  expect_nothing_is_held("evidence");
  EXPECT_REFUSED(generate({.id = random_key_id(), .algorithm = jose::Algorithm::ed25519}),
                 Code::hsm_mechanism_missing);
  expect_nothing_is_held("a refused generate");
  ASSERT_TRUE(destroy(key.id));
  expect_nothing_is_held("destroy");
}

TEST_F(Store, HoldsNothingInTheTpmAfterARefusedSignature) {
  const KeyInfo key = make_key();
  const std::string file = read_file(file_of(key.id)).value();
  ASSERT_TRUE(destroy(key.id));
  store_.reset();
  device_.directory().write("blobs/" + to_string(key.id) + ".key", file);
  open();
  EXPECT_REFUSED(sign(key.id), Code::hsm_key_ended);
  expect_nothing_is_held("a refused sign");
}

TEST_F(ManufacturedStore, HoldsNothingInTheTpmAfterEvidenceWithCertificates) {
  const KeyInfo key = make_key();
  const auto found = evidence(key.id);
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->facts["ek"].size(), 2U);
  expect_nothing_is_held("evidence");
}

TEST_F(Store, KeyIsFixedToItsTpmAndUsedByItsPolicyAlone) {
  const KeyInfo key = make_key();
  const auto octets = jose::from_base64url(read_file_of(key.id)["public"].get<std::string>());
  TPM2B_PUBLIC area{};
  std::size_t at = 0;
  ASSERT_EQ(Tss2_MU_TPM2B_PUBLIC_Unmarshal(octets->data(), octets->size(), &at, &area),
            TSS2_RC_SUCCESS);
  EXPECT_EQ(area.publicArea.objectAttributes, TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                                  TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                                  TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_NODA);
  EXPECT_EQ(area.publicArea.authPolicy.size, 32U);
}

TEST_F(Store, PowerCutOfTheTpmIsOutlived) {
  const KeyInfo key = make_key();
  for (int i = 0; i < 3; ++i) {
    device_.tpm().power_cycle();
    const auto signature = sign(key.id);
    ASSERT_TRUE(signature) << signature.error().to_string();
    EXPECT_TRUE(key.public_key.verify(as_bytes("input"), *signature));
  }
  device_.tpm().power_cycle();
  EXPECT_TRUE(generate({.id = random_key_id()}));
  device_.tpm().power_cycle();
  EXPECT_TRUE(destroy(key.id));
}

TEST_F(Store, WithoutItsTpmItIsUnavailable) {
  config::HsmStore settings = device_.store();
  settings.tpm->tcti = "swtpm:host=127.0.0.1,port=1";
  EXPECT_EQ(refusal_to_open(settings).code, Code::hsm_unavailable);
}

TEST_F(Store, AnotherPinIsRefusedAndLocksNothing) {
  const KeyInfo key = make_key();
  const std::uint32_t before = lockout_count();
  for (int i = 0; i < 40; ++i) {
    const Error refusal = refusal_to_open(with_pin("guess " + std::to_string(i)));
    ASSERT_EQ(refusal.code, Code::hsm_pin_refused) << refusal.to_string();
  }
  EXPECT_EQ(lockout_count(), before);
  open();
  EXPECT_TRUE(sign(key.id));
}

TEST_F(Store, EmptyPinIsRefused) {
  EXPECT_EQ(refusal_to_open(with_pin("\n")).code, Code::hsm_pin_empty);
}

TEST_F(Store, WholeDirectoryOnAnotherTpmIsRefused) {
  make_key();
  const test::Swtpm other;
  config::HsmStore settings = device_.store();
  settings.tpm->tcti = other.tcti();
  EXPECT_EQ(refusal_to_open(settings).code, Code::hsm_root_changed);
}

TEST_F(Store, FileOfAKeyOfAnotherTpmIsUnfitAndDoesNotSign) {
  test::TpmStore other;
  open(other.store());
  const KeyInfo theirs = make_key();
  const auto file = read_file(other.blobs() / (to_string(theirs.id) + ".key")).value();
  open();
  const KeyInfo own = make_key();
  Json changed = Json::parse(file);
  // With a counter that is good here: what keeps it out is the TPM's own encryption alone.
  changed["counter_index"] = read_file_of(own.id)["counter_index"];
  changed["counter_value"] = read_file_of(own.id)["counter_value"];
  store_.reset();
  device_.directory().write("blobs/" + to_string(theirs.id) + ".key", changed.dump());
  open();
  EXPECT_REFUSED(sign(theirs.id), Code::hsm_key_foreign);
  const auto keys = list();
  ASSERT_TRUE(keys);
  for (const KeyInfo& key : *keys) EXPECT_EQ(key.unfit.empty(), key.id == own.id) << key.unfit;
}

TEST_F(Store, DamagedFileIsRefusedWithItsName) {
  const KeyInfo key = make_key();
  const Json good = read_file_of(key.id);
  const auto refusal = [&](const Json& content) {
    store_.reset();
    device_.directory().write("blobs/" + to_string(key.id) + ".key", content.dump());
    return refusal_to_open(device_.store());
  };
  for (const char* member : {"version", "id", "purpose", "algorithm", "state", "counter_index",
                             "counter_value", "public", "private", "boot_authority"}) {
    Json lacking = good;
    lacking.erase(member);
    const Error error = refusal(lacking);
    EXPECT_EQ(error.code, Code::hsm_blob_malformed) << member;
    EXPECT_NE(error.detail.find(to_string(key.id)), std::string::npos) << error.detail;
  }
  Json another = good;
  another["id"] = to_string(random_key_id());
  EXPECT_EQ(refusal(another).code, Code::hsm_blob_malformed);
  Json no_key = good;
  no_key["public"] = "AAAA";
  EXPECT_EQ(refusal(no_key).code, Code::hsm_blob_malformed);
  EXPECT_EQ(refusal(good).code, Code::not_found);
}

TEST_F(Store, KeysWithoutTheStoresOwnFileAreRefused) {
  make_key();
  store_.reset();
  fs::remove(device_.blobs() / "store.json");
  EXPECT_EQ(refusal_to_open(device_.store()).code, Code::hsm_blob_malformed);
}

TEST_F(Store, SecondProcessIsRefused) {
  auto second = open_key_store(device_.store(), test::contract_issuer);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::hsm_blobs_in_use);
}

TEST_F(Store, ItsDirectoryIsItsOwnAlone) {
  EXPECT_EQ(fs::status(device_.blobs()).permissions(), fs::perms::owner_all);
}

TEST_F(Store, KeysLiveOnWhenTheStorageRootBecomesPersistent) {
  const KeyInfo key = make_key();
  make_root_persistent();
  open();
  EXPECT_TRUE(sign(key.id));
  expect_nothing_is_held("sign");
}

// As docs/operations.md has it.
TEST_F(Store, PersistentRootMadeByToolsIsTheRootOfAStoreMadeAfterIt) {
  store_.reset();
  fs::remove_all(device_.blobs());
  const auto context = (device_.directory().path() / "root.ctx").string();
  tool({"tpm2_createprimary", "-Q", "-C", "o", "-g", "sha256", "-G", "ecc256:aes128cfb", "-c",
        context, "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"});
  tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", context, "0x81000001"});
  tool({"tpm2_flushcontext", "-t"});
  open();
  EXPECT_TRUE(sign(make_key().id));
  expect_nothing_is_held("sign");
  tool({"tpm2_evictcontrol", "-Q", "-C", "o", "-c", "0x81000001"});
  EXPECT_EQ(refusal_to_open(device_.store()).code, Code::hsm_root_changed);
}

TEST_F(Store, OwnersAuthorisationIsNeededToMakeAKeyAndNotToSign) {
  const KeyInfo key = make_key();
  make_root_persistent();
  tool({"tpm2_changeauth", "-Q", "-c", "owner", "owner secret"});
  open();
  EXPECT_TRUE(sign(key.id));
  EXPECT_REFUSED(generate({.id = random_key_id()}), Code::hsm_owner_refused);
  open(with_owner("owner secret"));
  const auto made = generate({.id = random_key_id()});
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_TRUE(sign(made->id));
  EXPECT_TRUE(destroy(made->id));
}

// Its counter has moved on: what it waits for is that its place is given back.
TEST_F(Store, KeyThatTheOwnerDoesNotLetGoHindersNoOther) {
  const KeyInfo key = make_key();
  const KeyInfo other = make_key();
  make_root_persistent();
  tool({"tpm2_changeauth", "-Q", "-c", "owner", "owner secret"});
  open();
  EXPECT_REFUSED(destroy(key.id), Code::hsm_owner_refused);
  open();
  EXPECT_TRUE(sign(other.id));
  EXPECT_REFUSED(sign(key.id), Code::hsm_key_unknown);
  EXPECT_EQ(counters().size(), 2U);
  open(with_owner("owner secret"));
  EXPECT_EQ(counters().size(), 1U);
}

TEST_F(Store, WithAnOwnersAuthorisationAndNoPersistentRootItSaysWhatIsMissing) {
  tool({"tpm2_changeauth", "-Q", "-c", "owner", "owner secret"});
  fs::remove_all(device_.blobs());
  const Error refusal = refusal_to_open(with_owner("owner secret"));
  EXPECT_EQ(refusal.code, Code::hsm_owner_refused) << refusal.to_string();
  EXPECT_NE(refusal.detail.find("0x81000001"), std::string::npos);
}

TEST_F(Store, FullTpmRefusesANewKeyAndLeavesNoneHalfMade) {
  const KeyInfo key = make_key();
  fill();
  open();
  EXPECT_REFUSED(generate({.id = random_key_id()}), Code::hsm_nv_full);
  EXPECT_TRUE(sign(key.id));
  EXPECT_EQ(list()->size(), 1U);
  EXPECT_EQ(std::distance(fs::directory_iterator(device_.blobs()), fs::directory_iterator()), 2);
}

TEST_F(Store, TakenIndexIsPassedOver) {
  const KeyInfo one = make_key();
  KeySpec neighbour{.id = one.id};
  neighbour.id[15] ^= 1U;
  ASSERT_TRUE(generate(neighbour));
  EXPECT_EQ(read_file_of(neighbour.id)["counter_index"].get<unsigned>(),
            read_file_of(one.id)["counter_index"].get<unsigned>() + 1);
  EXPECT_TRUE(sign(one.id));
  EXPECT_TRUE(sign(neighbour.id));
}

TEST_F(Store, TellsHowManySignaturesItsTpmMakes) {
  EXPECT_GT(store_->signatures_a_second(), 0.1);
  EXPECT_LT(store_->signatures_a_second(), 100'000);
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
