// Attributes that a module shows wrongly: what it made or holds is taken for no other key, and
// nothing is ended for it.
#include "faulty_store.h"
#include "hsm/pkcs11/object_listing.h"

namespace mintmark::test {
namespace {

class AttributeFaults : public FaultyStore, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    open();
    for (const auto algorithm : {jose::Algorithm::es256, jose::Algorithm::rs256}) {
      kept_.push_back(generate(algorithm).value());
      ASSERT_TRUE(sign_with(kept_.back().id));
    }
    open();
    module_.fail(std::string("C_GetAttributeValue ") + GetParam());
  }
  void expect_as_before() {
    module_.fail("");
    open();
    const auto keys = list();
    ASSERT_TRUE(keys) << keys.error().to_string();
    EXPECT_EQ(keys->size(), kept_.size());
    for (const hsm::KeyInfo& key : kept_) EXPECT_TRUE(is_good(key, sign_with(key.id)));
  }

  std::vector<hsm::KeyInfo> kept_;
};

TEST_P(AttributeFaults, NoKeySignsWrongly) {
  for (const hsm::KeyInfo& key : kept_) {
    const auto signature = sign_with(key.id);
    EXPECT_TRUE(!signature || is_good(key, signature));
  }
  expect_as_before();
}

TEST_P(AttributeFaults, NoKeyIsListedAsFitThatIsNone) {
  const auto keys = list();
  for (const hsm::KeyInfo& key : keys ? *keys : std::vector<hsm::KeyInfo>()) {
    const bool known = std::any_of(kept_.begin(), kept_.end(), [&](const hsm::KeyInfo& one) {
      return one.kid() == key.kid() && one.id == key.id;
    });
    EXPECT_TRUE(known || !key.unfit.empty()) << hsm::to_string(key.id);
  }
  expect_as_before();
}

TEST_P(AttributeFaults, NoKeyIsMadeThatCannotBeReadBack) {
  const auto made = generate();
  EXPECT_FALSE(made);
  expect_as_before();
}

TEST_P(AttributeFaults, NoOtherKeyIsEnded) {
  EXPECT_FALSE(destroy(hsm::random_key_id()));
  expect_as_before();
}

TEST_P(AttributeFaults, NoEvidenceIsGivenOfAnotherKey) {
  const auto told = evidence(kept_.front().id);
  if (told) {
    EXPECT_EQ(told->facts.at("kid"), kept_.front().kid());
  }
  expect_as_before();
}

// It is for people to read: all that is asked is that it ends.
TEST_P(AttributeFaults, AllThatStandsInTheTokenIsListedOrNot) {
  store_.reset();
  const auto listed = hsm::pkcs11::list_objects(
      settings_.module, hsm::pkcs11::parse_token_selector(settings_.token).value(),
      Secret(SoftHsm::pin()));
  if (listed) {
    EXPECT_EQ(listed->size(), 2 * kept_.size());
  }
  expect_as_before();
}

INSTANTIATE_TEST_SUITE_P(Table, AttributeFaults,
                         ::testing::Values("garble", "length 0", "length 1", "length 7", "length 9",
                                           "length 16", "length 67", "length 300", "length 70000",
                                           "length 0xFFFFFFFFFFFFFFFF"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace mintmark::test
