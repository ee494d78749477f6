#include "signing.h"

#include <algorithm>
#include <ctime>

#include "attempts.h"
#include "hsm/result_profile.h"
#include "jose/base64url.h"
#include "jose/jws.h"
#include "support/soft_key.h"

namespace mintmark::test::compromised {
namespace {

using hsm::KeyInfo;
using hsm::Purpose;

/// What one purpose signs, before it is bent.
struct Content {
  std::string what;
  Json header;
  Json claims;
};

class Contents {
 public:
  explicit Contents(std::string issuer) : issuer_(std::move(issuer)), now_(std::time(nullptr)) {}

  [[nodiscard]] const SoftKey& device() const { return device_; }
  [[nodiscard]] const std::string& issuer() const { return issuer_; }
  [[nodiscard]] std::int64_t now() const { return now_; }

  /// All kinds, with `key`'s alg and kid.
  [[nodiscard]] std::vector<Content> with(const KeyInfo& key) const;
  /// Those that `key` may sign.
  [[nodiscard]] std::vector<Content> own_of(const KeyInfo& key) const;

 private:
  [[nodiscard]] std::vector<std::pair<Purpose, Content>> all(const KeyInfo& key) const;
  [[nodiscard]] std::vector<std::pair<Purpose, Content>> told(const Json& header) const;

  std::string issuer_;
  std::int64_t now_;
  SoftKey device_;
};

Json with_typ(Json header, const char* typ) {
  header["typ"] = typ;
  return header;
}

std::vector<std::pair<Purpose, Content>> Contents::told(const Json& header) const {
  const Json base = {{"iss", issuer_}, {"iat", now_}, {"jti", "a"}};
  Json frontier = base;
  frontier["exp"] = now_ + 60;
  frontier["head"] = "x";
  Json set = base;
  set["events"] = {{"https://schemas.example/revoked", Json::object()}};
  set["aud"] = "https://api.example";
  Json answer = base;
  answer["aud"] = "https://api.example";
  answer["token_introspection"] = {{"active", false}};
  Json list = {{"iss", issuer_},   {"iat", now_},
               {"exp", now_ + 60}, {"sub", issuer_ + "/status/1"},
               {"ttl", 30},        {"status_list", {{"bits", 1}, {"lst", "eNrbuRgAAhcBXQ"}}}};
  return {
      {Purpose::event, {"frontier", with_typ(header, "mintmark-frontier+jwt"), frontier}},
      {Purpose::event, {"security event", with_typ(header, "secevent+jwt"), set}},
      {Purpose::event, {"introspection", with_typ(header, "token-introspection+jwt"), answer}},
      {Purpose::status_list, {"status list", with_typ(header, "statuslist+jwt"), list}},
  };
}

std::vector<std::pair<Purpose, Content>> Contents::all(const KeyInfo& key) const {
  const Json header = {{"alg", jose::name_of(key.public_key.algorithm())}, {"kid", key.kid()}};
  const Json base = {{"iss", issuer_}, {"sub", "device"}, {"iat", now_}, {"exp", now_ + 60}};
  Json token = base;
  token.update({{"aud", "https://api.example"},
                {"client_id", "device"},
                {"scope", "read"},
                {"jti", "a"},
                {"cnf", {{"jkt", device_.jkt()}}}});
  Json attestation = base;
  attestation["cnf"] = {{"jwk", device_.public_key().to_jwk()}};
  Json result = base;
  result.update({{"eat_profile", hsm::ear_profile},
                 {"jti", "a"},
                 {"cnf", {{"jkt", device_.jkt()}}},
                 {"submods", {{"tpm2", {{"ear_status", "affirming"}}}}}});
  auto everything = told(header);
  everything.push_back({Purpose::access_token, {"token", with_typ(header, "at+jwt"), token}});
  everything.push_back(
      {Purpose::client_attestation,
       {"client attestation", with_typ(header, "oauth-client-attestation+jwt"), attestation}});
  everything.push_back({Purpose::result, {"result", with_typ(header, "eat+jwt"), result}});
  return everything;
}

std::vector<Content> Contents::with(const KeyInfo& key) const {
  std::vector<Content> contents;
  for (auto& [purpose, content] : all(key)) contents.push_back(std::move(content));
  return contents;
}

std::vector<Content> Contents::own_of(const KeyInfo& key) const {
  std::vector<Content> contents;
  for (auto& [purpose, content] : all(key)) {
    if (purpose == key.purpose) contents.push_back(std::move(content));
  }
  return contents;
}

std::string input_of(const Content& content) {
  return jose::signing_input(content.header, content.claims);
}

std::string segments(std::string_view header, std::string_view claims) {
  return jose::base64url(as_bytes(header)) + "." + jose::base64url(as_bytes(claims));
}

/// One key, and what came of each attempt with it.
class KeyAttempts {
 public:
  KeyAttempts(const AskedSigner& signer, const KeyInfo& key, const Contents& contents)
      : signer_(signer), key_(key), contents_(contents) {}

