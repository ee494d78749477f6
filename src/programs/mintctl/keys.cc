// mintctl keys … and clock …: the issuer's signing keys, and the clock they live by.
#include <cstdio>

#include "programs/mintctl/dry_run.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

/// The hardware may take its time to make a key, or to end one.
constexpr std::chrono::seconds patience{90};

void print_warnings(const Json& answer) {
  for (const Json& warning : answer.value("warnings", Json::array()))
    std::printf("! %s\n", warning.get<std::string>().c_str());
}

/// "active 2026-12-24 07:00:00Z"; "-" where nothing is foreseen.
std::string next_of(const Json& key) {
  if (!key.contains("next")) return "-";
  return text(key["next"], "state") + " " + moment(key["next"], "at");
}

// ---- looking ----

Result<Json> list(AdminClient& mintd, const Arguments& arguments) {
  auto answer = mintd.get("/admin/v1/keys");
  if (!answer || arguments.has("--all")) return answer;
  Json shown = Json::array();
  for (Json& key : (*answer)["keys"]) {
    if (text(key, "state") != "destroyed") shown.push_back(std::move(key));
  }
  (*answer)["keys"] = std::move(shown);
  return answer;
}

void print_list(const Json& answer) {
  std::printf("%-43s  %-18s  %-7s  %-9s  %-10s  %-20s  %s\n", "KID", "PURPOSE", "ALG", "STATE",
              "STORE", "SINCE", "NEXT");
  for (const Json& key : answer["keys"]) {
    const std::string kid = text(key, "kid").empty() ? "(being made)" : text(key, "kid");
    std::printf("%-43s  %-18s  %-7s  %-9s  %-10s  %-20s  %s\n", kid.c_str(),
                text(key, "purpose").c_str(), text(key, "algorithm").c_str(),
                text(key, "state").c_str(), text(key, "store").c_str(),
                moment(key, "changed_at").c_str(), next_of(key).c_str());
    if (key.contains("revoked_why"))
      std::printf("  revoked: %s\n", text(key, "revoked_why").c_str());
    if (key.contains("coverage"))
      std::printf("  held by %s of %s verifiers%s\n", text(key["coverage"], "holding").c_str(),
                  text(key["coverage"], "listed").c_str(),
                  key["coverage"].value("missing", Json::array()).empty()
                      ? ""
                      : (", not by " + key["coverage"]["missing"].dump()).c_str());
  }
  for (const Json& orphan : answer["orphans"]) {
    std::printf("%-43s  %-18s  %-7s  in the hardware without a record: left alone%s\n",
                text(orphan, "kid").c_str(), text(orphan, "purpose").c_str(),
                text(orphan, "algorithm").c_str(),
                text(orphan, "unfit").empty() ? "" : ("; unfit: " + text(orphan, "unfit")).c_str());
  }
  print_warnings(answer);
}

// ---- making ----

