// Nitro documents: one that is good, and each check broken alone and refused for just that.
#include "attest/nitro/document.h"

#include <gtest/gtest.h>

#include <functional>

#include "attest/binding.h"
#include "attest/nitro/format.h"
#include "attest/offline/judge.h"
#include "attest/tpm2/signature.h"
#include "attest/vocabulary.h"
#include "cbor/write.h"
#include "jose/base64url.h"
#include "support/nitro_maker.h"
#include "support/soft_key.h"
#include "support/test_tpm.h"

namespace mintmark::attest::nitro {
namespace {

namespace write = cbor;
using test::NitroMaker;
using Break = std::function<void(NitroMaker&)>;

const Moment now = from_unix(1'800'000'000);
const Sha256 binding = sha256("a binding");

x509::Trust trust_in(const Bytes& pem, x509::RootRule rule = x509::RootRule::trust) {
  x509::Trust::Parts parts;
  for (auto& root : x509::certificates_in(pem)) parts.anchors.push_back({std::move(root), rule});
  return x509::Trust::of(std::move(parts)).value();
}

class NitroDocument : public ::testing::Test {
 protected:
  NitroDocument() { maker.at = now; }

  Result<Verdict> checked(const Json& evidence, x509::RootRule rule = x509::RootRule::trust) {
    const auto trust = std::make_shared<const x509::Trust>(trust_in(maker.root_pem(), rule));
    const auto format = make_format({trust}).value();
    return format->check({evidence, binding, key.public_key(), now});
  }
  Code refusal(const Json& evidence) {
    const auto verdict = checked(evidence);
    EXPECT_FALSE(verdict);
    return verdict ? Code::internal : verdict.error().code;
  }
  Code refusal(const Break& broken) {
    broken(maker);
    return refusal(maker.evidence(binding, key.public_key()));
  }
  // As it is refused when the nonce is the maker's own.
  Code refusal_with_nonce(std::optional<Bytes> nonce) {
    maker.nonce = std::move(nonce);
    return refusal(Json{{"document", jose::base64url(maker.document())}});
  }

  NitroMaker maker;
  test::SoftKey key;
};

TEST_F(NitroDocument, OfAnEnclaveTellsWhatWasLaunchedAndWhoSignedIt) {
  const auto verdict = checked(maker.evidence(binding, key.public_key()));
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  const Facts& facts = verdict->facts();
  EXPECT_EQ(facts.format, "nitro");
  EXPECT_EQ(facts.key_protection, "unproven");
  EXPECT_EQ(facts.standing, "trusted");
  EXPECT_EQ(facts.manufacturer, "AWS");
  EXPECT_EQ(facts.model, "Nitro Enclave");
  EXPECT_EQ(facts.proves, (std::vector<std::string>{"application", "boot_state", "hardware"}));
  EXPECT_EQ(facts.pcr_bank, "sha384");
  EXPECT_EQ(facts.pcrs.size(), 16U);
  EXPECT_EQ(facts.more.at("measurement"), FactValue(to_hex(Bytes(48, 1))));
  EXPECT_EQ(facts.more.at("module"), FactValue(maker.module_id));
  EXPECT_EQ(facts.more.at("application_signer"),
            FactValue(std::vector<std::string>{to_hex(Bytes(48, 9))}));
  EXPECT_EQ(facts.chain.size(), 4U);
  for (const auto& [name, value] : facts.more) EXPECT_NE(fact_named(name), nullptr) << name;
  EXPECT_EQ(
      verdict->identity(),
      to_hex(hash_fields({as_bytes("nitro"), as_bytes(facts.root), as_bytes(maker.module_id)})));
}

TEST_F(NitroDocument, ThatIsTaggedIsTakenToo) {
  maker.tagged = true;
  EXPECT_TRUE(checked(maker.evidence(binding, key.public_key())));
}

TEST_F(NitroDocument, WithoutASignerOfItsImageProvesNoApplication) {
  maker.pcrs[8] = Bytes(48);
  const auto verdict = checked(maker.evidence(binding, key.public_key()));
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->facts().proves, (std::vector<std::string>{"boot_state", "hardware"}));
  EXPECT_EQ(verdict->facts().more.count("application_signer"), 0U);
}

TEST_F(NitroDocument, OfANitroTpmTellsTheMachinesPcrsAndNoMeasurementOfAnEnclave) {
  maker.machine = true;
  const auto verdict = checked(maker.evidence(binding, key.public_key()));
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->facts().model, "NitroTPM");
  EXPECT_EQ(verdict->facts().proves, (std::vector<std::string>{"boot_state", "hardware"}));
  EXPECT_EQ(verdict->facts().more.count("measurement"), 0U);
  EXPECT_EQ(verdict->facts().pcrs.at(4), to_hex(Bytes(48, 5)));
}

TEST_F(NitroDocument, OfAnotherModuleIsAnotherDevice) {
  const auto one = checked(maker.evidence(binding, key.public_key()));
  maker.module_id += "1";
  const auto other = checked(maker.evidence(binding, key.public_key()));
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->identity(), other->identity());
}

