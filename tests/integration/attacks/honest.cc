#include "honest.h"

#include "jose/base64url.h"
#include "jose/jws.h"
#include "verify/frontier.h"
#include "verify/status_list_token.h"

namespace mintmark::attacks {
namespace {

constexpr std::string_view place = "\"@@@\"";

std::string encoded(std::string_view text) { return jose::base64url(as_bytes(text)); }

std::string with_raw(Json object, const char* name, std::string_view text) {
  object[name] = "@@@";
  std::string whole = object.dump();
  return whole.replace(whole.find(place), place.size(), text);
}

std::string and_members(const Json& object, std::string_view members) {
  std::string text = object.dump();
  text.pop_back();
  return text.append(",").append(members).append("}");
}

Json issuers_header(const char* typ, const test::SoftKey& key) {
  return {{"typ", typ}, {"alg", "ES256"}, {"kid", key.jkt()}};
}

Json token_claims(const Scene& scene) {
  const std::int64_t now = to_unix(scene.now);
  return {{"iss", scene.issuer},
          {"aud", scene.audience},
          {"sub", scene.subject},
          {"client_id", scene.subject},
          {"iat", now},
          {"exp", now + 300},
          {"jti", jose::random_name(16)},
          {"scope", scene.scope},
          {"cnf", {{"jkt", keys().device.jkt()}}},
          {"key_protection", "hardware"},
          {"attestation", {{"format", "tpm2"}, {"at", now}}}};
}

Json attestation_claims(const Scene& scene) {
  const std::int64_t now = to_unix(scene.now);
  return {{"sub", scene.subject},
          {"iat", now},
          {"exp", now + 3600},
          {"cnf", {{"jwk", keys().device.public_key().to_jwk()}}}};
}

Json assertion_claims(const Scene& scene) {
  const std::int64_t now = to_unix(scene.now);
  return {{"iss", scene.subject}, {"sub", scene.subject}, {"aud", scene.issuer},
          {"iat", now},           {"exp", now + 60},      {"jti", jose::random_name(16)}};
}

jose::SigningInputParts parts_of(const std::string& input) {
  return jose::parse_signing_input(input).value();
}

jose::SigningInputParts status_list_parts(const Scene& scene) {
  return parts_of(verify::status_list_jwt_input({.issuer = scene.issuer,
                                                 .uri = scene.issuer + "/status/1",
                                                 .aggregation_uri = "",
                                                 .issued_at = scene.now,
                                                 .life = std::chrono::seconds(300),
                                                 .ttl = std::chrono::seconds(60),
                                                 .bits = 2,
                                                 .compressed = verify::compressed_list(Bytes(64))},
                                                keys().status_list.public_key()));
}

jose::SigningInputParts frontier_parts(const Scene& scene) {
  verify::Frontier frontier;
  frontier.log = "log";
  frontier.head = verify::empty_head("log");
  frontier.ms = to_unix(scene.now) * 1000;
  return parts_of(verify::frontier_input(frontier, scene.issuer, "ES256", keys().event.jkt(),
                                         scene.now, std::chrono::seconds(60)));
}

const test::SoftKey& signer_of(Message message) {
  switch (message) {
    case Message::access_token:
      return keys().token;
    case Message::attestation:
      return keys().attestation;
    case Message::status_list:
      return keys().status_list;
    case Message::frontier:
      return keys().event;
    case Message::proof:
    case Message::assertion:
      break;
  }
  return keys().device;
}

jose::SigningInputParts parts_of(Message message, const Scene& scene, const std::string& token) {
  switch (message) {
    case Message::access_token:
      return {issuers_header("at+jwt", keys().token), token_claims(scene)};
    case Message::attestation:
      return {issuers_header("oauth-client-attestation+jwt", keys().attestation),
              attestation_claims(scene)};
    case Message::assertion:
      return {{{"typ", "client-authentication+jwt"}, {"alg", "ES256"}}, assertion_claims(scene)};
    case Message::status_list:
      return status_list_parts(scene);
    case Message::frontier:
      return frontier_parts(scene);
    case Message::proof:
      break;
  }
  test::ProofContent content{.method = scene.method, .url = scene.url, .at = scene.now};
  if (!token.empty()) content.access_token = token;
  if (!scene.nonce.empty()) content.nonce = scene.nonce;
  return {test::proof_header(keys().device), test::proof_claims(content)};
}

}  // namespace

std::string_view name_of(Message message) {
  constexpr std::string_view names[] = {"DPoP proof",       "access token", "client attestation",
                                        "client assertion", "status list",  "frontier"};
  return names[static_cast<std::size_t>(message)];
}

const Keys& keys() {
  static const Keys all;
  return all;
}

Honest::Honest(Message of, Scene in, const std::string& token)
    : message(of), scene(std::move(in)), key(&signer_of(of)) {
  auto parts = parts_of(message, scene, token);
  header = std::move(parts.header);
  claims = std::move(parts.claims);
}

std::string Honest::of_segments(std::string_view head, std::string_view payload) const {
  const std::string input = std::string(head) + "." + std::string(payload);
  return jose::compact(input, key->sign(as_bytes(input)));
}

std::string Honest::of_texts(std::string_view head, std::string_view payload) const {
  return of_segments(encoded(head), encoded(payload));
}

std::string Honest::jws() const { return key->sign_jws(header, claims); }

std::string Honest::with_header(const char* name, const Json& value) const {
  Json other = header;
  other[name] = value;
  return key->sign_jws(other, claims);
}

std::string Honest::with_claim(const char* name, const Json& value) const {
  Json other = claims;
  other[name] = value;
  return key->sign_jws(header, other);
}

std::string Honest::without_header(const char* name) const {
  Json other = header;
  other.erase(name);
  return key->sign_jws(other, claims);
}

std::string Honest::without_claim(const char* name) const {
  Json other = claims;
  other.erase(name);
  return key->sign_jws(header, other);
}

std::string Honest::raw_header(const char* name, std::string_view text) const {
  return of_texts(with_raw(header, name, text), claims.dump());
}

std::string Honest::raw_claim(const char* name, std::string_view text) const {
  return of_texts(header.dump(), with_raw(claims, name, text));
}

std::string Honest::header_and(std::string_view members) const {
  return of_texts(and_members(header, members), claims.dump());
}

std::string Honest::claims_and(std::string_view members) const {
  return of_texts(header.dump(), and_members(claims, members));
}

std::string Honest::by(const test::SoftKey& other) const { return by(other, header); }

std::string Honest::by(const test::SoftKey& other, const Json& other_header) const {
  return other.sign_jws(other_header, claims);
}

std::string Honest::signed_as(
    const std::function<Bytes(BytesView input, BytesView signature)>& make) const {
  const std::string input = jose::signing_input(header, claims);
  return jose::compact(input, make(as_bytes(input), key->sign(as_bytes(input))));
}

std::string Honest::signed_as(const Json& other_header,
                              const std::function<Bytes(BytesView input)>& make) const {
  const std::string input = jose::signing_input(other_header, claims);
  return jose::compact(input, make(as_bytes(input)));
}

}  // namespace mintmark::attacks