Result<Json> generate(AdminClient& mintd, const Arguments& arguments) {
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

// ---- changing ----

Result<Json> rotate(AdminClient& mintd, const Arguments& arguments) {
  Json body = Json::object();
  if (arguments.has("--purpose")) body["purpose"] = arguments.value("--purpose", "");
  return mintd.post("/admin/v1/keys/rotate", body, patience);
}

void print_rotation(const Json& answer) {
  for (const Json& key : answer["rotations"]) {
    const std::string what =
        text(key, "purpose") + " " + text(key, "algorithm") + " in " + text(key, "store");
    if (text(key, "state") != "active")
      std::printf("%s: %s signs now, %s is %s\n", what.c_str(), text(key, "signs_now").c_str(),
                  text(key, "kid").c_str(), text(key, "state").c_str());
    else if (key.contains("next"))
      std::printf("%s: %s signs until %s, when verifiers may know its successor\n", what.c_str(),
                  text(key, "kid").c_str(), moment(key["next"], "at").c_str());
    else
      std::printf("%s: %s signs on: it has no successor yet\n", what.c_str(),
                  text(key, "kid").c_str());
  }
  print_warnings(answer);
}

Result<Json> revoke(AdminClient& mintd, const Arguments& arguments) {
  if (arguments.has("--dry-run"))
    return mintd.post("/admin/v1/keys/revoke", {{"kid", arguments.argument()}, {"dry_run", true}});
  auto why = arguments.required("--reason");
  if (!why) return pass_on(why);
  return mintd.post("/admin/v1/keys/revoke", {{"kid", arguments.argument()}, {"why", *why}},
                    patience);
}

void print_revocation(const Json& key) {
  if (print_would_revoke(key)) return;
  std::printf(
      "%s is not published any more: what it signed is good no more, once verifiers have "
      "fetched the keys again\n",
      text(key, "kid").c_str());
  if (key.contains("signs_now")) {
    if (key["signs_now"].is_null())
      std::printf("! nothing signs in its place\n");
    else
      std::printf("%s signs now%s\n", text(key, "signs_now").c_str(),
                  key.value("verifiers_may_know_it", false)
                      ? ""
                      : ", which verifiers may not know yet: they will look it up");
  }
  if (!key.value("ended_in_hardware", false))
    std::printf("! it is still in the hardware, and will be ended there as soon as that can be\n");
  if (key.contains("trouble")) std::printf("! %s\n", text(key, "trouble").c_str());
}

Result<Json> adopt(AdminClient& mintd, const Arguments& arguments) {
  return mintd.post("/admin/v1/keys/adopt", {{"kid", arguments.argument()}}, patience);
}

Result<Json> give_up(AdminClient& mintd, const Arguments& arguments) {
  return mintd.post("/admin/v1/keys/give-up", {{"kid", arguments.argument()}}, patience);
}

void print_changed(const Json& key) {
  std::printf("%s: %s\n", text(key, "kid").c_str(),
              key.contains("state") ? text(key, "state").c_str() : "ended in the hardware");
  if (key.contains("trouble")) std::printf("! %s\n", text(key, "trouble").c_str());
}

Result<Json> accept_clock(AdminClient& mintd, const Arguments& /*arguments*/) {
  return mintd.post("/admin/v1/clock/accept", Json::object());
}

void print_clock(const Json& answer) {
  std::printf("the latest moment was %s, and is %s now\n", moment(answer, "mark_before").c_str(),
              moment(answer, "mark").c_str());
}

}  // namespace

std::vector<Subcommand> key_commands() {
  return {
      {{"keys list",
        "the signing keys, their states and what comes next",
        {{"--all", "", "also those of which nothing is left"}},
        ""},
       list,
       print_list},
      {{"keys rotate",
        "successors sign as soon as verifiers may know them",
        {{"--purpose", "PURPOSE",
          "access_token, client_attestation, result, status_list or event (default: all)"}},
        ""},
       rotate,
       print_rotation},
      {{"keys revoke",
        "after a compromise: the key is published no more and ended, its successor signs at once",
        {{"--reason", "TEXT", "for the log and for those who come after"}, dry_run_option},
        "KID"},
       revoke,
       print_revocation},
      {{"keys adopt", "publishes a key that a ceremony made; it signs in its turn", {}, "KID"},
       adopt,
       print_changed},
      {{"keys give-up", "ends a key in the hardware that no record leads", {}, "KID"},
       give_up,
       print_changed},
      {{"keys generate",
        "make a key in the hardware for the front's TLS; prints its public key",
        {{"--purpose", "PURPOSE", "tls: all others are made by mintd when they are needed"},
         {"--algorithm", "ALG", "ES256 (default) or ES384"}},
        ""},
       generate,
       print_generated},
      {{"clock accept",
        "this machine's clock is right now, though it was ahead before: tokens are minted again",
        {},
        ""},
       accept_clock,
       print_clock}};
}

}  // namespace mintmark::programs
