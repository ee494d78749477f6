#include "attest/tdx/quote.h"

#include <algorithm>

#include "attest/eventlog/cursor.h"
#include "attest/x509/bundle.h"

namespace mintmark::attest::tdx {
namespace {

using eventlog::Cursor;

constexpr std::size_t header_size = 48;
constexpr std::size_t enclave_report_size = 384;
constexpr std::size_t pair_size = 64;
constexpr std::uint32_t tee_tdx = 0x81;
constexpr std::uint16_t key_ecdsa_p256 = 2;
constexpr std::uint16_t body_td_10 = 2;
constexpr std::uint16_t body_td_15 = 3;
constexpr std::uint32_t size_td_10 = 584;
constexpr std::uint32_t size_td_15 = 648;
constexpr std::uint16_t type_pck_chain = 5;
constexpr std::uint16_t type_qe_report = 6;
// Intel's; written as a GUID's octets.
constexpr std::array<std::uint8_t, 16> intel_qe = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                   0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

tl::unexpected<Error> malformed(const char* why) { return fail(Code::tdx_quote_malformed, why); }

// The caller has seen to it that all the octets are there.
template <std::size_t size>
void take(Cursor& at, std::array<std::uint8_t, size>& into) {
  const BytesView taken = *at.take(size);
  std::copy(taken.begin(), taken.end(), into.begin());
}
template <typename Integer>
void take(Cursor& at, Integer& into) {
  into = *at.number<Integer>();
}

TdReport read_body(BytesView octets) {
  Cursor at(octets);
  TdReport report;
  take(at, report.tee_tcb_svn);
  take(at, report.mr_seam);
  take(at, report.mr_signer_seam);
  take(at, report.seam_attributes);
  take(at, report.td_attributes);
  take(at, report.xfam);
  take(at, report.mr_td);
  take(at, report.mr_config_id);
  take(at, report.mr_owner);
  take(at, report.mr_owner_config);
  for (Register& rtmr : report.rtmrs) take(at, rtmr);
  take(at, report.report_data);
  if (octets.size() < size_td_15) return report;
  report.has_15 = true;
  take(at, report.tee_tcb_svn_2);
  take(at, report.mr_service_td);
  return report;
}

Result<void> read_header(Cursor& at, Quote& quote) {
  if (at.left() < header_size) return malformed("a quote has a header of 48 octets");
  take(at, quote.version);
  take(at, quote.key_type);
  take(at, quote.tee_type);
  (void)at.take(4);  // Reserved, or SVNs of an older form, which the reports tell better.
  take(at, quote.qe_vendor_id);
  (void)at.take(20);  // The quoting enclave's own.
  if (quote.version != 4 && quote.version != 5)
    return fail(Code::tdx_version,
                "quotes of version 4 and 5 are read, not of " + std::to_string(quote.version));
  if (quote.tee_type != tee_tdx)
    return fail(Code::tdx_tee_type, "the quote is of another kind of enclave than a TD");
  if (quote.key_type != key_ecdsa_p256)
    return fail(Code::tdx_key_type, "attestation keys are ECDSA on P-256 (2), not type " +
                                        std::to_string(quote.key_type));
  if (quote.qe_vendor_id != intel_qe)
    return fail(Code::tdx_vendor, "the quoting enclave's vendor is not Intel");
  return {};
}

// Version 5 says which body follows.
Result<void> read_descriptor(Cursor& at, Quote& quote) {
  quote.body_type = body_td_10;
  quote.body_size = size_td_10;
  if (quote.version == 4) return {};
  const auto type = at.number<std::uint16_t>();
  const auto size = at.number<std::uint32_t>();
  if (!type || !size) return malformed("the quote ends before its body");
  quote.body_type = *type;
  quote.body_size = *size;
  if ((quote.body_type == body_td_10 && quote.body_size == size_td_10) ||
      (quote.body_type == body_td_15 && quote.body_size == size_td_15))
    return {};
  return malformed("the body is neither of TDX 1.0 (type 2, 584 octets) nor 1.5 (type 3, 648)");
}

EnclaveReport read_enclave(BytesView octets) {
  Cursor at(octets);
  EnclaveReport report;
  report.octets = to_bytes(octets);
  take(at, report.cpu_svn);
  take(at, report.misc_select);
  (void)at.take(28);
  take(at, report.attributes);
  take(at, report.mr_enclave);
  (void)at.take(32);
  take(at, report.mr_signer);
  (void)at.take(96);
  take(at, report.isv_prod_id);
  take(at, report.isv_svn);
  (void)at.take(60);
  take(at, report.report_data);
  return report;
}

// The next certification data of that type: u16 type, u32 size, then so many octets.
std::optional<BytesView> certification_data(Cursor& at, std::uint16_t wanted,
                                            std::uint16_t* seen = nullptr) {
  const auto type = at.number<std::uint16_t>();
  const auto size = at.number<std::uint32_t>();
  if (!type || !size) return std::nullopt;
  if (seen != nullptr) *seen = *type;
  if (*type != wanted) return std::nullopt;
  return at.take(*size);
}

Result<void> read_certification(BytesView octets, Quote& quote) {
  const auto bad = [](const char* why) { return fail(Code::tdx_certification_data, why); };
  Cursor at(octets);
  if (at.left() < enclave_report_size + pair_size)
    return bad("the certification data end before the quoting enclave's report does");
  quote.qe = read_enclave(*at.take(enclave_report_size));
  quote.qe_signature = to_bytes(*at.take(pair_size));
  const auto size = at.number<std::uint16_t>();
  const auto auth = size ? at.take(*size) : std::nullopt;
  if (!auth) return bad("the quoting enclave's data end before their size");
  quote.qe_auth_data = to_bytes(*auth);
  const auto chain = certification_data(at, type_pck_chain);
  if (!chain || at.left() != 0)
    return bad("behind the quoting enclave's report a PCK certificate chain (5) must end the data");
  quote.pck_chain = x509::der_of_all(*chain, x509::most_offered);
  if (quote.pck_chain.empty())
    return bad("the PCK certificate chain is no PEM of 1 to 8 certificates");
  return {};
}

Result<void> read_signature_data(BytesView octets, Quote& quote) {
  Cursor at(octets);
  if (at.left() < 2 * pair_size) return malformed("signature and attestation key are cut off");
  quote.signature = to_bytes(*at.take(pair_size));
  quote.attestation_key = to_bytes(*at.take(pair_size));
  const auto data = certification_data(at, type_qe_report, &quote.certification_type);
  if (!data || at.left() != 0)
    return fail(Code::tdx_certification_data,
                "the certification data must be a quoting enclave's report (6), and end the quote");
  return read_certification(*data, quote);
}

// TDREPORT_STRUCT: MAC structure (256), TEE_TCB_INFO (239), reserved (17), TDINFO (512).
constexpr std::size_t tcb_info_at = 256;
constexpr std::size_t td_info_at = 512;
constexpr std::size_t report_data_at = 128;
constexpr std::size_t known_gap = 48;
constexpr std::array<std::uint8_t, 2> all_valid = {0xFF, 0x01};

bool has_tcb_info_at(BytesView octets, std::size_t at) {
  return octets[at] == all_valid[0] && octets[at + 1] == all_valid[1] &&
         is_zero(octets.subspan(at + 2, 6));
}

}  // namespace

bool is_zero(BytesView octets) {
  return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

Result<Quote> read_quote(BytesView octets) {
  if (octets.size() > longest_quote) return malformed("a quote has at most 16 KiB here");
  Quote quote;
  Cursor at(octets);
  if (auto read = read_header(at, quote); !read) return pass_on(read);
  if (auto read = read_descriptor(at, quote); !read) return pass_on(read);
  const auto body = at.take(quote.body_size);
  if (!body) return malformed("the quote ends inside its body");
  quote.report = read_body(*body);
  quote.signed_part = to_bytes(octets.first(at.at()));
  const auto size = at.number<std::uint32_t>();
  const auto data = size ? at.take(*size) : std::nullopt;
  if (!data) return malformed("the quote ends before its signature data do");
  quote.signature_data_size = *size;
  quote.trailing = at.left();
  if (quote.trailing > most_trailing) return malformed("more than 8 KiB stand behind the quote");
  if (auto read = read_signature_data(*data, quote); !read) return pass_on(read);
  return quote;
}

bool looks_like_td_report(BytesView octets) {
  if (octets.size() != td_report_size) return false;
  return (octets[0] == tee_tdx && has_tcb_info_at(octets, tcb_info_at)) ||
         has_tcb_info_at(octets, tcb_info_at - known_gap);
}

Result<LocalReport> read_td_report(BytesView octets) {
  if (!looks_like_td_report(octets))
    return malformed("a TD's report has 1024 octets, type 0x81 and all of its TCB valid");
  LocalReport local;
  const bool whole = octets[0] == tee_tdx && has_tcb_info_at(octets, tcb_info_at);
  local.missing = whole ? 0 : known_gap;
  const auto from = [&](std::size_t at) { return Cursor(octets.subspan(at - local.missing)); };
  TdReport& report = local.report;
  Cursor tcb = from(tcb_info_at + 8);
  take(tcb, report.tee_tcb_svn);
  take(tcb, report.mr_seam);
  take(tcb, report.mr_signer_seam);
  take(tcb, report.seam_attributes);
  Cursor info = from(td_info_at);
  take(info, report.td_attributes);
  take(info, report.xfam);
  take(info, report.mr_td);
  take(info, report.mr_config_id);
  take(info, report.mr_owner);
  take(info, report.mr_owner_config);
  for (Register& rtmr : report.rtmrs) take(info, rtmr);
  Cursor data = from(report_data_at);
  take(data, report.report_data);
  return local;
}

}  // namespace mintmark::attest::tdx
