// Devices whose keys are in a secure element: enrolled by an identity certificate, and from then on
// like any other that attests.
#include <gtest/gtest.h>

#include <set>

#include "attest/binding.h"
#include "attest/x509/format.h"
#include "base/file.h"
#include "fake_element.h"
#include "fake_issuer.h"
#include "jose/base64url.h"

namespace mintmark::agent {
namespace {

const std::string begin_url = "https://issuer.example/attest/x509/begin";
const std::string finish_url = "https://issuer.example/attest/x509/finish";
const std::string token_url = "https://issuer.example/token";
const std::string uri =
    "pkcs11:token=element;object=identity?module-path=/lib/e.so&pin-source=/etc/pin";

class ElementDevice : public testing::Test {
 protected:
  ElementDevice() { bench_.element = &element_; }
  Result<Enrolment> try_to_enrol(const ByElement& way = {uri, "", false}) {
    return bench_.agent().enroll({.issuer = bench_.issuer.issuer, .ca_file = "", .way = way});
  }
  Identity enrol(const ByElement& way = {uri, "", false}) {
    auto enrolment = try_to_enrol(way);
    if (!enrolment) throw std::runtime_error(enrolment.error().to_string());
    return std::get<Identity>(*enrolment);
  }
  void expect_refused(Code code, const ByElement& way = {uri, "", false}) {
    const auto enrolment = try_to_enrol(way);
    ASSERT_FALSE(enrolment);
    EXPECT_EQ(enrolment.error().code, code) << enrolment.error().to_string();
    EXPECT_EQ(bench_.state().identity().error().code, Code::agent_not_enrolled);
  }
  Json finished(std::size_t at = 0) const {
    return Json::parse(bench_.issuer.seen_at(finish_url).at(at).body);
  }
  // As the issuer judges it.
  Result<attest::Verdict> judged(const Json& body) const {
    namespace x509 = attest::x509;
    std::vector<x509::Certificate> roots;
    std::vector<x509::Certificate> helpers;
    roots.push_back(x509::parse_certificate(element_.maker.root()));
    helpers.push_back(x509::parse_certificate(element_.maker.authority()));
    const auto trust = std::make_shared<const x509::Trust>(
        std::move(x509::Trust::from_certificates(std::move(roots), std::move(helpers)).value()));
    const auto key = jose::PublicKey::from_jwk(body["jwk"]).value();
    const Sha256 binding = attest::binding_of("x509", bench_.issuer.issuer,
                                              body["ticket"].get<std::string>(), key.thumbprint());
    return x509::make_format({trust})->check({.evidence = body["evidence"],
                                              .binding = binding,
                                              .key = key,
                                              .at = from_unix(1'800'000'000)});
  }

  FakeToken element_;
  Bench bench_;
};

TEST_F(ElementDevice, EnrolsByItsIdentityAndASecondKey) {
  const Identity identity = enrol();
  EXPECT_EQ(identity.client_id, "device-1");
  ASSERT_TRUE(identity.attestation);
  EXPECT_EQ(identity.attestation->text, "the.client.attestation");
  EXPECT_EQ(identity.attestation->boot_id, "");
  EXPECT_EQ(bench_.tpm.opened, 0);
  EXPECT_EQ(element_.last_uri, uri);

  const Json begun = Json::parse(bench_.issuer.seen_at(begin_url).at(0).body);
  EXPECT_EQ(begun, Json({{"jwk", finished()["jwk"]}}));
  EXPECT_EQ(finished()["ticket"], "the-ticket");
  const auto verdict = judged(finished());
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->device_key().thumbprint(), identity.jkt);
  EXPECT_EQ(verdict->identity(), to_hex(sha256(element_.spki)));
  EXPECT_EQ(verdict->facts().key_protection, "unproven");

  const ReadProof proof = read_proof(*bench_.issuer.seen_at(finish_url).at(0).headers.find("DPoP"));
  EXPECT_EQ(proof.jkt, identity.jkt);
  EXPECT_EQ(proof.claims["htm"], "POST");
  EXPECT_EQ(proof.claims["htu"], finish_url);
  EXPECT_EQ(proof.claims["nonce"], "the-ticket");
}

TEST_F(ElementDevice, EnrolsWithItsIdentityKeyAloneWhereItsOwnerSaysSo) {
  const Identity identity = enrol({uri, "", true});
  EXPECT_EQ(element_.keys_made, 0);
  const auto verdict = judged(finished());
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->facts().key_protection, "hardware");
  EXPECT_EQ(verdict->device_key().thumbprint(), identity.jkt);
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_EQ(finished(1)["jwk"], finished(0)["jwk"]);
}

TEST_F(ElementDevice, WhoseIdentityKeyIsNotOnP256SignsWithASecondOneOnly) {
  for (const auto algorithm : {jose::Algorithm::es384, jose::Algorithm::rs256}) {
    FakeToken other(algorithm);
    bench_.element = &other;
    expect_refused(Code::agent_pkcs11_key, {uri, "", true});
  }
}

TEST_F(ElementDevice, EnrolsWithIdentityKeysOfEveryAlgorithm) {
  for (const auto algorithm : jose::all_algorithms) {
    if (algorithm == jose::Algorithm::ps256) continue;  // An rsaEncryption key signs RS256.
    FakeToken other(algorithm);
    Bench bench;
    bench.element = &other;
    const auto done = bench.agent().enroll(
        {.issuer = bench.issuer.issuer, .ca_file = "", .way = ByElement{uri, "", false}});
    ASSERT_TRUE(done) << done.error().to_string();
    EXPECT_EQ(Json::parse(bench.issuer.seen_at(finish_url).at(0).body)["evidence"]["alg"],
              jose::name_of(algorithm));
  }
}

TEST_F(ElementDevice, ShowsTheCertificateOfAFileWithItsChain) {
  element_.certificate.clear();
  expect_refused(Code::agent_pkcs11_certificate);
  const Bytes own = element_.maker.certify(element_.spki);
  const auto der = bench_.directory.write("own.der", std::string(as_text(own))).string();
  enrol({uri, der, false});
  EXPECT_EQ(finished()["evidence"]["certificate"], jose::base64url(own));
  EXPECT_FALSE(finished()["evidence"].contains("chain"));

  const std::string pem = std::string(as_text(test::pem_of(own))) +
                          std::string(as_text(element_.maker.authority_pem()));
  enrol({uri, bench_.directory.write("own.pem", pem).string(), false});
  EXPECT_EQ(finished(1)["evidence"]["certificate"], jose::base64url(own));
  EXPECT_EQ(finished(1)["evidence"]["chain"],
            Json::array({jose::base64url(element_.maker.authority())}));
  EXPECT_EQ(element_.keys_made, 1);
}

TEST_F(ElementDevice, WithTheCertificateOfAnotherKeyOrNoneIsToldSoBeforeTheIssuerIs) {
  const test::IdentityDevice other(element_.maker);
  element_.certificate = other.certificate();
  expect_refused(Code::agent_pkcs11_certificate);
  element_.certificate = Bytes{0x30, 0x00};
  expect_refused(Code::agent_pkcs11_certificate);
  const auto text = bench_.directory.write("text.pem", "no certificate").string();
  expect_refused(Code::agent_pkcs11_certificate, {uri, text, false});
  expect_refused(Code::io_failed, {uri, "/nowhere/at.all", false});
  EXPECT_TRUE(bench_.issuer.seen_at(finish_url).empty());
}

TEST_F(ElementDevice, WaitsForItsApprovalWithTheKeyThatItHas) {
  bench_.issuer.refuse_next(finish_url, Code::enrolment_pending);
  const auto waiting = try_to_enrol();
  ASSERT_TRUE(waiting) << waiting.error().to_string();
  EXPECT_EQ(std::get<PendingEnrolment>(*waiting).fingerprint, to_hex(sha256(element_.spki)));
  EXPECT_EQ(bench_.state().identity().error().code, Code::agent_not_enrolled);
  enrol();
  EXPECT_EQ(element_.keys_made, 1);
  EXPECT_EQ(finished(0)["jwk"], finished(1)["jwk"]);
}

TEST_F(ElementDevice, LeavesNoSecondKeyBehindHoweverItsEnrolmentGoes) {
  for (const Code code : {Code::certificate_untrusted_root, Code::enrolment_revoked,
                          Code::x509_possession, Code::overloaded}) {
    bench_.issuer.refuse_next(finish_url, code);
    expect_refused(code);
  }
  bench_.issuer.instead[begin_url].push_back(http::json_response(200, "{}"));
  expect_refused(Code::issuer_answer_invalid);
  bench_.issuer.instead[finish_url].push_back(http::json_response(200, R"({"client_id":"x"})"));
  expect_refused(Code::issuer_answer_invalid);
  enrol();
  enrol();
  EXPECT_EQ(element_.keys_made, 1);
}

TEST_F(ElementDevice, MakesAKeyOfItsOwnInEachToken) {
  enrol();
  element_.name = "pkcs11:token=element;serial=2";
  enrol();
  EXPECT_EQ(element_.keys_made, 2);
  element_.name = "pkcs11:token=element;serial=1";
  enrol();
  EXPECT_EQ(element_.keys_made, 2);
}

TEST_F(ElementDevice, BeginsOnceAnewWhenTheTicketRanOut) {
  bench_.issuer.refuse_next(finish_url, Code::ticket_expired);
  enrol();
  EXPECT_EQ(bench_.issuer.seen_at(begin_url).size(), 2U);
}

TEST_F(ElementDevice, GetsTokensAndProvesAndCallsLikeAnyOther) {
  const Identity identity = enrol();
  const auto token = bench_.agent().token({"https://service.example", "read"});
  ASSERT_TRUE(token) << token.error().to_string();
  const SeenRequest request = bench_.issuer.seen_at(token_url).at(0);
  ASSERT_NE(request.headers.find("OAuth-Client-Attestation"), nullptr);
  EXPECT_EQ(*request.headers.find("OAuth-Client-Attestation"), "the.client.attestation");
  EXPECT_EQ(read_proof(*request.headers.find("DPoP")).jkt, identity.jkt);
  const auto proof = bench_.agent().proof({"GET", "https://service.example/x", "a.b.c"});
  ASSERT_TRUE(proof) << proof.error().to_string();
  EXPECT_EQ(read_proof(*proof).jkt, identity.jkt);
  const auto response = bench_.agent().call({.token = {"https://service.example", "read"},
                                             .method = "GET",
                                             .url = "https://service.example/x",
                                             .headers = {},
                                             .body = "",
                                             .ca_file = ""});
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(element_.keys_made, 1);
  EXPECT_EQ(bench_.tpm.opened, 0);
}

TEST_F(ElementDevice, AttestsAgainBeforeItsEvidenceEndsAndAtNoReboot) {
  const Identity identity = enrol();
  bench_.boot_id = "another-boot";
  ASSERT_TRUE(bench_.agent().token({"https://service.example", ""}));
  EXPECT_EQ(bench_.issuer.seen_at(begin_url).size(), 1U);
  bench_.clock.advance(std::chrono::seconds{3600 * 3 / 4});
  ASSERT_TRUE(bench_.agent().token({"https://service.example", ""}));
  EXPECT_EQ(bench_.issuer.seen_at(begin_url).size(), 2U);
  EXPECT_EQ(finished(1)["jwk"], finished(0)["jwk"]);
  EXPECT_EQ(bench_.state().identity()->attestation->attested_at, bench_.clock.now());
  EXPECT_EQ(bench_.state().identity()->jkt, identity.jkt);
}

TEST_F(ElementDevice, AttestsAgainWhereTheIssuerAsksForIt) {
  enrol();
  bench_.issuer.refuse_next(token_url, Code::evidence_stale);
  ASSERT_TRUE(bench_.agent().token({"https://service.example", ""}));
  EXPECT_EQ(bench_.issuer.seen_at(begin_url).size(), 2U);
}

TEST_F(ElementDevice, WhoseTokenIsAwayIsToldSoAndNotThatItWasRefused) {
  enrol();
  ASSERT_TRUE(bench_.agent().token({"https://service.example", ""}));
  bench_.clock.advance(std::chrono::seconds{3600 * 3 / 4});
  ASSERT_TRUE(bench_.agent().token({"https://service.example", ""}));
  element_.open_error = Error{Code::agent_pkcs11_token, "unplugged", 0};
  bench_.clock.advance(std::chrono::seconds{3600 * 3 / 4});
  const auto kept = bench_.agent().token({"https://service.example", ""});
  ASSERT_FALSE(kept) << "a proof for a new token needs the key";
  EXPECT_EQ(kept.error().code, Code::agent_pkcs11_token);
  EXPECT_FALSE(bench_.state().renewal().failure->refused);
  EXPECT_EQ(bench_.agent().proof({"GET", "https://service.example/x", "a"}).error().code,
            Code::agent_pkcs11_token);
}

TEST_F(ElementDevice, WhoseKeyIsGoneMakesNoOtherWithoutItsOwner) {
  enrol();
  element_.keys.clear();
  const auto attested = bench_.agent().attest();
  ASSERT_FALSE(attested);
  EXPECT_EQ(attested.error().code, Code::agent_pkcs11_key);
  EXPECT_EQ(element_.keys_made, 1);
  const Identity anew = enrol();
  EXPECT_EQ(element_.keys_made, 2);
  EXPECT_EQ(bench_.state().identity()->jkt, anew.jkt);
}

TEST_F(ElementDevice, WithAnotherKeyInThePlaceOfItsOwnProvesNothing) {
  enrol();
  element_.keys.begin()->second = test::make_openssl_pair(jose::Algorithm::es256);
  const auto proof = bench_.agent().proof({"GET", "https://service.example/x", "a.b.c"});
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::agent_pkcs11_key);
  EXPECT_NE(proof.error().detail.find("not the one that was enrolled"), std::string::npos);
}

TEST_F(ElementDevice, WithAPublicKeyInItsStateThatIsNotTheEnrolledOneProvesNothing) {
  enrol();
  Identity identity = bench_.state().identity().value();
  const auto other = test::make_openssl_pair(jose::Algorithm::es256);
  std::get<Pkcs11Key>(identity.key).device_key =
      test::public_half(other.get(), jose::Algorithm::es256).to_jwk();
  ASSERT_TRUE(bench_.state().save(identity));
  EXPECT_EQ(bench_.agent().proof({"GET", "https://service.example/x", "a.b.c"}).error().code,
            Code::agent_key_file);
}

TEST_F(ElementDevice, WhoseModuleOrPinFailsIsToldByItsCode) {
  for (const Code code : {Code::agent_pkcs11_uri, Code::agent_pkcs11_module,
                          Code::agent_pkcs11_token, Code::agent_pkcs11_pin}) {
    element_.open_error = Error{code, "no", 0};
    expect_refused(code);
  }
  element_.open_error.reset();
  element_.sign_error = Error{Code::hsm_unavailable, "no", 0};
  expect_refused(Code::hsm_unavailable);
}

TEST_F(ElementDevice, RemembersARefusedPinInItsStateAndKeepsNoPin) {
  enrol();
  EXPECT_EQ(element_.last_pin_memory, bench_.state().path().string() + "/pin-refused");
  const Json kept =
      Json::parse(read_file((bench_.state().path() / "identity.json").string()).value());
  EXPECT_EQ(kept["key"]["kind"], "pkcs11");
  EXPECT_EQ(kept["key"]["uri"], uri);
  const std::set<std::string> known = {"kind",       "uri",         "identity_id", "device_id",
                                       "device_key", "certificate", "fingerprint"};
  for (const auto& [name, value] : kept["key"].items()) EXPECT_EQ(known.count(name), 1U) << name;
}

TEST_F(ElementDevice, RefusesAStateThatIsNotWhole) {
  enrol();
  const auto file = bench_.state().path() / "identity.json";
  const Json whole = Json::parse(read_file(file.string()).value());
  for (const char* member :
       {"uri", "identity_id", "device_id", "device_key", "certificate", "fingerprint"}) {
    Json bad = whole;
    bad["key"].erase(member);
    ASSERT_TRUE(write_file_atomically(file, bad.dump(), 0600));
    const auto read = bench_.state().identity();
    ASSERT_FALSE(read) << member;
    EXPECT_EQ(read.error().code, Code::agent_state_invalid);
    EXPECT_NE(read.error().detail.find(member), std::string::npos) << read.error().detail;
  }
  Json bad = whole;
  bad.erase("client_attestation");
  ASSERT_TRUE(write_file_atomically(file, bad.dump(), 0600));
  EXPECT_FALSE(bench_.state().identity());
  ASSERT_TRUE(write_file_atomically(bench_.state().path() / "element-keys.json",
                                    R"({"format":1,"keys":[]})", 0600));
  EXPECT_EQ(bench_.state().element_key_id("x").error().code, Code::agent_state_invalid);
  ASSERT_TRUE(write_file_atomically(bench_.state().path() / "element-keys.json",
                                    R"({"format":1,"keys":{"x":7}})", 0600));
  EXPECT_EQ(bench_.state().element_key_id("x").error().code, Code::agent_state_invalid);
}

TEST_F(ElementDevice, SaysWhereItsKeyIsAndByWhatItIsKnown) {
  const Identity identity = enrol();
  const auto status = bench_.agent().status();
  ASSERT_TRUE(status) << status.error().to_string();
  EXPECT_EQ((*status)["key"]["kind"], "pkcs11");
  EXPECT_EQ((*status)["key"]["protection"], "token");
  EXPECT_EQ((*status)["key"]["uri"], uri);
  EXPECT_EQ((*status)["key"]["jkt"], identity.jkt);
  EXPECT_EQ((*status)["identity"]["spki_sha256"], to_hex(sha256(element_.spki)));
  EXPECT_EQ((*status)["identity"]["id"], "01");
  EXPECT_EQ((*status)["attestation"]["valid"], true);
  EXPECT_FALSE(status->contains("ek"));
}

}  // namespace
}  // namespace mintmark::agent
