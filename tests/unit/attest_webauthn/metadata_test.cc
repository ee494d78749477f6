// FIDO's metadata: whose word it is, and what it does to authenticators.
#include <gtest/gtest.h>

#include "attest/webauthn/certificates.h"
#include "attest/webauthn/format.h"
#include "attest/webauthn/metadata.h"
#include "jose/base64url.h"
#include "support/soft_key.h"
#include "support/webauthn_maker.h"

namespace mintmark::test {
namespace {

using attest::webauthn::Options;

const Moment now = from_unix(1'750'000'000);
const Sha256 binding = sha256("a binding");

struct Scene {
  explicit Scene(const char* kind = "packed") : maker(kind) {
    options.rp_ids = {maker.rp_id};
    options.origins = {maker.origin};
    options.trust = WebAuthnMaker().trust();  // Knows nothing of this authenticator.
    options.mds_trust = metadata.trust();
    options.at = now;
  }
  void list(const std::vector<std::string>& statuses) {
    metadata.payload["entries"].push_back(
        MetadataMaker::entry(maker.aaguid, {maker.root_der()}, statuses));
  }
  Result<attest::Verdict> check(Moment at = now) {
    if (options.mds.empty()) options.mds = metadata.blob();
    auto format = attest::webauthn::make_format(options);
    if (!format) return pass_on(format);
    const SoftKey key;
    return (*format)->check(
        {maker.evidence(binding, key.public_key()), binding, key.public_key(), at});
  }
  WebAuthnMaker maker;
  MetadataMaker metadata;
  Options options;
};

void refused(const Result<attest::Verdict>& verdict, Code code) {
  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(facts_of(verdict.error().code).name, facts_of(code).name) << verdict.error().detail;
}

TEST(FidoMetadata, VouchesForTheAuthenticatorsThatItLists) {
  Scene scene;
  scene.list({"NOT_FIDO_CERTIFIED", "FIDO_CERTIFIED_L1", "UPDATE_AVAILABLE"});
  const auto verdict = scene.check();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  const attest::Facts& facts = verdict->facts();
  EXPECT_EQ(attest::to_json(facts.more.at("certified_by_fido")), "FIDO_CERTIFIED_L1");
  EXPECT_EQ(facts.model, "Test Authenticator 5");
  EXPECT_EQ(facts.proves, std::vector<std::string>{"hardware"});
  EXPECT_EQ(facts.root, to_hex(sha256(scene.maker.root_der())));
}

TEST(FidoMetadata, IsEnoughWithoutRootsOfTheOperators) {
  Scene scene;
  scene.options.trust = nullptr;
  scene.list({});
  const auto verdict = scene.check();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(attest::to_json(verdict->facts().more.at("certified_by_fido")), "NOT_FIDO_CERTIFIED");
}

TEST(FidoMetadata, VouchesForNoModelByTheRootsOfAnother) {
  Scene scene;
  scene.metadata.payload["entries"].push_back(
      MetadataMaker::entry(Bytes(16, 3), {scene.maker.root_der()}, {}));
  refused(scene.check(), Code::certificate_untrusted_root);
}

/// An authenticator that the operator's root vouches for names a model of another maker's.
struct Impostor : Scene {
  explicit Impostor(const char* kind) : Scene(kind) {
    maker.aaguid = Bytes(16, 3);
    options.trust = maker.trust();
    options.self = true;
  }
  void list_model(const Bytes& root, const std::vector<std::string>& statuses) {
    metadata.payload["entries"].push_back(MetadataMaker::entry(maker.aaguid, {root}, statuses));
  }
};
constexpr const char* kinds_with_models[] = {"packed", "tpm", "android-key", "self"};

bool is_told(const attest::Facts& facts, const char* name) { return facts.more.count(name) != 0; }

TEST(FidoMetadata, AModelThatIsMerelyNamedIsNotListed) {
  for (const std::string kind : kinds_with_models) {
    SCOPED_TRACE(kind);
    Impostor scene(kind.c_str());
    scene.list_model(WebAuthnMaker().root_der(), {"FIDO_CERTIFIED_L1"});
    const auto verdict = scene.check();
    ASSERT_TRUE(verdict) << verdict.error().to_string();
    EXPECT_FALSE(is_told(verdict->facts(), "certified_by_fido"));
    EXPECT_NE(verdict->facts().model, "Test Authenticator 5");
    EXPECT_EQ(is_told(verdict->facts(), "aaguid"), kind == "packed");
    scene.options.mds_required = true;
    refused(scene.check(), Code::webauthn_authenticator_unknown);
  }
}

TEST(FidoMetadata, AModelWithoutRootsOfItsOwnIsNotListed) {
  Impostor scene("packed");
  Json entry = MetadataMaker::entry(scene.maker.aaguid, {}, {"FIDO_CERTIFIED_L1"});
  scene.metadata.payload["entries"].push_back(entry);
  scene.options.mds_required = true;
  refused(scene.check(), Code::webauthn_authenticator_unknown);
}

TEST(FidoMetadata, AModelIsToldWhereItsOwnRootsVouchToo) {
  for (const std::string kind : {"packed", "tpm", "android-key"}) {
    SCOPED_TRACE(kind);
    Impostor scene(kind.c_str());
    scene.list_model(scene.maker.root_der(), {"FIDO_CERTIFIED_L1"});
    scene.options.mds_required = true;
    const auto verdict = scene.check();
    ASSERT_TRUE(verdict) << verdict.error().to_string();
    const attest::Facts& facts = verdict->facts();
    EXPECT_EQ(attest::to_json(facts.more.at("certified_by_fido")), "FIDO_CERTIFIED_L1");
    EXPECT_EQ(attest::to_json(facts.more.at("aaguid")), "03030303-0303-0303-0303-030303030303");
    EXPECT_EQ(facts.model, kind == "tpm" ? "Test TPM" : "Test Authenticator 5");
  }
}

TEST(FidoMetadata, SelfAttestationIsNoModelsEvenUnderTheRightName) {
  Impostor scene("self");
  scene.list_model(scene.maker.root_der(), {"FIDO_CERTIFIED_L1"});
  const auto verdict = scene.check();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_FALSE(is_told(verdict->facts(), "certified_by_fido"));
  EXPECT_FALSE(is_told(verdict->facts(), "aaguid"));
  EXPECT_EQ(verdict->facts().model, "");
  EXPECT_EQ(attest::to_json(verdict->facts().more.at("user_verified")), false);
  scene.options.mds_required = true;
  refused(scene.check(), Code::webauthn_authenticator_unknown);
}

TEST(FidoMetadata, WhatNamesABrokenModelIsRefusedWhoeverVouches) {
  for (const char* kind : kinds_with_models) {
    SCOPED_TRACE(kind);
    Impostor scene(kind);
    scene.list_model(WebAuthnMaker().root_der(), {"REVOKED"});
    refused(scene.check(), Code::webauthn_authenticator_status);
  }
}

TEST(FidoMetadata, KnowsU2fTokensByTheirKeys) {
  for (const bool listed : {true, false}) {
    Scene scene("fido-u2f");
    Json entry = MetadataMaker::entry(Bytes(16), {scene.maker.root_der()}, {});
    entry.erase("aaguid");
    entry["attestationCertificateKeyIdentifiers"] = {listed ? scene.maker.key_identifier()
                                                            : WebAuthnMaker().key_identifier()};
    scene.metadata.payload["entries"].push_back(entry);
    EXPECT_EQ(scene.check().has_value(), listed);
  }
}

TEST(FidoMetadata, EndsTrustInAuthenticatorsThatWereBroken) {
  for (const char* status : {"REVOKED", "ATTESTATION_KEY_COMPROMISE", "USER_KEY_REMOTE_COMPROMISE",
                             "USER_KEY_PHYSICAL_COMPROMISE", "USER_VERIFICATION_BYPASS"}) {
    Scene scene;
    scene.list({"FIDO_CERTIFIED", status, "UPDATE_AVAILABLE"});
    refused(scene.check(), Code::webauthn_authenticator_status);
    scene.options.trust = scene.maker.trust();
    refused(scene.check(), Code::webauthn_authenticator_status);
  }
}

TEST(FidoMetadata, MayBeRequired) {
  Scene scene;
  scene.options.trust = scene.maker.trust();
  EXPECT_TRUE(scene.check());
  scene.options.mds_required = true;
  refused(scene.check(), Code::webauthn_authenticator_unknown);
}

TEST(FidoMetadata, DoesNotVouchForWhatTheOperatorRefuses) {
  Scene scene;
  scene.list({});
  attest::x509::Trust::Parts parts;
  parts.anchors.push_back(
      {attest::x509::parse_certificate(scene.maker.root_der()), attest::x509::RootRule::refuse});
  scene.options.trust =
      std::make_shared<const attest::x509::Trust>(*attest::x509::Trust::of(std::move(parts)));
  refused(scene.check(), Code::certificate_untrusted_root);
}

TEST(FidoMetadata, IsOutOfDateAfterItsNextUpdate) {
  Scene scene;
  scene.list({});
  scene.metadata.payload["nextUpdate"] = "2025-06-15";  // `now` is that day.
  EXPECT_TRUE(scene.check());
  refused(scene.check(now + std::chrono::hours(24)), Code::mds_expired);
  scene.options.mds.clear();
  scene.metadata.payload["nextUpdate"] = "2025-06-14";
  refused(scene.check(), Code::mds_expired);
}

TEST(FidoMetadata, IsSignedByTheNameThatIsTrusted) {
  const auto blob = [](Code code, const std::function<void(Scene&)>& breaks) {
    Scene scene;
    scene.list({});
    breaks(scene);
    refused(scene.check(), code);
  };
  blob(Code::mds_chain, [](Scene& scene) { scene.metadata.signer = "mds.fidoalliance.example"; });
  blob(Code::mds_chain, [](Scene& scene) { scene.options.mds_trust = MetadataMaker().trust(); });
  blob(Code::mds_chain, [](Scene& scene) {
    scene.metadata.change_signer = [](IssuedCertificate& one) { one.not_after = now; };
    scene.options.at = now + std::chrono::hours(1);
  });
  blob(Code::mds_chain, [](Scene& scene) {
    scene.metadata.change_signer = [](IssuedCertificate& one) { one.extensions.clear(); };
  });
  blob(Code::mds_signature, [](Scene& scene) { scene.metadata.by_another_key = true; });
  for (const char* alg : {"none", "HS256", "RS256", "es256"})
    blob(Code::mds_signature, [&](Scene& scene) { scene.metadata.header["alg"] = alg; });
}

TEST(FidoMetadata, OfAnotherFormAreNone) {
  const auto blob = [](const std::function<void(Scene&)>& breaks) {
    Scene scene;
    scene.list({});
    breaks(scene);
    refused(scene.check(), Code::mds_malformed);
  };
  blob([](Scene& scene) { scene.options.mds = "a.b"; });
  blob([](Scene& scene) { scene.options.mds = "!.!.!"; });
  blob([](Scene& scene) { scene.options.mds = "e30.e30.AA"; });
  blob([](Scene& scene) { scene.metadata.header["x5c"] = Json::array(); });
  blob([](Scene& scene) { scene.metadata.header["x5c"] = Json::array({"AAAA"}); });
  blob([](Scene& scene) { scene.metadata.payload["nextUpdate"] = "2030-13-01"; });
  blob([](Scene& scene) { scene.metadata.payload["nextUpdate"] = "soon"; });
  blob([](Scene& scene) { scene.metadata.payload.erase("entries"); });
  blob([](Scene& scene) { scene.metadata.payload["entries"].push_back(1); });
}

TEST(FidoMetadata, ABitOfThePayloadIsSigned) {
  Scene scene;
  scene.list({});
  scene.options.mds = scene.metadata.blob();
  char& letter = scene.options.mds[scene.options.mds.find('.') + 12];
  letter = letter == 'A' ? 'B' : 'A';
  refused(scene.check(), Code::mds_signature);
}

TEST(FidoMetadata, ARootThatCannotBeReadVouchesForNobodyAndHarmsNoOther) {
  Scene scene;
  Json entry = MetadataMaker::entry(scene.maker.aaguid, {scene.maker.root_der()}, {});
  Json& roots = entry["metadataStatement"]["attestationRootCertificates"];
  roots.insert(roots.begin(), "AAAA");
  roots.back() = " " + roots.back().get<std::string>() + "\n";
  scene.metadata.payload["entries"].push_back(entry);
  EXPECT_TRUE(scene.check());
}

TEST(FidoMetadata, OfPartsThatAreNoJsonOrNoBase64AreNone) {
  for (const char* blob : {" \n", "e30", "e30.!.AA", "e30.e30.!", "WzFd.e30.AA", "ew.e30.AA"}) {
    Scene scene;
    scene.options.mds = blob;
    refused(scene.check(), Code::mds_malformed);
  }
}

TEST(FidoMetadata, ASignersCertificatesAreAListOfReadableOnes) {
  const MetadataMaker signer;
  const std::string whole = signer.blob();
  const Bytes header = *jose::from_base64url(whole.substr(0, whole.find('.')));
  const Json leaf = Json::parse(as_text(header))["x5c"][0];
  for (const Json& x5c :
       {Json("text"), Json(7), Json::array({7}), Json::array({"!"}), Json::array({leaf, 7}),
        Json::array({leaf, "!"}), Json::array({leaf, "AAAA"}), Json(std::vector<Json>(30, leaf))}) {
    Scene scene;
    scene.metadata.header["x5c"] = x5c;
    refused(scene.check(), Code::mds_malformed);
  }
}

TEST(FidoMetadata, APayloadHasEntriesAndADayOfTheCalendar) {
  const auto of = [](const std::function<void(Json&)>& breaks) {
    Scene scene;
    breaks(scene.metadata.payload);
    refused(scene.check(), Code::mds_malformed);
  };
  of([](Json& payload) { payload = Json::array(); });
  of([](Json& payload) { payload["entries"] = Json::object(); });
  of([](Json& payload) { payload.erase("nextUpdate"); });
  of([](Json& payload) { payload["nextUpdate"] = 20300101; });
  for (const char* day : {"2030/01-01", "2030-01/01", "2030-01-0:", "2030-01-0/", "2030-01-011",
                          "203x-01-01", "2030-00-01", "2030-02-30"})
    of([&](Json& payload) { payload["nextUpdate"] = day; });
}

TEST(FidoMetadata, WithoutAnAlgorithmInTextAreNotSigned) {
  for (const Json& alg : {Json(), Json(7), Json("")}) {
    Scene scene;
    scene.metadata.header["alg"] = alg;
    refused(scene.check(), Code::mds_signature);
  }
  Scene scene;
  scene.metadata.header.erase("alg");
  refused(scene.check(), Code::mds_signature);
}

TEST(FidoMetadata, OfASignerUnderReviewAreNotTaken) {
  Scene scene;
  attest::x509::Trust::Parts parts;
  for (auto& root : attest::x509::certificates_in(scene.metadata.root_pem()))
    parts.anchors.push_back({std::move(root), attest::x509::RootRule::review});
  scene.options.mds_trust =
      std::make_shared<const attest::x509::Trust>(*attest::x509::Trust::of(std::move(parts)));
  refused(scene.check(), Code::mds_chain);
}

TEST(FidoMetadata, AnEntryOfAnotherFormHarmsNoOther) {
  Json odd = {{"aaguid", 7},
              {"attestationCertificateKeyIdentifiers", {7}},
              {"metadataStatement", "text"},
              {"statusReports", {7, {{"status", 7}}}}};
  Json other = {{"attestationCertificateKeyIdentifiers", "text"},
                {"metadataStatement", {{"description", 7}, {"attestationRootCertificates", "x"}}},
                {"statusReports", "text"}};
  Scene scene;
  scene.metadata.payload["entries"] = {odd, other};
  scene.list({});
  scene.options.mds = scene.metadata.blob() + "\r\n ";
  EXPECT_TRUE(scene.check());
}

TEST(FidoMetadata, OfAModelsRootsSixtyFourAreTaken) {
  for (const bool within : {true, false}) {
    Scene scene;
    std::vector<Bytes> roots(within ? 63 : 64, WebAuthnMaker().root_der());
    roots.push_back(scene.maker.root_der());
    Json entry = MetadataMaker::entry(scene.maker.aaguid, roots, {});
    Json& list = entry["metadataStatement"]["attestationRootCertificates"];
    list.insert(list.begin(), 7);
    scene.metadata.payload["entries"].push_back(entry);
    EXPECT_EQ(scene.check().has_value(), within);
  }
}

TEST(FidoMetadata, OfTwoStatusesThatEndTrustTheFirstIsTold) {
  Scene scene;
  scene.list({"USER_VERIFICATION_BYPASS", "REVOKED"});
  const auto verdict = scene.check();
  refused(verdict, Code::webauthn_authenticator_status);
  EXPECT_NE(verdict.error().detail.find("USER_VERIFICATION_BYPASS"), std::string::npos);
}

TEST(FidoMetadata, FindNobodyWithoutModelAndCertificate) {
  Scene scene;
  scene.list({});
  const auto metadata = attest::webauthn::Metadata::parse(
      scene.metadata.blob(), *scene.metadata.trust(), scene.metadata.signer, now);
  ASSERT_TRUE(metadata) << metadata.error().to_string();
  EXPECT_EQ(metadata->find({}, nullptr), nullptr);
  attest::webauthn::Aaguid model{};
  std::copy_n(scene.maker.aaguid.begin(), model.size(), model.begin());
  EXPECT_NE(metadata->find(model, nullptr), nullptr);
}

TEST(AttestationCertificates, AreOfVersion3) {
  const WebAuthnMaker maker;
  IssuedCertificate of;
  of.key = new_pair("P-256");
  of.extensions = {{"2.5.29.19", der_sequence({})}};
  const auto certificate = issue(of, {nullptr, of.key});
  EXPECT_TRUE(attest::webauthn::check_attestation_certificate(certificate.get()));
  X509_set_version(certificate.get(), X509_VERSION_1);
  EXPECT_FALSE(attest::webauthn::check_attestation_certificate(certificate.get()));
}

}  // namespace
}  // namespace mintmark::test
