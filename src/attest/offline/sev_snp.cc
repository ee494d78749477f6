#include "attest/offline/guests.h"
#include "attest/offline/parts.h"
#include "attest/sev_snp/check.h"
#include "attest/x509/bundle.h"

namespace mintmark::attest::offline {
namespace {

namespace snp = sev_snp;

/// What was given; whatever is neither certificates nor a host's table is a report.
struct Files {
  std::vector<Bytes> reports;
  std::vector<Bytes> certificates;
};

Result<void> add_file(const Bytes& file, Files& files) {
  std::vector<Bytes> found;
  if (snp::looks_like_table(file)) {
    auto listed = snp::certificates_in_table(file);
    if (!listed) return pass_on(listed);
    found = std::move(*listed);
  } else if (looks_like_pem(file) || looks_like_der(file)) {
    found = x509::der_of_all(file, x509::most_offered);
    if (found.empty())
      return fail(Code::snp_certificates_malformed, "a file of certificates is damaged");
  } else {
    files.reports.push_back(file);
  }
  for (Bytes& one : found) files.certificates.push_back(std::move(one));
  return {};
}

Result<Files> sort(const Question& question) {
  Files files;
  for (const Bytes& file : question.files) {
    if (auto added = add_file(file, files); !added) return pass_on(added);
  }
  if (files.reports.size() == 1) return files;
  return fail(Code::evidence_files,
              std::to_string(files.reports.size()) +
                  " files are neither certificates nor a table of them; one report is judged");
}

Json report_json(const snp::Report& report) {
  return {{"version", report.version},
          {"guest_svn", report.guest_svn},
          {"policy", number_text(report.policy, 16)},
          {"vmpl", report.vmpl},
          {"signature_algo", report.signature_algo},
          {"current_tcb", to_hex(report.current_tcb)},
          {"flags", number_text(report.flags, 0)},
          {"report_data", to_hex(report.report_data)},
          {"measurement", to_hex(report.measurement)},
          {"host_data", to_hex(report.host_data)},
          {"report_id", to_hex(report.report_id)},
          {"report_id_ma", to_hex(report.report_id_ma)},
          {"author_key_digest", to_hex(report.author_key_digest)},
          {"platform_info", number_text(report.platform_info, 0)},
          {"reported_tcb", to_hex(report.reported_tcb)},
          {"chip_id", to_hex(report.chip_id)}};
}

// What the certificate of the signing key says, whoever made it.
void add_key(const snp::Report& report, const snp::KeyCertificate& key, Json& facts) {
  const X509* certificate = key.certificate.get();
  const bool vlek = key.kind == snp::SigningKey::vlek;
  const std::string end = time_text(X509_get0_notAfter(certificate));
  facts["leaf"] = x509::name_text(X509_get_subject_name(certificate));
  facts["leaf_issuer"] = x509::name_text(X509_get_issuer_name(certificate));
  facts["leaf_not_after"] = end;
  facts[vlek ? "vlek_not_after" : "vcek_not_after"] = end;
  facts["signing_key"] = vlek ? "VLEK" : "VCEK";
  facts["product"] = key.product;
  if (vlek) facts["csp_id"] = key.csp_id;
  facts["report_signature_valid"] = snp::check_signature(report, key).has_value();
}

Judgement judge_bound(const snp::Checked& checked, const Question& question, Json facts) {
  if (question.challenge) {
    const auto bound = snp::check_report_data(checked.report, *question.challenge);
    if (!bound) return refused(bound.error(), std::move(facts));
  }
  // A genuine report of a guest whose host may look into it: told here, refused at enrolment.
  if (const auto rules = snp::check_rules(checked.report, {}); !rules)
    facts["refused_at_enrolment"] = facts_of(rules.error().code).name;
  const auto good = snp::check_rules(checked.report, {.debug_allowed = true});
  if (!good) return refused(good.error(), std::move(facts), true);
  return accepted(std::move(facts));
}

}  // namespace

Judgement judge_sev_snp(const Question& question) {
  const auto files = sort(question);
  if (!files) return refused(files.error(), Json::object());
  const auto report = snp::read_report(files->reports[0]);
  if (!report) return refused(report.error(), Json::object());
  Json facts = {{"report", report_json(*report)},
                {"debug", report->debug()},
                {"not_evaluated", snp::not_evaluated(*report, question.roots)}};
  const auto beside = snp::sort_certificates(files->certificates, *report);
  if (beside) add_key(*report, beside->key, facts);
  if (question.roots == nullptr) return parsed(std::move(facts));
  const auto checked =
      snp::check_report(files->reports[0], files->certificates, *question.roots, question.at);
  if (!checked) return refused(checked.error(), std::move(facts));
  facts["chain"] = x509::to_json(checked->chain.links);
  facts["standing"] = x509::name_of(checked->chain.standing);
  return judge_bound(*checked, question, std::move(facts));
}

}  // namespace mintmark::attest::offline
