// What a DPoP proof says.
#include <algorithm>

#include "jose/base64url.h"
#include "rows.h"

namespace mintmark::attacks {
namespace {

using namespace std::string_literals;

// --- URLs ---

/// A URL in its parts.
struct Url {
  std::string host;
  std::string path;
};
Url parts_of(const std::string& url) {
  const auto host = std::string("https://").size();
  const auto slash = url.find('/', host);
  return {url.substr(host, slash - host), url.substr(slash)};
}
std::string encoded_octet(char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  const auto octet = static_cast<unsigned char>(c);
  return {'%', hex[octet >> 4U], hex[octet & 15U]};
}

using OfUrl = std::string (*)(const Url&);
struct UrlGame {
  const char* name;
  OfUrl make;
  bool taken = false;
};
// RFC 9449 §4.3: without query and fragment, after the normalisation of RFC 3986 §6.2.2, §6.2.3.
constexpr UrlGame url_games[] = {
    {"the scheme in capitals", [](const Url& u) { return "HTTPS://" + u.host + u.path; }, true},
    {"the host in capitals", [](const Url& u) { return "https://" + upper(u.host) + u.path; },
     true},
    {"the port that is the default",
     [](const Url& u) { return "https://" + u.host + ":443" + u.path; }, true},
    {"an empty port", [](const Url& u) { return "https://" + u.host + ":" + u.path; }, true},
    {"a query", [](const Url& u) { return "https://" + u.host + u.path + "?a=b"; }, true},
    {"a fragment", [](const Url& u) { return "https://" + u.host + u.path + "#a"; }, true},
    {"a letter encoded",
     [](const Url& u) {
       return "https://" + u.host + "/" + encoded_octet(u.path[1]) + u.path.substr(2);
     },
     true},
    {"a dot segment", [](const Url& u) { return "https://" + u.host + "/." + u.path; }, true},
    {"two dots that lead back", [](const Url& u) { return "https://" + u.host + "/x/.." + u.path; },
     true},
    {"two dots encoded that lead back",
     [](const Url& u) { return "https://" + u.host + "/x/%2e%2E" + u.path; }, true},
    {"http", [](const Url& u) { return "http://" + u.host + u.path; }},
    {"http at the port of https",
     [](const Url& u) { return "http://" + u.host + ":443" + u.path; }},
    {"another port", [](const Url& u) { return "https://" + u.host + ":8443" + u.path; }},
    {"the port 65979, which is 443 in 16 bits",
     [](const Url& u) { return "https://" + u.host + ":65979" + u.path; }},
    {"two ports", [](const Url& u) { return "https://" + u.host + ":443:443" + u.path; }},
    {"another scheme", [](const Url& u) { return "wss://" + u.host + u.path; }},
    {"no scheme", [](const Url& u) { return "//" + u.host + u.path; }},
    {"one slash", [](const Url& u) { return "https:/" + u.host + u.path; }},
    {"three slashes", [](const Url& u) { return "https:///" + u.host + u.path; }},
    {"backslashes", [](const Url& u) { return "https:\\\\" + u.host + u.path; }},
    {"the path alone", [](const Url& u) { return u.path; }},
    {"the origin alone", [](const Url& u) { return "https://" + u.host; }},
    {"nothing", [](const Url&) { return ""s; }},
    {"a slash behind it", [](const Url& u) { return "https://" + u.host + u.path + "/"; }},
    {"a slash too many", [](const Url& u) { return "https://" + u.host + "/" + u.path; }},
    {"another path", [](const Url& u) { return "https://" + u.host + u.path + "x"; }},
    {"the path in capitals", [](const Url& u) { return "https://" + u.host + upper(u.path); }},
    {"a path parameter", [](const Url& u) { return "https://" + u.host + u.path + ";a=b"; }},
    {"a slash encoded",
     [](const Url& u) { return "https://" + u.host + "/%2F" + u.path.substr(1); }},
    {"a slash encoded in place of the first",
     [](const Url& u) { return "https://" + u.host + "%2F" + u.path.substr(1); }},
    {"encoded twice",
     [](const Url& u) {
       return "https://" + u.host + "/%25" + encoded_octet(u.path[1]).substr(1) + u.path.substr(2);
     }},
    {"a percent sign alone", [](const Url& u) { return "https://" + u.host + u.path + "%"; }},
    {"a percent sign and no number",
     [](const Url& u) { return "https://" + u.host + u.path + "%zz"; }},
    {"a backslash in the path",
     [](const Url& u) { return "https://" + u.host + "\\" + u.path.substr(1); }},
    {"a NUL behind it", [](const Url& u) { return "https://" + u.host + u.path + '\0'; }},
    {"a NUL encoded behind it", [](const Url& u) { return "https://" + u.host + u.path + "%00"; }},
    {"a newline behind it", [](const Url& u) { return "https://" + u.host + u.path + "\n"; }},
    {"a space behind it", [](const Url& u) { return "https://" + u.host + u.path + " "; }},
    {"a space before it", [](const Url& u) { return " https://" + u.host + u.path; }},
    {"a tab in the host", [](const Url& u) { return "https://" + u.host + "\t" + u.path; }},
    {"a user", [](const Url& u) { return "https://user@" + u.host + u.path; }},
    {"a user and a password", [](const Url& u) { return "https://user:pw@" + u.host + u.path; }},
    {"the host as a user of another",
     [](const Url& u) { return "https://" + u.host + "@evil.example" + u.path; }},
    {"another host with ours behind #",
     [](const Url& u) { return "https://evil.example#@" + u.host + u.path; }},
    {"another host with ours behind ?",
     [](const Url& u) { return "https://evil.example?@" + u.host + u.path; }},
    {"another host with ours behind a backslash",
     [](const Url& u) { return "https://evil.example\\@" + u.host + u.path; }},
    {"the host as another's subdomain",
     [](const Url& u) { return "https://" + u.host + ".evil.example" + u.path; }},
    {"a subdomain of the host", [](const Url& u) { return "https://a." + u.host + u.path; }},
    {"a dot behind the host", [](const Url& u) { return "https://" + u.host + "." + u.path; }},
    {"the host's first letter encoded",
     [](const Url& u) {
       return "https://" + encoded_octet(u.host[0]) + u.host.substr(1) + u.path;
     }},
    {"a letter of another alphabet (IDN)",
     [](const Url& u) { return "https://\xD1\x95" + u.host.substr(1) + u.path; }},
    {"full-width letters (IDN)",
     [](const Url& u) { return "https://\xEF\xBD\x93" + u.host.substr(1) + u.path; }},
    {"punycode", [](const Url& u) { return "https://xn--" + u.host + u.path; }},
    {"an ideographic full stop",
     [](const Url& u) {
       std::string host = u.host;
       const auto dot = host.find('.');
       return "https://" + host.replace(dot, 1, "\xE3\x80\x82") + u.path;
     }},
    {"an IPv6 address", [](const Url& u) { return "https://[::1]" + u.path; }},
    {"an IPv6 address with a zone",
     [](const Url& u) { return "https://[fe80::1%25eth0]" + u.path; }},
    {"an IPv6 address that is not closed", [](const Url& u) { return "https://[::1" + u.path; }},
    {"an IPv4 address as a number", [](const Url& u) { return "https://2130706433" + u.path; }},
    {"4,000 octets",
     [](const Url& u) { return "https://" + u.host + u.path + std::string(4000, 'a'); }},
};

const char* const none_there = "no token goes to /token";

// The wrong hash of the access token.
Make ath_made(std::function<std::string(std::string)> make) {
  return [make = std::move(make)](const Honest& honest) {
    const auto ath = honest.claims.find("ath");
    return honest.with_claim("ath",
                             make(ath == honest.claims.end() ? "" : ath->get<std::string>()));
  };
}

void add_ath(Rows& rows, const std::string& name, Make make) {
  rows.one(Message::proof, name, std::move(make), Code::proof_ath)
      .at.emplace(Door::token_endpoint, Right::absent(none_there));
}

void add_nonce(Rows& rows, const std::string& name, Make make) {
  rows.one(Message::proof, name, std::move(make), Code::proof_nonce_stale)
      .at.emplace(Door::token_endpoint, Code::attestation_challenge_stale);
}

}  // namespace

Chapter url_attacks() {
  Rows rows("htu (RFC 9449 §4.3, RFC 3986 §6.2.2, §6.2.3)");
  for (const UrlGame& game : url_games)
    rows.one(
        Message::proof, "htu: "s + game.name,
        [make = game.make](const Honest& honest) {
          return honest.with_claim("htu", make(parts_of(honest.scene.url)));
        },
        game.taken ? Right::taken() : Right(Code::proof_htu));
  rows.one(Message::proof, "no htu", claim_lacks("htu"), Code::proof_htu);
  for (const char* text : {"null", "1", "{}"})
    rows.one(Message::proof, "htu "s + text, claim_text("htu", text), Code::proof_htu);
  rows.one(
      Message::proof, "htu as an array",
      [](const Honest& h) { return h.with_claim("htu", Json::array({h.scene.url})); },
      Code::proof_htu);
  return std::move(rows).chapter();
}

namespace {

void add_methods(Rows& rows) {
  const auto lower = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  };
  rows.one(Message::proof, "htm in small letters", claim_from("htm", lower), Code::proof_htm);
  rows.one(Message::proof, "htm another method", claim_is("htm", "PUT"), Code::proof_htm);
  rows.one(Message::proof, "htm \"\"", claim_is("htm", ""), Code::proof_htm);
  rows.one(Message::proof, "no htm", claim_lacks("htm"), Code::proof_htm);
  rows.one(Message::proof, "htm with a space behind it",
           claim_from("htm", [](const std::string& text) { return text + " "; }), Code::proof_htm);
  rows.one(Message::proof, "htm with a NUL behind it",
           claim_from("htm", [](const std::string& text) { return text + '\0'; }), Code::proof_htm);
  rows.one(
      Message::proof, "htm as an array",
      [](const Honest& h) { return h.with_claim("htm", Json::array({h.scene.method})); },
      Code::proof_htm);
}

void add_jtis(Rows& rows) {
  rows.one(Message::proof, "no jti", claim_lacks("jti"), Code::proof_jti);
  rows.one(Message::proof, "jti \"\"", claim_is("jti", ""), Code::proof_jti);
  for (const char* text : {"null", "1", "[\"a\"]", "{}"})
    rows.one(Message::proof, "jti "s + text, claim_text("jti", text), Code::proof_jti);
  rows.one(Message::proof, "jti of 257 octets", claim_is("jti", std::string(257, 'a')),
           Code::proof_jti);
  rows.one(Message::proof, "jti of 256 octets", claim_is("jti", std::string(256, 'a')),
           Right::taken());
  rows.one(
          Message::proof, "the same proof again", [](const Honest& h) { return h.jws(); },
          Code::proof_replayed)
      .again = true;
}

void add_hashes(Rows& rows) {
  const std::string other = jose::base64url(sha256("another"));
  add_ath(rows, "no ath", claim_lacks("ath"));
  add_ath(rows, "ath of another token", ath_made([other](const std::string&) { return other; }));
  add_ath(rows, "ath cut short", ath_made([](std::string ath) { return ath.substr(0, 22); }));
  add_ath(rows, "ath with padding", ath_made([](const std::string& ath) { return ath + "="; }));
  add_ath(rows, "ath in other letters", ath_made(upper));
  add_ath(rows, "ath \"\"", claim_is("ath", ""));
  add_ath(rows, "ath 1", claim_text("ath", "1"));
  add_ath(rows, "ath null", claim_text("ath", "null"));
}

void add_nonces(Rows& rows) {
  auto& missing =
      rows.one(Message::proof, "no nonce", claim_lacks("nonce"), Code::proof_nonce_required);
  missing.at.emplace(Door::token_endpoint, Code::attestation_challenge_required);
  // Asked for right after a start alone.
  missing.at.emplace(Door::issuer_resource, Right::taken());
  add_nonce(rows, "nonce \"\"", claim_is("nonce", ""));
  add_nonce(rows, "nonce of nobody", claim_is("nonce", "nonce"));
  add_nonce(rows, "nonce of another's key", claim_is("nonce", std::string(32, 'A')));
  add_nonce(rows, "nonce with another last letter", claim_from("nonce", [](std::string text) {
              text.back() = text.back() == 'A' ? 'B' : 'A';
              return text;
            }));
  add_nonce(rows, "nonce with padding",
            claim_from("nonce", [](const std::string& text) { return text + "="; }));
  add_nonce(rows, "nonce in other letters", claim_from("nonce", upper));
  for (const char* text : {"null", "1", "[\"a\"]"})
    rows.one(Message::proof, "nonce "s + text, claim_text("nonce", text), Code::proof_nonce);
  rows.one(Message::proof, "nonce of 513 octets", claim_is("nonce", std::string(513, 'a')),
           Code::proof_nonce);
}

}  // namespace

Chapter proof_attacks() {
  Rows rows("What a proof says (RFC 9449 §4.2, §4.3, §8, §11.1)");
  add_methods(rows);
  add_jtis(rows);
  add_hashes(rows);
  add_nonces(rows);
  return std::move(rows).chapter();
}

}  // namespace mintmark::attacks
