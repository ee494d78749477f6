#include "attest/sev_snp/report.h"

#include <algorithm>

#include "attest/eventlog/cursor.h"

namespace mintmark::attest::sev_snp {
namespace {

using eventlog::Cursor;

constexpr std::size_t signed_size = 0x2A0;
constexpr std::size_t number_size = 72;  // r and s each, little-endian.
constexpr std::size_t p384_size = 48;
constexpr std::uint64_t policy_always_set = 1U << 17U;
constexpr unsigned first_reserved_policy_bit = 26;
constexpr unsigned first_reserved_flag = 5;

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
bool zeros(Cursor& at, std::size_t count) { return is_zero(*at.take(count)); }

// 72 octets of a little-endian number as 48 of a big-endian one.
bool append_number(BytesView little, Bytes& into) {
  if (!is_zero(little.subspan(p384_size))) return false;
  into.insert(into.end(), little.rend() - p384_size, little.rend());
  return true;
}

void read_identity(Cursor& at, Report& report) {
  take(at, report.version);
  take(at, report.guest_svn);
  take(at, report.policy);
  (void)at.take(32);  // FAMILY_ID, IMAGE_ID
  take(at, report.vmpl);
  take(at, report.signature_algo);
  take(at, report.current_tcb);
  take(at, report.platform_info);
  take(at, report.flags);
  report.reserved_is_zero = zeros(at, 4) && report.flags >> first_reserved_flag == 0 &&
                            report.policy >> first_reserved_policy_bit == 0 &&
                            (report.policy & policy_always_set) != 0;
}

void read_guest(Cursor& at, Report& report) {
  take(at, report.report_data);
  take(at, report.measurement);
  take(at, report.host_data);
  (void)at.take(48);  // ID_KEY_DIGEST
  take(at, report.author_key_digest);
  take(at, report.report_id);
  take(at, report.report_id_ma);
}

void read_platform(Cursor& at, Report& report) {
  take(at, report.reported_tcb);
  const BytesView cpuid = *at.take(3);
  if (report.version >= 3) {
    report.family = cpuid[0];
    report.model = cpuid[1];
  }
  bool zero = zeros(at, 21) && (report.version >= 3 || is_zero(cpuid));
  take(at, report.chip_id);
  (void)at.take(8);  // COMMITTED_TCB
  (void)at.take(3);  // CURRENT_BUILD, _MINOR, _MAJOR
  zero = zeros(at, 1) && zero;
  (void)at.take(3);  // COMMITTED_BUILD, _MINOR, _MAJOR
  zero = zeros(at, 1) && zero;
  (void)at.take(8);                        // LAUNCH_TCB
  const BytesView vectors = *at.take(16);  // LAUNCH_MIT_VECTOR, CURRENT_MIT_VECTOR
  zero = (report.version >= 5 || is_zero(vectors)) && zero;
  report.reserved_is_zero = zeros(at, signed_size - at.at()) && zero && report.reserved_is_zero;
}

}  // namespace

bool is_zero(BytesView octets) {
  return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

Result<Report> read_report(BytesView octets) {
  if (octets.size() != report_size)
    return fail(Code::snp_report_malformed,
                "a report has 1184 octets, not " + std::to_string(octets.size()));
  Report report;
  Cursor at(octets);
  read_identity(at, report);
  if (report.version < oldest_version || report.version > newest_version)
    return fail(Code::snp_version,
                "reports of version 2 to 5 are read, not of " + std::to_string(report.version));
  read_guest(at, report);
  read_platform(at, report);
  report.signed_part = to_bytes(octets.first(signed_size));
  const BytesView r = *at.take(number_size);
  const BytesView s = *at.take(number_size);
  const bool numbers = append_number(r, report.signature) && append_number(s, report.signature);
  if (!numbers) report.signature.clear();
  if (!is_zero(at.rest()))
    return fail(Code::snp_report_malformed, "octets stand behind the signature");
  return report;
}

}  // namespace mintmark::attest::sev_snp
