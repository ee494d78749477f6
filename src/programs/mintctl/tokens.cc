#include <array>
#include <cstdio>
#include <ctime>

#include "programs/mintctl/dry_run.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

// ---- asking ----

constexpr std::array<std::pair<const char*, const char*>, 6> names{
    {{"--jti", "jti"},
     {"--token", "token"},
     {"--device", "device"},
     {"--key", "key"},
     {"--rule", "rule"},
     {"--issued-before", "issued_before"}}};

/// "now" (by mintd's clock and tokens), seconds since 1970, or RFC 3339 in UTC.
Result<Json> moment_of(const std::string& text) {
  if (text == "now") return Json(text);
  Json number = Json::parse(text, nullptr, false);
  if (number.is_number_unsigned()) return number;
  std::tm time{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
  if (end != nullptr && *end == '\0') return Json(std::int64_t{timegm(&time)});
  return fail(Code::invalid_argument,
              "--issued-before is now, seconds since 1970, or a time in UTC as "
              "2026-11-29T21:25:00Z, not \"" +
                  text + "\"");
}

Result<Json> value_of(const std::string& option, const std::string& text) {
  if (option == "--issued-before") return moment_of(text);
  if (option != "--token") return Json(text);
  auto token = value_or_stdin(text);
  if (!token) return pass_on(token);
  return Json(std::move(*token));
}

Result<Json> revoke(AdminClient& mintd, const Arguments& arguments) {
  Json request = Json::object();
  for (const auto& [option, member] : names) {
    if (!arguments.has(option)) continue;
    auto value = value_of(option, arguments.value(option));
    if (!value) return value;
    request[member] = std::move(*value);
  }
  if (request.size() != 1) {
    return fail(Code::invalid_argument,
                "name what is revoked: one of --jti, --token, --device, --key, --rule, "
                "--issued-before");
  }
  if (arguments.has("--reason")) request["reason"] = arguments.value("--reason");
  if (arguments.has("--dry-run")) request["dry_run"] = true;
  return mintd.post("/admin/v1/tokens/revoke", request);
}

// Pages until there is no next one.
Result<Json> list(AdminClient& mintd, const Arguments& arguments) {
  auto device = arguments.required("--device");
  if (!device) return pass_on(device);
  Json all = Json::array();
  std::string after;
  do {
    http::FormFields query = {{"device", *device}};
    if (!after.empty()) query.emplace_back("after", after);
    auto page = mintd.get("/admin/v1/tokens?" + http::encode_form(query));
    if (!page) return page;
    for (Json& token : (*page)["tokens"]) all.push_back(std::move(token));
    after = page->value("next", "");
  } while (!after.empty());
  return Json{{"tokens", std::move(all)}};
}

// ---- printing ----

void print_revoked(const Json& answer) {
  if (print_would_revoke(answer)) return;
  const auto live = answer.value("live", std::uint64_t{0});
  const char* const tokens = live == 1 ? "token" : "tokens";
  std::printf("revoked %llu live %s", static_cast<unsigned long long>(live), tokens);
  const auto seq = answer.value("seq", std::uint64_t{0});
  if (seq == 0)
    std::printf("; there was nothing to say\n");
  else
    std::printf(", event %llu\n", static_cast<unsigned long long>(seq));
}

void print_tokens(const Json& answer) {
  std::printf("%-22s  %-20s  %-20s  %-7s  %-16s  %s\n", "JTI", "ISSUED", "ENDS", "REVOKED", "RULE",
              "AUDIENCE");
  for (const Json& token : answer["tokens"]) {
    std::printf("%-22s  %-20s  %-20s  %-7s  %-16s  %s\n", text(token, "jti").c_str(),
                moment(token, "issued_at").c_str(), moment(token, "expires_at").c_str(),
                token.value("revoked", false) ? "yes" : "no", text(token, "rule").c_str(),
                text(token, "audience").c_str());
  }
}

}  // namespace

std::vector<Subcommand> token_commands() {
  return {
      {{"tokens revoke",
        "take tokens back: done when it is on disk and services are being told",
        {{"--jti", "J", "the token with this jti"},
         {"--token", "T", "this token (-: from standard input); only its jti is read"},
         {"--device", "ID", "all of this device; it may go on and fetch new ones"},
         {"--key", "KID", "all that this key signed; one that still signs: keys revoke"},
         {"--rule", "NAME", "all that this rule of the policy granted"},
         {"--issued-before", "TIME", "all issued before: now, seconds, or 2026-11-29T21:25:00Z"},
         {"--reason", "TEXT", "why, for the record"},
         dry_run_option},
        ""},
       revoke,
       print_revoked},
      {{"tokens list", "a device's tokens that have not ended", {{"--device", "ID", "whose"}}, ""},
       list,
       print_tokens}};
}

}  // namespace mintmark::programs
