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

// Those that are no TPM's tell their files apart by themselves.
Judgement (*own_judge(const std::string& format))(const Question&) {
  if (format == "android-key") return judge_android_key;
  if (format == "webauthn") return judge_webauthn;
  if (format == "apple-appattest") return judge_apple_appattest;
  if (format == "nitro") return judge_nitro;
  if (format == "sev-snp") return judge_sev_snp;
  if (format == "tdx") return judge_tdx;
  if (format == "eat") return judge_eat;
  return nullptr;
}

Result<void> check_words(const Question& question) {
  const auto known = [](const std::vector<Word>& words, const std::string& name) {
    return std::any_of(words.begin(), words.end(),
                       [&](const Word& word) { return name == word.name; });
  };
  for (const auto& [name, value] : question.expected) {
    if (!known(expectation_names(), name))
      return fail(Code::evidence_option_unknown, "nothing can be expected of " + printable(name));
  }
  for (const std::string& name : question.allowed) {
    if (!known(allowance_names(), name))
      return fail(Code::evidence_option_unknown,
                  "nothing called " + printable(name) + " can be allowed");
  }
  return {};
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
      {"android-key", "", "the certificate chain of an Android key"},
      {"webauthn", "", "a WebAuthn attestation object with its client data"},
      {"apple-appattest", "", "an App Attest attestation object, or assertion"},
      {"nitro", "", "an attestation document of AWS Nitro"},
      {"sev-snp", "", "an AMD SEV-SNP report with its certificates"},
      {"tdx", "", "an Intel TDX quote, with collateral where given"},
      {"eat", "", "a foreign attester's result (EAT, EAR) with its key"},
      {"eventlog", "", "a firmware event log"},
      {"ima", "", "an IMA measurement log"}};
  return all;
}

const std::vector<Word>& expectation_names() {
  static const std::vector<Word> all = {
      {"rp_id", "WebAuthn: the relying party's id"},
      {"origin", "WebAuthn: where the credential was made"},
      {"app_id", "App Attest: TEAMID.bundle.id"},
      {"key_id", "App Attest: the key's id, base64"},
      {"client_data", "App Attest: what was hashed, hexadecimal"},
      {"environment", "App Attest: production (default) or development"},
      {"audience", "EAT: for whom it is"},
      {"issuer", "EAT: who attests"}};
  return all;
}

const std::vector<Word>& allowance_names() {
  static const std::vector<Word> all = {{"sha1", "statements signed over SHA-1"},
                                        {"software", "Android: keys of a software keystore"},
                                        {"self", "WebAuthn: self attestation"},
                                        {"debug", "enclaves and guests in debug mode"},
                                        {"warning", "EAR: status warning"}};
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
  if (auto words = check_words(question); !words) return pass_on(words);
  if (const auto own = own_judge(*format); own != nullptr) return own(question);
  const Material material = sort_files(question.files);
  Judgement judgement = judge_as(*format, material, question);
  const auto damaged = unreadable(material);
  if (damaged && (judgement.verdict != Judgement::Verdict::reject || judgement.crypto_good ||
                  judgement.refusal->code == Code::evidence_files))
    return refused(*damaged, std::move(judgement.facts));
  return judgement;
}

}  // namespace mintmark::attest::offline
