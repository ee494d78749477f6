// What the judges of one kind share. For this folder alone.
#pragma once

#include "attest/offline/judge.h"
#include "attest/offline/material.h"

namespace mintmark::attest::offline {

[[nodiscard]] Judgement accepted(Json facts);
[[nodiscard]] Judgement parsed(Json facts);
[[nodiscard]] Judgement refused(const Error& error, Json facts, bool crypto_good = false);

/// Quotes, certifications, creations: `wanted` is a TPM2_ST, or 0 for whichever is there.
[[nodiscard]] Judgement judge_statements(const Material& material, const Question& question,
                                         TPM2_ST wanted);
/// Public areas, credentials: what they are.
[[nodiscard]] Judgement judge_areas(const Material& material);

[[nodiscard]] Judgement judge_ek(const Material& material, const Question& question);
[[nodiscard]] Judgement judge_ak(const Material& material, const Question& question);
[[nodiscard]] Judgement judge_device_identity(const Material& material, const Question& question);
/// By what the certificate is for: an EK's, an AK's, or an authority's.
[[nodiscard]] Judgement judge_certificate(const Material& material, const Question& question);
[[nodiscard]] Judgement judge_platform(const Material& material, const Question& question);

// Formats whose files are told apart by themselves.
[[nodiscard]] Judgement judge_android_key(const Question& question);
[[nodiscard]] Judgement judge_webauthn(const Question& question);
[[nodiscard]] Judgement judge_apple_appattest(const Question& question);
[[nodiscard]] Judgement judge_nitro(const Question& question);
[[nodiscard]] Judgement judge_sev_snp(const Question& question);
[[nodiscard]] Judgement judge_tdx(const Question& question);
[[nodiscard]] Judgement judge_eat(const Question& question);

[[nodiscard]] Judgement judge_event_log(const Material& material, const Question& question);
[[nodiscard]] Judgement judge_ima_log(const Material& material, const Question& question);
/// Logs beside a good quote, against its values; `bank` is the quote's.
[[nodiscard]] Result<Json> judge_logs(const Material& material, const std::string& bank,
                                      const tpm2::PcrValues& quoted);

}  // namespace mintmark::attest::offline