// Whoever has an authority may write any module's id into documents of its own.
class NitroModule : public NitroDocument {
 protected:
  NitroModule() { other.at = now; }
  // nothing: a root is not known.
  using Rule = std::optional<x509::RootRule>;
  std::string identity(NitroMaker& of, Rule own, Rule others) {
    x509::Trust::Parts parts;
    parts.unknown = x509::UnknownRoots::review;
    for (const auto& [root, rule] :
         {std::pair{NitroMaker().root_pem(), Rule(x509::RootRule::trust)},
          std::pair{maker.root_pem(), own}, std::pair{other.root_pem(), others}}) {
      if (rule) parts.anchors.push_back({std::move(x509::certificates_in(root)[0]), *rule});
    }
    const auto trust = std::make_shared<const x509::Trust>(*x509::Trust::of(std::move(parts)));
    const Json evidence = of.evidence(binding, key.public_key());
    const auto verdict =
        make_format({trust}).value()->check({evidence, binding, key.public_key(), now});
    EXPECT_TRUE(verdict) << verdict.error().to_string();
    return verdict ? verdict->identity() : "";
  }
  NitroMaker other;
};

TEST_F(NitroModule, UnderTwoAuthoritiesIsTwoDevicesUnderReviewToo) {
  const auto trust = x509::RootRule::trust;
  const auto review = x509::RootRule::review;
  const std::string known = identity(maker, trust, trust);
  EXPECT_NE(identity(other, trust, trust), known);
  EXPECT_NE(identity(other, trust, review), known);
  EXPECT_NE(identity(other, trust, std::nullopt), known);
  EXPECT_NE(identity(other, review, review), identity(maker, review, review));
  EXPECT_NE(identity(other, std::nullopt, std::nullopt),
            identity(maker, std::nullopt, std::nullopt));
}

TEST_F(NitroModule, WhoseBundlesLackTheirRootsIsTwoDevicesToo) {
  maker.bundle_from = other.bundle_from = 1;
  EXPECT_NE(identity(other, std::nullopt, std::nullopt),
            identity(maker, std::nullopt, std::nullopt));
  maker.bundle_from = other.bundle_from = 2;
  EXPECT_NE(identity(other, std::nullopt, std::nullopt),
            identity(maker, std::nullopt, std::nullopt));
}

TEST_F(NitroModule, IsTheSameDeviceWhateverTheRuleForItsRoot) {
  const std::string known = identity(maker, x509::RootRule::trust, std::nullopt);
  EXPECT_EQ(identity(maker, x509::RootRule::review, std::nullopt), known);
  EXPECT_EQ(identity(maker, std::nullopt, std::nullopt), known);
}

TEST_F(NitroDocument, UnderARootThatIsReviewedProvesNothing) {
  const auto verdict = checked(maker.evidence(binding, key.public_key()), x509::RootRule::review);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->facts().standing, "review");
  EXPECT_TRUE(verdict->facts().proves.empty());
}

TEST_F(NitroDocument, OfAnotherAuthorityIsRefused) {
  NitroMaker other;
  other.at = now;
  EXPECT_EQ(refusal(other.evidence(binding, key.public_key())), Code::certificate_untrusted_root);
}

TEST_F(NitroDocument, UnderARootThatIsRefusedIsRefused) {
  EXPECT_FALSE(checked(maker.evidence(binding, key.public_key()), x509::RootRule::refuse));
}

TEST_F(NitroDocument, WithAnIntermediateLeftOutIsRefused) {
  EXPECT_EQ(refusal([](NitroMaker& m) { m.bundle_to = 2; }), Code::certificate_untrusted_root);
}

