#include "attest/tdx/check.h"

#include <openssl/err.h>

#include <algorithm>

#include "attest/x509/vouched.h"
#include "jose/key.h"

namespace mintmark::attest::tdx {
namespace {

// TD attributes (Intel TDX Module ABI, ATTRIBUTES): octet 0 is the group "TD under debug"; of the
// rest those that a module may set today.
constexpr std::uint64_t under_debug = 0xFF;
constexpr std::uint64_t bit(unsigned which) { return std::uint64_t{1} << which; }
constexpr std::uint64_t known_attributes = under_debug | bit(16)  // ICSSD
                                           | bit(27)              // LASS
                                           | bit(28)              // SEPT_VE_DISABLE
                                           | bit(29)              // MIGRATABLE
                                           | bit(30)              // PKS
                                           | bit(31)              // KL
                                           | bit(62)              // TPA
                                           | bit(63);             // PERFMON

Result<std::vector<x509::Certificate>> parse_chain(const Quote& quote) {
  return x509::parse_offered(quote.pck_chain, Code::tdx_certification_data,
                             Code::tdx_certification_data);
}

}  // namespace

Result<void> check_signature(const Quote& quote) {
  Bytes point{0x04};
  point.insert(point.end(), quote.attestation_key.begin(), quote.attestation_key.end());
  const auto key = jose::PublicKey::from_point(jose::Algorithm::es256, point);
  const bool good = key && key->verify(quote.signed_part, quote.signature);
  ERR_clear_error();
  if (!good) return fail(Code::tdx_signature, "the quote's signature is wrong");
  return {};
}

Result<void> check_qe_signature(const Quote& quote, const X509* pck) {
  const auto key = jose::PublicKey::from_spki(x509::spki_of(pck), jose::Algorithm::ps256);
  ERR_clear_error();
  if (!key || key->algorithm() != jose::Algorithm::es256)
    return fail(Code::tdx_pck_certificate, "the PCK certificate's key is none on P-256");
  const bool good = key->verify(quote.qe.octets, quote.qe_signature);
  ERR_clear_error();
  if (!good)
    return fail(Code::tdx_qe_report_signature,
                "the signature on the quoting enclave's report is wrong");
  return {};
}

Result<void> check_qe_report_data(const Quote& quote) {
  Bytes hashed = quote.attestation_key;
  hashed.insert(hashed.end(), quote.qe_auth_data.begin(), quote.qe_auth_data.end());
  const BytesView data(quote.qe.report_data);
  if (equal_in_constant_time(data.first(32), sha256(hashed)) && is_zero(data.subspan(32)))
    return {};
  return fail(Code::tdx_qe_report_data,
              "the quoting enclave vouches for another attestation key than the quote's");
}

Result<Checked> check_quote(BytesView octets, const x509::Trust& trust, Moment now) {
  auto quote = read_quote(octets);
  if (!quote) return pass_on(quote);
  auto certificates = parse_chain(*quote);
  if (!certificates) return pass_on(certificates);
  X509* leaf = certificates->front().get();
  auto pck = read_pck(leaf);
  if (!pck) return pass_on(pck);
  auto chain = x509::check_chain(leaf, *certificates, trust, now, x509::ExpiredAuthorities::refuse);
  if (!chain) return fail(x509::code_of(chain.error().fault), chain.error().reason);
  if (auto good = check_qe_signature(*quote, leaf); !good) return pass_on(good);
  if (auto good = check_qe_report_data(*quote); !good) return pass_on(good);
  if (auto good = check_signature(*quote); !good) return pass_on(good);
  return Checked{std::move(*quote), std::move(*certificates), *pck, std::move(*chain)};
}

Result<void> check_report_data(const TdReport& report, BytesView challenge) {
  const BytesView data(report.report_data);
  if (challenge.size() <= data.size() &&
      equal_in_constant_time(data.first(challenge.size()), challenge) &&
      is_zero(data.subspan(challenge.size())))
    return {};
  return fail(Code::tdx_report_data,
              "report_data must be the challenge, and zeros up to its 64 octets");
}

Result<void> check_rules(const TdReport& report, const Rules& rules) {
  if ((report.td_attributes & ~known_attributes) != 0)
    return fail(Code::tdx_reserved,
                "a reserved attribute of the TD is set: what it would say is not known here");
  if ((report.td_attributes & under_debug) != 0 && !rules.debug_allowed)
    return fail(Code::tdx_debug, "the TD is under debug or profiling: no secret is safe");
  return {};
}

Facts facts_of(const Checked& checked, const Appraisal& appraisal) {
  const TdReport& report = checked.quote.report;
  Facts facts;
  facts.format = "tdx";
  facts.key_protection = "unproven";  // The quote carries a hash of the token's key, no more.
  facts.manufacturer = "Intel";
  facts.model = to_hex(checked.pck.fmspc);
  x509::set_vouched(facts, checked.chain);
  if (checked.chain.standing == x509::Standing::trusted)
    facts.proves = {proves::boot_state, proves::hardware};
  facts.more["measurement"] = to_hex(report.mr_td);
  facts.more["signer_measurement"] = to_hex(report.mr_signer_seam);
  std::vector<std::string> rtmrs;
  for (const Register& rtmr : report.rtmrs) rtmrs.push_back(to_hex(rtmr));
  facts.more["rtmrs"] = std::move(rtmrs);
  facts.more["tcb"] = to_hex(report.tee_tcb_svn);
  facts.more["tcb_status"] = appraisal.tcb_status;
  facts.more["tcb_advisories"] = appraisal.advisories;
  facts.more["not_evaluated"] = appraisal.not_evaluated;
  return facts;
}

}  // namespace mintmark::attest::tdx
