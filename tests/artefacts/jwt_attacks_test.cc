// What the suites of jwt_verify_lib, jwt-cpp, tink and JSONTestSuite say of tokens, keys and JSON,
// by our parsers and verifiers. Cases are told apart by their members, wherever in a file they
// stand.

#include <ctime>

#include "artefacts/second_reader.h"
#include "artefacts/signed_texts.h"
#include "artefacts/verdict.h"
#include "base/text.h"
#include "jose/base64url.h"
#include "jose/jws.h"
#include "support/soft_key.h"
#include "verify/access_token.h"

namespace mintmark::artefacts {
namespace {

constexpr auto device_names = jose::AlgorithmNames::polymorphic_too;

struct Case {
  std::string name;
  std::string said;
  const Json& item;
  const Json& file;
  Json header = nullptr;
  Json claims = nullptr;
  std::string json = {};  ///< Of a case of JSON: what is to be read.

  [[nodiscard]] std::string text(const char* member) const { return item.value(member, ""); }
  [[nodiscard]] std::string alg() const { return alg_of(header); }
};

bool is_fraction(const Json& claims, const char* name) {
  return claims.is_object() && claims.contains(name) && claims[name].is_number_float();
}

constexpr Reason<Case> no_mac{"no MAC: whoever verifies could sign (RFC 8725 §3.5)",
                              Verdict::refused,
                              [](const Case& one) { return is_symmetric(one.alg()); }};
constexpr Reason<Case> other_algorithm{
    "the algorithm is none of ours", Verdict::refused,
    [](const Case& one) { return !one.header.is_null() && !is_ours(one.alg()); }};
constexpr Reason<Case> whole_seconds{
    "times are whole seconds here: fractions would be rounded, and twice perhaps", Verdict::refused,
    [](const Case& one) {
      return is_fraction(one.claims, "iat") || is_fraction(one.claims, "exp") ||
             is_fraction(one.claims, "nbf");
    }};

void read_token(Case& one, const std::string& token) {
  one.header = second::header(token);
  one.claims = second::segment(token, 1);
}

// Claims as they are read of tokens: signed by our issuer's key, with what they lack of an access
// token.

struct Wanted {
  std::string issuer;
  std::vector<std::string> audiences;
};

std::string first_audience(const Json& claims) {
  const Json aud = claims.value("aud", Json());
  if (aud.is_string()) return aud;
  return aud.is_array() && !aud.empty() && aud[0].is_string() ? aud[0].get<std::string>() : "us";
}

Wanted wanted_of(const Case& one) {
  const Json iss = one.claims.value("iss", Json());
  Wanted wanted{
      one.item.value("expected_issuer", iss.is_string() ? iss.get<std::string>() : "issuer"),
      one.item.value("allowed_audiences", std::vector<std::string>{})};
  if (wanted.audiences.empty()) wanted.audiences = {first_audience(one.claims)};
  return wanted;
}

Result<verify::CheckedToken> read_claims(Json claims, const Wanted& wanted) {
  static const test::SoftKey key;
  const Json defaults{{"iss", wanted.issuer},
                      {"aud", wanted.audiences.front()},
                      {"sub", "device"},
                      {"jti", "token"},
                      {"iat", 1},
                      {"exp", 2},
                      {"cnf", {{"jkt", key.jkt()}}}};
  for (const auto& [name, value] : defaults.items()) {
    if (!claims.contains(name)) claims[name] = value;
  }
  Json jwk = key.public_key().to_jwk();
  jwk["kid"] = "key";
  const auto set = key_set(Json{{"keys", {jwk}}}.dump()).value();
  const Json header{{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", "key"}};
  auto jws = verify::parse_access_token(key.sign_jws(header, claims));
  if (!jws) return pass_on(jws);
  const std::vector<std::string> any;
  return verify::check_access_token(std::move(*jws), set, {wanted.issuer, wanted.audiences, any});
}

/// At the time of the case; upstream's verifiers allow a minute.
bool is_in_time(const Json& claims, const Case& one) {
  const Json now = one.item.value("now", Json());
  verify::TokenFacts facts;
  const Moment at =
      from_unix(now.is_number_integer() ? now.get<std::int64_t>() : std::time(nullptr));
  const auto exp = jose::time_claim(claims, "exp");
  const auto nbf = jose::time_claim(claims, "nbf");
  if (!exp || !nbf) return false;
  facts.issued_at = at;
  facts.expires_at = *exp ? from_unix(**exp) : at + std::chrono::hours(1);
  if (*nbf) facts.not_before = from_unix(**nbf);
  return verify::check_times(facts, at, std::chrono::seconds(60)).has_value();
}

/// Of a token that is one to us. `now` is there: null is the time of day.
bool claims_fit(const Case& one, const std::string& token) {
  if (!jose::UnverifiedJws::parse(token) || !one.claims.is_object() ||
      !read_claims(one.claims, wanted_of(one)))
    return false;
  return !one.item.contains("now") || is_in_time(one.claims, one);
}

// Texts as upstream read them: "" and 0 are absent.
void expect_fields(const Case& one) {
  const Json& fields = one.item.at("fields");
  for (const char* name : {"alg", "kid"}) {
    if (fields.contains(name)) {
      EXPECT_EQ(one.header.value(name, ""), fields[name]) << one.name;
    }
  }
  for (const char* name : {"iss", "sub", "jti"}) {
    if (fields.contains(name)) {
      EXPECT_EQ(jose::string_claim(one.claims, name)->value_or(""), fields[name]) << one.name;
    }
  }
  for (const char* name : {"iat", "nbf", "exp"}) {
    if (fields.contains(name)) {
      EXPECT_EQ(jose::time_claim(one.claims, name)->value_or(0), fields[name]) << one.name;
    }
  }
}

void judge_claims(Case one) {
  const std::string token = one.text(one.item.contains("jwt") ? "jwt" : "token");
  read_token(one, token);
  const bool taken = is_ours(one.alg()) && claims_fit(one, token);
  expect_judged(one, taken, std::array{no_mac, other_algorithm, whole_seconds});
  if (taken && one.item.contains("fields")) expect_fields(one);
}

// Tokens with keys.

bool is_certificate_map(const Case& one) {
  return one.text("keys").find("-----BEGIN CERTIFICATE") != std::string::npos &&
         one.text("keys").find("\"keys\"") == std::string::npos;
}

// Whose kid is that of no key, where some have none.
bool has_keys_without_kid(const Case& one) {
  const auto read = second::json(one.text("keys"));
  if (!read || !read->is_object() || !one.header.is_object() || !one.header.contains("kid"))
    return false;
  const Json keys = read->value("keys", Json::array());
  return std::any_of(keys.begin(), keys.end(),
                     [](const Json& jwk) { return !jwk.contains("kid"); }) &&
         std::none_of(keys.begin(), keys.end(), [&one](const Json& jwk) {
           return jwk.value("kid", Json()) == one.header["kid"];
         });
}

constexpr std::array with_keys{
    no_mac, other_algorithm, whole_seconds,
    Reason<Case>{"a map of names to certificates is no JWK set (RFC 7517 §5)", Verdict::refused,
                 is_certificate_map},
    Reason<Case>{"a kid names one key, and none that has no kid", Verdict::refused,
                 has_keys_without_kid}};

bool verifies_by_set(const Case& one, const std::string& jwt) {
  const auto set = key_set(one.text("keys"), one.alg());
  if (!set) return false;
  const auto keys = named_keys(*set, one.header);
  return std::any_of(keys.begin(), keys.end(),
                     [&jwt](const jose::PublicKey* key) { return verifies(jwt, *key); });
}

bool verifies_by_pem(const std::string& pem, const std::string& jwt, const std::string& alg) {
  const auto algorithm = jose::algorithm_named(alg, device_names);
  if (!algorithm) return false;
  const auto key = jose::PublicKey::from_spki(pem_block(pem, "PUBLIC KEY"), *algorithm);
  return key && verifies(jwt, *key);
}

void judge_with_keys(Case one) {
  const std::string jwt = one.text("jwt");
  read_token(one, jwt);
  const bool good = one.text("key_type") == "PEM"
                        ? verifies_by_pem(one.text("keys"), jwt, one.alg())
                        : verifies_by_set(one, jwt);
  expect_judged(one, good && claims_fit(one, jwt), with_keys);
}

void judge_with_key(Case one) {
  const std::string jwt = one.text("jwt");
  read_token(one, jwt);
  // jwt-cpp calls EdDSA by its curve.
  const std::string allowed =
      one.text("allowed_alg") == "ED25519" ? "EdDSA" : one.text("allowed_alg");
  const bool good = allowed == one.alg() && verifies_by_pem(one.text("key"), jwt, allowed);
  constexpr std::array reasons{
      no_mac, other_algorithm,
      Reason<Case>{"an RSA modulus has 2048 to 8192 bits", Verdict::refused, [](const Case& of) {
                     return second::key_in_pem(of.text("key")).is_rsa_of_other_size();
                   }}};
  expect_judged(one, good && claims_fit(one, jwt), reasons);
}

// Headers, signed by a key of ours: where the header's algorithm is the one expected and none of
// ours, ES256 takes its place.

void judge_header(Case one) {
  static const test::SoftKey key;
  std::string text = one.text("header");
  const std::string expected = one.text("expected_alg");
  const bool replaced =
      alg_of(second::json(text).value_or(Json())) == expected && !is_ours(expected);
  if (replaced) text.replace(text.find('"' + expected + '"'), expected.size() + 2, "\"ES256\"");
  const std::string input = jose::base64url(as_bytes(text)) + ".e30";
  auto jws = jose::UnverifiedJws::parse(jose::compact(input, key.sign(as_bytes(input))));
  const bool named =
      jws && (!one.item.contains("expected_kid") || jws->kid() == one.text("expected_kid"));
  expect_judged(one, named && std::move(*jws).verify(key.public_key()).has_value(),
                std::array<Reason<Case>, 0>{});
}

void judge_time(Case one) {
  verify::TokenFacts facts;
  facts.expires_at = from_unix(one.file.at("exp"));
  facts.not_before = from_unix(one.file.at("nbf"));
  const Moment now = from_unix(one.item.at("now"));
  const std::chrono::seconds skew{one.item.at("skew").get<int>()};
  facts.issued_at = now;
  const auto in_time = verify::check_times(facts, now, skew);
  if (!in_time) {
    EXPECT_EQ(in_time.error().code,
              now < facts.expires_at ? Code::token_not_yet_valid : Code::token_expired)
        << one.name;
  }
  constexpr std::array reasons{Reason<Case>{
      "a token is over at exp itself: \"on or after\" (RFC 7519 §4.1.4)", Verdict::refused,
      [](const Case& at) {
        return at.file.at("exp").get<std::int64_t>() + at.item.at("skew").get<std::int64_t>() ==
               at.item.at("now").get<std::int64_t>();
      }}};
  expect_judged(one, in_time.has_value(), reasons);
}

// JSON.

bool is_left_open(const Case& one) { return verdict_of(one.said) == Verdict::left_open; }

/// The octets after the first of that text; nothing where it does not stand there.
std::string_view after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  return at == std::string_view::npos ? std::string_view() : text.substr(at + mark.size());
}

std::size_t digits_at(std::string_view text) {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

// 10^308 is the largest of a double.
bool has_huge_exponent(const Case& one) {
  std::string_view exponent = after(one.json, "e");
  if (exponent.substr(0, 1) == "+") exponent.remove_prefix(1);
  return digits_at(exponent) > 3;
}

bool has_long_integer(const Case& one) {
  const auto first = std::min(one.json.find_first_of("123456789"), one.json.size());
  return digits_at(std::string_view(one.json).substr(first)) > 20;
}

// What RFC 8259 leaves open are JSONTestSuite's i_ cases.
constexpr std::array json_reasons{
    Reason<Case>{"a member that stands twice is refused (RFC 7515 §4)", Verdict::refused,
                 [](const Case& one) { return second::has_member_twice(one.json); }},
    Reason<Case>{"a number that a double cannot hold is none", Verdict::refused,
                 [](const Case& one) { return is_left_open(one) && has_huge_exponent(one); }},
    Reason<Case>{
        "a number too small for a double is zero", Verdict::taken,
        [](const Case& one) { return is_left_open(one) && !after(one.json, "e-").empty(); }},
    Reason<Case>{"integers have 64 bits", Verdict::refused,
                 [](const Case& one) { return is_left_open(one) && has_long_integer(one); }},
    Reason<Case>{"half of a surrogate pair is no character", Verdict::refused,
                 [](const Case& one) {
                   return is_left_open(one) &&
                          (!after(one.json, "\\uD").empty() || !after(one.json, "\\ud").empty());
                 }},
    Reason<Case>{"JSON is UTF-8 (RFC 8259 §8.1)", Verdict::refused,
                 [](const Case& one) {
                   return is_left_open(one) &&
                          (!is_utf8(one.json) || one.json.find('\0') != std::string::npos);
                 }},
    Reason<Case>{"at most 16 levels", Verdict::refused,
                 [](const Case& one) {
                   return is_left_open(one) && one.json.rfind(std::string(17, '['), 0) == 0;
                 }},
    Reason<Case>{"no JSON text has a byte order mark (RFC 8259 §8.1), and none is passed over",
                 Verdict::refused, [](const Case& one) {
                   return is_left_open(one) && one.json.rfind("\xEF\xBB\xBF", 0) == 0;
                 }}};

void judge_json_text(Case one, const std::string& text) {
  // The answer for JOSE's own use of JSON, where that is another.
  one.said = one.item.value("result_in_jose", one.said);
  one.json = text;
  expect_judged(one, parse_json(text).has_value(), json_reasons);
}

void judge_json(Case one) { judge_json_text(one, one.text("input")); }

void judge_json_octets(Case one) {
  const Bytes octets = jose::from_base64(one.text("input_b64")).value();
  judge_json_text(one, std::string(as_text(octets)));
}

// "{ repeated 9 times, then 1, then } repeated 9 times"
void judge_json_rule(Case one) {
  std::string rest = one.text("rule");
  std::string text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(", then "), rest.size());
    std::string part = rest.substr(0, end);
    rest.erase(0, std::min(end + 7, rest.size()));
    const auto repeated = part.find(" repeated ");
    const int times = repeated == std::string::npos ? 1 : std::stoi(part.substr(repeated + 10));
    part.resize(std::min(repeated, part.size()));
    for (int i = 0; i < times; ++i) text += part;
  }
  judge_json_text(one, text);
}

// Key sets.

Json keys_of(const Case& one) {
  const auto read = second::json(one.text("document"));
  const bool is_set = read && read->is_object() && read->contains("keys");
  return is_set && (*read)["keys"].is_array() ? (*read)["keys"] : Json::array();
}

using second::text_in;

bool is_of_kind_of_ours(const Json& jwk) {
  const std::string kty = text_in(jwk, "kty");
  const std::string alg = text_in(jwk, "alg");
  const std::string crv = text_in(jwk, "crv");
  if (kty == "RSA") return alg == "RS256" || alg == "PS256";
  if (kty == "OKP") return crv == "Ed25519" && (alg.empty() || alg == "EdDSA" || alg == crv);
  if (kty != "EC") return false;
  return (crv == "P-256" && (alg.empty() || alg == "ES256")) ||
         (crv == "P-384" && (alg.empty() || alg == "ES384"));
}

bool has_leading_zero(const Json& jwk) {
  const auto modulus = second::base64url(text_in(jwk, "n"));
  return modulus && !modulus->empty() && modulus->front() == 0;
}

bool is_point(const Json& jwk) { return text_in(jwk, "kty") == "RSA" || second::is_on_curve(jwk); }

// Why a key of a set is none to us. What no reason names must be taken.
constexpr std::array key_reasons{
    Reason<Json>{"of no kind of ours: EC on P-256 and P-384 (which crv must say, RFC 7518 §6.2.1), "
                 "Ed25519, RSA whose alg says RS256 or PS256 (RFC 8725 §3.1)",
                 Verdict::refused, [](const Json& jwk) { return !is_of_kind_of_ours(jwk); }},
    Reason<Json>{"what is no point of its curve is seen when the key is read (RFC 8032 §5.1.3)",
                 Verdict::refused, [](const Json& jwk) { return !is_point(jwk); }},
    Reason<Json>{
        "a modulus has no leading zero (Base64urlUInt, RFC 7518 §2): a key has one spelling",
        Verdict::refused, has_leading_zero}};

bool is_left_out(const Json& jwk) {
  return std::any_of(key_reasons.begin(), key_reasons.end(),
                     [&jwk](const auto& reason) { return reason.applies(jwk); });
}

template <typename Property>
bool all_keys(const Case& one, Property property) {
  const Json keys = keys_of(one);
  return !keys.empty() && std::all_of(keys.begin(), keys.end(), property);
}

constexpr std::array set_reasons{
    Reason<Case>{"what is no JSON is no JWK set: a comma before a bracket is not passed over",
                 Verdict::refused,
                 [](const Case& one) { return !second::json(one.text("document")); }},
    Reason<Case>{"a member that stands twice is refused (RFC 7515 §4)", Verdict::refused,
                 [](const Case& one) { return second::has_member_twice(one.text("document")); }},
    Reason<Case>{"a map of names to certificates is no JWK set (RFC 7517 §5)", Verdict::refused,
                 [](const Case& one) { return one.text("type").rfind("X509", 0) == 0; }},
    Reason<Case>{"each of its keys is left out for a reason of its own", Verdict::refused,
                 [](const Case& one) { return all_keys(one, is_left_out); }},
    Reason<Case>{"alg is optional (RFC 7517 §4.4), and an EC key's curve says it", Verdict::taken,
                 [](const Case& one) {
                   return all_keys(one, [](const Json& jwk) {
                     return text_in(jwk, "kty") == "EC" && !jwk.contains("alg") &&
                            !is_left_out(jwk);
                   });
                 }}};

bool is_of_other_kind(const second::Key& key) {
  return !key.kind.empty() && !key.is_rsa() && key.kind != "P-256" && key.kind != "P-384" &&
         key.kind != "Ed25519";
}

constexpr std::array pem_reasons{
    Reason<Case>{"the algorithm is none of ours", Verdict::refused,
                 [](const Case& one) {
                   const std::string alg = text_in(one.item, "pem_alg");
                   return !alg.empty() && !is_ours(alg);
                 }},
    Reason<Case>{"the key is of a kind or size that is not taken", Verdict::refused,
                 [](const Case& one) {
                   const second::Key key = second::key_in_pem(one.text("document"));
                   return is_of_other_kind(key) || key.is_rsa_of_other_size();
                 }}};

/// One key, for the algorithm that the case gives it, where it does.
void judge_pem(const Case& one) {
  const std::string alg = text_in(one.item, "pem_alg");
  const auto algorithm = jose::algorithm_named(alg.empty() ? "RS256" : alg, device_names);
  const auto key = jose::PublicKey::from_spki(pem_block(one.text("document"), "PUBLIC KEY"),
                                              algorithm ? std::optional(*algorithm) : std::nullopt);
  expect_judged(one, key && algorithm && (alg.empty() || key->algorithm() == *algorithm),
                pem_reasons);
}

void judge_keys(Case one) {
  if (one.text("type").rfind("PEM", 0) == 0) return judge_pem(one);
  const auto set = key_set(one.text("document"));
  const std::size_t taken = set ? set->size() : 0;
  expect_judged(one, taken > 0, set_reasons);
  if (!set || verdict_of(one.said) != Verdict::taken) return;
  const Json keys = keys_of(one);
  EXPECT_EQ(taken, keys.size() - static_cast<std::size_t>(
                                     std::count_if(keys.begin(), keys.end(), is_left_out)))
      << one.name << ": a key is left out without a reason, or taken in spite of one";
  if (const Json usable = one.item.value("usable_keys", Json()); usable.is_number_unsigned()) {
    EXPECT_LE(taken, usable.get<std::size_t>()) << one.name;
  }
}

struct Shape {
  std::vector<const char*> members;
  void (*judge)(Case);
};

const std::vector<Shape> shapes{{{"input_b64"}, judge_json_octets},
                                {{"input"}, judge_json},
                                {{"rule"}, judge_json_rule},
                                {{"document"}, judge_keys},
                                {{"jwt", "keys"}, judge_with_keys},
                                {{"jwt", "key"}, judge_with_key},
                                {{"jwt"}, judge_claims},
                                {{"token"}, judge_claims},
                                {{"header"}, judge_header},
                                {{"now", "skew"}, judge_time}};

void judge(const std::string& place, const Json& item, const Json& file) {
  for (const Shape& shape : shapes) {
    const bool fits = std::all_of(shape.members.begin(), shape.members.end(),
                                  [&item](const char* name) { return item.contains(name); });
    if (!fits) continue;
    return judge_apart(place, [&] { shape.judge(Case{place, item.at("result"), item, file}); });
  }
  ADD_FAILURE() << place
                << ": nobody judges a case of these members: " << item.dump().substr(0, 300)
                << "; add their shape in jwt_attacks_test.cc";
}

/// Cases are the objects that have a result.
int judge_all(const std::string& place, const Json& part, const Json& file) {
  if (part.is_object() && part.contains("result")) {
    const Json id = part.value("id", Json(""));
    judge(place + " " + (id.is_string() ? id.get<std::string>() : id.dump()), part, file);
    return 1;
  }
  int judged = 0;
  if (!part.is_structured()) return judged;
  for (const auto& [name, inner] : part.items())
    judged += judge_all(place + "/" + name, inner, file);
  return judged;
}

TEST(JwtAttacks, AreAnsweredAsTheySayOrForAReasonThatIsSaid) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  test::expect_some(test::for_each_entry("jwt_attacks", [](const Json& entry) {
    for (const std::string name : entry.at("files")) {
      judge_apart(name, [&name] {
        const Json file = json_file(name);
        EXPECT_GT(judge_all(name, file, file), 0)
            << name << " has no case: no object with a result";
      });
    }
  }));
}

}  // namespace
}  // namespace mintmark::artefacts
