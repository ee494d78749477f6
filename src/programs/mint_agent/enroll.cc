// enroll, attest: this device shows the issuer what it is.
#include <cstdio>
#include <filesystem>

#include "agent/ak_certificate.h"
#include "agent/boot_logs.h"
#include "programs/mint_agent/subcommand.h"

namespace mintmark::programs {

Result<std::string> absolute(const Arguments& arguments, const char* option) {
  const std::string file = arguments.value(option);
  if (file.empty()) return file;
  std::error_code error;
  const auto path = std::filesystem::absolute(file, error);
  if (error || !std::filesystem::exists(path, error)) {
    return fail(Code::invalid_argument, std::string(option) + ": there is no file " + file);
  }
  return path.string();
}

namespace {

// The fingerprint stands alone on its line: it is compared by eye, or read by a script with --json.
int report_pending(const agent::PendingEnrolment& pending, bool json) {
  if (json) {
    const Error error = pending.to_error();
    const Json body = {{"error",
                        {{"code", facts_of(error.code).name},
                         {"action", name_of(error.action())},
                         {"detail", error.detail}}},
                       {"fingerprint", pending.fingerprint},
                       {"approve", pending.approval()}};
    std::printf("%s\n", body.dump(2).c_str());
  } else {
    std::printf(
        "waiting for approval; this device's fingerprint is\n  %s\nthe issuer's operator approves "
        "it by\n  %s\nthen run this again\n",
        pending.fingerprint.c_str(), pending.approval().c_str());
  }
  return exit_unavailable;
}

Result<agent::CertifiedAk> certified_ak(const Arguments& arguments) {
  if (arguments.has("--ek"))
    return fail(Code::invalid_argument, "--ek goes without --ak-certificate: no EK is shown then");
  auto place = arguments.required("--ak-certificate");
  if (!place) return pass_on(place);
  const auto named = arguments.required("--ak-handle");
  if (!named) return tl::unexpected<Error>(named.error());
  const auto handle = agent::persistent_handle_in(*named);
  if (!handle) return tl::unexpected<Error>(handle.error());
  if (!agent::is_nv_place(*place)) place = absolute(arguments, "--ak-certificate");
  if (!place) return pass_on(place);
  if (agent::is_nv_place(*place)) {
    if (const auto index = agent::nv_index_in(*place); !index)
      return tl::unexpected<Error>(index.error());
  }
  return agent::CertifiedAk{{*handle}, std::move(*place)};
}

// `kind`: the word of --key that the options go with.
Result<void> refuse_options(const Arguments& arguments, const std::vector<const char*>& options,
                            const char* kind) {
  for (const char* option : options) {
    if (arguments.has(option))
      return fail(Code::invalid_argument,
                  std::string(option) + " goes with --key " + kind + " alone");
  }
  return {};
}

const std::vector<const char*> tpm_options = {
    "--tcti", "--ek", "--event-log", "--ima-log", "--ak-certificate", "--ak-handle"};
const std::vector<const char*> element_options = {"--certificate", "--identity-key-signs"};

Result<agent::EnrolmentWay> way_by_element(const Arguments& arguments, const std::string& uri) {
  if (auto fits = refuse_options(arguments, tpm_options, "tpm"); !fits) return pass_on(fits);
  if (auto fits = refuse_options(arguments, {"--code"}, "file"); !fits) return pass_on(fits);
  if (auto well = hsm::pkcs11::check_element_uri(uri); !well) return pass_on(well);
  auto certificate = absolute(arguments, "--certificate");
  if (!certificate) return pass_on(certificate);
  return agent::ByElement{uri, std::move(*certificate), arguments.has("--identity-key-signs")};
}

Result<agent::EnrolmentWay> way_by_tpm(const Arguments& arguments) {
  if (auto fits = refuse_options(arguments, element_options, "pkcs11:URI"); !fits)
    return pass_on(fits);
  if (arguments.has("--code"))
    return fail(Code::invalid_argument,
                "--code goes with --key file; a TPM enrols by what it shows");
  auto event_log = absolute(arguments, "--event-log");
  if (!event_log) return pass_on(event_log);
  auto ima_log = absolute(arguments, "--ima-log");
  if (!ima_log) return pass_on(ima_log);
  agent::ByTpm way{.tcti = arguments.value("--tcti"),
                   .ek = std::nullopt,
                   .logs = {std::move(*event_log), std::move(*ima_log)},
                   .ak = std::nullopt};
  if (arguments.has("--ak-certificate") || arguments.has("--ak-handle")) {
    auto ak = certified_ak(arguments);
    if (!ak) return pass_on(ak);
    way.ak = std::move(*ak);
  }
  if (arguments.has("--ek")) {
    auto kind = hsm::tpm2::ek_kind_named(arguments.value("--ek"));
    if (!kind) return fail(Code::invalid_argument, "--ek is rsa or ecc");
    way.ek = *kind;
  }
  return way;
}

Result<agent::EnrolmentWay> way_by_code(const Arguments& arguments) {
  if (auto fits = refuse_options(arguments, tpm_options, "tpm"); !fits) return pass_on(fits);
  if (auto fits = refuse_options(arguments, element_options, "pkcs11:URI"); !fits)
    return pass_on(fits);
  auto given = arguments.required("--code");
  if (!given) return pass_on(given);
  auto code = value_or_stdin(*given);
  if (!code) return pass_on(code);
  if (code->empty())
    return fail(Code::invalid_argument, "--code is empty; mintctl devices invite gives one");
  return agent::ByCode{Secret::take(*code)};
}

Result<agent::EnrolmentWay> way_of(const Arguments& arguments) {
  const std::string kind = arguments.value("--key", "tpm");
  if (kind == "tpm") return way_by_tpm(arguments);
  if (kind == "file") return way_by_code(arguments);
  if (kind.starts_with("pkcs11:")) return way_by_element(arguments, kind);
  return fail(Code::invalid_argument, "--key is tpm, pkcs11:URI or file, not \"" + kind + "\"");
}

// By what the issuer knows it.
struct KnownBy {
  std::string operator()(const agent::TpmKey& key) const {
    return (key.ak_certificate.empty() ? "EK " : "AK ") + key.ek_fingerprint.substr(0, 16) + "…";
  }
  std::string operator()(const agent::Pkcs11Key& key) const {
    return "identity " + key.fingerprint.substr(0, 16) + "…";
  }
  std::string operator()(const agent::FileKey& /*key*/) const {
    return "key in a file: whoever reads it is this device";
  }
};

void print_enrolment(const agent::Identity& identity, const char* done) {
  std::printf("%s at %s as %s (%s)\n", done, identity.issuer.c_str(), identity.client_id.c_str(),
              std::visit(KnownBy{}, identity.key).c_str());
}

Result<int> report_enrolment(const agent::Agent& agent, Result<agent::Enrolment> enrolment,
                             bool json, const char* done) {
  if (!enrolment) return pass_on(enrolment);
  if (const auto* pending = std::get_if<agent::PendingEnrolment>(&*enrolment))
    return report_pending(*pending, json);
  if (!json) {
    print_enrolment(std::get<agent::Identity>(*enrolment), done);
    return exit_done;
  }
  const auto status = agent.status();
  if (!status) return tl::unexpected<Error>(status.error());
  std::printf("%s\n", status->dump(2).c_str());
  return exit_done;
}

std::string without_slashes(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Result<int> enroll(agent::Agent& agent, const Arguments& arguments) {
  auto issuer = arguments.required("--issuer");
  if (!issuer) return pass_on(issuer);
  auto ca = absolute(arguments, "--ca");
  if (!ca) return pass_on(ca);
  auto way = way_of(arguments);
  if (!way) return pass_on(way);
  const agent::EnrolmentOptions options{.issuer = *issuer, .ca_file = *ca, .way = std::move(*way)};
  return report_enrolment(agent, agent.enroll(options), arguments.has("--json"), "enrolled");
}

// With an issuer it is one command for a timer: the first time it enrols.
Result<int> attest(agent::Agent& agent, const Arguments& arguments) {
  const std::string issuer = without_slashes(arguments.value("--issuer"));
  const auto status = agent.status();
  if (!status && status.error().code == Code::agent_not_enrolled && !issuer.empty())
    return enroll(agent, arguments);
  if (!status) return tl::unexpected<Error>(status.error());
  if (!issuer.empty() && (*status)["issuer"] != issuer) {
    return fail(Code::invalid_argument, "this device is enrolled at " +
                                            (*status)["issuer"].get<std::string>() +
                                            "; enroll changes that");
  }
  return report_enrolment(agent, agent.attest(), arguments.has("--json"), "attested");
}

Command enroll_command() {
  return {
      "enroll",
      "prove this device to an issuer",
      {{"--issuer", "URL", "the issuer"},
       {"--ca", "FILE", "PEM of the roots to trust for its TLS (default: the system's)"},
       {"--key", "KIND",
        "where the device key lives: tpm (the default), a PKCS#11 token (pkcs11:URI), or file, "
        "unprotected"},
       {"--tcti", "T",
        "with tpm: which, as tpm2-tss names it (default: /dev/tpmrm0, else /dev/tpm0)"},
       {"--ek", "KIND",
        "with tpm: which EK certificate, rsa or ecc (default: rsa if there is one)"},
       {"--ak-certificate", "FILE",
        "with tpm: an attestation authority's certificate for the AK at --ak-handle, in a file or "
        "as nv:0x01C101D0"},
       {"--ak-handle", "HANDLE", "where that AK persists in the TPM: 0x81000003"},
       {"--event-log", "FILE",
        "with tpm: the firmware's log of what was booted (default: the kernel's, for the machine's "
        "own TPM)"},
       {"--ima-log", "FILE", "with tpm: IMA's log (default: likewise)"},
       {"--certificate", "FILE",
        "with pkcs11: the identity key's certificate, PEM with its chain behind it, or DER "
        "(default: the token's certificate with the key's CKA_ID)"},
       {"--identity-key-signs", "",
        "with pkcs11: the identity key (P-256) is the device key too (default: a second one is "
        "made in the token)"},
       {"--code", "CODE",
        "with file: the one-time code that mintctl devices invite gave; - reads standard input"}},
      ""};
}

}  // namespace

std::vector<Subcommand> enrolment_commands() {
  return {
      {enroll_command(), &enroll},
      {{"attest",
        "prove this device and what it booted again, now",
        {{"--issuer", "URL", "the issuer, to enrol there where nothing is enrolled yet"},
         {"--ca", "FILE", "then: PEM of the roots to trust for its TLS (default: the system's)"}},
        ""},
       &attest}};
}

}  // namespace mintmark::programs