TEST_F(NitroDocument, WithItsRootLeftOutIsTaken) {
  maker.bundle_from = 1;
  EXPECT_TRUE(checked(maker.evidence(binding, key.public_key())));
}

TEST_F(NitroDocument, OfAnEnclaveInDebugModeIsRefused) {
  EXPECT_EQ(refusal([](NitroMaker& m) { m.pcrs[0] = m.pcrs[1] = m.pcrs[2] = Bytes(48); }),
            Code::nitro_debug);
  EXPECT_EQ(refusal([](NitroMaker& m) {
              m.pcrs.erase(0);
              m.pcrs.erase(1);
              m.pcrs.erase(2);
            }),
            Code::nitro_debug);
}

TEST_F(NitroDocument, WithOneOfThreeImagePcrsZeroIsNoDebugMode) {
  maker.pcrs[2] = Bytes(48);
  EXPECT_TRUE(checked(maker.evidence(binding, key.public_key())));
}

TEST_F(NitroDocument, WithAnotherNonceOrNoneIsRefused) {
  Bytes wanted(binding.begin(), binding.end());
  Bytes longer = wanted;
  longer.push_back(0);
  Bytes flipped = wanted;
  flipped[31] ^= 1U;
  const Bytes prefix(wanted.begin(), wanted.begin() + 31);
  for (const auto& nonce :
       std::vector<std::optional<Bytes>>{std::nullopt, Bytes{}, prefix, longer, flipped, Bytes(32)})
    EXPECT_EQ(refusal_with_nonce(nonce), Code::nitro_nonce);
}

TEST_F(NitroDocument, MadeMoreThanFiveMinutesAwayIsRefused) {
  for (const auto& apart : {std::chrono::seconds(301), std::chrono::seconds(-301)})
    EXPECT_EQ(refusal([&](NitroMaker& m) { m.at = now + apart; }), Code::nitro_time);
  maker.at = now + std::chrono::seconds(300);
  EXPECT_TRUE(checked(maker.evidence(binding, key.public_key())));
}

TEST_F(NitroDocument, OutsideItsCertificatesLifeIsRefused) {
  EXPECT_EQ(refusal([](NitroMaker& m) { m.begins = std::chrono::seconds(60); }),
            Code::certificate_not_yet_valid);
  EXPECT_EQ(refusal([](NitroMaker& m) {
              m.begins = std::chrono::seconds(-120);
              m.ends = std::chrono::seconds(-60);
            }),
            Code::certificate_expired);
}

TEST_F(NitroDocument, SignedByAnotherKeyThanItsCertificatesIsRefused) {
  EXPECT_EQ(refusal([](NitroMaker& m) { m.by_another_key = true; }), Code::nitro_signature);
}

TEST_F(NitroDocument, OfAnotherAlgorithmOrCurveIsRefused) {
  EXPECT_EQ(refusal([](NitroMaker& m) { m.algorithm = -7; }), Code::nitro_alg);
  EXPECT_EQ(refusal([](NitroMaker& m) {
              m.algorithm = -35;
              m.curve = "P-256";
            }),
            Code::nitro_key_unsupported);
}

TEST_F(NitroDocument, WhoseCertificateIsAnAuthoritysOrMayNotSignIsRefused) {
  EXPECT_EQ(refusal([](NitroMaker& m) { m.leaf_is_ca = true; }), Code::certificate_is_ca);
  for (const char* usage : {"critical,keyEncipherment", static_cast<const char*>(nullptr)})
    EXPECT_EQ(refusal([&](NitroMaker& m) {
                m.leaf_is_ca = false;
                m.key_usage = usage;
              }),
              Code::certificate_usage);
}

