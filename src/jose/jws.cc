#include "jose/jws.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "jose/base64url.h"
#include "jose/segments.h"

namespace mintmark::jose {
namespace {

constexpr std::int64_t latest_time = std::int64_t{1} << 53U;
constexpr std::size_t deepest_segment = 8;
constexpr std::size_t most_elements = 512;

// RFC 7515 §4.1.11 and RFC 7797: an extension that we do not understand must not be passed over.
Result<void> refuse_extensions(const Json& header) {
  if (header.contains("crit"))
    return fail(Code::jws_crit_unknown, "the header has crit, and no extension is understood here");
  if (header.contains("b64"))
    return fail(Code::jws_crit_unknown, "the header has b64, which is not understood here");
  return {};
}

// RFC 7515 §4.1.4, §4.1.9, §4.1.10: each is a text. One that is none is not the same as absent.
Result<void> check_texts(const Json& header) {
  for (const char* name : {"kid", "typ", "cty"}) {
    const auto found = header.find(name);
    if (found != header.end() && !found->is_string())
      return fail(Code::jws_malformed, std::string("the header's ") + name + " is no string");
  }
  return {};
}

std::string text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<Segments> segments_of(std::string_view compact, const JwsLimits& limits) {
  if (compact.size() > limits.octets) {
    return fail(Code::jws_malformed, "longer than " + std::to_string(limits.octets) + " octets");
  }
  const auto first = compact.find('.');
  const auto last = compact.rfind('.');
  if (first == std::string_view::npos || first == last || compact.find('.', first + 1) != last) {
    return fail(Code::jws_malformed, "a compact JWS has three segments");
  }
  const Segments segments{.header = compact.substr(0, first),
                          .payload = compact.substr(first + 1, last - first - 1),
                          .signature = compact.substr(last + 1),
                          .signing_input = compact.substr(0, last)};
  if (segments.header.empty() || segments.payload.empty() || segments.signature.empty())
    return fail(Code::jws_malformed, "a segment is empty");
  return segments;
}

Result<Json> object_segment(std::string_view segment, const char* name, const JwsLimits& limits) {
  auto octets = from_base64url(segment);
  if (!octets)
    return fail(Code::jws_malformed,
                std::string("the ") + name + " is not base64url: " + octets.error().detail);
  auto json =
      parse_json(as_text(*octets),
                 {.octets = limits.octets, .depth = deepest_segment, .elements = most_elements});
  if (!json)
    return fail(json.error().code, std::string("the ") + name + ": " + json.error().detail);
  if (!json->is_object())
    return fail(Code::jws_malformed, std::string("the ") + name + " is no JSON object");
  return json;
}

Result<Bytes> signature_segment(std::string_view segment) {
  auto octets = from_base64url(segment);
  if (octets) return octets;
  return fail(Code::jws_malformed, "the signature is not base64url: " + octets.error().detail);
}

Result<UnverifiedJws> UnverifiedJws::parse(std::string_view compact, const JwsLimits& limits) {
  auto segments = segments_of(compact, limits);
  if (!segments) return pass_on(segments);
  auto parts = parse_signing_input(segments->signing_input, limits);
  if (!parts) return pass_on(parts);
  auto signature = signature_segment(segments->signature);
  if (!signature) return pass_on(signature);

  UnverifiedJws jws;
  jws.alg_ = text_member(parts->header, "alg");
  if (jws.alg_.empty()) return fail(Code::jws_malformed, "the header has no alg");
  jws.header_ = std::move(parts->header);
  jws.claims_ = std::move(parts->claims);
  jws.signing_input_ = segments->signing_input;
  jws.signature_ = std::move(*signature);
  return jws;
}

std::string UnverifiedJws::kid() const { return text_member(header_, "kid"); }

std::string UnverifiedJws::claimed_subject() const { return text_member(claims_, "sub"); }

std::string UnverifiedJws::typ() const {
  std::string typ = text_member(header_, "typ");
  std::transform(typ.begin(), typ.end(), typ.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view prefix = "application/";
  if (typ.compare(0, prefix.size(), prefix) == 0) typ.erase(0, prefix.size());
  return typ;
}

Result<VerifiedJws> UnverifiedJws::verify(const PublicKey& key, AlgorithmNames names) && {
  const auto algorithm = algorithm_named(alg_, names);
  if (!algorithm || *algorithm != key.algorithm()) {
    return fail(Code::jws_alg_refused,
                "the key verifies " + std::string(name_of(key.algorithm())) + " and nothing else");
  }
  if (!key.verify(as_bytes(signing_input_), signature_)) {
    return fail(Code::jws_signature_invalid, "the signature is not by key " + key.thumbprint());
  }
  return VerifiedJws(std::move(*this), key);
}

std::string signing_input(const Json& header, const Json& claims) {
  return base64url(as_bytes(header.dump())) + "." + base64url(as_bytes(claims.dump()));
}

std::string compact(std::string_view input, BytesView signature) {
  return std::string(input) + "." + base64url(signature);
}

Result<SigningInputParts> parse_signing_input(std::string_view input, const JwsLimits& limits) {
  if (input.size() > limits.octets)
    return fail(Code::jws_malformed, "longer than " + std::to_string(limits.octets) + " octets");
  const auto dot = input.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == input.size() ||
      input.find('.', dot + 1) != std::string_view::npos) {
    return fail(Code::jws_malformed, "a signing input has two segments");
  }
  auto header = object_segment(input.substr(0, dot), "header", limits);
  if (!header) return pass_on(header);
  if (auto plain = refuse_extensions(*header); !plain) return pass_on(plain);
  if (auto sound = check_texts(*header); !sound) return pass_on(sound);
  auto claims = object_segment(input.substr(dot + 1), "payload", limits);
  if (!claims) return pass_on(claims);
  return SigningInputParts{std::move(*header), std::move(*claims)};
}

Result<std::optional<std::string>> string_claim(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::optional<std::string>{};
  if (!found->is_string())
    return fail(Code::jws_malformed, std::string("the claim ") + name + " is no string");
  return std::optional<std::string>{found->get<std::string>()};
}

Result<std::optional<std::int64_t>> time_claim(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::optional<std::int64_t>{};
  if (!found->is_number_integer())
    return fail(Code::jws_malformed,
                std::string("the claim ") + name + " is no whole number of seconds");
  // An unsigned number beyond int64 would turn negative here: refused either way.
  const auto seconds = found->get<std::int64_t>();
  if (seconds < 0 || seconds > latest_time) {
    return fail(Code::jws_malformed, std::string("the claim ") + name + " is out of range");
  }
  return std::optional<std::int64_t>{seconds};
}

}  // namespace mintmark::jose
