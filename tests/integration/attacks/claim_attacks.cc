// What is done to what a message says: its keys, its times, its parties.
#include <algorithm>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "rows.h"

namespace mintmark::attacks {
namespace {

using namespace std::string_literals;

// --- keys ---

std::string coordinate(BytesView octets) { return jose::base64url(octets); }

Json device_jwk() { return keys().device.public_key().to_jwk(); }

Json jwk_with(const char* name, const Json& value) {
  Json jwk = device_jwk();
  jwk[name] = value;
  return jwk;
}

Bytes octets_of(const char* name) {
  return jose::from_base64url(device_jwk()[name].get<std::string>()).value();
}

Json off_the_curve() {
  Bytes y = octets_of("y");
  y.back() ^= 1U;
  return jwk_with("y", coordinate(y));
}
Json short_by_one() {
  Bytes x = octets_of("x");
  x.erase(x.begin());
  return jwk_with("x", coordinate(x));
}
Json long_by_one() {
  Bytes x = octets_of("x");
  x.insert(x.begin(), 0);
  return jwk_with("x", coordinate(x));
}
// p and above: another name for a point, were it reduced. SEC 2, §2.4.2.
Json over_the_prime() {
  Json jwk = jwk_with("x", coordinate(Bytes(32, 0xFF)));
  jwk["y"] = coordinate(Bytes(32, 0xFF));
  return jwk;
}
Json at_infinity() {
  Json jwk = jwk_with("x", coordinate(Bytes(32)));
  jwk["y"] = coordinate(Bytes(32));
  return jwk;
}
Json without(const char* name) {
  Json jwk = device_jwk();
  jwk.erase(name);
  return jwk;
}
Json rsa_of(std::size_t octets, const Bytes& exponent) {
  return {{"kty", "RSA"},
          {"alg", "RS256"},
          {"n", coordinate(Bytes(octets, 0xFF))},
          {"e", coordinate(exponent)}};
}

std::vector<std::pair<std::string, Json>> bad_keys() {
  return {{"a point off the curve", off_the_curve()},
          {"the point at infinity, as zeros", at_infinity()},
          {"empty coordinates", jwk_with("x", "")},
          {"a coordinate short of an octet", short_by_one()},
          {"a coordinate with a zero too many", long_by_one()},
          {"coordinates over the prime", over_the_prime()},
          {"no y", without("y")},
          {"y as a number", jwk_with("y", 1)},
          {"x with padding", jwk_with("x", device_jwk()["x"].get<std::string>() + "=")},
          {"crv P-384", jwk_with("crv", "P-384")},
          {"crv secp256k1", jwk_with("crv", "secp256k1")},
          {"no crv", without("crv")},
          {"no kty", without("kty")},
          {"kty oct", Json{{"kty", "oct"}, {"k", "AAAA"}}},
          {"kty RSA over EC's members", jwk_with("kty", "RSA")},
          {"its private half beside it", jwk_with("d", "AAAA")},
          {"use enc", jwk_with("use", "enc")},
          {"key_ops sign", jwk_with("key_ops", Json::array({"sign"}))},
          {"another alg", jwk_with("alg", "HS256")},
          {"RSA of 1024 bits", rsa_of(128, {1, 0, 1})},
          {"RSA of 16,384 bits", rsa_of(2048, {1, 0, 1})},
          {"RSA with the exponent 1", rsa_of(256, {1})},
          {"an array", Json::array({device_jwk()})},
          {"a text", device_jwk().dump()},
          {"null", nullptr},
          {"an empty object", Json::object()}};
}

// --- times ---

struct Time {
  Message message;
  const char* claim;
  Code of_another_type;
};
constexpr Time times[] = {
    {Message::proof, "iat", Code::proof_iat_missing},
    {Message::access_token, "exp", Code::token_malformed},
    {Message::access_token, "iat", Code::token_malformed},
    {Message::access_token, "nbf", Code::token_malformed},
    {Message::attestation, "exp", Code::attestation_exp_missing},
    {Message::attestation, "iat", Code::attestation_iat},
    {Message::attestation, "nbf", Code::attestation_not_yet_valid},
    {Message::assertion, "exp", Code::assertion_exp_missing},
    {Message::assertion, "iat", Code::assertion_iat},
    {Message::assertion, "nbf", Code::assertion_not_yet_valid},
    {Message::status_list, "exp", Code::status_list_malformed},
    {Message::status_list, "iat", Code::status_list_malformed},
    {Message::status_list, "nbf", Code::status_list_malformed},
    {Message::status_list, "ttl", Code::status_list_malformed},
    {Message::frontier, "ms", Code::frontier_malformed},
    {Message::frontier, "seq", Code::frontier_malformed},
    {Message::frontier, "bound", Code::frontier_malformed},
};

constexpr Message token = Message::access_token;
constexpr Message assertion = Message::assertion;
constexpr Message attestation = Message::attestation;
constexpr std::int64_t far = 100'000;
// Behind a name that is right.
constexpr std::pair<const char*, const char*> tails[] = {
    {"a slash", "/"}, {"a path", "/x"}, {"a letter", "x"}, {"a space", " "}, {"a port", ":443"}};

}  // namespace

Chapter key_attacks() {
  Rows rows("Keys (RFC 7517, RFC 7518 §6.2.1.2)");
  for (const auto& [name, jwk] : bad_keys()) {
    rows.one(
        Message::proof, "jwk: " + name,
        [jwk = jwk](const Honest& honest) { return honest.with_header("jwk", jwk); },
        Code::proof_jwk);
    rows.one(Message::attestation, "cnf.jwk: " + name, claim_is("cnf", {{"jwk", jwk}}),
             Code::attestation_cnf);
  }
  rows.one(
      Message::proof, "no jwk", [](const Honest& h) { return h.without_header("jwk"); },
      Code::proof_jwk);
  rows.one(
      Message::proof, "jwk: another's, who signs",
      [](const Honest& honest) {
        Json header = honest.header;
        header["jwk"] = keys().stranger.public_key().to_jwk();
        return honest.by(keys().stranger, header);
      },
      Code::proof_key_mismatch);
  return std::move(rows).chapter();
}

namespace {

void add_other_types(Rows& rows) {
  for (const Time& time : times) {
    for (const char* text :
         {"1e99", "1e3", "1E+9", "1.5", "1800000000.0", "1e-1", "\"1800000000\"", "\"\"",
          "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551615",
          "-1", "-9223372036854775808", "true", "null", "[1800000000]", "{}"})
      rows.one(time.message, time.claim + " "s + text, claim_text(time.claim, text),
               time.of_another_type);
  }
  // Not of the JSON that there is (RFC 8259 §6).
  for (const Time& time : times) {
    for (const char* text : {"NaN", "Infinity", "-Infinity", "18446744073709551616", "1e999",
                             "0x6B49D200", "+1800000000", "01800000000"})
      rows.one(time.message, time.claim + " "s + text, claim_text(time.claim, text),
               right_for(time.message, Flaw::malformed));
  }
}

void add_proof_times(Rows& rows) {
  rows.one(Message::proof, "iat -0", claim_text("iat", "-0"), Code::proof_iat_old);
  rows.one(Message::proof, "iat of 2^53", claim_text("iat", "9007199254740992"),
           Code::proof_iat_future);
  rows.one(Message::proof, "iat a minute old", claim_from_now("iat", -60), Code::proof_iat_old);
  rows.one(Message::proof, "iat a minute ahead", claim_from_now("iat", 60), Code::proof_iat_future);
  rows.one(Message::proof, "no iat", claim_lacks("iat"), Code::proof_iat_missing);
}

void add_token_times(Rows& rows) {
  rows.one(Message::access_token, "exp -0", claim_text("exp", "-0"), Code::token_expired);
  rows.one(Message::access_token, "exp past", claim_from_now("exp", -100), Code::token_expired);
  rows.one(Message::access_token, "exp 2^53", claim_text("exp", "9007199254740992"),
           Right::taken());
  rows.one(Message::access_token, "no exp", claim_lacks("exp"), Code::token_exp_missing);
  rows.one(Message::access_token, "nbf ahead", claim_from_now("nbf", far),
           Code::token_not_yet_valid);
  rows.one(Message::access_token, "iat ahead", claim_from_now("iat", far), Code::token_iat_future);
  rows.one(Message::access_token, "no iat", claim_lacks("iat"), Code::token_iat_missing);
}

void add_attestation_times(Rows& rows) {
  rows.one(Message::attestation, "exp -0", claim_text("exp", "-0"), Code::attestation_expired);
  rows.one(Message::attestation, "exp past", claim_from_now("exp", -1), Code::attestation_expired);
  rows.one(Message::attestation, "no exp", claim_lacks("exp"), Code::attestation_exp_missing);
  rows.one(Message::attestation, "iat ahead", claim_from_now("iat", far), Code::attestation_iat);
  rows.one(Message::attestation, "no iat", claim_lacks("iat"), Code::attestation_iat);
  rows.one(Message::attestation, "nbf ahead", claim_from_now("nbf", far),
           Code::attestation_not_yet_valid);
}

void add_assertion_times(Rows& rows) {
  rows.one(Message::assertion, "exp -0", claim_text("exp", "-0"), Code::assertion_expired);
  rows.one(Message::assertion, "exp past", claim_from_now("exp", -1), Code::assertion_expired);
  rows.one(Message::assertion, "exp far ahead", claim_from_now("exp", 4000),
           Code::assertion_exp_far);
  rows.one(Message::assertion, "exp 2^53", claim_text("exp", "9007199254740992"),
           Code::assertion_exp_far);
  rows.one(Message::assertion, "no exp", claim_lacks("exp"), Code::assertion_exp_missing);
  rows.one(Message::assertion, "iat ahead", claim_from_now("iat", far), Code::assertion_iat);
  rows.one(Message::assertion, "nbf ahead", claim_from_now("nbf", far),
           Code::assertion_not_yet_valid);
}

void add_list_times(Rows& rows) {
  rows.one(Message::status_list, "exp past", claim_from_now("exp", -1), Code::status_list_expired);
  rows.one(Message::status_list, "iat ahead", claim_from_now("iat", far),
           Code::status_list_expired);
  rows.one(Message::status_list, "no iat", claim_lacks("iat"), Code::status_list_malformed);
}

}  // namespace

Chapter time_attacks() {
  Rows rows("Times and numbers (RFC 7519 §2, §4.1)");
  add_other_types(rows);
  add_proof_times(rows);
  add_token_times(rows);
  add_attestation_times(rows);
  add_assertion_times(rows);
  add_list_times(rows);
  return std::move(rows).chapter();
}

namespace {

void add_keys_of_tokens(Rows& rows) {
  rows.one(token, "no cnf", claim_lacks("cnf"), Code::token_unbound);
  rows.one(token, "cnf {}", claim_text("cnf", "{}"), Code::token_unbound);
  for (const char* text : {"null", "[]", "\"jkt\"", "1"})
    rows.one(token, "cnf "s + text, claim_text("cnf", text), Code::token_malformed);
  rows.one(token, "cnf.jkt \"\"", claim_is("cnf", {{"jkt", ""}}), Code::token_unbound);
  rows.one(token, "cnf.jkt 1", claim_is("cnf", {{"jkt", 1}}), Code::token_malformed);
  rows.one(token, "cnf.jkt null", claim_is("cnf", {{"jkt", nullptr}}), Code::token_malformed);
  rows.one(token, "cnf.jkt of another", claim_is("cnf", {{"jkt", keys().stranger.jkt()}}),
           Code::proof_key_mismatch);
  rows.one(token, "cnf.jkt with padding", claim_is("cnf", {{"jkt", keys().device.jkt() + "="}}),
           Code::proof_key_mismatch);
  rows.one(token, "cnf.jkt cut short",
           claim_is("cnf", {{"jkt", keys().device.jkt().substr(0, 22)}}), Code::proof_key_mismatch);
  rows.one(token, "cnf.jwk alone", claim_is("cnf", {{"jwk", device_jwk()}}), Code::token_unbound);
  rows.one(token, "cnf.x5t alone (SHA-1)", claim_is("cnf", {{"x5t", "AAAA"}}), Code::token_unbound);
}

void add_certificates_of_tokens(Rows& rows) {
  const std::string certificate = jose::base64url(sha256("certificate"));
  rows.one(token, "cnf.x5t#S256 alone, under DPoP", claim_is("cnf", {{"x5t#S256", certificate}}),
           Code::token_scheme);
  rows.one(token, "cnf.x5t#S256 that is no hash", claim_is("cnf", {{"x5t#S256", "AAAA"}}),
           Code::token_malformed);
  rows.one(token, "cnf with both, and no certificate",
           claim_is("cnf", {{"jkt", keys().device.jkt()}, {"x5t#S256", certificate}}),
           Code::token_certificate_missing);
}

void add_audiences(Rows& rows) {
  rows.one(
      token, "aud an array with ours",
      [](const Honest& h) {
        return h.with_claim("aud", Json::array({"https://other.example", h.scene.audience}));
      },
      Right::taken());
  rows.one(token, "no aud", claim_lacks("aud"), Code::token_audience);
  rows.one(token, "aud \"\"", claim_is("aud", ""), Code::token_audience);
  rows.one(token, "aud []", claim_text("aud", "[]"), Code::token_audience);
  rows.one(token, "aud of another", claim_is("aud", "https://other.example"), Code::token_audience);
  rows.one(token, "aud \"*\"", claim_is("aud", "*"), Code::token_audience);
  rows.one(token, "aud that ours begins with",
           claim_from("aud", [](std::string text) { return text.substr(0, text.size() - 1); }),
           Code::token_audience);
  for (const auto& [name, tail] : tails)
    rows.one(token, "aud with "s + name + " behind it",
             claim_from("aud", [tail = tail](const std::string& text) { return text + tail; }),
             Code::token_audience);
  rows.one(token, "aud with a NUL behind it",
           claim_from("aud", [](const std::string& text) { return text + '\0'; }),
           Code::token_audience);
  rows.one(token, "aud in capitals", claim_from("aud", upper), Code::token_audience);
  for (const char* text : {"1", "null", "{}", "[1]", "[[\"a\"]]"})
    rows.one(token, "aud "s + text, claim_text("aud", text), Code::token_malformed);
  rows.one(
      token, "aud an array with ours and a number",
      [](const Honest& h) {
        return h.with_claim("aud", Json::array({h.scene.audience, 1}));
      },
      Code::token_malformed);
}

void add_issuers(Rows& rows) {
  for (const auto& [name, tail] : tails)
    rows.one(token, "iss with "s + name + " behind it",
             claim_from("iss", [tail = tail](const std::string& text) { return text + tail; }),
             Code::token_issuer);
  rows.one(token, "iss in capitals", claim_from("iss", upper), Code::token_issuer);
  rows.one(token, "iss of another", claim_is("iss", "https://evil.example"), Code::token_issuer);
  rows.one(token, "iss by http",
           claim_from("iss", [](const std::string& text) { return "http" + text.substr(5); }),
           Code::token_issuer);
  rows.one(token, "iss \"\"", claim_is("iss", ""), Code::token_issuer);
  rows.one(token, "no iss", claim_lacks("iss"), Code::token_issuer);
  for (const char* text : {"1", "null", "[]"})
    rows.one(token, "iss "s + text, claim_text("iss", text), Code::token_malformed);
  rows.one(token, "iss with a NUL behind it",
           claim_from("iss", [](const std::string& text) { return text + '\0'; }),
           Code::token_malformed);
}

void add_subjects(Rows& rows) {
  rows.one(token, "no sub", claim_lacks("sub"), Code::token_sub_missing);
  rows.one(token, "sub \"\"", claim_is("sub", ""), Code::token_sub_missing);
  for (const char* text : {"1", "null", "[\"a\"]"})
    rows.one(token, "sub "s + text, claim_text("sub", text), Code::token_malformed);
  rows.one(token, "sub with a NUL",
           claim_from("sub", [](const std::string& text) { return text + "\0x"s; }),
           Code::token_malformed);
  // The gate's headers hold it encoded: see the test of what is taken.
  rows.one(
      token, "sub with a header behind a line's end",
      claim_from("sub", [](const std::string& text) { return text + "\r\nMintmark-Scope: admin"; }),
      Right::taken());
  rows.one(token, "sub with marks of direction",
           claim_from("sub", [](const std::string& text) { return text + "\xE2\x80\xAE"; }),
           Right::taken());
}

void add_identifiers(Rows& rows) {
  rows.one(token, "no jti", claim_lacks("jti"), Code::token_malformed);
  rows.one(token, "jti \"\"", claim_is("jti", ""), Code::token_malformed);
  for (const char* text : {"1", "null", "[\"a\"]", "{}"})
    rows.one(token, "jti "s + text, claim_text("jti", text), Code::token_malformed);
}

void add_scopes(Rows& rows) {
  rows.one(token, "no scope", claim_lacks("scope"), Right::taken()).at = {
      {Door::gate, Code::gate_scope}, {Door::issuer_resource, Code::service_scope_missing}};
  for (const char* glue : {"\t", "\n", ",", "\xC2\xA0"})
    rows.one(token, "scopes with "s + Json(glue).dump() + " between",
             claim_from("scope", [glue](const std::string& text) { return text + glue + "x"; }),
             Right::taken())
        .at = {{Door::gate, Code::gate_scope},
               {Door::issuer_resource, Code::service_scope_missing}};
  rows.one(token, "scope in capitals", claim_from("scope", upper), Right::taken()).at = {
      {Door::gate, Code::gate_scope}, {Door::issuer_resource, Code::service_scope_missing}};
  for (const char* text : {"1", "null", "[\"read\"]", "{}"})
    rows.one(token, "scope "s + text, claim_text("scope", text), Code::token_malformed);
  rows.one(token, "scope with a NUL",
           claim_from("scope", [](const std::string& text) { return text + "\0admin"s; }),
           Code::token_malformed);
  rows.one(token, "key_protection none", claim_is("key_protection", "none"), Right::taken())
      .at.emplace(Door::gate, Code::gate_key_protection);
  rows.one(token, "no key_protection", claim_lacks("key_protection"), Right::taken())
      .at.emplace(Door::gate, Code::gate_key_protection);
  rows.one(token, "key_protection 1", claim_text("key_protection", "1"), Code::token_malformed);
  for (const char* text : {"1", "null", "[]"})
    rows.one(token, "attestation "s + text, claim_text("attestation", text), Code::token_malformed);
}

}  // namespace

Chapter token_attacks() {
  Rows rows("What a token says (RFC 9068 §4, RFC 7800 §3, RFC 8725 §3.7 to §3.9)");
  add_keys_of_tokens(rows);
  add_certificates_of_tokens(rows);
  add_audiences(rows);
  add_issuers(rows);
  add_subjects(rows);
  add_identifiers(rows);
  add_scopes(rows);
  return std::move(rows).chapter();
}

namespace {

void add_parties_of_assertions(Rows& rows) {
  rows.one(assertion, "iss of another", claim_is("iss", "other"), Code::assertion_iss);
  rows.one(assertion, "no iss", claim_lacks("iss"), Code::assertion_iss);
  rows.one(
      assertion, "iss as an array",
      [](const Honest& h) { return h.with_claim("iss", Json::array({h.scene.subject})); },
      Code::assertion_iss);
  rows.one(assertion, "no sub", claim_lacks("sub"), Code::assertion_sub);
  rows.one(assertion, "sub \"\"", claim_is("sub", ""), Code::assertion_sub);
  rows.one(assertion, "sub 1", claim_text("sub", "1"), Code::assertion_sub);
  rows.one(assertion, "sub of 257 octets", claim_is("sub", std::string(257, 'a')),
           Code::assertion_sub);
}

void add_names_of_clients(Rows& rows) {
  const std::pair<const char*, std::string> names[] = {{"of another", "other"},
                                                       {"as SQL", "' OR '1'='1"},
                                                       {"as a path", "../../keys"},
                                                       {"\"*\"", "*"}};
  for (const auto& [name, value] : names)
    rows.one(assertion, "sub "s + name, claim_is("sub", value), Code::device_unknown);
  rows.one(assertion, "sub with a NUL behind it",
           claim_from("sub", [](const std::string& text) { return text + '\0'; }),
           Code::device_unknown);
  rows.one(assertion, "sub in capitals", claim_from("sub", upper), Code::device_unknown);
  rows.one(assertion, "no aud", claim_lacks("aud"), Code::assertion_aud);
  rows.one(
      assertion, "aud as an array",
      [](const Honest& h) { return h.with_claim("aud", Json::array({h.scene.issuer})); },
      Code::assertion_aud);
  rows.one(
      assertion, "aud the token endpoint",
      [](const Honest& h) { return h.with_claim("aud", h.scene.url); }, Code::assertion_aud);
  for (const char* tail : {"/", "x", " ", "?a"})
    rows.one(assertion, "aud with \""s + tail + "\" behind it",
             claim_from("aud", [tail](const std::string& text) { return text + tail; }),
             Code::assertion_aud);
  rows.one(assertion, "aud in capitals", claim_from("aud", upper), Code::assertion_aud);
}

void add_uses_of_assertions(Rows& rows) {
  rows.one(assertion, "no jti", claim_lacks("jti"), Code::assertion_jti);
  rows.one(assertion, "jti \"\"", claim_is("jti", ""), Code::assertion_jti);
  rows.one(assertion, "jti 1", claim_text("jti", "1"), Code::assertion_jti);
  rows.one(assertion, "jti of 4,096 octets", claim_is("jti", std::string(4096, 'a')),
           Code::assertion_jti);
  rows.one(
          assertion, "the same assertion again", [](const Honest& h) { return h.jws(); },
          Code::assertion_replayed)
      .again = true;
  for (const char* cnf :
       {"{}", "null", "1", R"({"jkt":1})", R"({"jkt":""})", R"({"jkt":"AAAA"})", R"({"jwk":{}})"})
    rows.one(assertion, "cnf "s + cnf, claim_text("cnf", cnf), Code::assertion_cnf);
  rows.one(assertion, "cnf with more than jkt",
           claim_is("cnf", {{"jkt", keys().device.jkt()}, {"x", 1}}), Code::assertion_cnf);
}

void add_parties_of_attestations(Rows& rows) {
  rows.one(attestation, "no sub", claim_lacks("sub"), Code::attestation_sub);
  rows.one(attestation, "sub \"\"", claim_is("sub", ""), Code::attestation_sub);
  rows.one(attestation, "sub 1", claim_text("sub", "1"), Code::attestation_sub);
  rows.one(attestation, "sub of 257 octets", claim_is("sub", std::string(257, 'a')),
           Code::attestation_sub);
  rows.one(attestation, "sub of another", claim_is("sub", "other"), Code::device_unknown);
  rows.one(attestation, "sub with a NUL behind it",
           claim_from("sub", [](const std::string& text) { return text + '\0'; }),
           Code::device_unknown);
  rows.one(attestation, "no cnf", claim_lacks("cnf"), Code::attestation_cnf);
  for (const char* cnf : {"null", "{}", "[]", "1", R"({"jkt":"AAAA"})"})
    rows.one(attestation, "cnf "s + cnf, claim_text("cnf", cnf), Code::attestation_cnf);
  rows.one(attestation, "cnf of another key",
           claim_is("cnf", {{"jwk", keys().stranger.public_key().to_jwk()}}),
           Code::proof_key_mismatch);
}

}  // namespace

Chapter client_attacks() {
  Rows rows("What clients' JWTs say (RFC 7523 §3, draft-ietf-oauth-attestation-based-client-auth)");
  add_parties_of_assertions(rows);
  add_names_of_clients(rows);
  add_uses_of_assertions(rows);
  add_parties_of_attestations(rows);
  return std::move(rows).chapter();
}

}  // namespace mintmark::attacks
