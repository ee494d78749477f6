#include "agent/renewal.h"

#include <gtest/gtest.h>

namespace mintmark::agent {
namespace {

constexpr std::int64_t start = 1'000'000;

// Of an hour.
Attestation attestation() {
  return {.text = "t",
          .attested_at = from_unix(start),
          .expires_at = from_unix(start + 3600),
          .boot_id = "a"};
}

std::string reason_at(const Attestation& attestation, std::int64_t second,
                      const std::string& boot_id = "a") {
  return std::string(
      renewal_reason(attestation, boot_id, from_unix(start + second)).value_or("none"));
}

TEST(RenewalRule, AnAttestationIsRenewedWhenThreeQuartersOfItsLifeAreOver) {
  EXPECT_EQ(reason_at(attestation(), 0), "none");
  EXPECT_EQ(reason_at(attestation(), 2699), "none");
  EXPECT_EQ(reason_at(attestation(), 2700), "age");
}

TEST(RenewalRule, AnAttestationIsRenewedAfterAReboot) {
  EXPECT_EQ(reason_at(attestation(), 1, "b"), "reboot");
}

TEST(RenewalRule, ABootThatNobodyKnowsIsNoReboot) {
  EXPECT_EQ(reason_at(attestation(), 1, ""), "none");
  Attestation old = attestation();
  old.boot_id.clear();
  EXPECT_EQ(reason_at(old, 1, "b"), "none");
}

TEST(RenewalRule, AnAttestationIsOverTenSecondsBeforeItsEnd) {
  EXPECT_FALSE(is_over(attestation(), from_unix(start + 3589)));
  EXPECT_TRUE(is_over(attestation(), from_unix(start + 3590)));
}

TEST(RenewalRule, FailuresThatMayPassHoldTheNextTryBackForLongerAndLonger) {
  RenewalRecord record;
  EXPECT_TRUE(may_try(record, from_unix(start)));
  for (const std::int64_t wait : {30, 60, 120, 240, 480, 600, 600, 600}) {
    record.failed(Error{Code::connect_failed, "", 0}, from_unix(start));
    EXPECT_FALSE(may_try(record, from_unix(start + wait - 1))) << wait;
    EXPECT_TRUE(may_try(record, from_unix(start + wait))) << wait;
  }
  for (int i = 0; i < 100; ++i) record.failed(Error{Code::unavailable, "", 0}, from_unix(start));
  EXPECT_FALSE(may_try(record, from_unix(start + 599)));
  EXPECT_TRUE(may_try(record, from_unix(start + 600)));
  EXPECT_TRUE(may_try(record, from_unix(start - 1)));
  record.succeeded(from_unix(start));
  EXPECT_TRUE(may_try(record, from_unix(start)));
}

TEST(RenewalRule, ARefusalHoldsNothingBack) {
  RenewalRecord record;
  record.failed(Error{Code::boot_refused, "", 0}, from_unix(start));
  EXPECT_TRUE(may_try(record, from_unix(start)));
}

TEST(RenewalRule, WhatTheIssuerSaysOfTheDeviceIsARefusal) {
  for (const Code code : {Code::boot_refused, Code::enrolment_revoked, Code::device_revoked,
                          Code::ek_untrusted_root, Code::eventlog_malformed,
                          Code::eventlog_too_long, Code::quote_digest, Code::issuer_refused}) {
    EXPECT_TRUE(is_refusal(Error{code, "", 0})) << facts_of(code).name;
  }
}

TEST(RenewalRule, WhatMayPassByItselfIsNoRefusal) {
  for (const Code code :
       {Code::connect_failed, Code::tls_failed, Code::unavailable, Code::overloaded,
        Code::http_answer_malformed, Code::issuer_answer_invalid, Code::tpm_unavailable,
        Code::tpm_memory_full, Code::tpm_failed, Code::tpm_pcrs_moving, Code::tpm_key_lost,
        Code::eventlog_replay, Code::ima_replay, Code::enrolment_pending, Code::internal,
        Code::deadline_passed, Code::io_failed, Code::http_body_too_large}) {
    EXPECT_FALSE(is_refusal(Error{code, "", 0})) << facts_of(code).name;
  }
}

TEST(RenewalRule, NewKeysMendWhatIsWrongWithKeysAlone) {
  for (const Code code : {Code::tpm_key_lost, Code::tpm_credential_refused, Code::ak_scheme,
                          Code::device_key_superseded, Code::device_key_type}) {
    EXPECT_TRUE(fresh_keys_may_mend(Error{code, "", 0})) << facts_of(code).name;
  }
  for (const Code code :
       {Code::boot_refused, Code::enrolment_revoked, Code::ek_untrusted_root, Code::connect_failed,
        Code::quote_values, Code::eventlog_replay, Code::quote_went_back}) {
    EXPECT_FALSE(fresh_keys_may_mend(Error{code, "", 0})) << facts_of(code).name;
  }
}

}  // namespace
}  // namespace mintmark::agent
