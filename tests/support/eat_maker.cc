#include "support/eat_maker.h"

#include <map>

#include "cbor/write.h"
#include "jose/base64url.h"

namespace mintmark::test {
namespace {

const std::map<std::string, std::int64_t> labels = {{"iss", 1},
                                                    {"sub", 2},
                                                    {"aud", 3},
                                                    {"exp", 4},
                                                    {"nbf", 5},
                                                    {"iat", 6},
                                                    {"eat_nonce", 10},
                                                    {"ueid", 256},
                                                    {"dbgstat", 263},
                                                    {"eat_profile", 265},
                                                    {"submods", 266},
                                                    {"ear_status", 1000},
                                                    {"ear_trustworthiness_vector", 1001},
                                                    {"instance-identity", 0},
                                                    {"configuration", 1},
                                                    {"executables", 2},
                                                    {"hardware", 4}};

bool is_octets(const std::string& name) { return name == "eat_nonce" || name == "ueid"; }

Bytes encoded(const std::string& name, const Json& value) {
  if (value.is_number()) return cbor::number(value.get<std::int64_t>());
  if (value.is_string() && is_octets(name))
    return cbor::octets(jose::from_base64url(value.get<std::string>()).value());
  if (name == "ear_status" && value == "affirming") return cbor::number(2);
  if (value.is_string()) return cbor::text(value.get<std::string>());
  if (value.is_array()) {
    std::vector<Bytes> items;
    for (const Json& one : value) items.push_back(encoded(name, one));
    return cbor::array(items);
  }
  if (!value.is_object()) return cbor::null();
  cbor::Members members;
  for (const auto& [key, inner] : value.items()) {
    const auto label = labels.find(key);
    members.emplace_back(
        label == labels.end() || name == "submods" ? cbor::text(key) : cbor::number(label->second),
        encoded(key, inner));
  }
  return cbor::map(members);
}

// Where a TEE signed what Azure Attestation tells.
Json bound_by_azure(const std::string& type, BytesView nonce) {
  constexpr std::size_t report_data = 64;
  Bytes data = to_bytes(nonce);
  data.resize(report_data);
  Json claims = {{"x-ms-attestation-type", type}, {"x-ms-ver", "1.0"}};
  if (type == "sevsnpvm")
    claims.update({{"x-ms-sevsnpvm-is-debuggable", false},
                   {"x-ms-sevsnpvm-launchmeasurement", to_hex(Bytes(48, 0xAB))},
                   {"x-ms-sevsnpvm-reportdata", to_hex(data)}});
  else if (type == "tdxvm")
    claims.update({{"tdx_td_attributes_debug", false},
                   {"tdx_mrtd", to_hex(Bytes(48, 0xAB))},
                   {"tdx_report_data", to_hex(data)}});
  else
    claims.update({{"x-ms-sgx-is-debuggable", false},
                   {"x-ms-sgx-mrenclave", to_hex(Bytes(32, 0xAB))},
                   {"x-ms-sgx-ehd", jose::base64url(nonce)}});
  return claims;
}

}  // namespace

EatMaker::EatMaker(jose::Algorithm algorithm) : key_(algorithm) {
  claims = {{"iss", "https://verifier.test"},
            {"eat_profile", "tag:ietf.org,2026:rats/ear#03"},
            {"ueid", "AQIDBAUGBwg"},
            {"submods",
             {{"device",
               {{"ear_status", "affirming"},
                {"ear_trustworthiness_vector",
                 {{"instance-identity", 2}, {"executables", 2}, {"hardware", 2}}}}}}}};
  header = {{"alg", name_of(algorithm)}, {"kid", key_.jkt()}, {"typ", "JWT"}};
}

Json EatMaker::jwk() const {
  Json jwk = key_.public_key().to_jwk();
  jwk["kid"] = key_.jkt();
  if (!issuer.empty()) jwk["iss"] = issuer;
  return jwk;
}

std::string EatMaker::keys() const { return Json{{"keys", {jwk()}}}.dump(); }

Json EatMaker::bound_claims(BytesView nonce) const {
  Json all =
      azure.empty() ? Json{{"eat_nonce", jose::base64url(nonce)}} : bound_by_azure(azure, nonce);
  all.update({{"iat", to_unix(at)}, {"exp", to_unix(at) + 300}});
  all.update(claims);
  return all;
}

std::string EatMaker::jwt(const Json& all) const { return key_.sign_jws(header, all); }

Bytes EatMaker::cwt_of(const Bytes& payload, const Bytes& protected_header) const {
  const Bytes signature = key_.sign(cbor::sig_structure(protected_header, payload));
  const Bytes message = cbor::tagged(18, cbor::sign1(protected_header, payload, signature));
  return cwt_tag ? cbor::tagged(61, message) : message;
}

Bytes EatMaker::cwt(const Json& all) const {
  const Bytes protected_header = cbor::map({{cbor::number(1), cbor::number(cose_algorithm)},
                                            {cbor::number(4), cbor::octets(as_bytes(key_.jkt()))}});
  return cwt_of(encoded("", all), protected_header);
}

Json EatMaker::evidence(const Sha256& binding, const jose::PublicKey& /*key*/) const {
  const Json all = bound_claims(binding);
  if (as_cwt) return {{"cwt", jose::base64url(cwt(all))}};
  return {{"token", jwt(all)}};
}

}  // namespace mintmark::test
