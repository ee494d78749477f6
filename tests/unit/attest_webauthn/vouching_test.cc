// Who vouches for an authenticator, and for what: identities, keys that attest something else,
// Google's revocation list.
#include <gtest/gtest.h>

#include "attest/binding.h"
#include "attest/offline/judge.h"
#include "attest/webauthn/format.h"
#include "jose/base64url.h"
#include "support/soft_key.h"
#include "support/webauthn_maker.h"

namespace mintmark::test {
namespace {

using attest::webauthn::Options;
using attest::x509::RootRule;
using attest::x509::Trust;

const Moment now = from_unix(1'750'000'000);
const Sha256 binding = sha256("a binding");
constexpr const char* oid_aaguid = "1.3.6.1.4.1.45724.1.1.4";

Options options_for(const WebAuthnMaker& maker) {
  Options options;
  options.trust = maker.trust();
  options.rp_ids = {maker.rp_id};
  options.origins = {maker.origin};
  options.self = true;
  options.at = now;
  return options;
}

Result<attest::Verdict> checked(const WebAuthnMaker& maker, const Options& options) {
  auto format = attest::webauthn::make_format(options);
  if (!format) return pass_on(format);
  const SoftKey key;
  return (*format)->check(
      {maker.evidence(binding, key.public_key()), binding, key.public_key(), now});
}
Result<attest::Verdict> checked(const WebAuthnMaker& maker) {
  return checked(maker, options_for(maker));
}

bool is_told(const Result<attest::Verdict>& verdict, const char* name) {
  EXPECT_TRUE(verdict) << verdict.error().to_string();
  return verdict && verdict->facts().more.count(name) != 0;
}

std::string identity_of(const WebAuthnMaker& maker, const Options& options) {
  const auto verdict = checked(maker, options);
  EXPECT_TRUE(verdict) << verdict.error().to_string();
  return verdict ? verdict->identity() : std::string();
}
std::string identity_of(const WebAuthnMaker& maker) {
  return identity_of(maker, options_for(maker));
}

void refused(const Result<attest::Verdict>& verdict, Code code) {
  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(facts_of(verdict.error().code).name, facts_of(code).name) << verdict.error().detail;
}

std::shared_ptr<const Trust> trust_of(Trust::Parts parts) {
  return std::make_shared<const Trust>(*Trust::of(std::move(parts)));
}

TEST(WebAuthnIdentity, IsOneAuthoritysWordOnACredential) {
  for (const char* kind : {"packed", "tpm", "android-key", "apple", "fido-u2f"}) {
    SCOPED_TRACE(kind);
    const WebAuthnMaker victim(kind);
    WebAuthnMaker thief(kind);
    thief.name_credential_of(victim);
    EXPECT_EQ(identity_of(victim), identity_of(victim));
    EXPECT_NE(identity_of(victim), identity_of(thief));
    // Nor does one that nobody knows take it over.
    Options options = options_for(thief);
    Trust::Parts parts;
    parts.anchors.push_back({attest::x509::parse_certificate(victim.root_der()), RootRule::trust});
    parts.unknown = attest::x509::UnknownRoots::review;
    options.trust = trust_of(std::move(parts));
    EXPECT_NE(identity_of(victim, options), identity_of(thief, options));
  }
}

TEST(WebAuthnIdentity, OfSelfAttestationIsNobodyElses) {
  const WebAuthnMaker victim;
  WebAuthnMaker self("self");
  self.name_credential_of(victim);
  EXPECT_EQ(identity_of(self), to_hex(attest::hash_fields({as_bytes("webauthn"), as_bytes("self"),
                                                           self.credential_spki()})));
  EXPECT_NE(identity_of(self), identity_of(victim));
  EXPECT_NE(identity_of(self), identity_of(WebAuthnMaker("self")));
}

TEST(WebAuthnModel, IsToldWhereAnAttestationKeyOrItsCertificateNamesIt) {
  EXPECT_FALSE(is_told(checked(WebAuthnMaker("tpm")), "aaguid"));
  EXPECT_FALSE(is_told(checked(WebAuthnMaker("android-key")), "aaguid"));
  EXPECT_TRUE(is_told(checked(WebAuthnMaker("packed")), "aaguid"));
  for (const char* kind : {"tpm", "android-key"}) {
    SCOPED_TRACE(kind);
    WebAuthnMaker certified(kind);
    certified.change_leaf = [&](IssuedCertificate& leaf) {
      leaf.extensions.emplace_back(oid_aaguid, der_octets(certified.aaguid));
    };
    EXPECT_TRUE(is_told(checked(certified), "aaguid"));
    certified.change_leaf = [&](IssuedCertificate& leaf) {
      leaf.extensions.emplace_back(oid_aaguid, der_octets(Bytes(16, 9)));
    };
    refused(checked(certified), Code::webauthn_aaguid);
  }
}

TEST(WebAuthnCertificates, OfTpmsAttestForTpmAlone) {
  const std::vector<std::pair<std::string, Bytes>> marks = {
      {"2.5.29.37", der_sequence({der_oid("2.23.133.8.3")})},
      {"2.5.29.37", der_sequence({der_oid("1.3.6.1.5.5.7.3.2"), der_oid("2.23.133.8.1")})},
      {"2.5.29.17", tpm_names()}};
  for (const char* kind : {"packed", "fido-u2f"}) {
    for (const auto& mark : marks) {
      SCOPED_TRACE(kind + mark.first);
      WebAuthnMaker maker(kind);
      maker.change_leaf = [&](IssuedCertificate& leaf) { leaf.extensions.push_back(mark); };
      refused(checked(maker), Code::webauthn_certificate);
    }
  }
  WebAuthnMaker other("fido-u2f");
  other.change_leaf = [](IssuedCertificate& leaf) {
    leaf.extensions.emplace_back("2.5.29.37", der_sequence({der_oid("1.3.6.1.5.5.7.3.2")}));
  };
  EXPECT_TRUE(checked(other));
}

/// An Android key (serial 7) under authorities of serial 1, and Google's list.
struct Listed {
  explicit Listed(const char* kind = "android-key") : maker(kind), options(options_for(maker)) {}
  void list(const std::string& serial, const std::string& status) {
    options.revocation_list = Json{{"entries", {{serial, {{"status", status}}}}}}.dump();
  }
  [[nodiscard]] Result<attest::Verdict> check() const { return checked(maker, options); }
  WebAuthnMaker maker;
  Options options;
};

TEST(WebAuthnAndroid, WhatGoogleRevokedOrSuspendedIsRefused) {
  Listed listed;
  for (const char* serial : {"7", "1"}) {
    listed.list(serial, "REVOKED");
    refused(listed.check(), Code::android_revoked);
    listed.list(serial, "SUSPENDED");
    refused(listed.check(), Code::android_suspended);
  }
  listed.list("2", "REVOKED");
  EXPECT_FALSE(is_told(listed.check(), "not_evaluated"));
}

TEST(WebAuthnAndroid, TheListIsHeldAgainstTheChainThatWasVerified) {
  Listed listed;
  Trust::Parts parts;
  parts.anchors.push_back(
      {attest::x509::parse_certificate(listed.maker.root_der()), RootRule::trust});
  parts.intermediates.push_back(attest::x509::parse_certificate(listed.maker.intermediate_der()));
  listed.options.trust = trust_of(std::move(parts));
  // What the operator knows is not submitted, and is looked up all the same.
  listed.maker.with_intermediate = false;
  EXPECT_TRUE(listed.check());
  listed.list("1", "REVOKED");
  refused(listed.check(), Code::android_revoked);
}

TEST(WebAuthnAndroid, WithoutAListThatIsSaid) {
  const auto android = Listed().check();
  ASSERT_TRUE(android);
  EXPECT_EQ(attest::to_json(android->facts().more.at("not_evaluated")), Json({"revocation"}));
  Listed packed("packed");
  EXPECT_FALSE(is_told(packed.check(), "not_evaluated"));
  packed.list("7", "REVOKED");
  EXPECT_TRUE(packed.check()) << "Google's list is of its own certificates' serials";
}

TEST(WebAuthnAndroid, AListThatCannotBeReadIsNone) {
  Listed listed;
  listed.options.revocation_list = "{}";
  refused(listed.check(), Code::android_revocation_list);
  listed.list("7", "FORGIVEN");
  refused(listed.check(), Code::android_revocation_list);
}

TEST(WebAuthnAndroid, AnAttestedKeyAttestsNoOther) {
  WebAuthnMaker maker("android-key");
  maker.intermediate_is_attested = true;
  refused(checked(maker), Code::android_extension_misplaced);
}

// --- the same from files: what an authenticator gave, as people keep it ---

namespace offline = attest::offline;

const Bytes challenge = Bytes(32, 0x5A);

offline::Question files_of(const WebAuthnMaker& maker, const Trust* roots = nullptr) {
  const WebAuthnMaker::Made made = maker.make(challenge);
  offline::Question question{"webauthn", {made.object, made.client}, roots, now, challenge, {}, {}};
  question.expected = {{"rp_id", maker.rp_id}, {"origin", maker.origin}};
  return question;
}
Json said(const offline::Question& question) { return to_json(*offline::judge(question)); }
std::string answer(const offline::Question& question) {
  const Json json = said(question);
  return json.value("code", json["verdict"].get<std::string>());
}

TEST(WebAuthnFiles, AreReadWithoutRootsAndAcceptedByTheirOwn) {
  for (const std::string kind : {"packed", "tpm", "android-key", "apple", "fido-u2f"}) {
    SCOPED_TRACE(kind);
    const WebAuthnMaker maker(kind);
    const Json read = said(files_of(maker));
    EXPECT_EQ(read["verdict"], "parse") << read;
    EXPECT_EQ(read["facts"]["rp_id_hash_matches"], true);
    EXPECT_EQ(read["facts"]["signature_valid"], kind == "apple" ? Json() : Json(true));
    EXPECT_EQ(read["facts"].contains("name_matches_pubarea"), kind == "tpm");
    const auto trust = maker.trust();
    const Json taken = said(files_of(maker, trust.get()));
    EXPECT_EQ(taken["verdict"], "accept") << taken;
    EXPECT_EQ(taken["facts"]["chain_to_known_root"], true);
    const auto others = WebAuthnMaker(kind).trust();
    const Json refused = said(files_of(maker, others.get()));
    EXPECT_EQ(refused["code"], "certificate_untrusted_root");
    EXPECT_EQ(refused["facts"]["chain_to_known_root"], false);
  }
}

TEST(WebAuthnFiles, ThatNobodyVouchesForAreReadAndSelfAttestationWhereAllowed) {
  const auto trust = WebAuthnMaker().trust();
  const Json none = said(files_of(WebAuthnMaker("none"), trust.get()));
  EXPECT_EQ(none["verdict"], "parse") << none;
  EXPECT_EQ(none["facts"]["signature_valid"], Json());
  offline::Question question = files_of(WebAuthnMaker("self"), trust.get());
  EXPECT_EQ(said(question)["verdict"], "reject");
  EXPECT_EQ(said(question)["crypto"], "accept");
  question.allowed = {"self"};
  EXPECT_EQ(answer(question), "accept");
}

TEST(WebAuthnFiles, UnderARootInReviewAreNotAccepted) {
  const WebAuthnMaker maker;
  Trust::Parts parts;
  parts.anchors.push_back({attest::x509::parse_certificate(maker.root_der()), RootRule::review});
  const Trust review = *Trust::of(std::move(parts));
  const Json json = said(files_of(maker, &review));
  EXPECT_EQ(json["code"], "certificate_untrusted_root") << json;
  EXPECT_EQ(json["facts"]["standing"], "review");
}

TEST(WebAuthnFiles, MayBringTheIntermediateBesideThem) {
  WebAuthnMaker maker;
  maker.with_intermediate = false;
  const auto trust = maker.trust();
  offline::Question question = files_of(maker, trust.get());
  EXPECT_EQ(answer(question), "certificate_untrusted_root");
  question.files.push_back(maker.intermediate_der());
  question.files.push_back(maker.intermediate_der());
  EXPECT_EQ(answer(question), "accept");
}

TEST(WebAuthnFiles, AreHeldToWhatIsExpected) {
  const WebAuthnMaker maker;
  offline::Question question = files_of(maker);
  question.expected["rp_id"] = "another.example";
  EXPECT_EQ(answer(question), "webauthn_rp_id");
  question = files_of(maker);
  question.expected["origin"] = "https://another.example";
  EXPECT_EQ(answer(question), "webauthn_origin");
  question = files_of(maker);
  question.challenge = Bytes(32, 1);
  EXPECT_EQ(answer(question), "webauthn_challenge");
  question.challenge.reset();
  question.expected.clear();
  EXPECT_EQ(answer(question), "parse");
  EXPECT_FALSE(said(question)["facts"].contains("rp_id_hash_matches"));
}

TEST(WebAuthnFiles, AreOneObjectAndItsClientDataAloneOrInACredential) {
  const WebAuthnMaker::Made made = WebAuthnMaker().make(challenge);
  const auto of = [](std::vector<Bytes> files) {
    return answer({"webauthn", std::move(files), nullptr, now, challenge, {}, {}});
  };
  const auto credential = [](const Json& object, const Json& client) {
    const Json json = {{"response", {{"attestationObject", object}, {"clientDataJSON", client}}}};
    return to_bytes(as_bytes(json.dump()));
  };
  EXPECT_EQ(of({credential(jose::base64url(made.object), jose::base64(made.client))}), "parse");
  EXPECT_EQ(of({credential("!", jose::base64(made.client))}), "evidence_files");
  EXPECT_EQ(of({credential(jose::base64(made.object), 7)}), "evidence_files");
  EXPECT_EQ(of({made.object, made.client, to_bytes(as_bytes(R"({"response": {}})"))}), "parse");
  EXPECT_EQ(of({made.object, made.client, to_bytes(as_bytes(R"({"response": 7})"))}),
            "evidence_files")
      << "two client data";
  EXPECT_EQ(of({made.object}), "evidence_files");
  EXPECT_EQ(of({made.client}), "evidence_files");
  EXPECT_EQ(of({made.object, Bytes{0xA0}, made.client}), "evidence_files");
  EXPECT_EQ(of({made.object, made.client, Bytes{0x30, 0}}), "evidence_files");
  EXPECT_NE(of({Bytes{0xA0}, made.client}), "parse");
  EXPECT_NE(of({made.object, to_bytes(as_bytes("{}"))}), "parse");
}

}  // namespace
}  // namespace mintmark::test
