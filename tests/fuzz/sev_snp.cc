// Any octets as a report with a host's table behind it: refused with a code, or read; what is
// signed by the table's key is signed so with no bit turned.
#include <algorithm>
#include "attest/sev_snp/check.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {
namespace snp = attest::sev_snp;

void judge_report(const snp::Report& report, const std::vector<Bytes>& certificates) {
  const auto beside = snp::sort_certificates(certificates, report);
  if (!beside) return;
  require(beside->key.kind == static_cast<snp::SigningKey>(report.signing_key()));
  require(beside->key.hwid.empty() != beside->key.csp_id.empty());
  if (!snp::check_signature(report, beside->key)) return;
  snp::Report turned = report;
  turned.signed_part[0x90] ^= 1U;
  require(!snp::check_signature(turned, beside->key));
}

void run_sev_snp(BytesView octets) {
  const auto table = snp::certificates_in_table(octets);
  require(table || table.error().code == Code::snp_certificates_malformed);
  const auto report = snp::read_report(octets.first(std::min(octets.size(), snp::report_size)));
  require(report || report.error().code == Code::snp_report_malformed ||
          report.error().code == Code::snp_version);
  if (!report) return;
  require(report->version >= snp::oldest_version && report->version <= snp::newest_version);
  require(report->signature.empty() || report->signature.size() == 96);
  const auto behind = snp::certificates_in_table(octets.subspan(snp::report_size));
  judge_report(*report, behind ? *behind : std::vector<Bytes>{});
  // Nobody is trusted: nothing is taken.
  static const auto nobody = *attest::x509::Trust::from_certificates({}, {});
  require(!snp::check_report(octets.first(snp::report_size),
                             behind ? *behind : std::vector<Bytes>{}, nobody,
                             from_unix(1'800'000'000)));
}

const Registered sev_snp_target{{"sev_snp", &run_sev_snp, {"sev_snp"}}};

}  // namespace
}  // namespace mintmark::fuzz
