#include "artefacts/signed_texts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "jose/base64url.h"
#include "jose/jws.h"
#include "jose/segments.h"

namespace mintmark::artefacts {
namespace {

constexpr auto device_names = jose::AlgorithmNames::polymorphic_too;
// "{}"
constexpr std::string_view no_claims = ".e30";

bool whole_verifies(jose::UnverifiedJws jws, const jose::PublicKey& key) {
  return std::move(jws).verify(key, device_names).has_value();
}

}  // namespace

Result<Json> header_of(const std::string& compact) {
  auto segments = jose::segments_of(compact, {});
  if (!segments) return pass_on(segments);
  auto parts = jose::parse_signing_input(std::string(segments->header) + std::string(no_claims));
  if (!parts) return pass_on(parts);
  if (auto payload = jose::from_base64url(segments->payload); !payload) return pass_on(payload);
  if (auto octets = jose::signature_segment(segments->signature); !octets) return pass_on(octets);
  // What parse() asks of any header.
  const std::string with_no_claims = std::string(segments->header) + std::string(no_claims) + "." +
                                     std::string(segments->signature);
  if (auto whole = jose::UnverifiedJws::parse(with_no_claims); !whole) return pass_on(whole);
  return std::move(parts->header);
}

bool verifies(const std::string& compact, const jose::PublicKey& key) {
  const auto header = header_of(compact);
  if (!header) return false;
  const auto segments = jose::segments_of(compact, {});
  const auto algorithm = jose::algorithm_named(alg_of(*header), device_names);
  const bool good = algorithm && *algorithm == key.algorithm() &&
                    key.verify(as_bytes(segments->signing_input),
                               jose::signature_segment(segments->signature).value());
  if (auto whole = jose::UnverifiedJws::parse(compact)) {
    EXPECT_EQ(whole_verifies(std::move(*whole), key), good) << compact;
  }
  return good;
}

Result<verify::KeySet> key_set(const std::string& document, const std::string& rsa_alg) {
  auto read = parse_json(document, {.octets = 1U << 20U, .depth = 16, .elements = 16'384});
  if (!read || !read->is_object() || !read->contains("keys") || !(*read)["keys"].is_array())
    return verify::KeySet::parse(document);
  int count = 0;
  for (Json& jwk : (*read)["keys"]) {
    ++count;
    if (!jwk.is_object()) continue;
    jwk["mintmark_purpose"] = "access_token";
    if (!jwk.contains("kid")) jwk["kid"] = "key " + std::to_string(count);
    if (jwk.value("kty", Json()) == "RSA" && !jwk.contains("alg") && !rsa_alg.empty())
      jwk["alg"] = rsa_alg;
  }
  return verify::KeySet::parse(read->dump());
}

std::vector<const jose::PublicKey*> named_keys(const verify::KeySet& set, const Json& header) {
  std::vector<const jose::PublicKey*> keys;
  for (const std::string& kid : set.kids()) {
    if (!header.contains("kid") || header["kid"] == kid) keys.push_back(set.find(kid));
  }
  return keys;
}

std::string alg_of(const Json& header) {
  const auto alg = header.find("alg");
  return alg != header.end() && alg->is_string() ? alg->get<std::string>() : "";
}

bool is_symmetric(const std::string& alg) { return alg.rfind("HS", 0) == 0; }

bool is_ours(const std::string& alg) {
  constexpr std::array<std::string_view, 6> ours{"ES256", "ES384",   "RS256",
                                                 "PS256", "Ed25519", "EdDSA"};
  return std::find(ours.begin(), ours.end(), alg) != ours.end();
}

Bytes pem_block(const std::string& text, const std::string& label) {
  const std::string begin = "-----BEGIN " + label + "-----";
  const auto from = text.find(begin);
  const auto to = text.find("-----END " + label + "-----");
  if (from == std::string::npos || to == std::string::npos || to < from) return {};
  std::string base64 = text.substr(from + begin.size(), to - from - begin.size());
  base64.erase(std::remove_if(base64.begin(), base64.end(),
                              [](unsigned char c) { return std::isspace(c) != 0; }),
               base64.end());
  return jose::from_base64(base64).value_or(Bytes{});
}

}  // namespace mintmark::artefacts
