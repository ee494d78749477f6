#include "attest/webauthn/metadata.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "attest/x509/chain.h"
#include "base/json.h"
#include "jose/base64url.h"

namespace mintmark::attest::webauthn {
namespace {

// FIDO's own has some 8 MB: most of it icons.
constexpr JsonLimits blob_limits{.octets = 64U << 20U, .depth = 24, .elements = 2'000'000};
constexpr std::size_t most_roots = 64;
constexpr std::size_t longest_text = 200;

/// Metadata Service 3.0 §3.1.4: after one of these a key of the model may be anybody's.
constexpr std::array ending_statuses = {"REVOKED", "USER_VERIFICATION_BYPASS",
                                        "ATTESTATION_KEY_COMPROMISE", "USER_KEY_REMOTE_COMPROMISE",
                                        "USER_KEY_PHYSICAL_COMPROMISE"};

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::mds_malformed, "the FIDO metadata blob " + why);
}

struct Parts {
  std::string_view signed_text;  ///< HEADER.PAYLOAD
  Json header;
  std::string payload;
  Bytes signature;
};

Result<Parts> split(std::string_view blob) {
  while (!blob.empty() && std::isspace(static_cast<unsigned char>(blob.back())) != 0)
    blob.remove_suffix(1);
  const std::size_t first = blob.find('.');
  const std::size_t second = first == std::string_view::npos ? first : blob.find('.', first + 1);
  if (second == std::string_view::npos) return malformed("is no compact JWS");
  const auto header = jose::from_base64url(blob.substr(0, first));
  const auto payload = jose::from_base64url(blob.substr(first + 1, second - first - 1));
  auto signature = jose::from_base64url(blob.substr(second + 1));
  if (!header || !payload || !signature) return malformed("is no compact JWS");
  auto parsed = parse_json(as_text(*header));
  if (!parsed || !parsed->is_object()) return malformed("has a header that is no JSON object");
  return Parts{blob.substr(0, second), std::move(*parsed), std::string(as_text(*payload)),
               std::move(*signature)};
}

Result<std::vector<Bytes>> certificates_of(const Json& header) {
  const auto x5c = header.find("x5c");
  if (x5c == header.end() || !x5c->is_array() || x5c->empty() ||
      x5c->size() > x509::most_offered + 1)
    return malformed("must name its signer's certificates (x5c)");
  std::vector<Bytes> all;
  for (const Json& one : *x5c) {
    if (!one.is_string()) return malformed("has an x5c that holds no text");
    auto der = jose::from_base64(one.get_ref<const std::string&>());
    if (!der) return malformed("has an x5c that is no base64");
    all.push_back(std::move(*der));
  }
  return all;
}

/// JWS: no `none`, no HMAC; what is left must fit the certificate's key.
std::optional<std::int64_t> algorithm_of(const Json& header) {
  using cbor::CoseAlgorithm;
  const std::string name = header.contains("alg") && header["alg"].is_string()
                               ? header["alg"].get<std::string>()
                               : std::string();
  for (const auto& [word, algorithm] : {std::pair{"RS256", CoseAlgorithm::rs256},
                                        {"ES256", CoseAlgorithm::es256},
                                        {"ES384", CoseAlgorithm::es384},
                                        {"PS256", CoseAlgorithm::ps256}}) {
    if (name == word) return static_cast<std::int64_t>(algorithm);
  }
  return std::nullopt;
}

Result<void> check_signer(const Parts& parts, const x509::Trust& trust, const std::string& signer,
                          Moment at) {
  auto chain = certificates_of(parts.header);
  if (!chain) return pass_on(chain);
  std::string why;
  const x509::Certificate leaf = x509::parse_certificate(chain->front(), &why);
  if (!leaf || !x509::has_bounded_key(leaf.get()))
    return malformed("has no readable signer " + why);
  chain->erase(chain->begin());
  auto offered = x509::parse_offered(*chain, Code::mds_malformed, Code::mds_malformed);
  if (!offered) return pass_on(offered);
  auto vouched =
      x509::check_chain(leaf.get(), *offered, trust, at, x509::ExpiredAuthorities::refuse);
  if (!vouched) return fail(Code::mds_chain, vouched.error().reason);
  if (vouched->standing != x509::Standing::trusted)
    return fail(Code::mds_chain, "the signer of the FIDO metadata is not trusted");
  // The root of FIDO's signer is a public one: it vouches for everybody's names.
  if (X509_check_host(leaf.get(), signer.c_str(), signer.size(),
                      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) != 1) {
    ERR_clear_error();
    return fail(Code::mds_chain, "the FIDO metadata are not signed by " + signer);
  }
  const auto algorithm = algorithm_of(parts.header);
  if (!algorithm) return fail(Code::mds_signature, "alg must be RS256, PS256, ES256 or ES384");
  if (!cbor::check_signature(*algorithm, X509_get0_pubkey(leaf.get()), as_bytes(parts.signed_text),
                             parts.signature, /*raw=*/true))
    return fail(Code::mds_signature, "the signature over the FIDO metadata is wrong");
  return {};
}

