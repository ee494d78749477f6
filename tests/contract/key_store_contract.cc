#include "contract/key_store_contract.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ostream>
#include <thread>
#include <vector>

#include "jose/jws.h"

namespace mintmark::test {

using namespace std::chrono_literals;

namespace {

Deadline soon() { return Deadline::in(30s); }

Json confirmation(hsm::Purpose purpose, const hsm::KeyInfo& key) {
  if (purpose == hsm::Purpose::access_token) return {{"jkt", key.kid()}};
  return {{"jwk", key.public_key.to_jwk()}};
}

template <typename T>
Code code_of(const Result<T>& result) {
  return result ? Code::internal : result.error().code;
}

}  // namespace

#define EXPECT_REFUSED(result, expected)                                \
  do {                                                                  \
    const auto& answer_ = (result);                                     \
    ASSERT_FALSE(answer_.has_value()) << "it was granted";              \
    EXPECT_EQ(facts_of(code_of(answer_)).name, facts_of(expected).name) \
        << answer_.error().to_string();                                 \
  } while (false)

#define ASSERT_GRANTED(result) ASSERT_TRUE((result).has_value()) << (result).error().to_string()

void PrintTo(const KeyStoreBackend& backend, std::ostream* out) { *out << backend.name; }

std::string KeyStoreUnderTest::signing_input(const hsm::KeyInfo& key, unsigned serial) {
  const bool token = key.purpose == hsm::Purpose::access_token;
  const std::int64_t now = to_unix(SystemClock{}.now());
  const Json header = {{"alg", jose::name_of(key.public_key.algorithm())},
                       {"kid", key.kid()},
                       {"typ", token ? "at+jwt" : "oauth-client-attestation+jwt"}};
  Json claims = {{"iss", contract_issuer},
                 {"sub", "device-1"},
                 {"iat", now},
                 {"exp", now + 300},
                 {"jti", "contract-" + std::to_string(serial)},
                 {"cnf", confirmation(key.purpose, key)}};
  if (token) {
    claims["aud"] = "https://service.example";
    claims["client_id"] = "device-1";
    claims["scope"] = "read";
  }
  return jose::signing_input(header, claims);
}

void KeyStoreContract::open(const KeyStoreOptions& options) {
  store_.reset();
  store_ = GetParam().make(options);
}

Result<hsm::KeyInfo> KeyStoreContract::generate(hsm::Purpose purpose, const hsm::KeyId& id,
                                                jose::Algorithm algorithm) {
  Answer<hsm::KeyInfo> answer;
  store_->admin().generate({.id = id, .purpose = purpose, .algorithm = algorithm}, soon(),
                           answer.done());
  return answer.wait();
}

Result<Bytes> KeyStoreContract::sign(const hsm::KeyId& key, const std::string& input) {
  Answer<Bytes> answer;
  store_->signer().sign(key, input, soon(), answer.done());
  return answer.wait();
}

Result<std::vector<hsm::KeyInfo>> KeyStoreContract::list() {
  Answer<std::vector<hsm::KeyInfo>> answer;
  store_->signer().list(soon(), answer.done());
  return answer.wait();
}

Result<void> KeyStoreContract::destroy(const hsm::KeyId& key) {
  Answer<void> answer;
  store_->admin().destroy(key, soon(), answer.done());
  return answer.wait();
}

Result<hsm::KeyEvidence> KeyStoreContract::evidence(const hsm::KeyId& key) {
  Answer<hsm::KeyEvidence> answer;
  store_->admin().evidence(key, soon(), answer.done());
  return answer.wait();
}

TEST_P(KeyStoreContract, NewStoreListsNoKeys) {
  const auto keys = list();
  ASSERT_GRANTED(keys);
  EXPECT_TRUE(keys->empty());
}

TEST_P(KeyStoreContract, GeneratedKeyHasTheIdAndPurposeAskedForAndMaySign) {
  const hsm::KeyId id = hsm::random_key_id();
  const auto key = generate(hsm::Purpose::client_attestation, id);
  ASSERT_GRANTED(key);
  EXPECT_EQ(key->id, id);
  EXPECT_EQ(key->purpose, hsm::Purpose::client_attestation);
  EXPECT_EQ(key->public_key.algorithm(), jose::Algorithm::es256);
  EXPECT_EQ(key->unfit, "");
}

TEST_P(KeyStoreContract, KeysOfEveryPurposeAreListedWithTheirPurpose) {
  const auto token = generate(hsm::Purpose::access_token);
  const auto attestation = generate(hsm::Purpose::client_attestation);
  const auto tls = generate(hsm::Purpose::tls);
  ASSERT_GRANTED(token);
  ASSERT_GRANTED(attestation);
  ASSERT_GRANTED(tls);
  const auto keys = list();
  ASSERT_GRANTED(keys);
  ASSERT_EQ(keys->size(), 3U);
  for (const hsm::KeyInfo& key : *keys) {
    const hsm::KeyInfo& same = key.id == token->id ? *token
                               : key.id == tls->id ? *tls
                                                   : *attestation;
    EXPECT_EQ(key.id, same.id);
    EXPECT_EQ(key.purpose, same.purpose);
    EXPECT_EQ(key.kid(), same.kid());
    EXPECT_EQ(key.unfit, "");
  }
}

TEST_P(KeyStoreContract, TwoKeysHaveTwoPublicKeys) {
  const auto one = generate();
  const auto other = generate();
  ASSERT_GRANTED(one);
  ASSERT_GRANTED(other);
  EXPECT_NE(one->kid(), other->kid());
}

TEST_P(KeyStoreContract, SignatureVerifiesWithThePublicKey) {
  for (const auto purpose : {hsm::Purpose::access_token, hsm::Purpose::client_attestation}) {
    const auto key = generate(purpose);
    ASSERT_GRANTED(key);
    const std::string input = store().signing_input(*key, 1);
    const auto signature = sign(key->id, input);
    ASSERT_GRANTED(signature);
    EXPECT_EQ(signature->size(), 64U);
    EXPECT_TRUE(key->public_key.verify(as_bytes(input), *signature));
    EXPECT_FALSE(key->public_key.verify(as_bytes(input + "x"), *signature));
  }
}

TEST_P(KeyStoreContract, KeysOfEveryAlgorithmSignAsAJwsHasItAlsoAfterReopening) {
  std::vector<hsm::KeyInfo> made;
  for (const jose::Algorithm algorithm : GetParam().algorithms) {
    const auto key = generate(hsm::Purpose::access_token, hsm::random_key_id(), algorithm);
    ASSERT_GRANTED(key);
    EXPECT_EQ(key->public_key.algorithm(), algorithm);
    EXPECT_EQ(key->unfit, "");
    made.push_back(*key);
  }
  for (int round = 0; round < 2; ++round) {
    const auto keys = list();
    ASSERT_GRANTED(keys);
    EXPECT_EQ(keys->size(), made.size());
    for (const hsm::KeyInfo& key : made) {
      const auto same = std::find_if(keys->begin(), keys->end(),
                                     [&](const hsm::KeyInfo& one) { return one.id == key.id; });
      ASSERT_NE(same, keys->end());
      EXPECT_EQ(same->public_key, key.public_key) << name_of(key.public_key.algorithm());
      EXPECT_EQ(same->unfit, "");
      const std::string input = store().signing_input(key, 1);
      const auto signature = sign(key.id, input);
      ASSERT_GRANTED(signature);
      EXPECT_TRUE(key.public_key.verify(as_bytes(input), *signature))
          << name_of(key.public_key.algorithm());
      EXPECT_FALSE(key.public_key.verify(as_bytes(input + "x"), *signature));
    }
    if (round == 0) store().reopen();
  }
}

TEST_P(KeyStoreContract, KeysOfManyAlgorithmsSignAtOnce) {
  std::vector<hsm::KeyInfo> keys;
  for (const jose::Algorithm algorithm : GetParam().algorithms) {
    const auto key = generate(hsm::Purpose::access_token, hsm::random_key_id(), algorithm);
    ASSERT_GRANTED(key);
    keys.push_back(*key);
  }
  constexpr unsigned each = 10;
  std::vector<Answer<Bytes>> answers(each * keys.size());
  std::vector<std::string> inputs;
  for (unsigned i = 0; i < answers.size(); ++i) {
    const hsm::KeyInfo& key = keys[i % keys.size()];
    inputs.push_back(store().signing_input(key, i));
    store().signer().sign(key.id, inputs.back(), soon(), answers[i].done());
  }
  for (unsigned i = 0; i < answers.size(); ++i) {
    const auto signature = answers[i].wait();
    ASSERT_GRANTED(signature);
    EXPECT_TRUE(keys[i % keys.size()].public_key.verify(as_bytes(inputs[i]), *signature));
  }
}

TEST_P(KeyStoreContract, AnAlgorithmThatItLacksIsRefusedAndLeavesNoKey) {
  for (const jose::Algorithm algorithm : GetParam().lacking) {
    EXPECT_REFUSED(generate(hsm::Purpose::access_token, hsm::random_key_id(), algorithm),
                   Code::hsm_mechanism_missing);
  }
  const auto keys = list();
  ASSERT_GRANTED(keys);
  EXPECT_TRUE(keys->empty());
}

TEST_P(KeyStoreContract, SignatureOfOneKeyDoesNotVerifyWithAnother) {
  const auto one = generate();
  const auto other = generate();
  ASSERT_GRANTED(one);
  ASSERT_GRANTED(other);
  const std::string input = store().signing_input(*one, 1);
  const auto signature = sign(one->id, input);
  ASSERT_GRANTED(signature);
  EXPECT_FALSE(other->public_key.verify(as_bytes(input), *signature));
}

TEST_P(KeyStoreContract, ManyConcurrentSignaturesAllVerify) {
  constexpr unsigned threads = 4;
  constexpr unsigned each = 25;
  const auto key = generate();
  ASSERT_GRANTED(key);
  std::atomic<unsigned> good{0};
  std::vector<std::thread> callers;
  for (unsigned t = 0; t < threads; ++t) {
    callers.emplace_back([&, t] {
      std::vector<std::pair<std::string, Answer<Bytes>>> calls(each);
      for (unsigned i = 0; i < each; ++i) {
        calls[i].first = store().signing_input(*key, t * each + i);
        store().signer().sign(key->id, calls[i].first, soon(), calls[i].second.done());
      }
      for (auto& [input, answer] : calls) {
        const auto signature = answer.wait();
        if (signature && key->public_key.verify(as_bytes(input), *signature)) ++good;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(good, threads * each);
}

TEST_P(KeyStoreContract, KeysSurviveReopeningTheStore) {
  const auto key = generate();
  ASSERT_GRANTED(key);
  store().reopen();
  const auto keys = list();
  ASSERT_GRANTED(keys);
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front().id, key->id);
  EXPECT_EQ(keys->front().kid(), key->kid());
  EXPECT_EQ(keys->front().unfit, "");
  const std::string input = store().signing_input(*key, 1);
  const auto signature = sign(key->id, input);
  ASSERT_GRANTED(signature);
  EXPECT_TRUE(key->public_key.verify(as_bytes(input), *signature));
}

TEST_P(KeyStoreContract, EvidenceSaysWhereTheKeyLives) {
  const auto key = generate();
  ASSERT_GRANTED(key);
  const auto found = evidence(key->id);
  ASSERT_GRANTED(found);
  EXPECT_FALSE(found->kind.empty());
  EXPECT_EQ(found->facts.at("kid"), key->kid());
}

TEST_P(KeyStoreContract, SigningWithAnUnknownKeyIsRefused) {
  const auto key = generate();
  ASSERT_GRANTED(key);
  EXPECT_REFUSED(sign(hsm::random_key_id(), store().signing_input(*key, 1)), Code::hsm_key_unknown);
}

TEST_P(KeyStoreContract, EvidenceOfAnUnknownKeyIsRefused) {
  EXPECT_REFUSED(evidence(hsm::random_key_id()), Code::hsm_key_unknown);
}

TEST_P(KeyStoreContract, GeneratingWithATakenIdIsRefusedAndOverwritesNothing) {
  const auto key = generate();
  ASSERT_GRANTED(key);
  EXPECT_REFUSED(generate(hsm::Purpose::access_token, key->id), Code::hsm_key_exists);
  EXPECT_REFUSED(generate(hsm::Purpose::client_attestation, key->id), Code::hsm_key_exists);
  const auto keys = list();
  ASSERT_GRANTED(keys);
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front().kid(), key->kid());
}

TEST_P(KeyStoreContract, OfManyGenerationsWithOneIdExactlyOneIsGranted) {
  const hsm::KeyId id = hsm::random_key_id();
  std::vector<Answer<hsm::KeyInfo>> answers(4);
  for (auto& answer : answers) store().admin().generate({.id = id}, soon(), answer.done());
  unsigned granted = 0;
  for (auto& answer : answers) {
    const auto key = answer.wait();
    if (key) {
      ++granted;
    } else {
      EXPECT_REFUSED(key, Code::hsm_key_exists);
    }
  }
  EXPECT_EQ(granted, 1U);
}

TEST_P(KeyStoreContract, DestroyedKeyIsNotListedAndSignsNoMore) {
  const auto kept = generate();
  const auto ended = generate();
  ASSERT_GRANTED(kept);
  ASSERT_GRANTED(ended);
  const std::string input = store().signing_input(*ended, 1);
  ASSERT_GRANTED(sign(ended->id, input));
  ASSERT_GRANTED(destroy(ended->id));
  EXPECT_REFUSED(sign(ended->id, input), Code::hsm_key_unknown);
  EXPECT_REFUSED(evidence(ended->id), Code::hsm_key_unknown);
  const auto keys = list();
  ASSERT_GRANTED(keys);
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_EQ(keys->front().id, kept->id);
}

TEST_P(KeyStoreContract, DestroyingAnUnknownKeyIsRefusedAndDestroysNothing) {
  const auto key = generate();
  ASSERT_GRANTED(key);
  EXPECT_REFUSED(destroy(hsm::random_key_id()), Code::hsm_key_unknown);
  const auto keys = list();
  ASSERT_GRANTED(keys);
  EXPECT_EQ(keys->size(), 1U);
}

TEST_P(KeyStoreContract, DestroyingTwiceIsRefused) {
  const auto key = generate();
  ASSERT_GRANTED(key);
  ASSERT_GRANTED(destroy(key->id));
  EXPECT_REFUSED(destroy(key->id), Code::hsm_key_unknown);
}

TEST_P(KeyStoreContract, EveryCallWhoseDeadlineHasPassedIsRefused) {
  const auto key = generate();
  ASSERT_GRANTED(key);
  const Deadline past = Deadline::in(-1ms);
  Answer<Bytes> signature;
  Answer<std::vector<hsm::KeyInfo>> keys;
  Answer<hsm::KeyInfo> made;
  Answer<void> ended;
  Answer<hsm::KeyEvidence> found;
  store().signer().sign(key->id, store().signing_input(*key, 1), past, signature.done());
  store().signer().list(past, keys.done());
  store().admin().generate({.id = hsm::random_key_id()}, past, made.done());
  store().admin().destroy(key->id, past, ended.done());
  store().admin().evidence(key->id, past, found.done());
  EXPECT_REFUSED(signature.wait(), Code::deadline_passed);
  EXPECT_REFUSED(keys.wait(), Code::deadline_passed);
  EXPECT_REFUSED(made.wait(), Code::deadline_passed);
  EXPECT_REFUSED(ended.wait(), Code::deadline_passed);
  EXPECT_REFUSED(found.wait(), Code::deadline_passed);
  const auto left = list();
  ASSERT_GRANTED(left);
  EXPECT_EQ(left->size(), 1U);
}

TEST_P(KeyStoreContract, FullQueueRefusesAtOnceAndAnswersEveryCallOnce) {
  open({.sessions = 1, .queue = 2});
  const auto key = generate();
  ASSERT_GRANTED(key);
  const std::string input = store().signing_input(*key, 1);
  std::vector<Answer<Bytes>> answers(2000);
  for (auto& answer : answers) store().signer().sign(key->id, input, soon(), answer.done());
  unsigned granted = 0;
  unsigned overloaded = 0;
  for (auto& answer : answers) {
    const auto signature = answer.wait();
    if (signature) {
      ++granted;
    } else {
      ASSERT_EQ(facts_of(code_of(signature)).name, facts_of(Code::overloaded).name)
          << signature.error().to_string();
      ++overloaded;
    }
  }
  EXPECT_GT(granted, 0U);
  EXPECT_GT(overloaded, 0U);
  ASSERT_GRANTED(sign(key->id, input));
}

TEST_P(KeyStoreContract, ClosingTheStoreAnswersEveryCallOnce) {
  const auto key = generate();
  ASSERT_GRANTED(key);
  const std::string input = store().signing_input(*key, 1);
  std::vector<Answer<Bytes>> answers(200);
  for (auto& answer : answers) store().signer().sign(key->id, input, soon(), answer.done());
  store().reopen();
  for (auto& answer : answers) {
    const auto signature = answer.wait();
    if (!signature) EXPECT_REFUSED(signature, Code::hsm_unavailable);
  }
}

}  // namespace mintmark::test
