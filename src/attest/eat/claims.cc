#include "attest/eat/claims.h"

#include <algorithm>
#include <array>

#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::attest::eat {
namespace {

constexpr std::array debug_states = {"enabled", "disabled", "disabled-since-boot",
                                     "disabled-permanently", "disabled-fully-and-permanently"};
constexpr std::array measurements = {"x-ms-sevsnpvm-launchmeasurement", "x-ms-sgx-mrenclave",
                                     "tdx_mrtd"};
constexpr std::size_t most_nonces = 16;
constexpr std::size_t longest_measurement = 128;

bool is_text(const Json& value, std::string_view wanted) {
  return value.is_string() &&
         equal_in_constant_time(as_bytes(value.get_ref<const std::string&>()), as_bytes(wanted));
}

bool holds(const Json& value, std::string_view wanted) {
  if (!value.is_array()) return is_text(value, wanted);
  return value.size() <= most_nonces &&
         std::any_of(value.begin(), value.end(),
                     [&](const Json& one) { return is_text(one, wanted); });
}

bool is_azure(const Json& claims) {
  return claims.contains("x-ms-attestation-type") || claims.contains("x-ms-ver");
}

// 64 octets in hexadecimal: these, and zeros behind them.
bool is_report_data(const std::string& text, BytesView wanted) {
  constexpr std::size_t size = 64;
  const auto octets = from_hex(text);
  if (!octets || octets->size() != size || wanted.empty() || wanted.size() > size) return false;
  Bytes whole = to_bytes(wanted);
  whole.resize(size);
  return equal_in_constant_time(*octets, whole);
}

// Azure Attestation's own claim nonce is "an untransformed direct copy" of a field of the request
// ("Claim sets"): whoever holds somebody's evidence chooses it. What a TEE signed, by the type of
// attestation: its report data ("Examples of an attestation token", "EAT profile for TDX"); of SGX
// the enclave held data, whose SHA-256 the service found in the quote's report data (REST API,
// "Attest Sgx Enclave", runtimeData). Of x-ms-runtime no document says as much for the others.
bool is_signed_by_tee(const Json& claims, BytesView wanted) {
  const std::string type = text_of(claims, "x-ms-attestation-type");
  if (type == "sevsnpvm")
    return is_report_data(text_of(claims, "x-ms-sevsnpvm-reportdata"), wanted);
  if (type == "tdxvm") return is_report_data(text_of(claims, "tdx_report_data"), wanted);
  const auto held = claims.find("x-ms-sgx-ehd");
  return type == "sgx" && held != claims.end() && is_text(*held, jose::base64url(wanted));
}

// An EAR need not have iss; it says who made its verifier.
std::string developer_of(const Json& claims) {
  for (const char* name : {"ear_verifier_id", "ear.verifier-id"}) {
    const auto verifier = claims.find(name);
    if (verifier != claims.end() && verifier->is_object()) return text_of(*verifier, "developer");
  }
  return "";
}

Result<std::optional<Moment>> moment(const Json& claims, const char* name) {
  auto seconds = jose::time_claim(claims, name);
  if (!seconds) return fail(Code::eat_malformed, seconds.error().detail);
  if (!*seconds) return std::optional<Moment>();
  return std::optional(from_unix(**seconds));
}

Result<void> check_life(const std::optional<Moment>& issued, const std::optional<Moment>& expires,
                        Moment at) {
  if (!expires && !issued)
    return fail(Code::eat_lifetime, "the token must have exp, or iat of the last ten minutes");
  if (!expires && at - *issued > oldest)
    return fail(Code::eat_iat, "the token has no exp and is more than ten minutes old");
  if (!expires) return {};
  if (at >= *expires) return fail(Code::eat_expired, "the token has expired");
  const Moment from = issued.value_or(at);
  if (*expires <= from || *expires - from > longest_life)
    return fail(Code::eat_lifetime,
                "the token lives longer than 24 hours, or ends before it began");
  return {};
}

bool is_debug_flag(const std::string& name) {
  return name.ends_with("is-debuggable") || name == "tdx_td_attributes_debug";
}

Result<void> check_debug_claim(const std::string& name, const Json& value) {
  if (name == "dbgstat") {
    const bool known =
        value.is_string() && std::find(debug_states.begin(), debug_states.end(),
                                       value.get_ref<const std::string&>()) != debug_states.end();
    if (!known) return fail(Code::eat_malformed, "dbgstat is none of the five of RFC 9711");
    if (value == debug_states[0]) return fail(Code::eat_debug, "debugging is enabled (dbgstat)");
  }
  if (!is_debug_flag(name)) return {};
  if (!value.is_boolean()) return fail(Code::eat_malformed, printable(name) + " is no boolean");
  if (value.get<bool>()) return fail(Code::eat_debug, printable(name) + " is true");
  return {};
}

}  // namespace

