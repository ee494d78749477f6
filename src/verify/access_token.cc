#include "verify/access_token.h"

#include <algorithm>

#include "verify/confirmation.h"

namespace mintmark::verify {
namespace {

using jose::string_claim;
using jose::time_claim;

Result<const jose::PublicKey*> key_for(const jose::UnverifiedJws& jws, const KeySet& keys) {
  if (jws.typ() != "at+jwt") return fail(Code::token_typ, "the token's typ is not at+jwt");
  const std::string kid = jws.kid();
  if (const jose::PublicKey* key = keys.find(kid)) return key;
  return fail(Code::token_key_unknown,
              "the issuer publishes no key for access tokens with kid \"" + printable(kid) + "\"");
}

Result<jose::VerifiedJws> verified(jose::UnverifiedJws jws, const KeySet& keys) {
  auto key = key_for(jws, keys);
  if (!key) return pass_on(key);
  auto checked = std::move(jws).verify(**key);
  if (checked) return checked;
  if (checked.error().code == Code::jws_alg_refused) {
    return fail(Code::token_alg, "the token's alg is not the one of its key");
  }
  return fail(Code::token_signature, "the token's signature is not by the key that kid names");
}

// A claim of a wrong type.
template <typename T>
tl::unexpected<Error> malformed(Result<T>& claim) {
  return fail(Code::token_malformed, "the token: " + claim.error().detail);
}

Result<std::string> text_or_empty(const Json& claims, const char* name) {
  auto claim = string_claim(claims, name);
  if (!claim) return malformed(claim);
  std::string text = std::move(*claim).value_or("");
  // C would read it up to there, and take it for another.
  if (text.find('\0') == std::string::npos) return text;
  return fail(Code::token_malformed, std::string("the token's ") + name + " has a NUL in it");
}

Result<void> check_issuer(const Json& claims, const TokenExpectation& expected) {
  auto iss = text_or_empty(claims, "iss");
  if (!iss) return pass_on(iss);
  if (*iss == expected.issuer) return {};
  return fail(Code::token_issuer, "the token's iss is \"" + printable(*iss) + "\", not \"" +
                                      printable(expected.issuer) + "\"");
}

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "\"" : ", \"") + printable(name) + "\"";
  return text;
}

// RFC 7519 §4.1.3: one string, or an array of strings. Those of ours that it names.
Result<std::vector<std::string>> our_audiences(const Json& claims,
                                               const TokenExpectation& expected) {
  const auto aud = claims.find("aud");
  if (aud == claims.end()) return fail(Code::token_audience, "the token has no aud");
  const Json list = aud->is_array() ? *aud : Json::array({*aud});
  const bool texts =
      std::all_of(list.begin(), list.end(), [](const Json& one) { return one.is_string(); });
  if (!texts)
    return fail(Code::token_malformed,
                "the token's aud is neither a string nor an array of strings");
  std::vector<std::string> ours;
  for (const std::string& audience : expected.audiences) {
    if (std::find(list.begin(), list.end(), audience) != list.end()) ours.push_back(audience);
  }
  if (!ours.empty()) return ours;
  return fail(Code::token_audience, "the token's aud " + printable(aud->dump()) +
                                        " does not name " + quoted(expected.audiences));
}

Result<Moment> required_time(const Json& claims, const char* name, Code missing) {
  auto time = time_claim(claims, name);
  if (!time) return malformed(time);
  if (!*time) return fail(missing, std::string("the token has no ") + name);
  return from_unix(**time);
}

Result<void> read_times(const Json& claims, TokenFacts& token) {
  auto exp = required_time(claims, "exp", Code::token_exp_missing);
  if (!exp) return pass_on(exp);
  auto nbf = time_claim(claims, "nbf");
  if (!nbf) return malformed(nbf);
  auto iat = required_time(claims, "iat", Code::token_iat_missing);
  if (!iat) return pass_on(iat);
  token.expires_at = *exp;
  token.issued_at = *iat;
  if (*nbf) token.not_before = from_unix(**nbf);
  return {};
}

Result<void> check_key_protection(const std::string& protection, const TokenExpectation& expected) {
  const auto& taken = expected.key_protections;
  if (taken.empty() || std::find(taken.begin(), taken.end(), protection) != taken.end()) return {};
  return fail(
      Code::token_key_protection,
      "the token's key_protection is \"" + printable(protection) + "\", which is not taken here");
}

