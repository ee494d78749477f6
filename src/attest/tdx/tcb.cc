#include "attest/tdx/tcb.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace mintmark::attest::tdx {
namespace {

// MRSIGNER of Intel's SGX architectural enclaves, ISVPRODID of the one that quotes TDs.
constexpr std::array<std::uint8_t, 32> intel_signer = {
    0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
    0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5};
constexpr std::uint16_t td_qe = 2;
constexpr std::uint8_t enclave_debug = 0x02;

template <std::size_t size>
bool fits(const std::array<std::uint8_t, size>& value, const std::array<std::uint8_t, size>& mask,
          const std::array<std::uint8_t, size>& wanted) {
  for (std::size_t i = 0; i < size; ++i) {
    if ((value[i] & mask[i]) != wanted[i]) return false;
  }
  return true;
}

template <std::size_t size>
std::array<std::uint8_t, size> little_endian(std::uint64_t number) {
  std::array<std::uint8_t, size> octets{};
  for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::uint8_t>(number >> 8U * i);
  return octets;
}

// From version 1 on there is an identity of its own for each: "TDX_01".
const Module* module_of(const TdReport& report, const TcbInfo& info) {
  const unsigned version = report.tee_tcb_svn[1];
  if (version == 0) return &info.module;
  std::array<char, 8> id{};
  std::snprintf(id.data(), id.size(), "TDX_%02x", version);
  const auto found =
      std::find_if(info.identities.begin(), info.identities.end(), [&](const Module& module) {
        return std::equal(
            module.id.begin(), module.id.end(), id.data(), id.data() + 6,
            [](char one, char other) { return std::tolower(one) == std::tolower(other); });
      });
  return found == info.identities.end() ? nullptr : &*found;
}

bool reaches(const TdReport& report, const Pck& pck, const TcbLevel& level) {
  const auto reached = [](const auto& have, const auto& need, std::size_t from) {
    for (std::size_t i = from; i < have.size(); ++i) {
      if (have[i] < need[i]) return false;
    }
    return true;
  };
  // The module's own SVN and version are judged by its identity, where it has one.
  const std::size_t first = report.tee_tcb_svn[1] == 0 ? 0 : 2;
  return reached(pck.components, level.sgx, 0) && pck.pce_svn >= level.pce_svn &&
         reached(report.tee_tcb_svn, level.tdx, first);
}

Result<Standing> standing_in(const std::vector<SvnLevel>& levels, unsigned svn, const char* what) {
  for (const SvnLevel& level : levels) {
    if (svn >= level.isv_svn) return level.standing;
  }
  return fail(Code::tdx_tcb_level, std::string(what) + " of SVN " + std::to_string(svn) +
                                       " is below every level that Intel knows");
}

tl::unexpected<Error> wrong_module(const std::string& why) {
  return fail(Code::tdx_module, "the TDX module " + why);
}
tl::unexpected<Error> wrong_qe(const std::string& why) {
  return fail(Code::tdx_qe_identity, "the enclave that quoted " + why);
}

}  // namespace

Result<void> check_module(const TdReport& report, const TcbInfo& info) {
  const Module* module = module_of(report, info);
  if (module == nullptr)
    return wrong_module("is of version " + std::to_string(report.tee_tcb_svn[1]) +
                        ", which Intel's TCB info does not know");
  if (report.mr_signer_seam != module->mr_signer) return wrong_module("is not signed by Intel");
  if (!fits(little_endian<8>(report.seam_attributes), module->attributes_mask, module->attributes))
    return wrong_module("has attributes that Intel does not give it");
  return {};
}

Result<void> check_module(const TdReport& report) {
  if (!is_zero(report.mr_signer_seam)) return wrong_module("is not signed by Intel");
  if (report.seam_attributes != 0) return wrong_module("has attributes");
  return {};
}

Result<Standing> standing_of(const TdReport& report, const Pck& pck, const TcbInfo& info) {
  const auto level = std::find_if(info.levels.begin(), info.levels.end(),
                                  [&](const TcbLevel& one) { return reaches(report, pck, one); });
  if (level == info.levels.end())
    return fail(Code::tdx_tcb_level, "the platform is below every TCB level that Intel knows");
  if (report.tee_tcb_svn[1] == 0) return together(level->standing, {TcbStatus::up_to_date, {}});
  const Module* module = module_of(report, info);
  if (module == nullptr) return wrong_module("is of a version that Intel's TCB info does not know");
  const auto own = standing_in(module->levels, report.tee_tcb_svn[0], "a TDX module");
  if (!own) return own;
  return together(level->standing, *own);
}

Result<void> check_qe(const EnclaveReport& qe, const QeIdentity& identity) {
  if (qe.mr_signer != identity.mr_signer || qe.isv_prod_id != identity.isv_prod_id)
    return wrong_qe("is not Intel's for TDs");
  if (!fits(little_endian<4>(qe.misc_select), identity.misc_select_mask, identity.misc_select) ||
      !fits(qe.attributes, identity.attributes_mask, identity.attributes))
    return wrong_qe("has attributes that Intel does not give it");
  return {};
}

Result<void> check_qe(const EnclaveReport& qe) {
  if (qe.mr_signer != intel_signer || qe.isv_prod_id != td_qe)
    return wrong_qe("is not Intel's for TDs");
  if ((qe.attributes[0] & enclave_debug) != 0) return wrong_qe("is debugged");
  return {};
}

Result<Standing> standing_of(const EnclaveReport& qe, const QeIdentity& identity) {
  auto standing = standing_in(identity.levels, qe.isv_svn, "a quoting enclave");
  if (!standing) return standing;
  return together(std::move(*standing), {TcbStatus::up_to_date, {}});
}

Standing together(Standing whole, const Standing& part) {
  auto& all = whole.advisories;
  all.insert(all.end(), part.advisories.begin(), part.advisories.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  const bool configuration = whole.status == TcbStatus::configuration_needed ||
                             whole.status == TcbStatus::configuration_and_sw_hardening_needed;
  if (part.status == TcbStatus::out_of_date && configuration)
    whole.status = TcbStatus::out_of_date_configuration_needed;
  whole.status = std::max(whole.status, part.status);
  return whole;
}

}  // namespace mintmark::attest::tdx
