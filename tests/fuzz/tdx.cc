// Any octets as a quote, as a TD's own report and as what Intel publishes: refused with a code, or
// read into parts that fit; a signature that holds does not hold with a bit turned.
#include "attest/tdx/check.h"
#include "attest/tdx/tcb.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {
namespace tdx = attest::tdx;

void judge_quote(const tdx::Quote& quote, std::size_t size) {
  const std::size_t descriptor = quote.version == 5 ? 6 : 0;
  require(quote.signed_part.size() == 48 + descriptor + quote.body_size);
  require(quote.signed_part.size() + 4 + quote.signature_data_size + quote.trailing == size);
  require(quote.trailing <= tdx::most_trailing && !quote.pck_chain.empty());
  require(quote.qe.octets.size() == 384 && quote.report.has_15 == (quote.body_type == 3));
  if (tdx::check_signature(quote)) {
    tdx::Quote turned = quote;
    turned.signed_part[60] ^= 1U;
    require(!tdx::check_signature(turned));
  }
  if (tdx::check_qe_report_data(quote)) {
    tdx::Quote turned = quote;
    turned.attestation_key[0] ^= 1U;
    require(!tdx::check_qe_report_data(turned));
  }
  const auto leaf = attest::x509::parse_certificate(quote.pck_chain[0]);
  if (leaf) (void)tdx::read_pck(leaf.get());
}

// A platform of the best TCB reaches the first level, if there is one.
void match(const tdx::TcbInfo& info) {
  tdx::TdReport report;
  report.tee_tcb_svn.fill(0xFF);
  report.tee_tcb_svn[1] = 0;
  tdx::Pck pck;
  pck.components.fill(0xFF);
  pck.pce_svn = 0xFFFF;
  const auto standing = tdx::standing_of(report, pck, info);
  require(standing.has_value() == !info.levels.empty());
  if (standing) require(standing->status == info.levels.front().standing.status);
}

void run_tdx(BytesView octets) {
  const auto quote = tdx::read_quote(octets);
  if (quote) judge_quote(*quote, octets.size());
  const auto local = tdx::read_td_report(octets);
  require(local.has_value() == tdx::looks_like_td_report(octets));
  if (const auto info = tdx::read_tcb_info(as_text(octets))) match(*info);
  if (const auto identity = tdx::read_qe_identity(as_text(octets)))
    require(!identity->octets.empty() && identity->octets.front() == '{');
  const auto collateral = tdx::read_collateral({to_bytes(octets)});
  require(collateral || collateral.error().code == Code::tdx_collateral_malformed ||
          collateral.error().code == Code::tdx_collateral_signature);
  static const auto nobody = *attest::x509::Trust::from_certificates({}, {});
  require(!tdx::check_quote(octets, nobody, from_unix(1'800'000'000)));
}

const Registered tdx_target{{"tdx", &run_tdx, {"tdx"}}};

}  // namespace
}  // namespace mintmark::fuzz
