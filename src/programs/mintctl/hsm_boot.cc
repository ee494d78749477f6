// Boot states that keys in a TPM demand: the operator signs for one.
#include <cstdio>

#include "base/file.h"
#include "hsm/tpm2/attestation.h"
#include "hsm/tpm2/boot_policy.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

using hsm::tpm2::PcrSelection;
using PcrValues = std::map<unsigned, Bytes>;

Result<PcrValues> values_in(const std::string& file, const PcrSelection& selection) {
  const auto content = read_file(file, 64U << 10U);
  if (!content) return tl::unexpected<Error>(content.error());
  const auto json = parse_json(*content);
  PcrValues values;
  for (const unsigned index : selection.indexes) {
    const std::string name = std::to_string(index);
    const bool named =
        json && json->is_object() && json->contains(name) && (*json)[name].is_string();
    const auto value = named ? from_hex((*json)[name].get<std::string>()) : Result<Bytes>(Bytes());
    if (!value || value->empty())
      return fail(Code::invalid_argument,
                  file + ": must be a JSON object with the hexadecimal value of PCR " + name +
                      R"(, such as {"0": "a4…", "2": "3d…"})");
    values[index] = *value;
  }
  return values;
}

Result<PcrValues> values_now(const std::string& tcti, const PcrSelection& selection) {
  const auto tpm = hsm::tpm2::Tpm::open(tcti);
  if (!tpm) return tl::unexpected<Error>(tpm.error());
  return hsm::tpm2::read_pcr_values(*tpm, selection.bank, selection.indexes);
}

Result<Json> approve(AdminClient& /*mintd*/, const Arguments& arguments) {
  auto key = arguments.required("--key");
  if (!key) return pass_on(key);
  auto approved = arguments.required("--approved");
  if (!approved) return pass_on(approved);
  auto named = arguments.required("--pcrs");
  if (!named) return pass_on(named);
  const auto selection = hsm::tpm2::pcr_selection_from(*named);
  if (!selection) return tl::unexpected<Error>(selection.error());
  if (arguments.has("--values") && arguments.has("--tcti"))
    return fail(Code::invalid_argument, "--values and --tcti are two ways to say one thing");
  const auto values = arguments.has("--values")
                          ? values_in(arguments.value("--values"), *selection)
                          : values_now(arguments.value("--tcti", ""), *selection);
  if (!values) return tl::unexpected<Error>(values.error());
  const auto approval =
      hsm::tpm2::approve(*key, *approved, *selection, *values, arguments.value("--comment", ""));
  if (!approval) return tl::unexpected<Error>(approval.error());
  Json shown = Json::object();
  for (const auto& [index, value] : *values) shown[std::to_string(index)] = to_hex(value);
  return Json{{"approved", *approved},
              {"pcrs", selection->to_string()},
              {"values", std::move(shown)},
              {"policy", to_hex(approval->policy)}};
}

void print_approved(const Json& answer) {
  for (const auto& [index, value] : answer["values"].items())
    std::printf("PCR %-3s %s\n", index.c_str(), value.get<std::string>().c_str());
  std::printf("approved in %s\n", text(answer, "approved").c_str());
}

}  // namespace

std::vector<Subcommand> hsm_boot_commands() {
  return {{{"hsm approve-boot",
            "signs for a state of this machine's start, in which keys in its TPM may sign",
            {{"--key", "FILE", "private key of who approves: PEM, EC P-256"},
             {"--approved", "FILE", "the approved states, which this one is added to"},
             {"--pcrs", "BANK:N,N", "which PCRs, such as sha256:0,2,7"},
             {"--values", "FILE", "their values, JSON; else those of this machine's TPM now"},
             {"--tcti", "T", "that TPM (default: /dev/tpmrm0, then /dev/tpm0)"},
             {"--comment", "TEXT", "what it is, for people"}},
            ""},
           approve,
           print_approved}};
}

}  // namespace mintmark::programs