// A session key is worth what the key is worth that vouched for it.
std::string weaker_protection(const Json& attestation, std::string own) {
  if (own != "session") return own;
  const auto vouching = text_or_empty(attestation, "key_protection");
  if (!vouching || vouching->empty()) return "none";
  return *vouching == "hardware" ? own : *vouching;
}

Result<void> read_attestation(const Json& claims, TokenFacts& token) {
  static const Json nothing = Json::object();
  const auto found = claims.find("attestation");
  const Json* attestation = found == claims.end() ? &nothing : &*found;
  if (!attestation->is_object())
    return fail(Code::token_malformed, "the token's attestation is no object");
  auto format = text_or_empty(*attestation, "format");
  if (!format) return pass_on(format);
  auto at = time_claim(*attestation, "at");
  if (!at) return malformed(at);
  token.attestation_format = std::move(*format);
  if (*at) token.attested_at = from_unix(**at);
  token.key_protection = weaker_protection(*attestation, std::move(token.key_protection));
  return {};
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

Result<void> read_texts(const Json& claims, TokenFacts& token) {
  std::string scope;
  const std::pair<const char*, std::string*> members[] = {{"sub", &token.subject},
                                                          {"client_id", &token.client_id},
                                                          {"jti", &token.token_id},
                                                          {"key_protection", &token.key_protection},
                                                          {"scope", &scope}};
  for (const auto& [name, place] : members) {
    auto text = text_or_empty(claims, name);
    if (!text) return pass_on(text);
    *place = std::move(*text);
  }
  token.scopes = words_of(scope);
  if (token.subject.empty()) return fail(Code::token_sub_missing, "the token has no sub");
  // By it a token is revoked alone: one without it could not be.
  if (token.token_id.empty()) return fail(Code::token_malformed, "the token has no jti");
  return {};
}

Result<TokenFacts> read(const Json& claims, const TokenExpectation& expected) {
  TokenFacts token;
  if (auto ours = check_issuer(claims, expected); !ours) return pass_on(ours);
  auto audiences = our_audiences(claims, expected);
  if (!audiences) return pass_on(audiences);
  token.audiences = std::move(*audiences);
  if (auto times = read_times(claims, token); !times) return pass_on(times);
  auto bound = read_confirmation(claims);
  if (!bound) return pass_on(bound);
  token.jkt = std::move(bound->jkt);
  token.certificate_thumbprint = std::move(bound->certificate_thumbprint);
  if (auto texts = read_texts(claims, token); !texts) return pass_on(texts);
  if (auto attested = read_attestation(claims, token); !attested) return pass_on(attested);
  if (auto fits = check_key_protection(token.key_protection, expected); !fits) return pass_on(fits);
  token.claims = claims.dump();
  return token;
}

std::string seconds_between(Moment from, Moment to) {
  return std::to_string((to - from).count()) + " s";
}

}  // namespace

Result<jose::UnverifiedJws> parse_access_token(std::string_view token) {
  auto jws = jose::UnverifiedJws::parse(token);
  if (!jws) return fail(Code::token_malformed, "the token: " + jws.error().detail);
  return jws;
}

Result<jose::VerifiedJws> verified_access_token(std::string_view token, const KeySet& keys) {
  auto jws = parse_access_token(token);
  if (!jws) return pass_on(jws);
  return verified(std::move(*jws), keys);
}

Result<CheckedToken> check_access_token(jose::UnverifiedJws jws, const KeySet& keys,
                                        const TokenExpectation& expected) {
  std::string kid = jws.kid();
  auto checked = verified(std::move(jws), keys);
  if (!checked) return pass_on(checked);
  auto facts = read(checked->claims(), expected);
  if (!facts) return pass_on(facts);
  return CheckedToken{std::make_shared<const TokenFacts>(std::move(*facts)), std::move(kid),
                      checked->key()};
}

Result<void> check_times(const TokenFacts& token, Moment now, std::chrono::seconds skew) {
  if (now >= token.expires_at + skew) {
    return fail(Code::token_expired,
                "the token expired " + seconds_between(token.expires_at, now) + " ago");
  }
  if (token.not_before && *token.not_before > now + skew) {
    return fail(Code::token_not_yet_valid,
                "the token is valid in " + seconds_between(now, *token.not_before));
  }
  if (token.issued_at > now + skew) {
    return fail(
        Code::token_iat_future,
        "the token's iat is " + seconds_between(now, token.issued_at) + " ahead of our clock");
  }
  return {};
}

}  // namespace mintmark::verify
