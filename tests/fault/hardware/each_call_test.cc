// A key store whose module fails at each of its calls in turn: the right answer or an error with a
// code, nothing by halves, no key lost, and all as before when the fault is over.
#include "each_call.h"

#include <algorithm>

#include "faulty_store.h"
#include "support/token_objects.h"

namespace mintmark::test {
namespace {

using jose::Algorithm;

class EachCall : public FaultyStore {
 protected:
  void SetUp() override {
    open();
    for (const Algorithm algorithm : {Algorithm::es256, Algorithm::ed25519, Algorithm::rs256}) {
      const auto key = generate(algorithm);
      ASSERT_TRUE(key) << key.error().to_string();
      kept_.push_back(*key);
    }
  }

  /// As a keeper does: asks again, and opens anew what is of no use any more.
  template <typename Ask>
  auto within_the_promise(Ask ask) {
    const Deadline promised = Deadline::in(2s);
    auto answer = ask();
    while (!answer && !promised.passed()) {
      if (answer.error().code == Code::hsm_module_unusable) open();
      answer = ask();
    }
    EXPECT_TRUE(answer) << answer.error().to_string();
    return answer;
  }

  template <typename T>
  static void expect_told(const Result<T>& answer) {
    if (answer) return;
    EXPECT_NE(answer.error().code, Code::internal) << answer.error().to_string();
    EXPECT_FALSE(answer.error().detail.empty());
  }

  /// The keys that are kept are there and sign, and no other object of ours is.
  void expect_as_before() {
    const auto keys = within_the_promise([&] { return list(); });
    ASSERT_TRUE(keys);
    EXPECT_EQ(ids_of(*keys), ids_of(kept_));
    for (const hsm::KeyInfo& key : *keys) EXPECT_EQ(key.unfit, "");
    for (const hsm::KeyInfo& key : kept_)
      EXPECT_TRUE(is_good(key, within_the_promise([&] { return sign_with(key.id); })));
  }

