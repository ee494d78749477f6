#include "agent/enrolment.h"

#include <gtest/gtest.h>

#include "attest/tpm2/binding.h"
#include "fake_issuer.h"
#include "hsm/tpm2/public_area.h"
#include "jose/base64url.h"

namespace mintmark::agent {
namespace {

const std::string begin_url = "https://issuer.example/attest/tpm2/begin";
const std::string finish_url = "https://issuer.example/attest/tpm2/finish";

Result<Enrolment> enroll(Bench& bench) {
  return bench.agent().enroll({.issuer = bench.issuer.issuer, .ca_file = "", .way = ByTpm{}});
}

const TpmKey& tpm_key_of(const Identity& identity) { return std::get<TpmKey>(identity.key); }

void expect_refused(Bench& bench, Code code) {
  const auto identity = enroll(bench);
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, code) << identity.error().to_string();
  EXPECT_EQ(bench.state().identity().error().code, Code::agent_not_enrolled);
}

TEST(Enrolment, LeavesWithAClientAttestation) {
  Bench bench;
  const Identity identity = bench.enroll();
  EXPECT_EQ(identity.client_id, "device-1");
  EXPECT_EQ(identity.attestation.value().text, "the.client.attestation");
  EXPECT_EQ(tpm_key_of(identity).tcti, "a-tpm");
  EXPECT_EQ(identity.attestation->expires_at, bench.clock.now() + std::chrono::hours{1});
  EXPECT_EQ(bench.state().identity()->jkt, identity.jkt);
}

TEST(Enrolment, AnswersTheChallengeWithEvidenceBoundToIt) {
  Bench bench;
  const Identity identity = bench.enroll();
  const Json begun = Json::parse(bench.issuer.seen_at(begin_url).at(0).body);
  const SeenRequest finish = bench.issuer.seen_at(finish_url).at(0);
  const Json finished = Json::parse(finish.body);
  for (const char* member : {"ek_certificate", "ak_public", "device_public"})
    EXPECT_EQ(begun[member], finished[member]) << member;
  EXPECT_EQ(finished["ek_certificate"], jose::base64url(bench.tpm.ek_certificate));
  EXPECT_EQ(finished["ak_public"],
            jose::base64url(std::get<hsm::tpm2::KeyBlobs>(tpm_key_of(identity).ak).public_area));
  EXPECT_EQ(finished["device_public"],
            jose::base64url(tpm_key_of(identity).device_key.public_area));
  EXPECT_EQ(finished["ticket"], "the-ticket");
  EXPECT_EQ(finished["activation_secret"], jose::base64url(as_bytes("bolb")));
  EXPECT_EQ(finished["certify"]["attest"], jose::base64url(as_bytes("certify")));
  EXPECT_EQ(finished["quote"]["attest"], jose::base64url(as_bytes("quote")));
  EXPECT_EQ(finished["quote"]["pcrs"]["7"],
            std::string("07") + finished["quote"]["pcrs"]["7"].get<std::string>().substr(2));
  EXPECT_EQ(finished["quote"]["pcrs"].size(), 2U);

  const ReadProof proof = read_proof(*finish.headers.find("DPoP"));
  EXPECT_EQ(proof.jkt, identity.jkt);
  EXPECT_EQ(proof.claims["htu"], finish_url);
  EXPECT_EQ(proof.claims["htm"], "POST");
  EXPECT_FALSE(proof.claims.contains("ath"));
  EXPECT_EQ(bench.tpm.last_certify_binding, bench.tpm.last_quote_binding);
  EXPECT_EQ(bench.tpm.last_certify_binding.size(), 32U);
}

TEST(Enrolment, MakesNewKeysEachTime) {
  Bench bench;
  EXPECT_NE(bench.enroll().jkt, bench.enroll().jkt);
}

TEST(Enrolment, BeginsOnceAnewWhenTheTicketRanOut) {
  for (const Code code :
       {Code::ticket_expired, Code::ticket_invalid, Code::ticket_used, Code::proof_iat_old}) {
    Bench bench;
    bench.issuer.refuse_next(finish_url, code);
    ASSERT_TRUE(enroll(bench)) << facts_of(code).name;
    EXPECT_EQ(bench.issuer.seen_at(begin_url).size(), 2U);
    EXPECT_EQ(bench.tpm.keys_made, 2);

    Bench twice;
    twice.issuer.refuse_next(finish_url, code);
    twice.issuer.refuse_next(finish_url, code);
    expect_refused(twice, code);
    EXPECT_EQ(twice.issuer.seen_at(begin_url).size(), 2U);
  }
}

TEST(Enrolment, BeginsAnewWhileThePcrsMoveAndAfterThreeMoreTriesSaysSo) {
  Bench quoting;
  quoting.tpm.quote_error = Error{Code::tpm_pcrs_moving, "", 0};
  ASSERT_TRUE(enroll(quoting));
  EXPECT_EQ(quoting.issuer.seen_at(begin_url).size(), 2U);

  for (const Code code : {Code::eventlog_replay, Code::ima_replay, Code::quote_digest}) {
    Bench bench;
    for (int i = 0; i < 3; ++i) bench.issuer.refuse_next(finish_url, code);
    ASSERT_TRUE(enroll(bench)) << facts_of(code).name;
    EXPECT_EQ(bench.issuer.seen_at(begin_url).size(), 4U);

    Bench never;
    for (int i = 0; i < 8; ++i) never.issuer.refuse_next(finish_url, code);
    expect_refused(never, code);
    EXPECT_EQ(never.issuer.seen_at(begin_url).size(), 4U);
    EXPECT_NE(enroll(never).error().detail.find("4 times"), std::string::npos);
  }
}

TEST(Enrolment, ThatABootIsRefusedForIsNotTriedAgainAndSaysWhoCanHelp) {
  Bench bench;
  bench.issuer.refuse_next(finish_url, Code::boot_refused);
  const auto refused = enroll(bench);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::boot_refused);
  EXPECT_NE(refused.error().detail.find("mintctl devices explain"), std::string::npos)
      << refused.error().detail;
  EXPECT_EQ(bench.issuer.seen_at(begin_url).size(), 1U);
  const auto status = bench.agent().status();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().detail.find("boot_refused"), std::string::npos) << status.error().detail;
}