TEST_F(NitroDocument, WithAMemberMissingOrOfAnotherShapeIsRefused) {
  for (const char* name : {"module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"})
    EXPECT_EQ(refusal([&](NitroMaker& m) { m.left_out = name; }), Code::nitro_document_malformed)
        << name;
  maker.left_out.reset();
  const Bytes long_octets = write::octets(Bytes(1025, 1));
  const std::vector<std::pair<const char*, Bytes>> bad = {
      {"module_id", write::text("")},
      {"module_id", write::number(1)},
      {"module_id", write::text(std::string(257, 'a'))},
      {"digest", write::null()},
      {"timestamp", write::number(0)},
      {"timestamp", write::number(-1)},
      {"timestamp", write::text("1")},
      {"certificate", write::octets({})},
      {"certificate", write::text("a")},
      {"certificate", long_octets},
      {"certificate", write::octets(Bytes(100, 0x30))},
      {"cabundle", write::array({})},
      {"cabundle", write::octets({})},
      {"cabundle", write::array(std::vector<Bytes>(9, write::octets(Bytes{1})))},
      {"cabundle", write::array(std::vector<Bytes>{write::text("a")})},
      {"cabundle", write::array({write::octets(Bytes(100, 0x30))})},
      {"cabundle", write::array({long_octets})},
      {"public_key", write::octets({})},
      {"public_key", write::text("a")},
      {"public_key", long_octets},
      {"user_data", long_octets},
      {"user_data", write::number(1)},
      {"nonce", long_octets},
      {"nonce", write::map({})},
      {"nitrotpm_pcrs", write::map({{write::number(0), write::octets(Bytes(48))}})}};
  for (const auto& [name, value] : bad) {
    maker.members = {{name, value}};
    EXPECT_EQ(refusal_with_nonce(Bytes(binding.begin(), binding.end())),
              Code::nitro_document_malformed)
        << name << " " << to_hex(value).substr(0, 40);
  }
}

TEST_F(NitroDocument, WithOtherDigestsOrPcrsThanSha384IsRefused) {
  EXPECT_EQ(refusal([](NitroMaker& m) { m.digest = "SHA256"; }), Code::nitro_digest);
  maker.digest = "SHA384";
  const auto good = maker.pcrs;
  for (const auto& [index, value] : std::vector<std::pair<std::int64_t, Bytes>>{
           {32, Bytes(48)}, {-1, Bytes(48)}, {3, Bytes(32)}, {3, Bytes(64)}, {3, Bytes{}}}) {
    maker.pcrs = good;
    maker.pcrs[index] = value;
    EXPECT_EQ(refusal(maker.evidence(binding, key.public_key())), Code::nitro_pcrs) << index;
  }
  maker.pcrs.clear();
  EXPECT_EQ(refusal(maker.evidence(binding, key.public_key())), Code::nitro_pcrs);
  maker.machine = true;
  maker.pcrs[24] = Bytes(48);
  EXPECT_EQ(refusal(maker.evidence(binding, key.public_key())), Code::nitro_pcrs);
}

TEST_F(NitroDocument, WithAPayloadThatIsNoMapOrTooLongIsRefused) {
  const auto with = [](const Bytes& payload) {
    return Json{{"document",
                 jose::base64url(write::sign1(write::map({{write::number(1), write::number(-35)}}),
                                              payload, Bytes(96)))}};
  };
  EXPECT_EQ(refusal(with(write::array({}))), Code::nitro_document_malformed);
  EXPECT_EQ(refusal(with({})), Code::cbor_malformed);
  maker.members = {{"padding", write::octets(Bytes(8000))}};
  EXPECT_TRUE(checked(maker.evidence(binding, key.public_key())));
  maker.members = {{"padding", write::octets(Bytes(longest_payload))}};
  EXPECT_EQ(refusal(maker.evidence(binding, key.public_key())), Code::nitro_document_malformed);
}

TEST_F(NitroDocument, WithEvidenceOfAnotherShapeIsRefused) {
  for (const Json& evidence :
       {Json::object(), Json{{"document", 1}}, Json{{"document", "=="}}, Json{{"doc", "AA"}}})
    EXPECT_EQ(refusal(evidence), Code::evidence_member) << evidence;
  EXPECT_EQ(refusal(Json{{"document", ""}}), Code::cbor_malformed);
}

TEST_F(NitroDocument, CutAnywhereOrWithAnyBitFlippedIsRefused) {
  maker.nonce = Bytes(binding.begin(), binding.end());
  const Bytes good = maker.document();
  const x509::Trust trust = trust_in(maker.root_pem());
  const auto holds = [&](const Bytes& octets) {
    const auto document = parse(octets);
    return document && check_signature(*document) && check_chain(*document, trust);
  };
  ASSERT_TRUE(holds(good));
  for (std::size_t i = 0; i < good.size(); i += i < 64 ? 1 : 37) {
    EXPECT_FALSE(parse(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i))));
    Bytes bad = good;
    bad[i] ^= 1U;
    EXPECT_FALSE(holds(bad)) << i;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(parse(longer));
}

// --- from files ---