std::string text_of(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  return found != claims.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<void> check_issuer(const Json& claims, const std::vector<std::string>& issuers) {
  const auto issuer = jose::string_claim(claims, "iss");
  if (!issuer) return fail(Code::eat_malformed, issuer.error().detail);
  if (issuers.empty()) return {};
  const std::string name = *issuer ? **issuer : developer_of(claims);
  if (!name.empty() && std::find(issuers.begin(), issuers.end(), name) != issuers.end()) return {};
  return fail(Code::eat_issuer,
              name.empty()
                  ? std::string("the token names no issuer")
                  : "the token is of another issuer than its key is bound to: " + printable(name));
}

Result<void> check_audience(const Json& claims, const std::string& audience) {
  if (audience.empty()) return {};
  const auto found = claims.find("aud");
  if (found != claims.end() && holds(*found, audience)) return {};
  return fail(Code::eat_audience, "the token is not for " + printable(audience));
}

Result<void> check_nonce(const Json& claims, BytesView wanted) {
  if (is_azure(claims)) {
    if (is_signed_by_tee(claims, wanted)) return {};
    return fail(
        Code::eat_nonce,
        "Azure Attestation's nonce is signed by no TEE: the binding must stand, with 32 zero "
        "octets behind it, in x-ms-sevsnpvm-reportdata or tdx_report_data, or be "
        "x-ms-sgx-ehd");
  }
  const auto nonce = claims.find("eat_nonce");
  if (nonce != claims.end() && holds(*nonce, jose::base64url(wanted))) return {};
  return fail(Code::eat_nonce, nonce == claims.end() ? "the token has no eat_nonce"
                                                     : "the token's eat_nonce is another");
}

Result<void> check_times(const Json& claims, Moment at) {
  auto issued = moment(claims, "iat");
  if (!issued) return pass_on(issued);
  auto begins = moment(claims, "nbf");
  if (!begins) return pass_on(begins);
  auto expires = moment(claims, "exp");
  if (!expires) return pass_on(expires);
  if (*issued && **issued > at + skew)
    return fail(Code::eat_iat, "the token was issued in the future: compare the clocks");
  if (*begins && **begins > at + skew)
    return fail(Code::eat_not_yet_valid, "the token is not valid yet");
  return check_life(*issued, *expires, at);
}

// As deep as JSON and CBOR are taken.
Result<void> check_debug(const Json& claims) {
  if (claims.is_array()) {
    for (const Json& one : claims) {
      if (auto right = check_debug(one); !right) return right;
    }
  }
  if (!claims.is_object()) return {};
  for (const auto& [name, value] : claims.items()) {
    if (auto right = check_debug_claim(name, value); !right) return right;
    if (auto right = check_debug(value); !right) return right;
  }
  return {};
}

std::string measurement_of(const Json& claims) {
  for (const char* name : measurements) {
    std::string text = text_of(claims, name);
    const auto inner = claims.find("x-ms-isolation-tee");
    if (text.empty() && inner != claims.end() && inner->is_object()) text = text_of(*inner, name);
    if (text.empty() || text.size() > longest_measurement) continue;
    if (const auto octets = from_hex(text)) return to_hex(*octets);
  }
  return "";
}

}  // namespace mintmark::attest::eat
