// mint-gate client-key: the key by which a gate, or another service, is known to the issuer.
#include <cstdio>

#include "jose/file_key.h"
#include "programs/mint_gate/commands.h"

namespace mintmark::programs {

Command client_key_command() {
  return {
      "client-key",
      "print the public half of the key in a file as a JWK, for mintctl clients add --jwk. Where "
      "the file is not there, it is made with a new key, for its owner alone",
      {{"--file", "FILE", "the private key: EC P-256, PEM"}},
      ""};
}

int client_key(const Program& program, const Arguments& arguments) {
  const bool json = arguments.has("--json");
  const auto file = arguments.required("--file");
  if (!file) return report(program, file.error(), json);
  const auto key = jose::FileKey::open_or_make(*file, {Code::invalid_argument, "the key"});
  if (!key) return report(program, key.error(), json);
  std::printf("%s\n", key->public_key().to_jwk().dump().c_str());
  return exit_done;
}

}  // namespace mintmark::programs
