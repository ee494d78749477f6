// Enrolment by App Attest: what is taken, and each check broken by itself.
#include <gtest/gtest.h>

#include "attest/apple_appattest/format.h"
#include "attest/offline/judge.h"
#include "attest/standing.h"
#include "attest/vocabulary.h"
#include "jose/base64url.h"
#include "support/app_attest_maker.h"
#include "support/soft_key.h"

namespace mintmark::test {
namespace {

namespace offline = attest::offline;
using attest::apple_appattest::Options;

const Moment now = from_unix(1'750'000'000);
const Sha256 binding = sha256("a binding");

const jose::PublicKey& token_key() {
  static const SoftKey key;
  return key.public_key();
}

Options options_for(const AppAttestMaker& maker) {
  Options options;
  options.trust = maker.trust();
  options.root_digest = maker.root_digest();
  options.app_ids = {"ABCDE12345.org.example.other", "ABCDE12345.org.example.agent"};
  return options;
}

Result<attest::Verdict> checked(const Json& evidence, const Options& options, Moment at = now,
                                std::shared_ptr<const attest::RecordedDevice> device = nullptr) {
  auto format = attest::apple_appattest::make_format(options);
  if (!format) return pass_on(format);
  return (*format)->check({evidence, binding, token_key(), at, [&](const std::string& id) {
                             return device && device->id == id ? device : nullptr;
                           }});
}
Result<attest::Verdict> checked(const AppAttestMaker& maker) {
  return checked(maker.evidence(binding, token_key()), options_for(maker));
}

template <typename T>
void refused(const Result<T>& result, Code code) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(facts_of(result.error().code).name, facts_of(code).name) << result.error().detail;
}

void broken(Code code, const std::function<void(AppAttestMaker&)>& breaks) {
  AppAttestMaker maker;
  breaks(maker);
  refused(checked(maker), code);
}

TEST(AppAttest, ANewKeyIsTakenWithItsApp) {
  const AppAttestMaker maker;
  const auto verdict = checked(maker);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  const attest::Facts& facts = verdict->facts();
  EXPECT_EQ(facts.format, "apple-appattest");
  EXPECT_EQ(facts.key_protection, "unproven");
  EXPECT_EQ(facts.manufacturer, "Apple");
  EXPECT_EQ(facts.root, maker.root_digest());
  EXPECT_EQ(facts.standing, "trusted");
  EXPECT_EQ(facts.proves, (std::vector<std::string>{"application", "hardware"}));
  EXPECT_EQ(attest::to_json(facts.more.at("application")), Json({"ABCDE12345.org.example.agent"}));
  EXPECT_EQ(attest::to_json(facts.more.at("environment")), "production");
  EXPECT_EQ(facts.memory.at("public_key"), jose::base64url(maker.spki()));
  EXPECT_EQ(facts.memory.at("counter"), "0");
  EXPECT_EQ(verdict->identity(), to_hex(sha256(maker.spki())));
  EXPECT_EQ(verdict->device_key(), token_key());
  for (const auto& [name, value] : facts.more) EXPECT_NE(attest::fact_named(name), nullptr);
}

TEST(AppAttest, TheNonceIsOverThisBinding) {
  const AppAttestMaker maker;
  Json evidence = maker.evidence(sha256("another"), token_key());
  refused(checked(evidence, options_for(maker)), Code::appattest_nonce);
  for (const Bytes& other : {Bytes(), Bytes(binding.begin(), binding.begin() + 31)}) {
    evidence["attestation_object"] = jose::base64url(maker.attestation(other));
    refused(checked(evidence, options_for(maker)), Code::appattest_nonce);
  }
  broken(Code::appattest_nonce, [](AppAttestMaker& one) {
    one.change_leaf = [](IssuedCertificate& leaf) { leaf.extensions.clear(); };
  });
}

TEST(AppAttest, TheKeyIsTheCertificatesAndItsIdIsItsDigest) {
  broken(Code::appattest_key_mismatch,
         [](AppAttestMaker& maker) { maker.leaf_is_of_another_key = true; });
  broken(Code::appattest_credential_id,
         [](AppAttestMaker& maker) { maker.credential_id = Bytes(32, 1); });
  const AppAttestMaker maker;
  Json evidence = maker.evidence(binding, token_key());
  evidence["key_id"] = jose::base64url(Bytes(32, 1));
  refused(checked(evidence, options_for(maker)), Code::appattest_key_id);
}

TEST(AppAttest, TheAppIsKnownAndTheCounterIsAtItsBeginning) {
  broken(Code::appattest_app_id,
         [](AppAttestMaker& maker) { maker.app_id = "ABCDE12345.org.example.agents"; });
  broken(Code::appattest_counter, [](AppAttestMaker& maker) { maker.counter = 1; });
}

TEST(AppAttest, KeysOfDevelopmentAreTakenWhereAskedFor) {
  AppAttestMaker maker;
  maker.aaguid = "appattestdevelop";
  refused(checked(maker), Code::appattest_environment);
  Options options = options_for(maker);
  options.development = true;
  const auto verdict = checked(maker.evidence(binding, token_key()), options);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(attest::to_json(verdict->facts().more.at("environment")), "development");
  maker.aaguid = "appattestx";
  refused(checked(maker.evidence(binding, token_key()), options), Code::appattest_environment);
}

TEST(AppAttest, TheRootIsTheOneWhoseDigestIsPinned) {
  const AppAttestMaker maker;
  const AppAttestMaker other;
  Options options = options_for(maker);
  const Json evidence = maker.evidence(binding, token_key());
  refused(checked(evidence, options_for(other)), Code::appattest_root);
  // The intermediate is trusted too, and ends the chain.
  options.trust = maker.trust_in_both();
  refused(checked(evidence, options), Code::appattest_root);
  options = options_for(maker);
  refused(checked(evidence, options, from_unix(1'500'000'000)), Code::certificate_not_yet_valid);
  refused(checked(evidence, options, from_unix(2'050'000'000)), Code::certificate_expired);
}

TEST(AppAttest, AnAuthoritysCertificateIsNoKeys) {
  broken(Code::appattest_certificate, [](AppAttestMaker& maker) {
    maker.change_leaf = [](IssuedCertificate& leaf) { leaf.ca = true; };
  });
}

TEST(AppAttest, ObjectsAreWhole) {
  broken(Code::appattest_object_malformed, [](AppAttestMaker& maker) { maker.format = "apple"; });
  const AppAttestMaker maker;
  const Options options = options_for(maker);
  refused(checked(Json::object(), options), Code::evidence_member);
  const Bytes whole = maker.attestation(binding);
  Json evidence = maker.evidence(binding, token_key());
  for (std::size_t length = 0; length < whole.size(); length += 5) {
    evidence["attestation_object"] = jose::base64url(BytesView(whole).first(length));
    refused(checked(evidence, options), Code::cbor_malformed);
  }
  evidence["attestation_object"] = jose::base64url(cbor::joined(whole, Bytes{0}));
  refused(checked(evidence, options), Code::cbor_trailing);
  for (const cbor::Members& members :
       {cbor::Members{}, cbor::Members{{cbor::text("fmt"), cbor::text("apple-appattest")}}}) {
    evidence["attestation_object"] = jose::base64url(cbor::map(members));
    refused(checked(evidence, options), Code::appattest_object_malformed);
  }
}

TEST(AppAttest, AReceiptIsCarriedAndNotNeeded) {
  AppAttestMaker maker;
  maker.receipt.reset();
  EXPECT_TRUE(checked(maker));
}

TEST(AppAttest, OptionsNameAppsAndARootOfThatDigest) {
  const AppAttestMaker maker;
  for (const auto& breaks : std::initializer_list<std::function<void(Options&)>>{
           [](Options& one) { one.trust = nullptr; }, [](Options& one) { one.app_ids.clear(); },
           [](Options& one) { one.root_digest = "1C"; },
           [](Options& one) { one.root_digest = attest::apple_appattest::apple_root_digest; }}) {
    Options options = options_for(maker);
    breaks(options);
    refused(attest::apple_appattest::make_format(options), Code::config_invalid);
  }
}

/// A device that attested, and its assertions.
class AppAttestAssertions : public ::testing::Test {
 protected:
  AppAttestAssertions() : device_(std::make_shared<attest::RecordedDevice>()) {
    device_->id = "device-1";
    device_->state = "enrolled";
    device_->facts = checked(maker_)->facts();
  }
  Result<attest::Verdict> asserted(std::uint32_t count, const std::string& id = "device-1") {
    return checked(maker_.known_evidence(binding, id, count), options_, now, device_);
  }
  AppAttestMaker maker_;
  Options options_ = options_for(maker_);
  std::shared_ptr<attest::RecordedDevice> device_;
};

TEST_F(AppAttestAssertions, OfAKnownDeviceAreTaken) {
  const auto verdict = asserted(1);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->identity(), to_hex(sha256(maker_.spki())));
  EXPECT_EQ(verdict->facts().memory.at("counter"), "1");
  EXPECT_EQ(verdict->facts().proves, device_->facts.proves);
  EXPECT_EQ(attest::to_json(verdict->facts().more.at("application")),
            Json({"ABCDE12345.org.example.agent"}));
  // After its leaf's life too: it was judged when it attested.
  EXPECT_TRUE(checked(maker_.known_evidence(binding, "device-1", 2), options_,
                      from_unix(2'050'000'000), device_));
}

TEST_F(AppAttestAssertions, OfAnUnknownDeviceAreRefused) {
  refused(asserted(1, "device-2"), Code::appattest_unknown_device);
  device_->facts.format = "webauthn";
  refused(asserted(1), Code::appattest_unknown_device);
  device_->facts.format = "apple-appattest";
  device_->facts.memory.clear();
  refused(asserted(1), Code::appattest_unknown_device);
}

TEST_F(AppAttestAssertions, AreSignedByTheAttestedKeyOverThisBinding) {
  Json evidence = maker_.known_evidence(sha256("another"), "device-1", 1);
  refused(checked(evidence, options_, now, device_), Code::appattest_signature);
  const AppAttestMaker other;
  evidence = other.known_evidence(binding, "device-1", 1);
  refused(checked(evidence, options_, now, device_), Code::appattest_signature);
}

TEST_F(AppAttestAssertions, AreOfTheAppThatAttested) {
  maker_.app_id = "ABCDE12345.org.example.other";
  refused(asserted(1), Code::appattest_app_id);
  maker_.app_id = "ABCDE12345.org.example.none";
  refused(asserted(1), Code::appattest_app_id);
}

TEST_F(AppAttestAssertions, CountUpwards) {
  refused(asserted(0), Code::appattest_counter);
  device_->facts.memory["counter"] = "5";
  refused(asserted(5), Code::appattest_counter);
  refused(asserted(4), Code::appattest_counter);
  EXPECT_TRUE(asserted(6));
  device_->facts.memory["counter"] = "5x";
  refused(asserted(6), Code::appattest_unknown_device);
}

TEST_F(AppAttestAssertions, FollowWhatIsKnownAndAnAttestationFollowsNothing) {
  const auto format = *attest::apple_appattest::make_format(options_);
  const attest::Facts first = device_->facts;
  const attest::Facts second = asserted(3)->facts();
  EXPECT_TRUE(format->follows(first, second));
  refused(format->follows(second, second), Code::appattest_counter);
  refused(format->follows(second, first), Code::appattest_counter);
  refused(format->follows(first, first), Code::appattest_counter);
  attest::Facts without = second;
  without.memory.erase("counter");
  refused(format->follows(without, second), Code::appattest_counter);
  EXPECT_TRUE(format->follows(attest::Facts{}, first))
      << "an operator named it, and nothing was heard yet";
}

TEST_F(AppAttestAssertions, HoldTheRulesOfToday) {
  device_->facts.more["environment"] = std::string("development");
  refused(asserted(1), Code::appattest_environment);
  device_->facts.more["environment"] = std::string("production");
  device_->facts.root = std::string(64, '0');
  refused(asserted(1), Code::appattest_root);
}

TEST_F(AppAttestAssertions, FollowTheRuleOfTheirRootAsItIsToday) {
  using attest::x509::RootRule;
  const auto under = [&](RootRule rule) {
    attest::x509::Trust::Parts parts;
    auto roots = attest::x509::certificates_in(maker_.root_pem());
    parts.anchors.push_back({std::move(roots.at(0)), rule});
    options_.trust =
        std::make_shared<const attest::x509::Trust>(*attest::x509::Trust::of(std::move(parts)));
  };
  under(RootRule::review);
  const auto doubtful = asserted(1);
  ASSERT_TRUE(doubtful) << doubtful.error().to_string();
  EXPECT_EQ(doubtful->facts().standing, "review");
  EXPECT_TRUE(doubtful->facts().proves.empty());
  under(RootRule::refuse);
  refused(asserted(1), Code::appattest_root);
  device_->facts.chain.clear();
  refused(asserted(1), Code::appattest_root);
  // Trusted again, or for the first time.
  under(RootRule::trust);
  device_->facts = doubtful->facts();
  const auto trusted = asserted(2);
  ASSERT_TRUE(trusted) << trusted.error().to_string();
  EXPECT_EQ(trusted->facts().standing, "trusted");
  EXPECT_EQ(trusted->facts().proves, (std::vector<std::string>{"application", "hardware"}));
}

TEST_F(AppAttestAssertions, OfAChainThatIsRefusedAnywhereAreRefused) {
  using attest::x509::RootRule;
  attest::x509::Trust::Parts parts;
  auto roots = attest::x509::certificates_in(maker_.root_pem());
  parts.anchors.push_back({std::move(roots.at(0)), RootRule::trust});
  const AppAttestMaker other;
  auto others = attest::x509::certificates_in(other.root_pem());
  parts.anchors.push_back({std::move(others.at(0)), RootRule::refuse});
  options_.trust =
      std::make_shared<const attest::x509::Trust>(*attest::x509::Trust::of(std::move(parts)));
  EXPECT_TRUE(asserted(1));
  device_->facts.chain.push_back({"CN=Between", "CN=Above", other.root_digest()});
  refused(asserted(1), Code::appattest_root);
}

TEST_F(AppAttestAssertions, AreWhole) {
  maker_.change_assertion = [](Bytes& data) { data.push_back(0); };
  refused(asserted(1), Code::appattest_assertion_malformed);
  maker_.change_assertion = [](Bytes& data) { data.pop_back(); };
  refused(asserted(1), Code::appattest_assertion_malformed);
  for (const Bytes& object :
       {cbor::map({}), cbor::map({{cbor::text("signature"), cbor::octets({})}}), cbor::array({})})
    refused(checked({{"client_id", "device-1"}, {"assertion", jose::base64url(object)}}, options_,
                    now, device_),
            Code::appattest_assertion_malformed);
  refused(checked({{"assertion", "AA"}}, options_, now, device_), Code::evidence_member);
  refused(checked({{"client_id", "device-1"}, {"assertion", 1}}, options_, now, device_),
          Code::evidence_member);
}

// --- the two statements as files, read without Apple's root: what binds them is judged ---

class AppAttestFiles : public ::testing::Test {
 protected:
  AppAttestFiles() { maker.receipt.reset(); }
  offline::Question of(std::vector<Bytes> files) const {
    return {"apple-appattest", std::move(files), nullptr, now, {}, {}, {}};
  }
  offline::Question attestation() const { return of({maker.attestation(hash)}); }
  offline::Question beside(std::uint32_t count = 1) const {
    offline::Question question =
        of({maker.attestation(Bytes(32, 1)), maker.assertion(hash, count)});
    question.challenge = to_bytes(hash);
    return question;
  }
  Json context() const {
    return {{"team_id", "ABCDE12345"},
            {"bundle_id", "org.example.agent"},
            {"client_data_b64", jose::base64(client_data)},
            {"key_id_b64", jose::base64(maker.key_id())},
            {"environment", "production"}};
  }
  static Bytes file(const Json& json) { return to_bytes(as_bytes(json.dump())); }
  static std::string answer(const offline::Question& question) {
    const Json json = to_json(*judge(question));
    return json.value("code", json["verdict"].get<std::string>());
  }
  static Json facts(const offline::Question& question) {
    return to_json(*judge(question))["facts"];
  }

  const Bytes client_data = to_bytes(as_bytes("client data"));
  const Sha256 hash = sha256("client data");
  AppAttestMaker maker;
};

TEST_F(AppAttestFiles, AnAttestationIsHeldToWhatTheContextSays) {
  offline::Question question = attestation();
  EXPECT_FALSE(facts(question).contains("app_id"));
  question.files.push_back(file(context()));
  EXPECT_EQ(answer(question), "parse");
  EXPECT_EQ(facts(question)["app_id"], maker.app_id);
  EXPECT_EQ(facts(question)["nonce_in_ext_1.2.840.113635.100.8.2"], true);
  const auto with = [&](const char* name, const Json& value) {
    Json changed = context();
    changed[name] = value;
    question.files[1] = file(changed);
    return answer(question);
  };
  EXPECT_EQ(with("client_data_b64", "!"), "evidence_option_unknown");
  EXPECT_EQ(with("client_data_b64", "AAAA"), "appattest_nonce");
  EXPECT_EQ(with("key_id_b64", "!"), "evidence_option_unknown");
  EXPECT_EQ(with("key_id_b64", "AAAA"), "appattest_key_id");
  EXPECT_EQ(with("environment", "test"), "evidence_option_unknown");
  EXPECT_EQ(with("environment", "development"), "parse") << "no root was asked for";
  EXPECT_EQ(with("team_id", "ABCDE12346"), "appattest_app_id");
  EXPECT_EQ(with("app_id", "ABCDE12345.org.example.other"), "appattest_app_id");
  EXPECT_EQ(with("bundle_id", 7), "parse") << "half a name is none";
  EXPECT_EQ(with("team_id", ""), "parse");
}

TEST_F(AppAttestFiles, WordsOfTheQuestionGoBeforeTheContexts) {
  offline::Question question = attestation();
  question.files.push_back(file({{"app_id", "another"}, {"environment", "another"}}));
  question.expected = {{"client_data", to_hex(client_data)},
                       {"app_id", maker.app_id},
                       {"key_id", jose::base64(maker.key_id())},
                       {"environment", "development"}};
  EXPECT_EQ(answer(question), "parse");
  question.expected["client_data"] = "00";
  EXPECT_EQ(answer(question), "appattest_nonce");
  question.expected["client_data"] = "0";
  EXPECT_EQ(answer(question), "evidence_option_unknown");
}

TEST_F(AppAttestFiles, OneAttestationOneAssertionAndOneContextAreJudged) {
  const Bytes object = maker.attestation(hash);
  const Bytes assertion = maker.assertion(hash, 1);
  EXPECT_EQ(answer(of({file(context())})), "evidence_files");
  EXPECT_EQ(answer(of({object, file(context()), file(context())})), "evidence_files");
  EXPECT_EQ(answer(of({object, assertion, object})), "evidence_files");
  EXPECT_EQ(answer(of({object, object})), "evidence_files");
  EXPECT_EQ(answer(of({assertion, assertion})), "appattest_object_malformed");
  EXPECT_EQ(answer(of({Bytes{0xA0}})), "appattest_object_malformed");
  maker.change_assertion = [](Bytes& data) { data.push_back(0); };
  EXPECT_EQ(answer(of({maker.assertion(hash, 1)})), "appattest_assertion_malformed");
}

TEST_F(AppAttestFiles, AReceiptBesideIsTheAttestations) {
  const Bytes receipt = {0x30, 0x00};
  EXPECT_EQ(answer(of({maker.assertion(hash, 1), receipt})), "evidence_files");
  EXPECT_EQ(answer(of({maker.attestation(hash), receipt})), "evidence_files");
  maker.receipt = receipt;
  EXPECT_EQ(answer(of({maker.attestation(hash), receipt})), "appattest_receipt");
}

TEST_F(AppAttestFiles, AnAssertionBesideIsSignedByTheAttestedKey) {
  offline::Question question = beside();
  question.expected = {{"app_id", maker.app_id}};
  EXPECT_EQ(answer(question), "parse");
  EXPECT_EQ(facts(question)["assertion"]["signature_valid"], true);
  question.challenge = Bytes(32, 2);
  EXPECT_EQ(answer(question), "appattest_signature");
  question.challenge.reset();
  EXPECT_EQ(answer(question), "parse");
  EXPECT_FALSE(facts(question)["assertion"].contains("signature_valid"));
  EXPECT_EQ(answer(beside(0)), "appattest_counter");
  question = beside();
  question.files[1] = AppAttestMaker().assertion(hash, 1);
  EXPECT_EQ(answer(question), "appattest_signature") << "of another key";
  maker.change_assertion = [](Bytes& data) { data[0] ^= 1U; };
  question = beside();
  question.expected = {{"app_id", maker.app_id}};
  EXPECT_EQ(answer(question), "appattest_app_id");
}

TEST_F(AppAttestFiles, AnAssertionAloneIsReadAndNoMore) {
  offline::Question question = of({maker.assertion(hash, 7)});
  question.challenge = Bytes(32, 2);
  EXPECT_EQ(answer(question), "parse");
  EXPECT_EQ(facts(question)["assertion"]["counter"], 7);
  EXPECT_FALSE(facts(question)["assertion"].contains("signature_valid"));
}

TEST_F(AppAttestFiles, AnAttestationIsOfAnEnvironmentAndItsCounterIsZero) {
  maker.aaguid = "appattestdevelop";
  EXPECT_EQ(facts(attestation())["environment"], "development");
  EXPECT_EQ(facts(attestation())["aaguid"], "appattestdevelop");
  maker.aaguid = "appattested";
  EXPECT_EQ(answer(attestation()), "appattest_environment");
  EXPECT_EQ(facts(attestation())["aaguid"], to_hex(as_bytes("appattested")) + "0000000000");
  maker.aaguid = "appattest";
  maker.counter = 1;
  EXPECT_EQ(answer(attestation()), "appattest_counter");
}

TEST_F(AppAttestFiles, ARootThatIsNotApplesVouchesForNothing) {
  offline::Question question = attestation();
  question.challenge = to_bytes(hash);
  const auto own = maker.trust();
  const auto others = AppAttestMaker().trust();
  for (const auto* roots : {own.get(), others.get()}) {
    question.roots = roots;
    question.files = {maker.attestation(hash), maker.root_pem()};
    EXPECT_EQ(answer(question), "appattest_root");
  }
  question.roots = own.get();
  question.at = from_unix(2'500'000'000);
  EXPECT_EQ(answer(question), "certificate_expired");
}

}  // namespace
}  // namespace mintmark::test
