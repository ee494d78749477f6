// What is signed, beyond the signature. A target's octets are a header's text, a line end and the
// claims' text; a key of the target's own signs them as they are, so that every check behind the
// signature is reached. "$JWK" and "$KID" stand for that key. Refused with a code of its kind, or
// just what it must be: good for this call, this moment and this issuer, and for no other.
#include "base/json.h"
#include "cbor/write.h"
#include "jose/base64url.h"
#include "support/soft_key.h"
#include "target.h"
#include "verify/access_token.h"
#include "verify/client_assertion.h"
#include "verify/client_attestation.h"
#include "verify/proof.h"
#include "verify/replay.h"
#include "verify/signed_frontier.h"
#include "verify/status_list_token.h"

namespace mintmark::fuzz {
namespace {

using std::chrono::seconds;
using test::SoftKey;

const Moment moment = from_unix(1'800'000'000);
constexpr const char* issuer_url = "https://issuer.example";
constexpr const char* token_url = "https://issuer.example/token";

const SoftKey& own_key() {
  static const SoftKey key;
  return key;
}

std::string filled_in(std::string text) {
  const auto fill = [&text](std::string_view name, const std::string& value) {
    for (std::size_t at = text.find(name); at != std::string::npos;
         at = text.find(name, at + value.size()))
      text.replace(at, name.size(), value);
  };
  fill("$JWK", own_key().public_key().to_jwk().dump());
  fill("$KID", own_key().jkt());
  return text;
}

struct Signed {
  std::string header;
  std::string claims;
  std::string jws;
};

Signed signed_jws(BytesView octets) {
  const std::string_view text = as_text(octets.first(std::min<std::size_t>(octets.size(), 8192)));
  const std::size_t line = std::min(text.find('\n'), text.size());
  Signed made{filled_in(std::string(text.substr(0, line))),
              filled_in(std::string(text.substr(std::min(line + 1, text.size())))),
              {}};
  const std::string input =
      jose::base64url(as_bytes(made.header)) + "." + jose::base64url(as_bytes(made.claims));
  made.jws = jose::compact(input, own_key().sign(as_bytes(input)));
  return made;
}

verify::KeySet own_keys(std::string_view purpose) {
  Json jwk = own_key().public_key().to_jwk();
  jwk["kid"] = own_key().jkt();
  jwk["mintmark_purpose"] = purpose;
  return *verify::KeySet::parse(Json{{"keys", Json::array({jwk})}}.dump(), purpose);
}

void require_kind(const Error& error, std::string_view kind) {
  require(facts_of(error.code).name.starts_with(kind));
  require_told(error);
}

// --- DPoP proofs ---

void require_good_for_nothing_else(const std::string& proof, const Json& claims) {
  const auto with = [&](auto change) {
    verify::ProofExpectation other{.method = "POST", .url = token_url, .now = moment};
    change(other);
    return verify::check_proof(proof, other);
  };
  const auto code_with = [&](auto change) {
    const auto checked = with(change);
    require(!checked);
    return checked.error().code;
  };
  require(code_with([](auto& call) { call.method = "GET"; }) == Code::proof_htm);
  require(code_with([](auto& call) { call.method = "post"; }) == Code::proof_htm);
  require(code_with([](auto& call) { call.url = "https://issuer.example/Token"; }) ==
          Code::proof_htu);
  require(code_with([](auto& call) { call.now += seconds(100); }) == Code::proof_iat_old);
  require(code_with([](auto& call) { call.now -= seconds(100); }) == Code::proof_iat_future);
  const Sha256 hash = sha256(std::string_view("a token"));
  const auto of_token = with([&](auto& call) { call.token_hash = hash; });
  require(of_token.has_value() ==
          (claims.contains("ath") && claims["ath"] == jose::base64url(hash)));
}

void run_dpop_proof(BytesView octets) {
  const Signed made = signed_jws(octets);
  const verify::ProofExpectation expected{.method = "POST", .url = token_url, .now = moment};
  const auto raw = verify::check_proof(as_text(octets), expected);
  if (!raw) require_kind(raw.error(), "proof_");
  verify::ProofHead head;
  const auto proof = verify::check_proof(made.jws, expected, head);
  require((head != nullptr) == proof.has_value());
  if (!proof) return require_kind(proof.error(), "proof_");
  require(proof->jkt() == own_key().jkt() && !proof->jti().empty());
  require(proof->jti().size() <= verify::proof_jti_octets);
  const Json claims = *parse_json(made.claims);
  require(claims.at("htm") == "POST" && claims.at("jti") == proof->jti());
  require(proof->issued_at() >= moment - verify::proof_past &&
          proof->issued_at() <= moment + verify::proof_future);
  require_good_for_nothing_else(made.jws, claims);
  // By the remembered header as by none.
  const auto known = verify::check_proof(made.jws, expected, head);
  require(known && known->jti() == proof->jti() && known->nonce() == proof->nonce());
  verify::ReplayWindow window(moment - seconds(100));
  require(window.remember(*proof, moment).has_value());
  const auto again = window.remember(*proof, moment);
  require(!again && again.error().code == Code::proof_replayed);
}

// --- client attestations and assertions ---

void run_client_attestation(BytesView octets) {
  const Signed made = signed_jws(octets);
  const auto find = [](std::string_view kid) {
    return kid == own_key().jkt() ? &own_key().public_key() : nullptr;
  };
  const auto nobody = [](std::string_view /*kid*/) { return nullptr; };
  const auto raw = verify::check_client_attestation(as_text(octets), nobody, moment);
  require(!raw);
  require_kind(raw.error(), "attestation_");
  const auto attestation = verify::check_client_attestation(made.jws, find, moment);
  if (!attestation) return require_kind(attestation.error(), "attestation_");
  require(!attestation->client_id().empty() && attestation->expires_at() > moment);
  require(attestation->issued_at() <= moment + verify::attestation_future);
  require(!verify::check_client_attestation(made.jws, nobody, moment));
  require(!verify::check_client_attestation(made.jws, find, attestation->expires_at()));
  require(!verify::check_not_expired(*attestation, attestation->expires_at()));
  std::string flipped = made.jws;
  flipped[0] = flipped[0] == 'e' ? 'f' : 'e';
  require(!verify::check_client_attestation(flipped, find, moment));
}

Result<jose::PublicKey> registered_key(const std::string& client_id) {
  if (client_id == "client-1") return own_key().public_key();
  return fail(Code::device_unknown, "no such client");
}

void run_client_assertion(BytesView octets) {
  const Signed made = signed_jws(octets);
  const auto assertion =
      verify::check_client_assertion(made.jws, registered_key, issuer_url, moment);
  if (!assertion) {
    require_told(assertion.error());
    return require(facts_of(assertion.error().code).http_status < 500);
  }
  require(assertion->client_id() == "client-1" && !assertion->jti().empty());
  require(assertion->expires_at() > moment &&
          assertion->expires_at() <= moment + verify::assertion_life);
  require(parse_json(made.claims)->at("aud") == issuer_url);
  require(
      !verify::check_client_assertion(made.jws, registered_key, "https://other.example", moment));
  require(!verify::check_client_assertion(made.jws, registered_key, issuer_url,
                                          assertion->expires_at()));
  verify::ReplayWindow window(moment - seconds(1000), {.past = seconds(600)});
  const auto first = window.remember(*assertion, moment);
  require(first || first.error().code == Code::assertion_before_start);
  require(!window.remember(*assertion, moment));
}

// --- access tokens and frontiers ---

void run_access_token(BytesView octets) {
  static const auto keys = own_keys("access_token");
  static const std::string issuer = issuer_url;
  static const std::vector<std::string> audiences{"urn:api"};
  static const std::vector<std::string> protections;
  const Signed made = signed_jws(octets);
  auto jws = verify::parse_access_token(made.jws);
  if (!jws) return require_kind(jws.error(), "token_");
  const auto token =
      verify::check_access_token(std::move(*jws), keys, {issuer, audiences, protections});
  if (!token) return require_kind(token.error(), "token_");
  const verify::TokenFacts& facts = *token->facts;
  require(!facts.subject.empty() && token->kid == own_key().jkt());
  require(std::find(facts.audiences.begin(), facts.audiences.end(), "urn:api") !=
          facts.audiences.end());
  require(!facts.jkt.empty() || !facts.certificate_thumbprint.empty());
  require(!verify::check_times(facts, facts.expires_at + seconds(1), seconds(0)));
  static const std::string other = "https://other.example";
  require(!verify::check_access_token(std::move(*verify::parse_access_token(made.jws)), keys,
                                      {other, audiences, protections}));
  static const std::vector<std::string> others{"urn:other"};
  const auto for_others = verify::check_access_token(
      std::move(*verify::parse_access_token(made.jws)), keys, {issuer, others, protections});
  require(!for_others ||
          parse_json(made.claims)->at("aud").dump().find("urn:other") != std::string::npos);
}

void run_frontier(BytesView octets) {
  static const auto keys = own_keys("event");
  const Signed made = signed_jws(octets);
  auto jws = verify::parse_frontier(made.jws);
  if (!jws) return require_kind(jws.error(), "frontier_");
  const auto frontier = verify::check_frontier(std::move(*jws), keys, issuer_url);
  if (!frontier) return require_kind(frontier.error(), "frontier_");
  require(!frontier->log.empty() && frontier->bound > seconds(0));
  require(!verify::check_frontier(std::move(*verify::parse_frontier(made.jws)), keys,
                                  "https://other.example"));
  // As the issuer writes it, it says the same.
  const std::string input =
      verify::frontier_input(*frontier, issuer_url, "ES256", own_key().jkt(), moment, seconds(60));
  const std::string ours = jose::compact(input, own_key().sign(as_bytes(input)));
  const auto again =
      verify::check_frontier(std::move(*verify::parse_frontier(ours)), keys, issuer_url);
  require(again && again->seq == frontier->seq && again->head == frontier->head &&
          again->revoked_keys == frontier->revoked_keys && again->snapshot == frontier->snapshot);
}

// --- status list tokens ---

void look_at_token(const Result<verify::StatusListToken>& token, const verify::KeySet& keys,
                   std::string_view text, bool cwt) {
  if (!token) return require_kind(token.error(), "status_list_");
  require(!token->expires_at || *token->expires_at > moment);
  require(!token->list.at(token->list.size()));
  const verify::WantedStatusList other{
      .uri = "https://issuer.example/status/2", .issuer = issuer_url, .now = moment};
  const auto of_other = cwt ? verify::read_status_list_cwt(as_bytes(text), keys, other)
                            : verify::read_status_list_jwt(text, keys, other);
  require(!of_other && of_other.error().code == Code::status_list_subject);
}

// The first octet says which form; in a CWT one octet more how long the protected header is.
void run_status_list_token(BytesView octets) {
  static const auto keys = own_keys(verify::status_list_purpose);
  const verify::WantedStatusList wanted{
      .uri = "https://issuer.example/status/1", .issuer = issuer_url, .now = moment};
  if (octets.size() < 2) return;
  if (octets[0] != 'c') {
    const Signed made = signed_jws(octets);
    return look_at_token(verify::read_status_list_jwt(made.jws, keys, wanted), keys, made.jws,
                         false);
  }
  const std::size_t length = std::min<std::size_t>(octets[1], octets.size() - 2);
  const std::string head = filled_in(std::string(as_text(octets.subspan(2, length))));
  const BytesView payload = octets.subspan(2 + length);
  const Bytes input = cbor::sig_structure(as_bytes(head), payload);
  const Bytes message = cbor::sign1(as_bytes(head), payload, own_key().sign(input));
  look_at_token(verify::read_status_list_cwt(message, keys, wanted), keys, as_text(message), true);
}

const Registered token_targets{{"dpop_proof", &run_dpop_proof},
                               {"client_attestation", &run_client_attestation},
                               {"client_assertion", &run_client_assertion},
                               {"access_token", &run_access_token},
                               {"frontier", &run_frontier},
                               {"status_list_token", &run_status_list_token}};

}  // namespace
}  // namespace mintmark::fuzz
