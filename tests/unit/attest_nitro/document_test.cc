// Nitro documents: one that is good, and each check broken alone and refused for just that.
#include "attest/nitro/document.h"

#include "attest/tpm2/signature.h"
#include "attest/vocabulary.h"
#include "nitro_fixture.h"

namespace mintmark::attest::nitro {
namespace {

namespace write = cbor;

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

}  // namespace
}  // namespace mintmark::attest::nitro