  void all() const {
    whatever_purpose();
    for (const Content& own : contents_.own_of(key_)) {
      tell_granted("signing", name(own.what), signer_.sign(key_.id, input_of(own)));
      headers(own);
      claims(own);
      encodings(own);
    }
    for (const Content& other : contents_.with(key_)) {
      const auto own = contents_.own_of(key_);
      const bool is_own = std::any_of(own.begin(), own.end(),
                                      [&](const Content& one) { return one.what == other.what; });
      if (!is_own) refuse(other.what + " of another purpose", input_of(other));
    }
  }

 private:
  [[nodiscard]] std::string name(const std::string& what) const {
    return std::string(hsm::name_of(key_.purpose)) + " key: " + what;
  }
  void refuse(const std::string& what, const std::string& input) const {
    tell_refused("signing", name(what), signer_.sign(key_.id, input), Code::purpose_refused);
  }
  void bend_header(const Content& own, const char* member, const Json& value) const {
    Content bent = own;
    bent.header[member] = value;
    refuse(own.what + ", header " + member + " " + value.dump(), input_of(bent));
  }
  void bend_claim(const Content& own, const char* member, const Json& value) const {
    Content bent = own;
    bent.claims[member] = value;
    refuse(own.what + ", claim " + member + " " + value.dump().substr(0, 60), input_of(bent));
  }
  void leave_out(const Content& own, const char* member) const {
    Content bent = own;
    if (bent.claims.erase(member) == 0) return;
    refuse(own.what + " without " + member, input_of(bent));
  }

  void whatever_purpose() const;
  void headers(const Content& own) const;
  void claims(const Content& own) const;
  void times(const Content& own) const;
  void own_words(const Content& own) const;
  void encodings(const Content& own) const;

