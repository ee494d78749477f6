// CWT's labels and shapes as the JWT has them (RFC 9711 §7, draft-ietf-rats-ear §3).
#include <array>

#include "attest/eat/token.h"
#include "jose/base64url.h"

namespace mintmark::attest::eat {
namespace {

using cbor::Value;

enum class Shape : std::uint8_t {
  text,
  number,
  octets,
  texts,
  debug,
  nonces,
  profile,
  status,
  vector,
  submods
};

struct Label {
  std::int64_t number;
  const char* name;
  Shape shape;
};

constexpr std::array labels = {Label{1, "iss", Shape::text},
                               Label{2, "sub", Shape::text},
                               Label{3, "aud", Shape::texts},
                               Label{4, "exp", Shape::number},
                               Label{5, "nbf", Shape::number},
                               Label{6, "iat", Shape::number},
                               Label{10, "eat_nonce", Shape::nonces},
                               Label{256, "ueid", Shape::octets},
                               Label{263, "dbgstat", Shape::debug},
                               Label{265, "eat_profile", Shape::profile},
                               Label{266, "submods", Shape::submods},
                               Label{1000, "ear_status", Shape::status},
                               Label{1001, "ear_trustworthiness_vector", Shape::vector}};

constexpr std::array debug_states = {"enabled", "disabled", "disabled-since-boot",
                                     "disabled-permanently", "disabled-fully-and-permanently"};
// AR4SI's, in the order of their numbers.
constexpr std::array aspects = {"instance-identity", "configuration", "executables",
                                "file-system",       "hardware",      "runtime-opaque",
                                "storage-opaque",    "sourced-data"};

Json claims_in(const Value& map);

Json text_json(const Value& value) {
  return value.text() ? Json(std::string(*value.text())) : Json();
}
Json number_json(const Value& value) { return value.integer() ? Json(*value.integer()) : Json(); }
Json octets_json(const Value& value) {
  return value.octets() ? Json(jose::base64url(*value.octets())) : Json();
}

template <typename One>
Json one_or_all(const Value& value, One one) {
  if (!value.is_array()) return one(value);
  Json all = Json::array();
  for (std::size_t i = 0; i < value.size(); ++i) all.push_back(one(value.at(i)));
  return all;
}

Json debug_json(const Value& value) {
  const auto state = value.integer();
  if (!state || *state < 0 || *state >= static_cast<std::int64_t>(debug_states.size())) return {};
  return debug_states[static_cast<std::size_t>(*state)];
}

// A URI, or an OID without its head.
Json profile_json(const Value& value) {
  return value.text() ? text_json(value) : octets_json(value);
}

Json vector_json(const Value& value) {
  if (!value.is_map()) return {};
  Json all = Json::object();
  for (const auto& [label, tier] : value.members()) {
    const auto aspect = label.integer();
    if (!aspect || *aspect < 0 || *aspect >= static_cast<std::int64_t>(aspects.size())) return {};
    all[aspects[static_cast<std::size_t>(*aspect)]] = number_json(tier);
  }
  return all;
}

// What is no claims set (a nested token, a digest of one elsewhere) is nothing that can be judged.
Json submods_json(const Value& value) {
  if (!value.is_map()) return {};
  Json all = Json::object();
  for (const auto& [label, submod] : value.members()) {
    if (!label.text()) return {};
    all[std::string(*label.text())] = submod.is_map() ? claims_in(submod) : Json();
  }
  return all;
}

Json json_of(const Value& value, Shape shape) {
  switch (shape) {
    case Shape::text:
      return text_json(value);
    case Shape::number:
    case Shape::status:
      return number_json(value);
    case Shape::octets:
      return octets_json(value);
    case Shape::texts:
      return one_or_all(value, text_json);
    case Shape::debug:
      return debug_json(value);
    case Shape::nonces:
      return one_or_all(value, octets_json);
    case Shape::profile:
      return profile_json(value);
    case Shape::vector:
      return vector_json(value);
    case Shape::submods:
      return submods_json(value);
  }
  return {};
}

// As deep as CBOR is taken.
Json claims_in(const Value& map) {
  Json claims = Json::object();
  for (const Label& label : labels) {
    if (const auto value = map.find(label.number))
      claims[label.name] = json_of(*value, label.shape);
  }
  return claims;
}

}  // namespace

Result<Json> claims_of(const Value& payload) {
  if (!payload.is_map()) return fail(Code::eat_malformed, "the token's payload must be a map");
  return claims_in(payload);
}

}  // namespace mintmark::attest::eat