TEST(Enrolment, ThatIsRefusedForGoodIsNotTriedAgain) {
  Bench bench;
  bench.issuer.refuse_next(begin_url, Code::ek_untrusted_root);
  expect_refused(bench, Code::ek_untrusted_root);
  EXPECT_EQ(bench.issuer.seen_at(begin_url).size(), 1U);
}

TEST(Enrolment, ThatFailsLeavesTheFormerOne) {
  Bench bench;
  const Identity former = bench.enroll();
  bench.issuer.refuse_next(finish_url, Code::ticket_other_keys);
  EXPECT_FALSE(enroll(bench));
  EXPECT_EQ(bench.state().identity()->jkt, former.jkt);
}

TEST(Enrolment, ThatWaitsForApprovalTellsTheFingerprintAndHowToApproveIt) {
  Bench bench;
  bench.issuer.refuse_next(finish_url, Code::enrolment_pending);
  const auto enrolment = enroll(bench);
  ASSERT_TRUE(enrolment) << enrolment.error().to_string();
  const auto* pending = std::get_if<PendingEnrolment>(&*enrolment);
  ASSERT_NE(pending, nullptr);
  EXPECT_EQ(bench.issuer.seen_at(begin_url).size(), 1U);
  EXPECT_EQ(bench.state().identity().error().code, Code::agent_not_enrolled);

  const Identity approved = bench.enroll();
  EXPECT_EQ(pending->fingerprint, tpm_key_of(approved).ek_fingerprint);
  EXPECT_EQ(pending->approval(), "mintctl devices approve " + tpm_key_of(approved).ek_fingerprint);
  EXPECT_EQ(bench.issuer.seen_at(begin_url).size(), 2U);
}

TEST(Enrolment, ThatWaitsForApprovalLeavesTheFormerOne) {
  Bench bench;
  const Identity former = bench.enroll();
  bench.issuer.refuse_next(finish_url, Code::enrolment_pending);
  ASSERT_TRUE(enroll(bench));
  EXPECT_EQ(bench.state().identity()->jkt, former.jkt);
}

TEST(Enrolment, WithAnIssuerThatCallsItselfOtherwiseDoesNotTouchTheTpm) {
  Bench bench;
  const auto identity =
      bench.agent().enroll({.issuer = "https://other.example", .ca_file = "", .way = ByTpm{}});
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, Code::issuer_metadata_invalid);
  EXPECT_EQ(bench.tpm.opened, 0);
}

TEST(Enrolment, WithoutATpmIsUnavailable) {
  Bench bench;
  bench.tpm.open_error = Error{Code::tpm_unavailable, "no TPM", 0};
  expect_refused(bench, Code::tpm_unavailable);
}

TEST(Enrolment, KeepsTheCaFileAsAnAbsolutePath) {
  Bench bench;
  const auto enrolment = bench.agent().enroll({.issuer = bench.issuer.issuer + "/",
                                               .ca_file = "ca.pem",
                                               .way = ByTpm{"", hsm::tpm2::EkKind::ecc, {}, {}}});
  ASSERT_TRUE(enrolment) << enrolment.error().to_string();
  const auto* identity = std::get_if<Identity>(&*enrolment);
  ASSERT_NE(identity, nullptr);
  EXPECT_TRUE(std::filesystem::path(identity->ca_file).is_absolute());
  EXPECT_EQ(bench.last_ca_file, identity->ca_file);
  EXPECT_EQ(bench.tpm.wanted_ek, hsm::tpm2::EkKind::ecc);
  EXPECT_EQ(identity->issuer, bench.issuer.issuer);
}

TEST(Enrolment, RefusesAnswersThatAreNotWhole) {
  for (const char* member :
       {"ticket", "credential_blob", "encrypted_secret", "pcr_bank", "pcr_selection"}) {
    Bench bench;
    bench.issuer.challenge.erase(member);
    expect_refused(bench, Code::issuer_answer_invalid);
  }
  for (const char* member : {"client_id", "client_attestation", "expires_in"}) {
    Bench bench;
    bench.issuer.admission.erase(member);
    expect_refused(bench, Code::issuer_answer_invalid);
  }
}

TEST(Enrolment, RefusesAnswersThatAreNotTrueToForm) {
  const std::vector<std::pair<const char*, Json>> wrong = {{"ticket", ""},
                                                           {"ticket", "a b"},
                                                           {"credential_blob", "="},
                                                           {"pcr_selection", Json::array({24})},
                                                           {"pcr_selection", Json::array({-1})},
                                                           {"pcr_selection", "0"}};
  for (const auto& [member, value] : wrong) {
    Bench bench;
    bench.issuer.challenge[member] = value;
    expect_refused(bench, Code::issuer_answer_invalid);
  }
  const std::vector<Json> lives = {0, -1, 1.5, "3600", 10'000'000'000};
  for (const Json& life : lives) {
    Bench bench;
    bench.issuer.admission["expires_in"] = life;
    expect_refused(bench, Code::issuer_answer_invalid);
  }
}

}  // namespace
}  // namespace mintmark::agent
