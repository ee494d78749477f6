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
  if (const auto behind = status.value("clock_behind_seconds", 0); behind > 0)
    std::printf("clock    %d s behind the latest moment at which this issuer worked\n", behind);
  for (const Json& warning : status.value("warnings", Json::array()))
    std::printf("!        %s\n", warning.get<std::string>().c_str());
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
          {{"reload", "puts policy, EK roots, TLS certificate and log level in force anew", {}, ""},
           reload,
           print_reload},
          {{"policy reload", "the same: all of it is read again, or nothing", {}, ""},
           reload,
           print_reload}};
}

}  // namespace mintmark::programs
