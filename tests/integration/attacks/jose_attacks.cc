// What is done to any JWS: its algorithm, its header, its signature, and one kind shown as
// another.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <span>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "rows.h"

namespace mintmark::attacks {
namespace {

using namespace std::string_literals;
using test::SoftKey;

constexpr std::size_t field = 32;  // Octets of r and of s.
const std::string lots(4096, 'a');

// --- algorithms ---

std::string pem_of(BytesView spki) {
  std::string text = "-----BEGIN PUBLIC KEY-----\n";
  const std::string base64 = jose::base64(spki);
  for (std::size_t at = 0; at < base64.size(); at += 64) text += base64.substr(at, 64) + "\n";
  return text + "-----END PUBLIC KEY-----\n";
}

Make mac_by(std::string (*secret_of)(const jose::PublicKey&)) {
  return [secret_of](const Honest& honest) {
    const std::string secret = secret_of(honest.key->public_key());
    return honest.signed_as(header_with(honest, "alg", "HS256"), [&](BytesView input) {
      Bytes mac(EVP_MAX_MD_SIZE);
      unsigned size = 0;
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), input.data(), input.size(),
           mac.data(), &size);
      mac.resize(size);
      return mac;
    });
  };
}

// Where the test would see it fetched.
std::string at_the_issuer(std::string member, const Honest& honest) {
  const auto at = member.find('@');
  return at == std::string::npos ? member : member.replace(at, 1, honest.scene.issuer);
}

// RSA's signature under the header of an EC key.
std::string by_rsa(const Honest& honest) {
  return honest.by(keys().rsa, header_with(honest, "alg", "RS256"));
}
Json rsa_jwk() {
  Json jwk = keys().rsa.public_key().to_jwk();
  jwk.erase("alg");
  return jwk;
}

// --- signatures ---

using Half = std::array<std::uint8_t, field>;
// SEC 2, §2.4.2: n of secp256r1.
constexpr Half order = {0xFF, 0xFF, 0xFF, 0xFF, 0,    0,    0,    0,    0xFF, 0xFF, 0xFF,
                        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17,
                        0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51};

// n - s: with it the signature is as good (and was made by nobody).
Half other_half(std::span<const std::uint8_t> s) {
  Half result{};
  int borrow = 0;
  for (std::size_t i = field; i-- > 0;) {
    const int difference = order.at(i) - s[i] - borrow;
    borrow = difference < 0 ? 1 : 0;
    result.at(i) = static_cast<std::uint8_t>(difference & 0xFF);
  }
  return result;
}

// The half at `at` is this.
Make half_is(std::size_t at, const Half& value) {
  return [at, value](const Honest& honest) {
    return honest.signed_as([&](BytesView, BytesView signature) {
      Bytes made = to_bytes(signature);
      std::copy(value.begin(), value.end(), made.begin() + static_cast<std::ptrdiff_t>(at * field));
      return made;
    });
  };
}

Make signature_is(std::function<Bytes(const Honest&, BytesView input, Bytes signature)> make) {
  return [make = std::move(make)](const Honest& honest) {
    return honest.signed_as([&](BytesView input, BytesView signature) {
      return make(honest, input, to_bytes(signature));
    });
  };
}
Make signature_of(const Bytes& octets) {
  return signature_is([octets](const Honest&, BytesView, const Bytes&) { return octets; });
}

// --- one kind as another ---

/// A JWS that somebody is given, as he is given it.
struct Kind {
  std::string name;
  std::function<jose::SigningInputParts(const Scene&)> parts;
  const SoftKey* key;
};

Kind kind_of(Message message) {
  const Honest made(message, {});
  return {std::string(name_of(message)),
          [message](const Scene& scene) {
            Honest honest(message, scene);
            return jose::SigningInputParts{std::move(honest.header), std::move(honest.claims)};
          },
          made.key};
}