  [[nodiscard]] static std::vector<std::string> ids_of(const std::vector<hsm::KeyInfo>& keys) {
    std::vector<std::string> ids;
    for (const hsm::KeyInfo& key : keys) ids.push_back(hsm::to_string(key.id) + " " + key.kid());
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  /// Private and public halves with that id in the token.
  [[nodiscard]] static std::pair<std::size_t, std::size_t> halves(const hsm::KeyId& id) {
    TokenObjects objects(SoftHsm::module(), SoftHsm::pin(), Module::open);
    const Bytes octets(id.begin(), id.end());
    return {objects.count(CKO_PRIVATE_KEY, octets), objects.count(CKO_PUBLIC_KEY, octets)};
  }
  static constexpr std::pair<std::size_t, std::size_t> none{0, 0};

  /// What an ended key leaves, whatever went wrong before: nothing.
  void expect_ends(const hsm::KeyId& id) {
    const auto ended = within_the_promise([&] {
      auto answer = destroy(id);
      if (!answer && answer.error().code == Code::hsm_key_unknown) answer = {};
      return answer;
    });
    EXPECT_EQ(halves(id), none);
  }

  std::vector<hsm::KeyInfo> kept_;
};

TEST_F(EachCall, OfOpeningAStore) {
  const auto run = [&] {
    auto opened = hsm::pkcs11::open_key_store(settings_);
    expect_told(opened);
    if (opened) store_ = std::move(*opened);
  };
  const auto judge = [&] {
    if (!store_) open();
    expect_as_before();
  };
  EXPECT_GT(each_call_fails(module_, {[&] { store_.reset(); }, run, judge}, {}), 20U);
}

TEST_F(EachCall, OfAList) {
  Result<std::vector<hsm::KeyInfo>> keys;
  const auto judge = [&] {
    expect_told(keys);
    if (keys) {
      EXPECT_EQ(ids_of(*keys), ids_of(kept_)) << "a list is whole";
    }
    for (const hsm::KeyInfo& key : keys.value_or(kept_)) EXPECT_EQ(key.unfit, "");
    expect_as_before();
  };
  const Trial trial{[&] { open(); }, [&] { keys = list(); }, judge};
  EXPECT_GT(each_call_fails(module_, trial, {.step = 4}), 80U);
}

TEST_F(EachCall, OfASignature) {
  for (const hsm::KeyInfo& key : kept_) {
    SCOPED_TRACE(jose::name_of(key.public_key.algorithm()));
    Result<Bytes> signature;
    const auto judge = [&] {
      expect_told(signature);
      if (signature) {
        EXPECT_TRUE(is_good(key, signature));
      }
      expect_as_before();
    };
    const Trial first{[&] { open(); }, [&] { signature = sign_with(key.id); }, judge};
    EXPECT_GT(each_call_fails(module_, first, {.step = 3}), 10U);
    const Trial later{[&] {
                        open();
                        ASSERT_TRUE(sign_with(key.id));
                      },
                      first.run, judge};
    EXPECT_EQ(each_call_fails(module_, later, {}), 2U);
  }
}

TEST_F(EachCall, OfEvidence) {
  const hsm::KeyInfo key = kept_.front();
  const Json right = evidence(key.id).value().facts;
  Result<hsm::KeyEvidence> told;
  const auto judge = [&] {
    expect_told(told);
    if (told) {
      EXPECT_EQ(told->facts, right);
    }
    expect_as_before();
  };
  const Trial trial{[&] { open(); }, [&] { told = evidence(key.id); }, judge};
  EXPECT_GT(each_call_fails(module_, trial, {}), 10U);
}

struct Making {
  Algorithm algorithm;
  InTurn in_turn;
};
void PrintTo(const Making& making, std::ostream* out) { *out << jose::name_of(making.algorithm); }

// Every call by each of these: they are what makes halves.
const std::vector<std::string> few_answers{"0x30", "0x2", "0x12", "0x5"};

class EachCallOfMaking : public EachCall, public ::testing::WithParamInterface<Making> {};

// One that was made is whole; of one that was not, what is left can be ended, as a keeper does with
// an intent that has no outcome.
TEST_P(EachCallOfMaking, AKey) {
  hsm::KeyId id{};
  Result<hsm::KeyInfo> made = kept_.front();
  const auto judge = [&] {
    expect_told(made);
    if (made) {
      EXPECT_TRUE(is_good(*made, within_the_promise([&] { return sign_with(id); })));
    }
    const auto keys = within_the_promise([&] { return list(); });
    EXPECT_EQ(keys->size(), kept_.size() + halves(id).second);
    if (made) {
      EXPECT_EQ(halves(id).second, 1U);
    }
    if (!made) {
      EXPECT_EQ(halves(id).first, halves(id).second) << "half a key";
    }
    expect_ends(id);
    expect_as_before();
  };
  const Trial trial{[&] {
                      open();
                      id = hsm::random_key_id();
                    },
                    [&] { made = generate(GetParam().algorithm, id); }, judge};
  EXPECT_GT(each_call_fails(module_, trial, GetParam().in_turn), 10U);
}

INSTANTIATE_TEST_SUITE_P(
    Table, EachCallOfMaking,
    ::testing::Values(Making{Algorithm::es256, {.answers = few_answers}},
                      Making{Algorithm::es256, {.answers = few_answers, .how = "after"}},
                      Making{Algorithm::es384, {.step = 5}},
                      Making{Algorithm::ed25519, {.step = 4}},
                      Making{Algorithm::rs256, {.step = 7}}, Making{Algorithm::ps256, {.step = 9}}),
    [](const auto& tested) {
      return std::string(jose::name_of(tested.param.algorithm)) +
             (tested.param.in_turn.how == "after" ? "WithTheAnswerLost" : "");
    });

class EachCallOfEnding : public EachCall, public ::testing::WithParamInterface<InTurn> {};

TEST_P(EachCallOfEnding, AKey) {
  std::optional<hsm::KeyInfo> key;
  Result<void> ended;
  const auto judge = [&] {
    expect_told(ended);
    if (ended) {
      EXPECT_EQ(halves(key->id), none);
    }
    const auto keys = within_the_promise([&] { return list(); });
    if (!ended && halves(key->id).first > 0) {
      EXPECT_TRUE(is_good(*key, within_the_promise([&] { return sign_with(key->id); })));
    }
    if (halves(key->id).first == 0) {
      EXPECT_EQ(keys->size(), kept_.size()) << "half a key is none that is listed";
    }
    expect_ends(key->id);
    expect_as_before();
  };
  const Trial trial{[&] {
                      open();
                      key = generate().value();
                      ASSERT_TRUE(sign_with(key->id)) << "so that there is a copy";
                    },
                    [&] { ended = destroy(key->id); }, judge};
  EXPECT_GT(each_call_fails(module_, trial, GetParam()), 10U);
}

INSTANTIATE_TEST_SUITE_P(Table, EachCallOfEnding,
                         ::testing::Values(InTurn{.answers = few_answers},
                                           InTurn{.answers = few_answers, .how = "after"}),
                         [](const auto& tested) {
                           return "ByAn" + std::string(tested.param.how == "after"
                                                           ? "AnswerThatIsLost"
                                                           : "Answer");
                         });

// Whatever failed before it: an id that is not there was not ended, one that is there is not made.
TEST_F(EachCall, OfEndingAKeyThatThereIsNot) {
  Result<void> ended;
  const auto judge = [&] {
    EXPECT_FALSE(ended) << "there was nothing to end";
    expect_told(ended);
    expect_as_before();
  };
  const Trial trial{[&] { open(); }, [&] { ended = destroy(hsm::random_key_id()); }, judge};
  EXPECT_GT(each_call_fails(module_, trial, {}), 5U);
}

TEST_F(EachCall, OfMakingAKeyWhoseIdIsTaken) {
  Result<hsm::KeyInfo> made = kept_.front();
  const auto judge = [&] {
    EXPECT_FALSE(made) << "it is another's";
    expect_told(made);
    expect_as_before();
    EXPECT_EQ(halves(kept_.front().id).second, 1U);
  };
  const Trial trial{[&] { open(); }, [&] { made = generate(Algorithm::es256, kept_.front().id); },
                    judge};
  EXPECT_GT(each_call_fails(module_, trial, {}), 5U);
}

// What lasts is told, and within two seconds of its end all is well.
TEST_F(EachCall, AndAllAfterIt) {
  const InTurn lasting{
      .answers = {"0x30", "0xB3", "0x101", "0x190", "0x6"}, .lasts = true, .step = 4};
  Result<void> answer;
  const auto judge = [&] {
    expect_told(answer);
    expect_as_before();
  };
  const auto told = [](const auto& given) {
    return given ? Result<void>() : Result<void>(tl::unexpected<Error>(given.error()));
  };
  const hsm::KeyId id = kept_.front().id;
  (void)each_call_fails(module_, {[&] { open(); }, [&] { answer = told(sign_with(id)); }, judge},
                        lasting);
  (void)each_call_fails(module_, {[&] { open(); }, [&] { answer = told(evidence(id)); }, judge},
                        lasting);
  hsm::KeyId other{};
  const auto ends = [&] {
    expect_told(answer);
    expect_ends(other);
    expect_as_before();
  };
  (void)each_call_fails(module_,
                        {[&] {
                           open();
                           other = hsm::random_key_id();
                         },
                         [&] { answer = told(generate(Algorithm::es256, other)); }, ends},
                        lasting);
  (void)each_call_fails(module_,
                        {[&] {
                           open();
                           other = generate().value().id;
                         },
                         [&] { answer = destroy(other); }, ends},
                        lasting);
}

}  // namespace
}  // namespace mintmark::test
