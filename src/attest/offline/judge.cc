#include "attest/offline/judge.h"

#include <algorithm>

#include "attest/offline/parts.h"

namespace mintmark::attest::offline {
namespace {

Judgement whatever_is_there(const Material& material, const Question& question) {
  if (!material.statements.empty()) return judge_statements(material, question, 0);
  if (!material.certificates.empty()) return judge_certificate(material, question);
  if (!material.attribute_certificates.empty()) return judge_platform(material, question);
  if (!material.event_logs.empty()) return judge_event_log(material, question);
  if (!material.ima_logs.empty()) return judge_ima_log(material, question);
  return judge_areas(material);
}

// A file that nobody can read is no ground to judge by the rest. The secret beside a credential is
// any octets at all.
std::optional<Error> unreadable(const Material& material) {
  constexpr std::size_t longest_secret = 32;
  if (!material.broken.empty()) return Error{Code::tpm_structure, material.broken};
  const bool secret = material.credentials.size() == 1 && material.others.size() == 1 &&
                      material.others[0].size() <= longest_secret;
  if (material.others.empty() || secret) return std::nullopt;
  return Error{Code::evidence_files,
               std::to_string(material.others.size()) +
                   (material.others.size() == 1 ? " file is" : " files are") +
                   " nothing that is known here, or damaged; known are TPMS_ATTEST, TPMT_PUBLIC, "
                   "TPMT_SIGNATURE, creation data, PCR values as JSON, certificates, event logs"};
}

Judgement judge_as(const std::string& format, const Material& material, const Question& question) {
  if (format == "tpm2-quote") return judge_statements(material, question, TPM2_ST_ATTEST_QUOTE);
  if (format == "tpm2-certify") return judge_statements(material, question, TPM2_ST_ATTEST_CERTIFY);
  if (format == "tpm2-creation")
    return judge_statements(material, question, TPM2_ST_ATTEST_CREATION);
  if (format == "tpm2-ek") return judge_ek(material, question);
  if (format == "tpm2-ak") return judge_ak(material, question);
  if (format == "tpm2-platform") return judge_platform(material, question);
  if (format == "x509") return judge_device_identity(material, question);
  if (format == "eventlog") return judge_event_log(material, question);
  if (format == "ima") return judge_ima_log(material, question);
  return whatever_is_there(material, question);
}

}  // namespace

Judgement accepted(Json facts) {
  return {Judgement::Verdict::accept, true, std::nullopt, std::move(facts)};
}
Judgement parsed(Json facts) {
  return {Judgement::Verdict::parse, false, std::nullopt, std::move(facts)};
}
Judgement refused(const Error& error, Json facts, bool crypto_good) {
  return {Judgement::Verdict::reject, crypto_good, error, std::move(facts)};
}

Json to_json(const Judgement& judgement) {
  Json json = {{"verdict", judgement.verdict == Judgement::Verdict::accept   ? "accept"
                           : judgement.verdict == Judgement::Verdict::reject ? "reject"
                                                                             : "parse"},
               {"facts", judgement.facts}};
  if (!judgement.refusal) return json;
  json["code"] = facts_of(judgement.refusal->code).name;
  json["reason"] = judgement.refusal->detail;
  if (judgement.crypto_good) json["crypto"] = "accept";
  return json;
}

const std::vector<Format>& formats() {
  static const std::vector<Format> all = {
      {"tpm2", "", "whatever of a TPM is there: statements, certificates, public areas"},
      {"tpm2-quote", "quote", "TPM2_Quote with PCR values, AK certificate and logs where given"},
      {"tpm2-certify", "certify", "TPM2_Certify of a key"},
      {"tpm2-creation", "creation", "TPM2_CertifyCreation with creation data"},
      {"tpm2-ek", "ek", "the certificate of an endorsement key"},
      {"tpm2-ak", "ak", "the certificate of an attestation key"},
      {"tpm2-platform", "platform", "a platform certificate"},
      {"x509", "idevid", "a device identity certificate (IEEE 802.1AR)"},
      {"eventlog", "", "a firmware event log"},
      {"ima", "", "an IMA measurement log"}};
  return all;
}

Result<std::string> format_named(const std::string& name) {
  std::string known;
  for (const Format& format : formats()) {
    if (name == format.name || (!name.empty() && name == format.alias)) return format.name;
    known += (known.empty() ? "" : ", ") + std::string(format.name);
  }
  return fail(Code::evidence_format_unknown,
              "no format " + printable(name) + "; known are " + known);
}

Result<Judgement> judge(const Question& question) {
  const auto format = format_named(question.format);
  if (!format) return tl::unexpected<Error>(format.error());
  if (question.files.empty() || question.files.size() > most_files ||
      std::any_of(question.files.begin(), question.files.end(),
                  [](const Bytes& file) { return file.size() > longest_file; }))
    return refused({Code::evidence_files, "1 to 64 files of at most 64 MiB each are judged"}, {});
  const Material material = sort_files(question.files);
  Judgement judgement = judge_as(*format, material, question);
  const auto damaged = unreadable(material);
  if (damaged && (judgement.verdict != Judgement::Verdict::reject || judgement.crypto_good ||
                  judgement.refusal->code == Code::evidence_files))
    return refused(*damaged, std::move(judgement.facts));
  return judgement;
}

}  // namespace mintmark::attest::offline