jose::SigningInputParts issued(const Scene& scene, const char* typ, const SoftKey& key, Json more) {
  more["iss"] = scene.issuer;
  more["iat"] = to_unix(scene.now);
  return {{{"typ", typ}, {"alg", "ES256"}, {"kid", key.jkt()}}, std::move(more)};
}

std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (const Message message : all_messages) all.push_back(kind_of(message));
  all.push_back({"security event token",
                 [](const Scene& scene) {
                   return issued(
                       scene, "secevent+jwt", keys().event,
                       {{"aud", scene.audience}, {"jti", "set-1"}, {"events", {{"e", {}}}}});
                 },
                 &keys().event});
  all.push_back({"result (EAT)",
                 [](const Scene& scene) {
                   return issued(scene, "eat+jwt", keys().result, {{"eat_nonce", "0123456789"}});
                 },
                 &keys().result});
  all.push_back({"introspection answer",
                 [](const Scene& scene) {
                   return issued(
                       scene, "token-introspection+jwt", keys().event,
                       {{"aud", scene.subject}, {"token_introspection", {{"active", true}}}});
                 },
                 &keys().event});
  return all;
}

// With the other's typ, by its own key: the key's purpose refuses it.
Right right_of_a_renamed(const Kind& kind, Message shown_as) {
  if (shown_as == Message::frontier && kind.key == &keys().event) return Code::frontier_malformed;
  if (shown_as != Message::assertion) return right_for(shown_as, Flaw::key);
  if (kind.name == name_of(Message::access_token) || kind.name == name_of(Message::attestation))
    return Code::assertion_signature;
  return kind.name == name_of(Message::status_list) ? Code::device_unknown : Code::assertion_sub;
}

void add_confusions(Rows& rows, const Kind& kind, Message shown_as) {
  rows.one(
      shown_as, "a " + kind.name + ", as it is",
      [kind](const Honest& honest) {
        const auto parts = kind.parts(honest.scene);
        return kind.key->sign_jws(parts.header, parts.claims);
      },
      right_for(shown_as, Flaw::typ));
  rows.one(
      shown_as, "a " + kind.name + " by the key that is right here",
      [kind](const Honest& honest) {
        auto parts = kind.parts(honest.scene);
        parts.header["kid"] = honest.key->jkt();
        return honest.key->sign_jws(parts.header, parts.claims);
      },
      right_for(shown_as, Flaw::typ));
  rows.one(
      shown_as, "a " + kind.name + " by its own key, with the typ that is right here",
      [kind](const Honest& honest) {
        auto parts = kind.parts(honest.scene);
        parts.header["typ"] = honest.header["typ"];
        return kind.key->sign_jws(parts.header, parts.claims);
      },
      right_of_a_renamed(kind, shown_as));
}

}  // namespace

Right right_for(Message message, Flaw flaw) {
  struct Codes {
    Code malformed, typ, alg, key, signature;
  };
  static const std::array<Codes, std::size(all_messages)> codes{
      Codes{Code::proof_malformed, Code::proof_typ, Code::proof_alg, Code::proof_jwk,
            Code::proof_signature},
      Codes{Code::token_malformed, Code::token_typ, Code::token_alg, Code::token_key_unknown,
            Code::token_signature},
      Codes{Code::attestation_malformed, Code::attestation_typ, Code::attestation_alg,
            Code::attestation_key_unknown, Code::attestation_signature},
      Codes{Code::assertion_malformed, Code::assertion_typ, Code::assertion_alg,
            Code::assertion_signature, Code::assertion_signature},
      Codes{Code::status_list_malformed, Code::status_list_typ, Code::status_list_signature,
            Code::status_list_key_unknown, Code::status_list_signature},
      Codes{Code::frontier_malformed, Code::frontier_malformed, Code::frontier_signature,
            Code::frontier_key_unknown, Code::frontier_signature}};
  const Codes& of = codes.at(static_cast<std::size_t>(message));
  switch (flaw) {
    case Flaw::none:
      break;
    case Flaw::malformed:
      return of.malformed;
    case Flaw::typ:
      return of.typ;
    case Flaw::alg:
      return of.alg;
    case Flaw::key:
      return of.key;
    case Flaw::signature:
      return of.signature;
  }
  return Right::taken();
}