  const AskedSigner& signer_;
  const KeyInfo& key_;
  const Contents& contents_;
};

std::string certificate_verify(const char* context) {
  return std::string(64, ' ') + context + '\0' + std::string(32, 'h');
}

void KeyAttempts::whatever_purpose() const {
  refuse("nothing", "");
  refuse("a raw digest", std::string(32, '\x5A'));
  refuse("a certificate to be signed", std::string("\x30\x82\x01\x0A\xA0\x03\x02\x01\x02", 9));
  refuse("text", "Pay the bearer");
  refuse("a COSE structure of nothing", "\x84\x6ASignature1\x40\x40\x40");
  refuse("a client's CertificateVerify", certificate_verify("TLS 1.3, client CertificateVerify"));
  // Also with a TLS key: the front's certificate is for another one here.
  refuse("a server's CertificateVerify", certificate_verify("TLS 1.3, server CertificateVerify"));
  refuse("as much as a frame takes", std::string(250'000, 'A'));
}

void KeyAttempts::headers(const Content& own) const {
  for (const char* typ : {"JWT", "at+JWT", "AT+JWT", "application/at+jwt", "dpop+jwt", "jwt", ""})
    bend_header(own, "typ", typ);
  for (const char* alg : {"none", "None", "HS256", "RS256", "ES512", "EdDSA", ""})
    bend_header(own, "alg", alg);
  bend_header(own, "kid", "other");
  bend_header(own, "kid", contents_.device().jkt());
  bend_header(own, "kid", nullptr);
  bend_header(own, "jwk", contents_.device().public_key().to_jwk());
  bend_header(own, "jku", "https://elsewhere.example/keys");
  bend_header(own, "x5u", "https://elsewhere.example/chain");
  bend_header(own, "crit", Json::array({"b64"}));
  bend_header(own, "b64", false);
  bend_header(own, "cty", "JWT");
  for (const char* member : {"typ", "alg", "kid"}) {
    Content bent = own;
    bent.header.erase(member);
    refuse(own.what + ", header without " + member, input_of(bent));
  }
}

void KeyAttempts::times(const Content& own) const {
  const std::int64_t now = contents_.now();
  for (const std::int64_t off : {-86'400, -600, 600, 86'400}) {
    Content bent = own;
    bent.claims["iat"] = now + off;
    bent.claims["exp"] = now + off + 60;
    refuse(own.what + ", iat off by " + std::to_string(off), input_of(bent));
  }
  for (const Json& iat : {Json("now"), Json(1.5), Json(-1), Json(nullptr), Json(INT64_MAX)})
    bend_claim(own, "iat", iat);
  for (const Json& exp : {Json(now + 10 * 365 * 86'400LL), Json(INT64_MAX), Json(UINT64_MAX),
                          Json(now - 1), Json(-1), Json("never"), Json(1e300), Json(nullptr)})
    bend_claim(own, "exp", exp);
  leave_out(own, "iat");
}

void KeyAttempts::claims(const Content& own) const {
  times(own);
  for (const Json& iss : {Json("https://other.example"), Json(contents_.issuer() + "/"),
                          Json(contents_.issuer() + " "), Json(7), Json::array()})
    bend_claim(own, "iss", iss);
  own_words(own);
}

// What makes each of them what it is, and what would make it something else.
void KeyAttempts::own_words(const Content& own) const {
  const Json elsewhere = {{"jkt", contents_.device().jkt()}, {"more", 1}};
  switch (key_.purpose) {
    case Purpose::access_token:
      leave_out(own, "iss");
      leave_out(own, "exp");
      leave_out(own, "cnf");
      for (const Json& cnf : {Json(), Json("x"), Json::object(), Json::array(), elsewhere,
                              Json{{"jkt", "short"}}, Json{{"kid", "x"}}})
        bend_claim(own, "cnf", cnf);
      break;
    case Purpose::client_attestation:
      leave_out(own, "exp");
      leave_out(own, "cnf");
      for (const Json& cnf : {Json(), Json::object(), Json{{"jwk", "x"}},
                              Json{{"jwk", {{"kty", "oct"}, {"k", "AA"}}}}, elsewhere})
        bend_claim(own, "cnf", cnf);
      break;
    case Purpose::result:
      for (const char* member : {"iss", "exp", "cnf", "sub", "eat_profile", "submods"})
        leave_out(own, member);
      for (const char* member : {"aud", "scope", "client_id", "azp"}) bend_claim(own, member, "x");
      bend_claim(own, "eat_profile", "tag:other");
      for (const Json& submods : {Json(), Json::object(), Json{{"tpm2", {{"x", 1}}}}})
        bend_claim(own, "submods", submods);
      break;
    case Purpose::status_list:
      for (const char* member : {"iss", "exp", "sub", "ttl", "status_list"}) leave_out(own, member);
      for (const Json& sub : {Json("https://other.example/status/1"), Json("device"),
                              Json(contents_.issuer()), Json(7)})
        bend_claim(own, "sub", sub);
      for (const char* member : {"cnf", "aud", "scope", "client_id"}) bend_claim(own, member, "x");
      bend_claim(own, "ttl", 86'400);
      break;
    case Purpose::event:
      leave_out(own, "iss");
      for (const char* member : {"head", "events", "token_introspection"}) leave_out(own, member);
      for (const char* member : {"cnf", "scope", "client_id", "azp"}) bend_claim(own, member, "x");
      break;
    case Purpose::tls:
      break;  // Has no claims.
  }
}

void KeyAttempts::encodings(const Content& own) const {
  const std::string header = own.header.dump();
  const std::string claims = own.claims.dump();
  const std::string good = input_of(own);
  refuse(own.what + ", a third segment", good + ".");
  refuse(own.what + ", one segment", good.substr(0, good.find('.')));
  refuse(own.what + ", padded", good + "=");
  refuse(own.what + ", a line break within", good.substr(0, 10) + "\n" + good.substr(10));
  refuse(own.what + ", nested", segments(header, good + ".AAAA"));
  refuse(own.what + ", no JSON", segments(header, "no JSON"));
  refuse(own.what + ", an array", segments(header, "[" + claims + "]"));
  refuse(own.what + ", something behind the object", segments(header, claims + "{}"));
  refuse(own.what + ", a claim twice",
         segments(header, R"({"iss":"https://other.example",)" + claims.substr(1)));
  refuse(own.what + ", a header's member twice",
         segments(R"({"alg":"none",)" + header.substr(1), claims));
  refuse(own.what + ", a NaN", segments(header, R"({"more":NaN,)" + claims.substr(1)));
  refuse(own.what + ", no UTF-8", segments(header, "{\"more\":\"\xFF\xFE\"," + claims.substr(1)));
  refuse(own.what + ", too deep",
         segments(header, R"({"more":)" + std::string(5000, '[') + std::string(5000, ']') + "," +
                              claims.substr(1)));
}

}  // namespace

void try_to_have_signed(const AskedSigner& signer, const std::string& issuer) {
  const auto keys = signer.list();
  tell_granted("signing", "list", keys);
  if (!keys) return;
  const Contents contents(issuer);
  for (const KeyInfo& key : *keys) KeyAttempts(signer, key, contents).all();
  tell_refused("signing", "a key that there is not", signer.sign(hsm::random_key_id(), "e30.e30"),
               Code::hsm_key_unknown);
}

Result<Bytes> sign_a_good_token(const AskedSigner& signer, const std::string& issuer) {
  const auto keys = signer.list();
  if (!keys) return tl::unexpected<Error>(keys.error());
  for (const KeyInfo& key : *keys) {
    if (key.purpose == Purpose::access_token)
      return signer.sign(key.id, input_of(Contents(issuer).own_of(key).at(0)));
  }
  return fail(Code::hsm_key_unknown, "there is no key for tokens");
}

}  // namespace mintmark::test::compromised
