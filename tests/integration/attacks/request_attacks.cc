// What is done to the fields and parameters of a request.
#include <algorithm>

#include "wire_rows.h"

namespace mintmark::attacks {
using namespace std::string_literals;

namespace {

void add_proofs(WireRows& rows) {
  const Rights with_proof =
      at({Door::token_endpoint, Door::issuer_resource, Door::gate}, Code::proof_repeated);
  rows.changed("two DPoP", repeated("DPoP"), with_proof);
  rows.changed(
      "two DPoP, one in small letters", [](Wire& wire) { wire.add("dpop: " + wire.value("DPoP")); },
      with_proof);
  rows.changed("two DPoP, one empty", add("DPoP:"), with_proof);
  rows.changed(
      "two proofs in one DPoP",
      value_from("DPoP", [](const std::string& proof) { return proof + ", " + proof; }),
      at({Door::token_endpoint, Door::issuer_resource, Door::gate}, Code::proof_malformed));
  rows.changed("no DPoP", remove("DPoP"),
               at({Door::token_endpoint, Door::issuer_resource, Door::gate}, Code::proof_missing));
  rows.changed(
      "DPoP in quotes",
      value_from("DPoP", [](const std::string& proof) { return '"' + proof + '"'; }),
      at({Door::token_endpoint, Door::issuer_resource, Door::gate}, Code::proof_malformed));
}

void add_schemes(WireRows& rows) {
  rows.changed("two Authorization", repeated("Authorization"),
               at_resources(Code::authorization_repeated));
  rows.changed("two Authorization, one Basic", add("Authorization: Basic YTpi"),
               at_resources(Code::authorization_repeated));
  rows.changed("no Authorization", remove("Authorization"), at_resources(Code::token_missing));
  const auto scheme = [](const std::string& to) {
    return value_from("Authorization", [to](std::string text) {
      return text.replace(0, std::string("DPoP").size(), to);
    });
  };
  rows.changed("the scheme in small letters", scheme("dpop"), at_resources(Right::taken()));
  rows.changed("the scheme in capitals", scheme("DPOP"), at_resources(Right::taken()));
  rows.changed("Bearer in place of DPoP", scheme("Bearer"), at_resources(Code::token_scheme));
  rows.changed(
      "Bearer in place of DPoP, and no proof",
      [scheme](Wire& wire) {
        scheme("Bearer")(wire);
        wire.remove("DPoP");
      },
      at_resources(Code::token_scheme));
  for (const char* other : {"Basic", "DPoPx", "Token", "GNAP"})
    rows.changed("the scheme "s + other, scheme(other), at_resources(Code::token_missing));
  rows.changed("two spaces behind the scheme", scheme("DPoP "),
               at_resources(Code::authorization_malformed));
  rows.changed(
      "the scheme alone", [](Wire& wire) { wire.set("Authorization", "DPoP"); },
      at_resources(Code::authorization_malformed));
}

void add_places_of_tokens(WireRows& rows) {
  rows.changed(
      "two tokens with a comma",
      value_from("Authorization", [](const std::string& text) { return text + ", " + text; }),
      at_resources(Code::authorization_malformed));
  rows.changed("two tokens with a space",
               value_from("Authorization",
                          [](const std::string& text) { return text + " " + text.substr(5); }),
               at_resources(Code::authorization_malformed));
  rows.changed("the token as a parameter of the scheme",
               value_from("Authorization",
                          [](const std::string& text) { return "DPoP token=" + text.substr(5); }),
               at_resources(Code::authorization_malformed));
  rows.changed(
      "the token in the query",
      [](Wire& wire) {
        const std::string token = wire.value("Authorization").substr(5);
        wire.remove("Authorization");
        behind_target("?access_token=" + token)(wire);
      },
      at_resources(Code::token_missing));
  rows.changed(
      "the token in a form",
      [](Wire& wire) {
        const std::string token = wire.value("Authorization").substr(5);
        wire.remove("Authorization").add("Content-Type: application/x-www-form-urlencoded");
        wire.with_body("access_token=" + token);
      },
      at_resources(Code::token_missing));
  rows.changed(
      "the token in a cookie",
      [](Wire& wire) {
        const std::string token = wire.value("Authorization").substr(5);
        wire.remove("Authorization").add("Cookie: access_token=" + token);
      },
      at_resources(Code::token_missing));
}

void add_clients(WireRows& rows) {
  rows.changed("Authorization: Basic", add("Authorization: Basic YTpi"),
               at_forms(Code::client_unauthenticated));
  rows.changed("two OAuth-Client-Attestation", repeated("OAuth-Client-Attestation"),
               at({Door::token_endpoint}, Code::header_repeated));
  rows.changed("OAuth-Client-Attestation-PoP", add("OAuth-Client-Attestation-PoP: x"),
               at_forms(Code::attestation_pop_unsupported));
  rows.changed("no OAuth-Client-Attestation", remove("OAuth-Client-Attestation"),
               at({Door::token_endpoint}, Code::client_unauthenticated));
  rows.changed(
      "an empty OAuth-Client-Attestation",
      [](Wire& wire) { wire.set("OAuth-Client-Attestation", ""); },
      at({Door::token_endpoint}, Code::attestation_malformed));
}

}  // namespace

WireChapter credential_attacks() {
  WireRows rows("Credentials (RFC 9449 §4.1, §7.1, §7.2; RFC 6750 §2)");
  add_proofs(rows);
  add_schemes(rows);
  add_places_of_tokens(rows);
  add_clients(rows);
  return std::move(rows).chapter();
}

namespace {

void add_repetitions(WireRows& rows) {
  // The first parameter of each honest form.
  const auto again = [](const std::string& made_of) {
    return [made_of](Wire& wire) {
      const std::string first = wire.body.substr(0, wire.body.find('&'));
      const std::string name = first.substr(0, first.find('='));
      std::string more = made_of;
      more.replace(more.find('@'), 1, name);
      wire.with_body(wire.body + "&" + more);
    };
  };
  rows.changed(
      "a parameter twice",
      [](Wire& wire) {
        wire.with_body(wire.body + "&" + wire.body.substr(0, wire.body.find('&')));
      },
      at_forms(Code::parameter_repeated));
  rows.changed("a parameter twice, another value", again("@=other"),
               at_forms(Code::parameter_repeated));
  rows.changed("a parameter twice, once empty", again("@="), at_forms(Code::parameter_repeated));
  rows.changed("a parameter twice, once without =", again("@"), at_forms(Code::parameter_repeated));
  rows.changed(
      "a parameter twice, its name encoded",
      [](Wire& wire) {
        const char first = wire.body[0];
        constexpr std::string_view hex = "0123456789ABCDEF";
        const auto octet = static_cast<unsigned char>(first);
        wire.with_body(wire.body + "&%" + hex[octet >> 4U] + hex[octet & 15U] +
                       wire.body.substr(1, wire.body.find('&') - 1));
      },
      at_forms(Code::parameter_repeated));
}

void add_forms(WireRows& rows) {
  rows.changed("an unknown parameter twice", body_and("&x=1&x=2"),
               at_forms(Code::parameter_repeated));
  rows.changed("an unknown parameter", body_and("&x=1"), at_forms(Right::taken()));
  rows.changed(
      "the same parameter in the query",
      [](Wire& wire) {
        behind_target("?" + wire.body.substr(0, wire.body.find('=')) + "=other")(wire);
      },
      at_forms(Right::taken()));
  rows.changed(
      "all of the form in the query",
      [](Wire& wire) {
        behind_target("?" + wire.body)(wire);
        wire.with_body("");
      },
      and_also(at({Door::token_endpoint}, Code::parameter_missing),
               at({Door::introspection}, Code::parameter_missing)));
  for (const char* text : {"&x=%", "&x=%4", "&x=%zz", "&x=%C0%AF", "&x=%ED%A0%80", "&x=%FF",
                           "&x=\xC3\xA9", "&x= ", "&x=\n", "&%FF=x"})
    rows.changed("the form with "s + text + " behind it", body_and(text),
                 at_forms(Code::http_malformed));
  rows.changed(
      "300 parameters",
      [](Wire& wire) {
        std::string body = wire.body;
        for (int i = 0; i < 300; ++i) body += "&x" + std::to_string(i) + "=1";
        wire.with_body(body);
      },
      at_forms(Code::http_malformed));
}

void add_content_types(WireRows& rows) {
  for (const char* type : {"application/json", "multipart/form-data; boundary=x", "text/plain", ""})
    rows.changed(
        "Content-Type: "s + type, [type](Wire& wire) { wire.set("Content-Type", type); },
        at_forms(Code::content_type_wrong));
  rows.changed("no Content-Type", remove("Content-Type"), at_forms(Code::content_type_wrong));
  rows.changed("two Content-Type", repeated("Content-Type"), at_forms(Code::http_header_malformed));
  rows.changed(
      "a form as JSON",
      [](Wire& wire) {
        wire.set("Content-Type", "application/json");
        wire.with_body("{\"grant_type\":\"client_credentials\"}");
      },
      at_forms(Code::content_type_wrong));
}

void add_wishes(WireRows& rows) {
  const std::pair<const char*, Code> at_token[] = {
      {"&scope=read%00", Code::scope_malformed},
      {"&scope=read%0Aadmin", Code::scope_malformed},
      {"&scope=read%22%2C%22admin", Code::scope_malformed},
      {"&scope=read++write", Code::scope_malformed},
      {"&scope=+read", Code::scope_malformed},
      {"&scope=read%C2%A0write", Code::scope_malformed},
      {"&scope=READ", Code::policy_scope},
      {"&scope=*", Code::policy_scope},
      {"&scope=read,write", Code::policy_scope},
      {"&scope=read&scope=write", Code::parameter_repeated},
      {"&resource=https%3A%2F%2Fapi.example&resource=https%3A%2F%2Fother.example",
       Code::parameter_repeated},
      {"&resource=https%3A%2F%2Fapi.example%2F", Code::policy_audience},
      {"&resource=https%3A%2F%2Fapi.example%00", Code::policy_audience},
      {"&resource=HTTPS%3A%2F%2FAPI.EXAMPLE", Code::policy_audience},
      {"&resource=*", Code::policy_audience},
      {"&client_id=other", Code::client_id_mismatch},
      {"&client_id=&client_id=other", Code::parameter_repeated},
      {"&client_secret=x", Code::client_unauthenticated},
      {"&client_assertion=x", Code::parameter_missing},
      {"&client_assertion_type=x", Code::assertion_type_unknown},
      {"&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
       Code::parameter_missing},
      {"&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
       "&client_assertion=x",
       Code::client_methods_mixed}};
  for (const auto& [text, code] : at_token)
    rows.changed("/token with "s + text, body_and(text), at({Door::token_endpoint}, code));
}

void add_others(WireRows& rows) {
  for (const char* text : {"&scope=read+admin", "&scope=&resource="})
    rows.changed("/token with "s + text, body_and(text),
                 at({Door::token_endpoint}, Right::taken()));
  for (const char* grant : {"authorization_code", "password", "refresh_token", "CLIENT_CREDENTIALS",
                            "client_credentials%00", "client_credentials+"})
    rows.changed(
        "/token with grant_type="s + grant,
        [grant](Wire& wire) { wire.with_body("grant_type="s + grant); },
        at({Door::token_endpoint}, Code::grant_type_unsupported));
  const Rights others = at({Door::introspection, Door::revocation}, Code::parameter_repeated);
  rows.changed(
      "two assertions",
      [](Wire& wire) {
        const auto from = wire.body.find("&client_assertion=");
        wire.with_body(wire.body + wire.body.substr(from));
      },
      others);
  rows.changed("two tokens", body_and("&token=x"), others);
  rows.changed("client_id of another", body_and("&client_id=other"),
               at({Door::introspection, Door::revocation}, Code::client_id_mismatch));
  rows.changed(
      "no token", [](Wire& wire) { wire.with_body(wire.body.substr(wire.body.find('&') + 1)); },
      at({Door::introspection, Door::revocation}, Code::parameter_missing));
  rows.changed("an attestation beside the assertion", add("OAuth-Client-Attestation: x"),
               at({Door::introspection}, Code::client_methods_mixed));
}

}  // namespace

WireChapter parameter_attacks() {
  WireRows rows("Parameters (RFC 6749 §3.1, §3.2; RFC 8707)");
  add_repetitions(rows);
  add_forms(rows);
  add_content_types(rows);
  add_wishes(rows);
  add_others(rows);
  return std::move(rows).chapter();
}

namespace {

Change set_to(const char* name, const std::string& value) {
  return [name, value](Wire& wire) { wire.set(name, value); };
}

void at_gate(WireRows& rows, const std::string& name, const Change& change, const Right& right) {
  rows.changed(name, change, at({Door::gate}, right));
}

void add_told_fields(WireRows& rows) {
  for (const char* name :
       {"X-Original-Method", "X-Original-Scheme", "X-Original-Host", "X-Original-URI"}) {
    at_gate(rows, "no "s + name, remove(name), Code::gate_header_missing);
    at_gate(rows, "two "s + name, repeated(name), Code::gate_header_repeated);
    at_gate(
        rows, name + " empty"s, [name](Wire& wire) { wire.set(name, ""); },
        Code::gate_header_missing);
  }
}

void add_told_places(WireRows& rows) {
  at_gate(rows, "the method DELETE", set_to("X-Original-Method", "DELETE"),
          Code::gate_method_refused);
  at_gate(rows, "the method get", set_to("X-Original-Method", "get"), Code::gate_method_refused);
  at_gate(rows, "the method \"GET x\"", set_to("X-Original-Method", "GET x"),
          Code::gate_header_malformed);
  at_gate(rows, "the method HEAD, with a proof of GET", set_to("X-Original-Method", "HEAD"),
          Code::proof_htm);
  at_gate(rows, "the scheme ftp", set_to("X-Original-Scheme", "ftp"), Code::gate_header_malformed);
  at_gate(rows, "the scheme HTTPS", set_to("X-Original-Scheme", "HTTPS"),
          Code::gate_header_malformed);
  at_gate(rows, "the scheme http", set_to("X-Original-Scheme", "http"), Code::gate_origin_unknown);
  at_gate(rows, "another host", set_to("X-Original-Host", "other.example"),
          Code::gate_origin_unknown);
  at_gate(rows, "the host with a user", set_to("X-Original-Host", "user@service.example"),
          Code::gate_origin_unknown);
  at_gate(rows, "the host with another port", set_to("X-Original-Host", "service.example:444"),
          Code::gate_origin_unknown);
  at_gate(rows, "the host with its port", set_to("X-Original-Host", "service.example:443"),
          Right::taken());
  at_gate(rows, "the host in capitals", set_to("X-Original-Host", "SERVICE.EXAMPLE"),
          Right::taken());
}

void add_told_paths(WireRows& rows) {
  for (const char* path :
       {"/./things", "/x/../things", "/%2e%2e/things", "/%2E/things", "//things", "/things//",
        "/things\\x", "/things;x", "/things%2Fx", "/things%5cx", "/things%3Fx", "/things%23x",
        "/%74hings", "/things%252e", "/.%20/things", "/things%3bx"})
    at_gate(rows, "the path "s + path, set_to("X-Original-URI", path), Code::gate_path_ambiguous);
  for (const char* path :
       {"things", "*", "/things#x", "/things%", "/things%zz", "/things%00", "/things%0A",
        "/things%C0%AF", "/things%FF", "/thi ngs", "/things\xC3\xA9", "/things\"", "/things?a#b"})
    at_gate(rows, "the path "s + path, set_to("X-Original-URI", path), Code::gate_path_malformed);
  at_gate(rows, "a path of 9,000 octets", set_to("X-Original-URI", "/" + std::string(9000, 'a')),
          Code::gate_path_malformed);
  at_gate(rows, "the whole URL in place of the path",
          set_to("X-Original-URI", "https://service.example/things"), Right::taken());
  for (const char* url : {"https://other.example/things", "https://service.example.evil/things",
                          "https://service.example@evil/things", "http://service.example/things"})
    at_gate(rows, "the URL "s + url, set_to("X-Original-URI", url), Code::gate_origin_unknown);
  at_gate(rows, "a query with dots", set_to("X-Original-URI", "/things?a=/../b"), Right::taken());
  at_gate(rows, "a path without a rule", set_to("X-Original-URI", "/other"), Code::gate_no_rule);
  at_gate(rows, "the path in capitals", set_to("X-Original-URI", "/THINGS"), Code::gate_no_rule);
}

}  // namespace

WireChapter proxy_attacks() {
  WireRows rows("What a proxy passes on (gate)");
  add_told_fields(rows);
  add_told_places(rows);
  add_told_paths(rows);
  return std::move(rows).chapter();
}

}  // namespace mintmark::attacks
