// What is done to the text of any JWS: its form, and its JSON.
#include <algorithm>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "rows.h"

namespace mintmark::attacks {
namespace {

using namespace std::string_literals;

std::vector<std::string> segments_of(const Honest& honest) {
  const std::string text = honest.jws();
  const auto first = text.find('.');
  const auto last = text.rfind('.');
  return {text.substr(0, first), text.substr(first + 1, last - first - 1), text.substr(last + 1)};
}

Json flattened(const Honest& honest) {
  const auto parts = segments_of(honest);
  return {{"protected", parts[0]}, {"payload", parts[1]}, {"signature", parts[2]}};
}
Json general(const Honest& honest) {
  const auto parts = segments_of(honest);
  return {{"payload", parts[1]},
          {"signatures", {{{"protected", parts[0]}, {"signature", parts[2]}}}}};
}

// Texts whose base64url has unused bits, by spaces in the JSON.
std::string spaced(const Json& json, std::size_t remainder) {
  std::string text = json.dump();
  while (text.size() % 3 != remainder) text += ' ';
  return text;
}
// The last character with its lowest unused bit set.
std::string with_spare_bit(std::string segment) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  segment.back() = alphabet[alphabet.find(segment.back()) | 1U];
  return segment;
}

Make segments_are(std::function<std::string(std::string)> of_header,
                  std::function<std::string(std::string)> of_payload) {
  return [of_header = std::move(of_header), of_payload = std::move(of_payload)](const Honest& h) {
    return h.of_segments(of_header(jose::base64url(as_bytes(spaced(h.header, 1)))),
                         of_payload(jose::base64url(as_bytes(spaced(h.claims, 1)))));
  };
}
std::string as_it_is(std::string segment) { return segment; }
std::function<std::string(std::string)> followed_by(const std::string& more) {
  return [more](const std::string& segment) { return segment + more; };
}
std::string in_the_middle(std::string segment, const std::string& what) {
  return segment.insert(segment.size() / 2, what);
}
// Both alphabets' last two characters stand for the same values: "~~~" is "fn5-" and "fn5+".
std::string of_the_plain_alphabet(const Honest& honest) {
  std::string payload =
      jose::base64url(as_bytes(honest.claims.dump().insert(1, R"("~~~~~~":"~~~~~~~~~~~~",)")));
  std::replace(payload.begin(), payload.end(), '-', '+');
  std::replace(payload.begin(), payload.end(), '_', '/');
  return honest.of_segments(jose::base64url(as_bytes(honest.header.dump())), payload);
}

std::string ends_with(const Honest& honest, const std::string& end) { return honest.jws() + end; }
Make followed(const std::string& end) {
  return [end](const Honest& honest) { return ends_with(honest, end); };
}

void add_serialisations(Rows& rows) {
  rows.all(
      "flattened JSON", [](const Honest& h) { return flattened(h).dump(); }, Flaw::malformed, {},
      InHeader::no_token68);
  rows.all(
      "general JSON", [](const Honest& h) { return general(h).dump(); }, Flaw::malformed, {},
      InHeader::no_token68);
  rows.all(
      "no dots", [](const Honest& h) { return segments_of(h)[0]; }, Flaw::malformed);
  rows.all(
      "two dots alone", [](const Honest&) { return ".."s; }, Flaw::malformed);
  rows.all(
      "two segments", [](const Honest& h) { return jose::signing_input(h.header, h.claims); },
      Flaw::malformed);
  rows.all("four segments", followed(".AAAA"), Flaw::malformed);
  rows.all("five segments, as a JWE has", followed(".AAAA.AAAA"), Flaw::malformed);
  rows.all("a dot behind it", followed("."), Flaw::malformed);
  rows.all(
      "a dot before it", [](const Honest& h) { return "." + h.jws(); }, Flaw::malformed);
  rows.all(
      "an empty payload",
      [](const Honest& h) { return h.of_segments(jose::base64url(as_bytes(h.header.dump())), ""); },
      Flaw::malformed);
  rows.all(
      "an empty header",
      [](const Honest& h) { return h.of_segments("", jose::base64url(as_bytes(h.claims.dump()))); },
      Flaw::malformed);
  rows.all("a newline behind it", followed("\n"), Flaw::malformed, {}, InHeader::no_field);
  rows.all("a NUL behind it", followed("\0"s), Flaw::malformed, {}, InHeader::no_field);
  rows.all(
      "a NUL and another behind it", [](const Honest& h) { return h.jws() + '\0' + h.jws(); },
      Flaw::malformed, {}, InHeader::no_field);
  rows.all("a space behind it", followed(" "), Flaw::malformed, {}, InHeader::cut_off);
  rows.all("a tab behind it", followed("\t"), Flaw::malformed, {}, InHeader::cut_off);
  rows.all(
      "a comma and another behind it", [](const Honest& h) { return h.jws() + "," + h.jws(); },
      Flaw::malformed, {}, InHeader::no_token68);
  rows.all(
      "a space inside", [](const Honest& h) { return in_the_middle(h.jws(), " "); },
      Flaw::malformed, {}, InHeader::no_token68);
  rows.all(
      "an octet that is no ASCII inside",
      [](const Honest& h) { return in_the_middle(h.jws(), "\xC3\xA9"); }, Flaw::malformed, {},
      InHeader::no_token68);
}

void add_base64(Rows& rows) {
  rows.all("padding behind the header", segments_are(followed_by("=="), as_it_is), Flaw::malformed,
           {}, InHeader::no_token68);
  rows.all("padding behind the payload", segments_are(as_it_is, followed_by("==")), Flaw::malformed,
           {}, InHeader::no_token68);
  rows.all("padding behind the signature", followed("=="), Flaw::malformed);
  rows.all("unused bits of the header", segments_are(with_spare_bit, as_it_is), Flaw::malformed);
  rows.all("unused bits of the payload", segments_are(as_it_is, with_spare_bit), Flaw::malformed);
  rows.all(
      "unused bits of the signature", [](const Honest& h) { return with_spare_bit(h.jws()); },
      Flaw::malformed);
  rows.all("one character more than base64 can be", segments_are(as_it_is, followed_by("AAA")),
           Flaw::malformed);
  rows.all("+ and / in place of - and _", of_the_plain_alphabet, Flaw::malformed);
}

void add_payloads(Rows& rows) {
  const std::map<Message, Right> longer_is_fine{{Message::status_list, Right::taken()}};
  rows.all("20,000 octets", claims_have("\"x\":\"" + std::string(15'000, 'a') + '"'),
           Flaw::malformed, longer_is_fine);
  rows.all(
      "a payload that is a JWS (nested)",
      [](const Honest& h) {
        Json header = header_with(h, "cty", "JWT");
        return h.of_texts(header.dump(), h.jws());
      },
      Flaw::malformed);
  rows.all(
      "a payload that is a JWS as a JSON string",
      [](const Honest& h) { return h.of_texts(h.header.dump(), Json(h.jws()).dump()); },
      Flaw::malformed);
}

}  // namespace

Chapter form_attacks() {
  Rows rows("Form (RFC 7515 §3.1, §7.1; RFC 4648 §5)");
  add_serialisations(rows);
  add_base64(rows);
  add_payloads(rows);
  return std::move(rows).chapter();
}

namespace {

void add_texts(Rows& rows) {
  rows.all("alg twice", header_has(R"("alg":"none")"), Flaw::malformed);
  rows.all("alg twice, the second escaped", header_has(R"("\u0061lg":"none")"), Flaw::malformed);
  rows.all(
      "typ twice, equal",
      [](const Honest& h) { return h.header_and("\"typ\":" + h.header["typ"].dump()); },
      Flaw::malformed);
  rows.all(
      "a claim twice",
      [](const Honest& h) {
        const auto first = h.claims.begin();
        return h.claims_and(Json(first.key()).dump() + ":" + first.value().dump());
      },
      Flaw::malformed);
  rows.all("a member of an inner object twice", claims_have(R"("x":{"a":1,"a":2})"),
           Flaw::malformed);
  for (const char* text : {"[]", "\"text\"", "1", "null", "true", "", " ", "{", "{}{}", "{} x",
                           "{\"a\":1,}", "{a:1}", "{'a':1}", "// x\n{}", "{/**/}"})
    rows.all("the payload is "s + (*text == '\0' ? "nothing" : Json(text).dump()), payload_is(text),
             Flaw::malformed);
  rows.all(
      "a NUL behind the payload's text",
      [](const Honest& h) { return h.of_texts(h.header.dump(), h.claims.dump() + '\0'); },
      Flaw::malformed);
  rows.all(
      "a byte order mark before the payload",
      [](const Honest& h) { return h.of_texts(h.header.dump(), "\xEF\xBB\xBF" + h.claims.dump()); },
      Flaw::malformed);
  rows.all(
      "a byte order mark before the header",
      [](const Honest& h) { return h.of_texts("\xEF\xBB\xBF" + h.header.dump(), h.claims.dump()); },
      Flaw::malformed);
  rows.all(
      "the payload as UTF-16",
      [](const Honest& h) {
        std::string wide;
        for (const char c : h.claims.dump()) wide += {c, '\0'};
        return h.of_texts(h.header.dump(), wide);
      },
      Flaw::malformed);
}

void add_strings_and_depths(Rows& rows) {
  const std::pair<const char*, const char*> octets[] = {
      {"overlong UTF-8 of two octets", "\xC0\xAF"},
      {"overlong UTF-8 of three octets", "\xE0\x80\xAF"},
      {"overlong UTF-8 of four octets", "\xF0\x80\x80\xAF"},
      {"a surrogate as UTF-8", "\xED\xA0\x80"},
      {"beyond U+10FFFF", "\xF4\x90\x80\x80"},
      {"a lone continuation octet", "\x80"},
      {"a sequence cut short", "\xE2\x82"},
      {"0xFF", "\xFF"},
      {"a lone high surrogate, escaped", "\\ud800"},
      {"a lone low surrogate, escaped", "\\udc00"},
      {"surrogates in the wrong order", "\\udc00\\ud800"},
      {"a control character in a string", "\x01"},
      {"a newline in a string", "\n"},
      {"an unknown escape", "\\x41"}};
  for (const auto& [name, text] : octets) {
    rows.all(name + " in a claim"s, claims_have("\"x\":\""s + text + '"'), Flaw::malformed);
    rows.all(name + " in the header"s, header_has("\"x\":\""s + text + '"'), Flaw::malformed);
  }
  const auto nested = [](std::size_t depth) {
    return "\"x\":" + std::string(depth, '[') + std::string(depth, ']');
  };
  rows.all("8 levels in the payload", claims_have(nested(7)), Flaw::none);
  rows.all("9 levels in the payload", claims_have(nested(8)), Flaw::malformed);
  rows.all("2,000 levels in the payload", claims_have(nested(2000)), Flaw::malformed);
  rows.all("2,000 levels in the header", header_has(nested(2000)), Flaw::malformed);
  std::string many = "\"m\":[0";
  for (int i = 0; i < 600; ++i) many += ",0";
  rows.all("600 elements", claims_have(many + ']'), Flaw::malformed);
}

void add_numbers(Rows& rows) {
  for (const char* number :
       {"NaN", "Infinity", "-Infinity", "1e999", "-1e999", "18446744073709551616",
        "-9223372036854775809", "99999999999999999999999999999999", "01", "+1", "0x10", ".5", "1.",
        "1e", "--1", "True", "undefined"})
    rows.all("the number "s + number, claims_have("\"x\":"s + number), Flaw::malformed);
}

}  // namespace

Chapter json_attacks() {
  Rows rows("JSON (RFC 8259, RFC 7515 §4)");
  add_texts(rows);
  add_strings_and_depths(rows);
  add_numbers(rows);
  return std::move(rows).chapter();
}

}  // namespace mintmark::attacks