/// "YYYY-MM-DD": the moment that day ends.
std::optional<Moment> end_of(const std::string& date) {
  constexpr std::string_view form = "dddd-dd-dd";
  if (date.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = date[i] >= '0' && date[i] <= '9';
    if (form[i] == 'd' ? !digit : date[i] != '-') return std::nullopt;
  }
  const std::chrono::year_month_day day{
      std::chrono::year(std::stoi(date.substr(0, 4))),
      std::chrono::month(static_cast<unsigned>(std::stoi(date.substr(5, 2)))),
      std::chrono::day(static_cast<unsigned>(std::stoi(date.substr(8, 2))))};
  if (!day.ok()) return std::nullopt;
  return Moment{std::chrono::sys_days(day)} + std::chrono::hours(24);
}

std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string()
             ? printable(found->get_ref<const std::string&>(), longest_text)
             : std::string();
}

const Json& list_in(const Json& object, const char* name) {
  static const Json none = Json::array();
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : none;
}

/// One that cannot be read vouches for nobody; the rest of the blob stays of use.
std::shared_ptr<const x509::Trust> roots_of(const Json& statement) {
  std::vector<x509::Certificate> roots;
  for (const Json& one : list_in(statement, "attestationRootCertificates")) {
    if (!one.is_string() || roots.size() == most_roots) continue;
    std::string text = one.get<std::string>();
    text.erase(std::remove_if(text.begin(), text.end(),
                              [](unsigned char octet) { return std::isspace(octet) != 0; }),
               text.end());
    const auto der = jose::from_base64(text);
    x509::Certificate root = der ? x509::parse_certificate(*der) : nullptr;
    if (root) roots.push_back(std::move(root));
  }
  if (roots.empty()) return nullptr;
  auto trust = x509::Trust::from_certificates(std::move(roots), {});
  return trust ? std::make_shared<const x509::Trust>(std::move(*trust)) : nullptr;
}

Authenticator authenticator_of(const Json& entry) {
  static const Json none = Json::object();
  const auto found = entry.find("metadataStatement");
  const Json& statement = found != entry.end() && found->is_object() ? *found : none;
  Authenticator one{text_in(statement, "description"), roots_of(statement), {}, {}};
  for (const Json& report : list_in(entry, "statusReports")) {
    if (!report.is_object()) continue;
    const std::string status = text_in(report, "status");
    if (status.find("FIDO_CERTIFIED") != std::string::npos) one.certified = status;
    const bool ends =
        std::find(ending_statuses.begin(), ending_statuses.end(), status) != ending_statuses.end();
    if (ends && one.refused.empty()) one.refused = status;
  }
  return one;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char octet) { return static_cast<char>(std::tolower(octet)); });
  return text;
}

}  // namespace

Result<Metadata> Metadata::parse(std::string_view blob, const x509::Trust& trust,
                                 const std::string& signer, Moment at) {
  if (blob.size() > blob_limits.octets) return malformed("is too large");
  auto parts = split(blob);
  if (!parts) return pass_on(parts);
  if (auto signed_by = check_signer(*parts, trust, signer, at); !signed_by)
    return pass_on(signed_by);
  const auto payload = parse_json(parts->payload, blob_limits);
  if (!payload || !payload->is_object() || !payload->contains("entries") ||
      !(*payload)["entries"].is_array())
    return malformed("has a payload that is no JSON object with \"entries\"");
  const auto until = end_of(text_in(*payload, "nextUpdate"));
  if (!until) return malformed("must have a date \"nextUpdate\"");
  Metadata metadata;
  metadata.until_ = *until;
  if (auto fresh = metadata.check_fresh(at); !fresh) return pass_on(fresh);
  for (const Json& entry : (*payload)["entries"]) {
    if (!entry.is_object()) return malformed("has an entry that is no object");
    const auto one = std::make_shared<const Authenticator>(authenticator_of(entry));
    if (const std::string aaguid = text_in(entry, "aaguid"); !aaguid.empty())
      metadata.by_aaguid_[lower(aaguid)] = one;
    for (const Json& key : list_in(entry, "attestationCertificateKeyIdentifiers")) {
      if (key.is_string()) metadata.by_key_[lower(key.get<std::string>())] = one;
    }
  }
  return metadata;
}

const Authenticator* Metadata::find(const Aaguid& aaguid, const X509* leaf) const {
  if (aaguid != Aaguid{}) {
    const auto found = by_aaguid_.find(uuid_of(aaguid));
    return found == by_aaguid_.end() ? nullptr : found->second.get();
  }
  if (leaf == nullptr) return nullptr;
  std::array<std::uint8_t, 20> digest{};
  X509_pubkey_digest(leaf, EVP_sha1(), digest.data(), nullptr);
  const auto found = by_key_.find(to_hex(digest));
  return found == by_key_.end() ? nullptr : found->second.get();
}

Result<void> Metadata::check_fresh(Moment at) const {
  if (at < until_) return {};
  return fail(Code::mds_expired,
              "the FIDO metadata are older than their nextUpdate: fetch the blob anew");
}

}  // namespace mintmark::attest::webauthn
