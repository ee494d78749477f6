#include "admin/token_endpoints.h"

#include <algorithm>
#include <array>

#include "admin/asked.h"
#include "jose/jws.h"

namespace mintmark::admin {
namespace {

using revoke::Revocation;
using What = Revocation::What;

constexpr std::size_t tokens_in_a_page = 100;
constexpr std::int64_t latest = std::int64_t{1} << 40U;

struct Asked {
  Revocation what;
  bool dry_run = false;
};

// Whoever holds it may be no friend, and its signature may be anything: it only says which.
Result<std::string> jti_in(const std::string& token) {
  const auto no_token = [] {
    return fail(Code::revocation_malformed,
                "token is no JWT with a jti; give it whole, or its jti alone");
  };
  const auto parts = jose::parse_signing_input(token.substr(0, token.rfind('.')));
  if (!parts) return no_token();
  const auto jti = jose::string_claim(parts->claims, "jti");
  if (!jti || !*jti) return no_token();
  return **jti;
}

constexpr std::array<std::pair<const char*, What>, 5> named{{{"jti", What::token},
                                                             {"token", What::token},
                                                             {"device", What::device},
                                                             {"key", What::key},
                                                             {"rule", What::rule}}};

void read_what(config::ObjectReader& reader, Asked& asked, bool& whole) {
  unsigned count = 0;
  for (const auto& [member, what] : named) {
    if (!reader.has(member)) continue;
    ++count;
    asked.what.what = what;
    asked.what.name = reader.text(member);
    whole = std::string_view(member) == "token";
  }
  if (reader.has("issued_before")) {
    ++count;
    asked.what.what = What::issued_before;
    if (reader.is_text("issued_before")) {
      asked.what.until_now = reader.text("issued_before") == "now";
      if (!asked.what.until_now) reader.refuse("issued_before", "must be a number, or now");
    } else {
      asked.what.before = from_unix(reader.integer("issued_before", 1, latest));
    }
  }
  asked.what.why = reason_in(reader);
  asked.dry_run = reader.boolean("dry_run", false);
  if (!reader.failed() && count != 1)
    reader.refuse_here("must name one of jti, token, device, key, rule, issued_before");
}

Result<Asked> asked_in(const http::Request& request) {
  Asked asked;
  bool whole = false;
  auto read =
      read_request(request, [&](config::ObjectReader& reader) { read_what(reader, asked, whole); });
  if (!read) return pass_on(read);
  if (!whole) return asked;
  auto jti = jti_in(asked.what.name);
  if (!jti) return pass_on(jti);
  asked.what.name = std::move(*jti);
  return asked;
}

// One that is to sign in its turn has no tokens yet, and would sign nothing that is good.
Result<void> check_key(const TokenParts& parts, const std::string& kid) {
  if (parts.signs(kid)) {
    return fail(Code::revocation_malformed,
                "this key signs now, and what it signs next would be refused too; mintctl keys "
                "revoke " +
                    printable(kid) + " ends it and its tokens");
  }
  if (parts.tokens.knows_key(kid)) return {};
  return fail(Code::key_not_found, "no live token was signed by " + printable(kid) +
                                       "; mintctl keys revoke ends a key of the journal "
                                       "(mintctl keys list), whatever it signed");
}

Result<void> check_names(const TokenParts& parts, const Revocation& what) {
  if (what.what == What::key) return check_key(parts, what.name);
  if (what.what != What::device || parts.knows(what.name)) return {};
  if (!parts.tokens.of_device(what.name).empty()) return {};
  return fail(Code::device_not_found, "there is no device " + printable(what.name));
}

void revoke_tokens(const TokenParts& parts, const http::Request& request,
                   const http::Respond& respond) {
  const auto asked = asked_in(request);
  if (!asked) return respond(error_response(asked.error()));
  const Revocation& what = asked->what;
  if (asked->dry_run) {
    const auto outcome = parts.revoker.dry_run(what);
    if (!outcome) return respond(error_response(outcome.error()));
    return answer_with(respond, would_meet(outcome->live));
  }
  if (auto known = check_names(parts, what); !known) return respond(error_response(known.error()));
  parts.revoker.revoke(what, [respond](const Result<revoke::Outcome>& outcome) {
    if (!outcome) return respond(error_response(outcome.error()));
    answer_with(respond, Json{{"live", outcome->live}, {"seq", outcome->seq}});
  });
}

Json describe_token(const TokenParts& parts, const audit::Issued& token) {
  const bool good =
      parts.events.judge(revoke::revocable(token)) == verify::RevokedSet::Verdict::good;
  return {{"jti", token.jti},
          {"device", token.device},
          {"audience", token.audience},
          {"kid", token.kid},
          {"rule", token.rule},
          {"issued_at", to_unix(token.issued_at)},
          {"expires_at", to_unix(token.expires_at)},
          {"list", token.list},
          {"index", token.index},
          {"ends_with_evidence", token.ends_with_evidence},
          {"revoked", !good}};
}

void list_tokens(const TokenParts& parts, const http::Request& request,
                 const http::Respond& respond) {
  std::string device;
  std::string after;
  for (const auto& [name, value] : http::parse_form(request.query).value_or(http::FormFields{})) {
    if (name == "device") device = value;
    if (name == "after") after = value;
  }
  if (device.empty()) {
    return respond(
        error_response(Error{Code::admin_member_wrong, "device must name one: ?device=ID", 0}));
  }
  auto tokens = parts.tokens.of_device(device);
  std::erase_if(tokens, [&](const auto& token) { return token->jti <= after; });
  std::sort(tokens.begin(), tokens.end(),
            [](const auto& left, const auto& right) { return left->jti < right->jti; });
  Json page = Json::array();
  for (std::size_t i = 0; i < std::min(tokens.size(), tokens_in_a_page); ++i)
    page.push_back(describe_token(parts, *tokens[i]));
  const std::string next =
      tokens.size() > tokens_in_a_page ? tokens[tokens_in_a_page - 1]->jti : std::string();
  answer_with(respond, Json{{"tokens", std::move(page)}, {"next", next}});
}

}  // namespace

void add_tokens(http::Router& router, const TokenParts& parts) {
  router.on("POST", "/admin/v1/tokens/revoke",
            [parts](const http::Request& request, const http::Respond& respond) {
              revoke_tokens(parts, request, respond);
            });
  router.on("GET", "/admin/v1/tokens",
            [parts](const http::Request& request, const http::Respond& respond) {
              list_tokens(parts, request, respond);
            });
}

}  // namespace mintmark::admin