void Rows::add_effect(Attack& attack, InHeader effect) {
  const bool form = attack.message == Message::assertion;
  if (effect == InHeader::as_it_is || form) return;
  for (const Door door : doors_of(attack.message)) {
    if (door == Door::library) continue;
    if (effect == InHeader::no_field) attack.at.emplace(door, Code::http_malformed);
    // The proof that goes with the token speaks of the text with it.
    if (effect == InHeader::cut_off)
      attack.at.emplace(
          door, attack.message == Message::access_token ? Right(Code::proof_ath) : Right::taken());
    if (effect == InHeader::no_token68 && attack.message == Message::access_token)
      attack.at.emplace(door, Code::authorization_malformed);
  }
}

Chapter algorithm_attacks() {
  Rows rows("Algorithms (RFC 8725 §2.1, §3.1)");
  for (const char* alg : {"none", "None", "nONE", "NONE", "HS256", "HS384", "HS512", "ES256K",
                          "es256", "ES512", "RSA1_5", "dir", "ES256 "})
    rows.all("alg \""s + alg + '"', header_is("alg", alg), Flaw::alg);
  for (const char* alg : {"RS256", "PS256", "ES384", "EdDSA", "Ed25519"})
    rows.all("alg \""s + alg + "\" over an EC P-256 key", header_is("alg", alg), Flaw::alg,
             {{Message::proof, Code::proof_jwk}});
  rows.all("alg \"\"", header_is("alg", ""), Flaw::malformed);
  rows.all("no alg", header_lacks("alg"), Flaw::malformed);
  for (const char* alg : {"null", "[\"ES256\"]", "{\"ES256\":1}", "256", "true"})
    rows.all("alg "s + alg, header_text("alg", alg), Flaw::malformed);
  rows.all(
      "alg \"none\" and no signature",
      [](const Honest& honest) {
        return jose::signing_input(header_with(honest, "alg", "none"), honest.claims) + ".";
      },
      Flaw::malformed);
  const std::pair<const char*, std::string (*)(const jose::PublicKey&)> secrets[] = {
      {"PEM", [](const jose::PublicKey& key) { return pem_of(key.to_spki()); }},
      {"DER", [](const jose::PublicKey& key) { return std::string(as_text(key.to_spki())); }},
      {"JWK", [](const jose::PublicKey& key) { return key.to_jwk().dump(); }},
      {"point", [](const jose::PublicKey& key) { return std::string(as_text(key.to_point())); }}};
  for (const auto& [form, secret] : secrets)
    rows.all("HS256 by the public key's "s + form + " as secret", mac_by(secret), Flaw::alg);
  rows.all("RS256 by an RSA key under an EC key's name", by_rsa, Flaw::alg,
           {{Message::proof, Code::proof_jwk}});
  rows.one(
      Message::proof, "ES256 with an RSA jwk",
      [](const Honest& honest) { return honest.with_header("jwk", rsa_jwk()); }, Code::proof_jwk);
  rows.one(
      Message::proof, "RS256 with an RSA jwk and an EC signature",
      [](const Honest& honest) {
        Json header = header_with(honest, "alg", "RS256");
        header["jwk"] = rsa_jwk();
        return honest.key->sign_jws(header, honest.claims);
      },
      Code::proof_signature);
  return std::move(rows).chapter();
}

