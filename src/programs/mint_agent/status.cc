// status: who is enrolled, how long it holds.
#include <cstdio>

#include "programs/mint_agent/subcommand.h"

namespace mintmark::programs {
namespace {

std::string text_in(const Json& object, const char* name) {
  return object[name].get<std::string>();
}

std::string word_on(const Json& attestation) {
  if (!attestation["valid"].get<bool>()) return "over: the next token attests again";
  if (!attestation.contains("due")) return "good";
  return "good, to be renewed (" + text_in(attestation, "due") + "): the next token attests again";
}

std::string place_of(const Json& key) {
  if (key["kind"] == "file") return "unprotected, in the file " + text_in(key, "file");
  if (key["kind"] == "pkcs11") return "in the token of " + text_in(key, "uri");
  return "in the TPM";
}

void print_standing(const Json& status) {
  const Json& key = status["key"];
  std::printf("issuer       %s\nclient id    %s\ndevice key   %s, %s\n",
              text_in(status, "issuer").c_str(), text_in(status, "client_id").c_str(),
              text_in(key, "jkt").c_str(), place_of(key).c_str());
  if (status.contains("ek")) {
    std::printf("EK           %s %s\n", text_in(status["ek"], "kind").c_str(),
                text_in(status["ek"], "spki_sha256").c_str());
  }
  if (status.contains("ak")) {
    std::printf("AK           %s %s\n", text_in(status["ak"], "handle").c_str(),
                text_in(status["ak"], "spki_sha256").c_str());
  }
  if (status.contains("identity"))
    std::printf("identity     %s\n", text_in(status["identity"], "spki_sha256").c_str());
  if (status.contains("attestation"))
    std::printf("attestation  %s\n", word_on(status["attestation"]).c_str());
  for (const char* kind : {"refusal", "failure"}) {
    if (!status.contains(kind)) continue;
    const Json& last = status[kind];
    std::printf("last %s %s s ago: %s: %s\n", kind, last["ago"].dump().c_str(),
                text_in(last, "code").c_str(), text_in(last, "detail").c_str());
  }
}

Result<int> status(agent::Agent& agent, const Arguments& arguments) {
  auto status = agent.status();
  if (!status) return pass_on(status);
  if (arguments.has("--json")) {
    std::printf("%s\n", status->dump(2).c_str());
    return exit_done;
  }
  print_standing(*status);
  for (const Json& kept : (*status)["tokens"]) {
    std::printf("token        %s [%s]%s\n", kept["audience"].get_ref<const std::string&>().c_str(),
                kept["scope"].get_ref<const std::string&>().c_str(),
                kept["usable"].get<bool>() ? "" : " (over)");
  }
  return exit_done;
}

}  // namespace

std::vector<Subcommand> status_commands() {
  return {
      {{"status", "who is enrolled, how long it holds, which tokens are kept", {}, ""}, &status}};
}

}  // namespace mintmark::programs
