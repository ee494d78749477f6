#include "programs/mint_gate/evidence_answer.h"

#include <algorithm>
#include <cstdio>

#include "base/bytes.h"
#include "programs/command_line.h"

namespace mintmark::programs {
namespace {

using attest::evidence::Level;

Json described(const JudgedKey& key) {
  Json json = {{"kid", key.row.kid},
               {"purpose", key.row.purpose},
               {"kind", key.row.kind.empty() ? Json() : Json(key.row.kind)},
               {"proven", !key.refusal}};
  if (is_unavailable(key)) json["proven"] = nullptr;
  if (key.found) {
    json["level"] = name_of(key.found->level());
    json["where"] = key.found->words();
  }
  if (key.refusal) {
    json["code"] = facts_of(key.refusal->code).name;
    json["detail"] = key.refusal->detail;
  }
  return json;
}

void print_key(const JudgedKey& key) {
  const std::string kid = printable(key.row.kid);
  const std::string purpose = printable(key.row.purpose);
  const char* verdict = !key.refusal ? "proven" : is_unavailable(key) ? "unknown" : "refused";
  const std::string why = key.refusal ? std::string(facts_of(key.refusal->code).name) + ": " +
                                            printable(key.refusal->detail, 300)
                                      : key.found->words();
  std::printf("%-43s  %-18s  %-7s  %s\n", kid.c_str(), purpose.c_str(), verdict, why.c_str());
}

int status_of(const std::vector<JudgedKey>& keys) {
  const auto is_refused = [](const JudgedKey& key) { return key.refusal && !is_unavailable(key); };
  if (keys.empty() || std::any_of(keys.begin(), keys.end(), is_refused)) return exit_denied;
  return std::any_of(keys.begin(), keys.end(), is_unavailable) ? exit_unavailable : exit_done;
}

std::string verdict_of(const std::string& issuer, Level required, int status, std::size_t keys) {
  const std::string level = required == Level::tpm      ? "a TPM's own word"
                            : required == Level::vendor ? "the hardware's own word"
                                                        : "at least the module's claim";
  if (keys == 0) return "NOT PROVEN: " + issuer + " shows no key that was asked for";
  if (status == exit_done)
    return "proven by " + level + ": every key of " + issuer + " that was asked for";
  if (status == exit_unavailable) return "UNKNOWN: not every key could be judged now";
  return "NOT PROVEN: a key of " + issuer + " lacks " + level;
}

}  // namespace

bool is_unavailable(const JudgedKey& key) {
  if (!key.refusal) return false;
  const Action action = key.refusal->action();
  return action == Action::retry_later || action == Action::page_operator ||
         action == Action::reset_session;
}

int answer(const std::string& issuer, Level required, const std::vector<JudgedKey>& keys,
           bool json) {
  const int status = status_of(keys);
  if (json) {
    Json list = Json::array();
    for (const JudgedKey& key : keys) list.push_back(described(key));
    const Json whole = {{"issuer", issuer},
                        {"required", name_of(required)},
                        {"proven", status == exit_unavailable ? Json() : Json(status == exit_done)},
                        {"keys", std::move(list)}};
    std::printf("%s\n", whole.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return status;
  }
  for (const JudgedKey& key : keys) print_key(key);
  std::printf("%s\n", verdict_of(issuer, required, status, keys.size()).c_str());
  return status;
}

}  // namespace mintmark::programs
