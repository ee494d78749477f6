#include <openssl/err.h>

#include <algorithm>

#include "attest/offline/guests.h"
#include "attest/offline/parts.h"
#include "attest/tdx/check.h"

namespace mintmark::attest::offline {
namespace {

struct Files {
  std::vector<Bytes> quotes;  ///< Whatever is nothing else.
  std::vector<tdx::LocalReport> reports;
  std::vector<Bytes> collateral;
};

bool looks_like_json(BytesView octets) {
  const std::string_view text = as_text(octets);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

Result<Files> sort(const Question& question) {
  Files files;
  for (const Bytes& file : question.files) {
    // A TD's own report may begin with any octets, where its file lacks the first.
    if (tdx::looks_like_td_report(file))
      files.reports.push_back(*tdx::read_td_report(file));
    else if (looks_like_json(file) || looks_like_pem(file) || looks_like_der(file))
      files.collateral.push_back(file);
    else
      files.quotes.push_back(file);
  }
  if (files.quotes.size() > 1 || files.reports.size() > 1)
    return fail(Code::evidence_files,
                "one quote is judged, or one report read; what is no "
                "collateral is a quote");
  return files;
}

std::string octets_text(std::uint64_t number) {
  Bytes octets;
  for (unsigned i = 0; i < 8; ++i) octets.push_back(static_cast<std::uint8_t>(number >> 8U * i));
  return to_hex(octets);
}

Json report_json(const tdx::TdReport& report) {
  Json json = {{"tee_tcb_svn", to_hex(report.tee_tcb_svn)},
               {"mr_seam", to_hex(report.mr_seam)},
               {"mr_signer_seam", to_hex(report.mr_signer_seam)},
               {"seam_attributes", octets_text(report.seam_attributes)},
               {"td_attributes", octets_text(report.td_attributes)},
               {"xfam", octets_text(report.xfam)},
               {"mr_td", to_hex(report.mr_td)},
               {"mr_config_id", to_hex(report.mr_config_id)},
               {"mr_owner", to_hex(report.mr_owner)},
               {"mr_owner_config", to_hex(report.mr_owner_config)},
               {"report_data", to_hex(report.report_data)}};
  for (std::size_t i = 0; i < report.rtmrs.size(); ++i)
    json["rtmr" + std::to_string(i)] = to_hex(report.rtmrs[i]);
  if (!report.has_15) return json;
  json["tee_tcb_svn_2"] = to_hex(report.tee_tcb_svn_2);
  json["mr_service_td"] = to_hex(report.mr_service_td);
  return json;
}

// Each certificate by the next, the last by itself.
Json links_json(const std::vector<x509::Certificate>& chain) {
  Json links = Json::array();
  for (std::size_t i = 0; i < chain.size(); ++i) {
    X509* issuer = chain[std::min(i + 1, chain.size() - 1)].get();
    links.push_back(X509_verify(chain[i].get(), X509_get0_pubkey(issuer)) == 1);
  }
  ERR_clear_error();
  return links;
}

void add_chain(const tdx::Quote& quote, Json& facts) {
  const auto chain = x509::parse_offered(quote.pck_chain, Code::tdx_certification_data,
                                         Code::tdx_certification_data);
  if (!chain) return;
  X509* leaf = chain->front().get();
  facts["pck_subject"] = x509::name_text(X509_get_subject_name(leaf));
  facts["pck_not_after"] = time_text(X509_get0_notAfter(leaf));
  facts["chain_links_to_root"] = links_json(*chain);
  facts["qe_report_signature_valid"] = tdx::check_qe_signature(quote, leaf).has_value();
  if (const auto pck = tdx::read_pck(leaf)) {
    facts["fmspc"] = to_hex(pck->fmspc);
    facts["pce_id"] = to_hex(pck->pce_id);
    facts["pce_svn"] = pck->pce_svn;
    facts["cpu_svn"] = to_hex(pck->cpu_svn);
  }
}

Json quote_json(const tdx::Quote& quote) {
  Json facts = {
      {"version", quote.version},
      {"att_key_type", quote.key_type},
      {"tee_type", number_text(quote.tee_type, 0)},
      {"signature_data_len", quote.signature_data_size},
      {"trailing_bytes", quote.trailing},
      {"cert_data_type", quote.certification_type},
      {"quote_signature_valid", tdx::check_signature(quote).has_value()},
      {"qe_report_data_binds_attestation_key", tdx::check_qe_report_data(quote).has_value()},
      {"td_report", report_json(quote.report)}};
  if (quote.version >= 5) {
    facts["body_type"] = quote.body_type;
    facts["body_size"] = quote.body_size;
  }
  add_chain(quote, facts);
  return facts;
}

Json collateral_json(const tdx::Collateral& collateral) {
  Json infos = Json::array();
  for (const tdx::TcbInfo& info : collateral.tcb_infos)
    infos.push_back({{"fmspc", to_hex(info.fmspc)},
                     {"levels", info.levels.size()},
                     {"evaluation", info.evaluation},
                     {"signed", info.signer.has_value()}});
  Json identities = Json::array();
  for (const tdx::QeIdentity& identity : collateral.qe_identities)
    identities.push_back({{"mr_signer", to_hex(identity.mr_signer)},
                          {"levels", identity.levels.size()},
                          {"evaluation", identity.evaluation},
                          {"signed", identity.signer.has_value()}});
  return {{"tcb_info", std::move(infos)},
          {"qe_identity", std::move(identities)},
          {"crls", collateral.crls.size()}};
}

// Refused by what Intel says today, or by how the TD was set up: what was signed is as it was.
bool by_rule_alone(Code code) {
  switch (code) {
    case Code::tdx_debug:
    case Code::tdx_reserved:
    case Code::tdx_tcb_level:
    case Code::tdx_tcb_revoked:
      return true;
    default:
      return false;
  }
}

Judgement judge_checked(const tdx::Checked& checked, const tdx::Collateral& collateral,
                        const Question& question, Json facts) {
  const tdx::TdReport& report = checked.quote.report;
  if (question.challenge) {
    const auto bound = tdx::check_report_data(report, *question.challenge);
    if (!bound) return refused(bound.error(), std::move(facts));
  }
  const tdx::Rules rules{.debug_allowed = question.allowed.contains("debug")};
  const auto good = tdx::check_rules(report, rules);
  if (!good) return refused(good.error(), std::move(facts), true);
  const auto appraisal = tdx::appraise(checked, collateral, *question.roots, rules, question.at);
  if (!appraisal)
    return refused(appraisal.error(), std::move(facts), by_rule_alone(appraisal.error().code));
  facts["tcb_status"] = appraisal->tcb_status;
  facts["tcb_advisories"] = appraisal->advisories;
  facts["not_evaluated"] = appraisal->not_evaluated;
  return accepted(std::move(facts));
}

Judgement judge_quote(const Bytes& octets, const tdx::Collateral& collateral,
                      const Question& question, Json facts) {
  const auto quote = tdx::read_quote(octets);
  if (!quote) return refused(quote.error(), std::move(facts));
  facts.update(quote_json(*quote));
  if (question.roots == nullptr) return parsed(std::move(facts));
  const auto checked = tdx::check_quote(octets, *question.roots, question.at);
  if (!checked) return refused(checked.error(), std::move(facts));
  facts["chain"] = x509::to_json(checked->chain.links);
  facts["standing"] = x509::name_of(checked->chain.standing);
  return judge_checked(*checked, collateral, question, std::move(facts));
}

}  // namespace

Judgement judge_tdx(const Question& question) {
  const auto files = sort(question);
  if (!files) return refused(files.error(), Json::object());
  const auto collateral = tdx::read_collateral(files->collateral);
  if (!collateral) return refused(collateral.error(), Json::object());
  Json facts = Json::object();
  if (!files->collateral.empty()) facts["collateral"] = collateral_json(*collateral);
  if (!files->reports.empty()) {
    facts["local_report"] = report_json(files->reports[0].report);
    facts["octets_missing"] = files->reports[0].missing;
  }
  if (files->quotes.empty()) return parsed(std::move(facts));
  return judge_quote(files->quotes[0], *collateral, question, std::move(facts));
}

}  // namespace mintmark::attest::offline
