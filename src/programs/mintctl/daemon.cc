#include <cstdio>

#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

void print_status(const Json& status) {
  std::printf("issuer   %s (mintd %s)\n", text(status, "issuer").c_str(),
              text(status, "version").c_str());
  const Json& front = status["front"];
  std::printf("front    %s, pid %s, restarts %s\n", text(front, "state").c_str(),
              text(front, "pid").c_str(), text(front, "restarts").c_str());
  if (!text(front, "trouble").empty()) std::printf("         %s\n", text(front, "trouble").c_str());
  for (const Json& signer : status["signers"]) {
    std::printf("signer   %s: %s, pid %s, restarts %s\n", text(signer, "store").c_str(),
                text(signer, "state").c_str(), text(signer, "pid").c_str(),
                text(signer, "restarts").c_str());
    if (!text(signer, "trouble").empty())
      std::printf("         %s\n", text(signer, "trouble").c_str());
  }
  std::printf("keys     %s published\n", text(status, "keys").c_str());
}

void print_keys(const Json& answer) {
  std::printf("%-43s  %-18s  %-9s  %-10s  %s\n", "KID", "PURPOSE", "STATE", "STORE", "SINCE");
  for (const Json& key : answer["keys"]) {
    std::printf("%-43s  %-18s  %-9s  %-10s  %s\n", text(key, "kid").c_str(),
                text(key, "purpose").c_str(), text(key, "state").c_str(),
                text(key, "store").c_str(), moment(key, "changed_at").c_str());
  }
  for (const Json& orphan : answer["orphans"]) {
    std::printf("%-43s  in the hardware without a record: left alone\n",
                orphan.get<std::string>().c_str());
  }
}

Result<Json> generate_key(AdminClient& mintd, const Arguments& arguments) {
  auto purpose = arguments.required("--purpose");
  if (!purpose) return pass_on(purpose);
  return mintd.post("/admin/v1/keys", {{"purpose", *purpose},
                                       {"algorithm", arguments.value("--algorithm", "ES256")}});
}

// Standard output has the public key alone, for a file; the rest is for the one who reads.
void print_generated(const Json& key) {
  std::fprintf(stderr, "kid        %s\nCKA_ID     %s\nuri        %s\nalgorithm  %s\n",
               text(key, "kid").c_str(), text(key, "id").c_str(), text(key, "uri").c_str(),
               text(key, "algorithm").c_str());
  std::printf("%s", text(key, "public_key").c_str());
}

Result<Json> reload(AdminClient& mintd, const Arguments& /*arguments*/) {
  return mintd.post("/admin/v1/reload", Json::object());
}

void print_reload(const Json& answer) {
  std::printf("read again and in force:");
  for (const Json& part : answer["reloaded"]) std::printf(" %s", part.get<std::string>().c_str());
  std::printf("\n");
}

}  // namespace

std::vector<Subcommand> daemon_commands() {
  return {{{"status", "the processes and whether they are ready", {}, ""},
           [](AdminClient& mintd, const Arguments& /*arguments*/) {
             return mintd.get("/admin/v1/status");
           },
           print_status},
          {{"keys list", "the signing keys and their states", {}, ""},
           [](AdminClient& mintd, const Arguments& /*arguments*/) {
             return mintd.get("/admin/v1/keys");
           },
           print_keys},
          {{"keys generate",
            "make a key in the hardware for the front's TLS; prints its public key",
            {{"--purpose", "PURPOSE", "tls: all others are made by mintd when they are needed"},
             {"--algorithm", "ALG", "ES256 (default) or ES384"}},
            ""},
           generate_key,
           print_generated},
          {{"reload", "puts policy, EK roots, TLS certificate and log level in force anew", {}, ""},
           reload,
           print_reload},
          {{"policy reload", "the same: all of it is read again, or nothing", {}, ""},
           reload,
           print_reload}};
}

}  // namespace mintmark::programs
