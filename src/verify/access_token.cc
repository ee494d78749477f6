#include "verify/access_token.h"

#include <algorithm>

namespace mintmark {
namespace {

using jose::string_claim;
using jose::time_claim;
using verify::KeySet;
using verify::TokenExpectation;

Result<jose::VerifiedJws> verified(jose::UnverifiedJws jws, const KeySet& keys) {
  if (jws.typ() != "at+jwt") return fail(Code::token_typ, "the token's typ is not at+jwt");
  const std::string kid = jws.kid();
  const jose::PublicKey* key = keys.find(kid);
  if (key == nullptr) {
    return fail(
        Code::token_key_unknown,
        "the issuer publishes no key for access tokens with kid \"" + printable(kid) + "\"");
  }
  auto checked = std::move(jws).verify(*key);
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
  return std::move(*claim).value_or("");
}

Result<void> check_issuer(const Json& claims, const TokenExpectation& expected) {
  auto iss = text_or_empty(claims, "iss");
  if (!iss) return pass_on(iss);
  if (*iss == expected.issuer) return {};
  return fail(Code::token_issuer, "the token's iss is \"" + printable(*iss) + "\", not \"" +
                                      printable(expected.issuer) + "\"");
}

// RFC 7519 §4.1.3: one string, or an array of strings.
Result<void> check_audience(const Json& claims, const TokenExpectation& expected) {
  const auto aud = claims.find("aud");
  if (aud == claims.end()) return fail(Code::token_audience, "the token has no aud");
  const Json list = aud->is_array() ? *aud : Json::array({*aud});
  const bool texts =
      std::all_of(list.begin(), list.end(), [](const Json& one) { return one.is_string(); });
  if (!texts)
    return fail(Code::token_malformed,
                "the token's aud is neither a string nor an array of strings");
  const bool ours = std::any_of(list.begin(), list.end(), [&](const Json& one) {
    return one.get_ref<const std::string&>() == expected.audience;
  });
  if (ours) return {};
  return fail(Code::token_audience, "the token's aud " + printable(aud->dump()) +
                                        " does not name \"" + printable(expected.audience) + "\"");
}

std::string seconds_between(Moment from, Moment to) {
  return std::to_string((to - from).count()) + " s";
}

Result<Moment> check_expiry(const Json& claims, const TokenExpectation& expected) {
  auto exp = time_claim(claims, "exp");
  if (!exp) return malformed(exp);
  if (!*exp) return fail(Code::token_exp_missing, "the token has no exp");
  const Moment end = from_unix(**exp);
  if (expected.now < end + expected.skew) return end;
  return fail(Code::token_expired,
              "the token expired " + seconds_between(end, expected.now) + " ago");
}

Result<Moment> check_beginning(const Json& claims, const TokenExpectation& expected) {
  auto nbf = time_claim(claims, "nbf");
  if (!nbf) return malformed(nbf);
  if (*nbf && from_unix(**nbf) > expected.now + expected.skew) {
    return fail(Code::token_not_yet_valid,
                "the token is valid in " + seconds_between(expected.now, from_unix(**nbf)));
  }
  auto iat = time_claim(claims, "iat");
  if (!iat) return malformed(iat);
  if (!*iat) return fail(Code::token_iat_missing, "the token has no iat");
  const Moment issued = from_unix(**iat);
  if (issued <= expected.now + expected.skew) return issued;
  return fail(
      Code::token_iat_future,
      "the token's iat is " + seconds_between(expected.now, issued) + " ahead of our clock");
}

// RFC 9449 §6.1.
Result<std::string> bound_key(const Json& claims) {
  const auto cnf = claims.find("cnf");
  if (cnf == claims.end())
    return fail(Code::token_unbound, "the token has no cnf: it is bound to no device key");
  if (!cnf->is_object()) return fail(Code::token_malformed, "the token's cnf is no object");
  auto jkt = text_or_empty(*cnf, "jkt");
  if (jkt && jkt->empty())
    return fail(Code::token_unbound, "the token's cnf has no jkt: it is bound to no DPoP key");
  return jkt;
}

Result<void> check_key_protection(const std::string& protection, const TokenExpectation& expected) {
  const auto& taken = expected.key_protections;
  if (taken.empty() || std::find(taken.begin(), taken.end(), protection) != taken.end()) return {};
  return fail(
      Code::token_key_protection,
      "the token's key_protection is \"" + printable(protection) + "\", which is not taken here");
}

// A session key is worth what the key is worth that vouched for it.
std::string weaker_protection(const Json& claims, std::string own) {
  if (own != "session") return own;
  const auto attestation = claims.find("attestation");
  if (attestation == claims.end() || !attestation->is_object()) return own;
  const auto vouching = text_or_empty(*attestation, "key_protection");
  if (!vouching) return "none";
  return vouching->empty() || *vouching == "hardware" ? own : *vouching;
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

}  // namespace

class TokenReader {
 public:
  static Result<VerifiedToken> read(const Json& claims, const TokenExpectation& expected) {
    if (auto ours = check_issuer(claims, expected); !ours) return pass_on(ours);
    if (auto for_us = check_audience(claims, expected); !for_us) return pass_on(for_us);
    auto expires_at = check_expiry(claims, expected);
    if (!expires_at) return pass_on(expires_at);
    auto issued_at = check_beginning(claims, expected);
    if (!issued_at) return pass_on(issued_at);
    auto jkt = bound_key(claims);
    if (!jkt) return pass_on(jkt);

    VerifiedToken token;
    token.expires_at_ = *expires_at;
    token.issued_at_ = *issued_at;
    token.jkt_ = std::move(*jkt);
    if (auto texts = take_texts(claims, token); !texts) return pass_on(texts);
    if (token.subject_.empty()) return fail(Code::token_sub_missing, "the token has no sub");
    token.key_protection_ = weaker_protection(claims, std::move(token.key_protection_));
    if (auto fits = check_key_protection(token.key_protection_, expected); !fits)
      return pass_on(fits);
    token.claims_ = claims.dump();
    return token;
  }

 private:
  static Result<void> take_texts(const Json& claims, VerifiedToken& token) {
    std::string scope;
    const std::pair<const char*, std::string*> members[] = {
        {"sub", &token.subject_},
        {"client_id", &token.client_id_},
        {"jti", &token.token_id_},
        {"key_protection", &token.key_protection_},
        {"scope", &scope}};
    for (const auto& [name, place] : members) {
      auto text = text_or_empty(claims, name);
      if (!text) return pass_on(text);
      *place = std::move(*text);
    }
    token.scopes_ = words_of(scope);
    return {};
  }
};

namespace verify {

Result<jose::UnverifiedJws> parse_access_token(std::string_view token) {
  auto jws = jose::UnverifiedJws::parse(token);
  if (!jws) return fail(Code::token_malformed, "the token: " + jws.error().detail);
  return jws;
}

Result<VerifiedToken> check_access_token(jose::UnverifiedJws jws, const KeySet& keys,
                                         const TokenExpectation& expected) {
  auto checked = verified(std::move(jws), keys);
  if (!checked) return pass_on(checked);
  return TokenReader::read(checked->claims(), expected);
}

}  // namespace verify
}  // namespace mintmark
