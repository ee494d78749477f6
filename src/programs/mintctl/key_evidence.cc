// mintctl keys evidence: what proves where each published key lives, and by whose word.
#include <cstdio>

#include "base/bytes.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

Result<Json> evidence(AdminClient& mintd, const Arguments& arguments) {
  auto answer = mintd.get("/admin/v1/keys/evidence");
  const std::string& kid = arguments.argument();
  if (!answer || kid.empty()) return answer;
  Json one = Json::array();
  for (Json& key : (*answer)["keys"]) {
    if (text(key, "kid") == kid) one.push_back(std::move(key));
  }
  if (one.empty())
    return fail(Code::key_not_found,
                "no key " + printable(kid) + " is published; mintctl keys list shows them");
  (*answer)["keys"] = std::move(one);
  return answer;
}

void print_evidence(const Json& answer) {
  std::printf("%-43s  %-18s  %-10s  %-19s  %s\n", "KID", "PURPOSE", "STORE", "PROVEN BY",
              "BY WHOSE WORD");
  for (const Json& key : answer["keys"]) {
    const bool proven = key.contains("evidence") && key["evidence"].is_object();
    std::printf("%-43s  %-18s  %-10s  %-19s  %s\n", text(key, "kid").c_str(),
                text(key, "purpose").c_str(), text(key, "store").c_str(),
                proven ? text(key["evidence"], "kind").c_str() : "nothing",
                proven ? text(key["evidence"], "claim").c_str()
                       : "its store has not told yet, or the key has ended there");
  }
}

}  // namespace

std::vector<Subcommand> key_evidence_commands() {
  return {{{"keys evidence",
            "what proves where the published keys live; with --json whole, as a file for mint-gate "
            "verify-evidence --evidence",
            {},
            "[KID]"},
           evidence,
           print_evidence}};
}

}  // namespace mintmark::programs