namespace {

void add_kids(Rows& rows) {
  const std::map<Message, Right> by_no_kid{{Message::proof, Right::taken()},
                                           {Message::assertion, Right::taken()}};
  const std::string kids[] = {"",
                              "../../../../etc/passwd",
                              "/dev/null",
                              "' OR '1'='1",
                              "x'; DROP TABLE keys; --",
                              "https://evil.example/key",
                              "file:///etc/passwd",
                              "$(id)",
                              "%00",
                              "key\nkid",
                              lots};
  for (const std::string& kid : kids)
    rows.all("kid "s + (kid.size() > 99 ? "of 4,096 octets" : Json(kid).dump()),
             header_is("kid", kid), Flaw::key, by_no_kid);
  for (const char* kid : {"null", "1", "true", "[\"kid\"]", "{\"kid\":1}"})
    rows.all("kid "s + kid, header_text("kid", kid), Flaw::malformed);
  rows.all("no kid", header_lacks("kid"), Flaw::key, by_no_kid);
  rows.all(
      "kid with a NUL behind it",
      [](const Honest& h) { return h.with_header("kid", h.key->jkt() + '\0'); }, Flaw::key,
      by_no_kid);
  rows.all(
      "kid in upper case",
      [](const Honest& honest) {
        std::string kid = honest.key->jkt();
        std::transform(kid.begin(), kid.end(), kid.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        return honest.with_header("kid", kid);
      },
      Flaw::key, by_no_kid);
}

void add_typs(Rows& rows) {
  const std::map<Message, Right> typ_is_free{{Message::assertion, Right::taken()}};
  for (const char* typ : {"", "dpop", "jose", "at+jwt;v=1", " at+jwt", "jwt+at", "jose+json"})
    rows.all("typ \""s + typ + '"', header_is("typ", typ), Flaw::typ);
  rows.all("typ \"JWT\"", header_is("typ", "JWT"), Flaw::typ, typ_is_free);
  rows.all("no typ", header_lacks("typ"), Flaw::typ, typ_is_free);
  for (const char* typ : {"null", "1", "[\"JWT\"]", "{}"})
    rows.all("typ "s + typ, header_text("typ", typ), Flaw::malformed);
  rows.all(
      "typ in capitals, with application/ before it",
      [](const Honest& honest) {
        std::string typ = "application/" + honest.header["typ"].get<std::string>();
        std::transform(typ.begin(), typ.end(), typ.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        return honest.with_header("typ", typ);
      },
      Flaw::none);
}

void add_offers_of_keys(Rows& rows) {
  const std::string stranger = keys().stranger.public_key().to_jwk().dump();
  const std::pair<const char*, std::string> offers[] = {{"jku", R"("jku":"@/evil/jwks.json")"},
                                                        {"x5u", R"("x5u":"@/evil/chain.pem")"},
                                                        {"x5c", R"("x5c":["MIIB"])"},
                                                        {"x5t#S256", R"("x5t#S256":"AAAA")"},
                                                        {"jwk", "\"jwk\":" + stranger}};
  for (const auto& [name, member] : offers) {
    const bool is_jwk = name == "jwk"s;
    rows.all(name + " of a stranger, signed by the right key"s,
             [member = member](const Honest& h) { return h.header_and(at_the_issuer(member, h)); },
             Flaw::none,
             {{Message::proof, is_jwk ? Right(Code::proof_malformed) : Right::taken()}});
    rows.all(name + " of a stranger, signed by him"s,
             [member = member](const Honest& honest) {
               Json header = honest.header;
               header.update(Json::parse("{" + at_the_issuer(member, honest) + "}"));
               return honest.by(keys().stranger, header);
             },
             Flaw::signature,
             {{Message::proof, is_jwk ? Code::proof_key_mismatch : Code::proof_signature}});
  }
}

void add_extensions(Rows& rows) {
  for (const char* crit :
       {"[]", "[\"exp\"]", "[\"b64\"]", "[\"alg\"]", "\"exp\"", "null", "[\"urn:evil\"]"})
    rows.all("crit "s + crit, header_has("\"crit\":"s + crit), Flaw::malformed);
  rows.all("crit b64, b64 false (RFC 7797)", header_has(R"("crit":["b64"],"b64":false)"),
           Flaw::malformed);
  for (const char* b64 : {"false", "true"})
    rows.all("b64 "s + b64 + " without crit", header_has("\"b64\":"s + b64), Flaw::malformed);
}

}  // namespace

Chapter header_attacks() {
  Rows rows("Header (RFC 7515 §4, RFC 8725 §3.8 to §3.11)");
  add_kids(rows);
  add_typs(rows);
  add_offers_of_keys(rows);
  add_extensions(rows);
  return std::move(rows).chapter();
}

namespace {

void add_lengths(Rows& rows) {
  rows.all(
      "by a stranger", [](const Honest& h) { return h.by(keys().stranger); }, Flaw::signature);
  rows.all(
      "none", [](const Honest& h) { return jose::signing_input(h.header, h.claims) + "."; },
      Flaw::malformed);
  rows.all(
      "of another message",
      [](const Honest& h) {
        const std::string other = h.with_claim("x", 1);
        return jose::signing_input(h.header, h.claims) + other.substr(other.rfind('.'));
      },
      Flaw::signature);
  rows.all("63 octets", signature_is([](const Honest&, BytesView, Bytes s) {
             s.pop_back();
             return s;
           }),
           Flaw::signature);
  rows.all("65 octets, a zero behind", signature_is([](const Honest&, BytesView, Bytes s) {
             s.push_back(0);
             return s;
           }),
           Flaw::signature);
  rows.all("66 octets, a zero before each half",
           signature_is([](const Honest&, BytesView, Bytes s) {
             s.insert(s.begin() + field, 0);
             s.insert(s.begin(), 0);
             return s;
           }),
           Flaw::signature);
  rows.all("DER", signature_is([](const Honest& h, BytesView input, const Bytes&) {
             return h.key->sign_der(input);
           }),
           Flaw::signature);
  rows.all("its halves swapped", signature_is([](const Honest&, BytesView, Bytes s) {
             std::rotate(s.begin(), s.begin() + field, s.end());
             return s;
           }),
           Flaw::signature);
}

void add_values(Rows& rows) {
  rows.all("64 zeros (CVE-2022-21449)", signature_of(Bytes(2 * field)), Flaw::signature);
  rows.all("64 octets 0xFF", signature_of(Bytes(2 * field, 0xFF)), Flaw::signature);
  rows.all("one octet", signature_of(Bytes(1)), Flaw::signature);
  rows.all(
      "5,000 octets",
      [](const Honest& h) { return h.signed_as([](BytesView, BytesView) { return Bytes(5000); }); },
      Flaw::signature);
  const std::pair<const char*, std::size_t> halves[] = {{"r", 0}, {"s", 1}};
  for (const auto& [name, at] : halves) {
    rows.all(name + " is zero"s, half_is(at, {}), Flaw::signature);
    rows.all(name + " is the order"s, half_is(at, order), Flaw::signature);
    rows.all(name + " is above the order"s,
             half_is(at,
                     [] {
                       Half above = order;
                       above.back() = 0xFF;
                       return above;
                     }()),
             Flaw::signature);
  }
  // RFC 7518 asks for no low s, and half of what hardware signs has a high one. That there are two
  // signatures harms nobody: what is used once is known by its jti.
  rows.all("n - s in place of s", signature_is([](const Honest&, BytesView, Bytes s) {
             const Half other = other_half(std::span(s).subspan(field));
             std::copy(other.begin(), other.end(), s.begin() + field);
             return s;
           }),
           Flaw::none);
}

}  // namespace

Chapter signature_attacks() {
  Rows rows("Signatures (RFC 7518 §3.4)");
  add_lengths(rows);
  add_values(rows);
  return std::move(rows).chapter();
}

Chapter confusion_attacks() {
  Rows rows("One kind as another (RFC 8725 §3.11, §3.12)");
  const auto all = kinds();
  for (const Message shown_as : all_messages) {
    for (const Kind& kind : all) {
      if (kind.name != name_of(shown_as)) add_confusions(rows, kind, shown_as);
    }
  }
  return std::move(rows).chapter();
}

}  // namespace mintmark::attacks