class NitroFiles : public NitroDocument {
 protected:
  offline::Judgement judged(std::vector<Bytes> files) {
    offline::Question question;
    question.format = "nitro";
    question.files = std::move(files);
    trust = trust_in(maker.root_pem());
    question.roots = with_roots ? &*trust : nullptr;
    question.at = at;
    question.allowed = allowed;
    return offline::judge(question).value();
  }
  std::optional<x509::Trust> trust;
  bool with_roots = true;
  Moment at = now;
  std::set<std::string> allowed;
};

using Answer = offline::Judgement::Verdict;

TEST_F(NitroFiles, AreJudgedAtTheDocumentsTimeAndThenAtTheOneAsked) {
  EXPECT_EQ(judged({maker.document()}).verdict, Answer::accept);
  for (const auto& [when, code] :
       {std::pair{now + std::chrono::hours(4), Code::certificate_expired},
        std::pair{now - std::chrono::hours(1), Code::certificate_not_yet_valid}}) {
    at = when;
    const auto judgement = judged({maker.document()});
    EXPECT_EQ(judgement.verdict, Answer::reject);
    EXPECT_TRUE(judgement.crypto_good);
    EXPECT_EQ(judgement.refusal->code, code);
  }
}

TEST_F(NitroFiles, TellWhetherADeviceCouldStillEnrolWithThem) {
  EXPECT_EQ(judged({maker.document()}).facts["fresh_for_enrolment"], true);
  for (const auto& [apart, fresh] :
       {std::pair{300, true}, std::pair{301, false}, std::pair{3600, false}}) {
    at = now + std::chrono::seconds(apart);
    const auto judgement = judged({maker.document()});
    EXPECT_EQ(judgement.verdict, Answer::accept);
    EXPECT_EQ(judgement.facts["fresh_for_enrolment"], fresh) << apart;
  }
}

TEST_F(NitroFiles, WithoutRootsAreParsed) {
  with_roots = false;
  EXPECT_EQ(judged({maker.document()}).verdict, Answer::parse);
  maker.by_another_key = true;
  EXPECT_EQ(judged({maker.document()}).verdict, Answer::reject);
}

TEST_F(NitroFiles, OfDebugModeAreGoodButRefusedUnlessAllowed) {
  maker.pcrs[0] = maker.pcrs[1] = maker.pcrs[2] = Bytes(48);
  const auto refused = judged({maker.document()});
  EXPECT_TRUE(refused.crypto_good);
  EXPECT_EQ(refused.refusal->code, Code::nitro_debug);
  allowed = {"debug"};
  EXPECT_EQ(judged({maker.document()}).verdict, Answer::accept);
}

TEST_F(NitroFiles, AsBase64TextAreTheSame) {
  const std::string text = jose::base64(maker.document()) + "\n";
  EXPECT_EQ(judged({to_bytes(as_bytes(text))}).verdict, Answer::accept);
}

TEST_F(NitroFiles, InANameOfACertificateAreParsedAlone) {
  const auto judgement = judged({maker.carrier(maker.document())});
  EXPECT_EQ(judgement.verdict, Answer::parse);
  EXPECT_EQ(judgement.facts["module_id"], maker.module_id);
  EXPECT_EQ(judged({maker.carrier(Bytes(600, 0x84))}).verdict, Answer::reject);
}

TEST_F(NitroFiles, ThatAreNoDocumentOrTwoAreRefused) {
  EXPECT_EQ(judged({Bytes{1, 2, 3}}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({Bytes{}}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({maker.document(), maker.document()}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({maker.document(), Bytes{1, 2, 3}}).refusal->code, Code::evidence_files);
}

TEST_F(NitroFiles, OfAnotherCertificateOrKeyBesideTheDocumentAreRefused) {
  const auto other = parse(maker.document());
  ASSERT_TRUE(other);
  EXPECT_EQ(judged({maker.document(), other->certificate}).refusal->code, Code::evidence_files);
  const Bytes point = key.public_key().to_point();
  maker.public_key = point;
  EXPECT_EQ(judged({maker.document(), point}).verdict, Answer::accept);
  maker.public_key = test::SoftKey().public_key().to_point();
  EXPECT_EQ(judged({maker.document(), point}).refusal->code, Code::nitro_public_key);
}

// --- a quote beside a NitroTPM's document ---

class NitroTpmQuote : public NitroFiles {
 protected:
  NitroTpmQuote() {
    maker.machine = true;
    maker.pcrs.clear();
    for (unsigned index = 0; index < 24; ++index) {
      tpm.pcrs[index] = Bytes(48, static_cast<std::uint8_t>(index));
      maker.pcrs[index] = tpm.pcrs[index];
      asked.indexes.push_back(index);
    }
    maker.nonce = Bytes(binding.begin(), binding.end());
    maker.public_key = tpm2::point_of(tpm.ak).value();
    tpm.before_quote = [](TPMS_ATTEST& quote) { select_sha384(quote); };
  }
  static void select_sha384(TPMS_ATTEST& quote) {
    quote.attested.quote.pcrSelect.pcrSelections[0].hash = TPM2_ALG_SHA384;
  }
  offline::Judgement judged_with_quote() {
    const auto answer = tpm.answer(*maker.nonce, asked);
    return judged({answer.quote_attest, maker.document(), answer.quote_signature});
  }
  Code refusal_of_quote() {
    const auto judgement = judged_with_quote();
    EXPECT_EQ(judgement.verdict, Answer::reject);
    return judgement.refusal ? judgement.refusal->code : Code::internal;
  }

  test::TestAuthority authority;
  test::TestTpm tpm{authority};
  tpm2::PcrSelection asked{"sha384", {}};
};

TEST_F(NitroTpmQuote, ByTheKeyThatTheDocumentAttestsIsTaken) {
  const auto judgement = judged_with_quote();
  EXPECT_EQ(judgement.verdict, Answer::accept) << offline::to_json(judgement);
  EXPECT_EQ(judgement.facts["quote_signature_valid"], true);
  EXPECT_EQ(judgement.facts["quote_pcr_digest_matches"], true);
  maker.public_key = cbor::spki_of(tpm2::openssl_key_of(tpm.ak).get());
  EXPECT_EQ(judged_with_quote().verdict, Answer::accept);
}

TEST_F(NitroTpmQuote, ByAnotherKeyOrOfADocumentWithoutOneIsRefused) {
  maker.public_key = test::SoftKey().public_key().to_point();
  EXPECT_EQ(refusal_of_quote(), Code::signature_invalid);
  maker.public_key.reset();
  EXPECT_EQ(refusal_of_quote(), Code::nitro_public_key);
  maker.public_key = Bytes(65, 4);
  EXPECT_EQ(refusal_of_quote(), Code::nitro_public_key);
}

TEST_F(NitroTpmQuote, BoundToAnotherNonceIsRefused) {
  const auto answer = tpm.answer(Bytes(32, 9), asked);
  EXPECT_EQ(judged({maker.document(), answer.quote_attest, answer.quote_signature}).refusal->code,
            Code::quote_binding);
  maker.nonce.reset();
  EXPECT_EQ(judged({maker.document(), answer.quote_attest, answer.quote_signature}).refusal->code,
            Code::quote_binding);
}

TEST_F(NitroTpmQuote, OfOtherPcrsThanTheDocumentsIsRefused) {
  maker.pcrs[3] = Bytes(48, 0xEE);
  EXPECT_EQ(refusal_of_quote(), Code::quote_digest);
  maker.pcrs.erase(3);
  EXPECT_EQ(refusal_of_quote(), Code::quote_selection);
}

TEST_F(NitroTpmQuote, OfAnotherBankIsRefused) {
  tpm.before_quote = nullptr;
  EXPECT_EQ(refusal_of_quote(), Code::quote_selection);
}

TEST_F(NitroTpmQuote, ThatNoTpmMadeOrThatIsNoneIsRefused) {
  tpm.before_quote = [](TPMS_ATTEST& quote) {
    select_sha384(quote);
    quote.magic = 0x01020304;
  };
  EXPECT_NE(judged_with_quote().verdict, Answer::accept);
  tpm.before_quote = nullptr;
  const auto answer = tpm.answer(*maker.nonce, asked);
  EXPECT_EQ(
      judged({maker.document(), answer.certify_attest, answer.certify_signature}).refusal->code,
      Code::quote_type);
}

TEST_F(NitroTpmQuote, WithoutItsSignatureIsRefused) {
  const auto answer = tpm.answer(*maker.nonce, asked);
  EXPECT_EQ(judged({maker.document(), answer.quote_attest}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({maker.document(), answer.quote_signature}).refusal->code, Code::evidence_files);
}

}  // namespace
}  // namespace mintmark::attest::nitro
