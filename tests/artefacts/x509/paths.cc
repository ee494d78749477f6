#include "paths.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "attest/x509/conformance.h"
#include "attest/x509/times.h"
#include "jose/base64url.h"
#include "support/test_data.h"

namespace mintmark::test::x509 {
namespace {

constexpr int strong_bits = 112;

product::Certificate read(const Bytes& der) {
  const std::uint8_t* at = der.data();
  return product::Certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

std::vector<product::Certificate> read_all(const std::vector<Bytes>& all) {
  std::vector<product::Certificate> found;
  for (const Bytes& der : all) {
    if (auto certificate = read(der)) found.push_back(std::move(certificate));
  }
  return found;
}

std::vector<product::Certificate> everything_in(const Path& path) {
  std::vector<Bytes> all;
  for (const char* member : {"peer", "untrusted", "trusted"}) {
    for (Bytes& der : der_of(path.entry, member)) all.push_back(std::move(der));
  }
  return read_all(all);
}

Answer refused(const std::string& why) { return {false, why, {}}; }

// As an operator's files are read; nothing where one of them cannot be.
std::optional<product::Trust::Parts> known_to_the_operator(const Path& path) {
  product::Trust::Parts parts;
  for (const Bytes& der : der_of(path.entry, "trusted")) {
    auto certificates = product::certificates_in(der);
    if (certificates.size() != 1) return std::nullopt;
    parts.anchors.push_back({std::move(certificates[0]), product::RootRule::trust});
  }
  for (const Bytes& der : der_of(path.entry, "crls")) {
    const std::uint8_t* at = der.data();
    parts.crls.emplace_back(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
    if (!parts.crls.back()) return std::nullopt;
  }
  parts.check_crls = parts.crls_required =
      !parts.crls.empty() || path.entry.value("check_crl", false);
  return parts;
}

// Where a case has no time it is judged now, as its suite did.
Moment moment_of(const Path& path) {
  const Json time = path.entry.value("time", Json());
  if (time.is_null()) return from_unix(std::time(nullptr));
  return from_unix(static_cast<std::int64_t>(time.get<double>()));
}

// In the order of the links.
std::vector<product::Certificate> chain_of(const Path& path,
                                           const std::vector<product::Link>& links) {
  std::vector<product::Certificate> all = everything_in(path);
  std::vector<product::Certificate> chain;
  for (const product::Link& link : links) {
    const auto found = std::find_if(all.begin(), all.end(), [&link](const auto& certificate) {
      return certificate && product::digest_of(certificate.get()) == link.sha256;
    });
    if (found != all.end()) chain.push_back(std::move(*found));
  }
  return chain;
}

// OpenSSL's words for what an authority says of itself, and what they say, found once more.
struct Finding {
  std::string_view named;
  bool (*is_in)(X509* authority);
};
constexpr std::array findings{
    Finding{"invalid CA certificate",
            [](X509* authority) { return X509_check_ca(authority) != 1; }},
    Finding{"Missing Subject Key Identifier",
            [](X509* authority) { return X509_get0_subject_key_id(authority) == nullptr; }},
    Finding{"Basic Constraints of CA cert not marked critical", [](X509* authority) {
              const int at = X509_get_ext_by_NID(authority, NID_basic_constraints, -1);
              return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(authority, at)) == 0;
            }}};

}  // namespace

bool Path::confirmed() const { return text("agreement") == "openssl-default"; }

std::string Path::named_by_strict() const {
  constexpr std::string_view reject = "reject: ";
  const std::string observed = text("observed_openssl_3.0_strict");
  return observed.rfind(reject, 0) == 0 ? observed.substr(reject.size()) : "";
}

std::vector<Path> cases_with(const char* marks) {
  std::vector<Path> all;
  for_each_entry("x509", [&](const Json& entry) {
    const auto id = entry.at("id").get<std::string>();
    for (const std::string name : entry.at("files")) {
      judge_apart(name, [&] {
        const Json cases = json_file(name).value("cases", Json::array());
        for (const Json& one : cases) {
          if (one.contains(marks)) all.push_back({id + " " + one.value("id", Json()).dump(), one});
        }
      });
    }
  });
  return all;
}

std::vector<Bytes> der_of(const Json& entry, const char* member) {
  std::vector<Bytes> all;
  const Json value = entry.value(member, Json::array());
  for (const Json& text : value.is_string() ? Json::array({value}) : value)
    all.push_back(jose::from_base64(text.get<std::string>()).value());
  return all;
}

Answer answer_to(const Path& path, product::Strength strength, Order order) {
  auto parts = known_to_the_operator(path);
  if (!parts) return refused("what the operator should trust cannot be read");
  std::vector<Bytes> beside = der_of(path.entry, "untrusted");
  if (order == Order::reversed) std::reverse(beside.begin(), beside.end());
  auto offered = product::parse_offered(beside, Code::certificate_chain_invalid,
                                        Code::certificate_key_unsupported);
  if (beside.size() > product::most_offered) {
    if (offered) return {true, "more certificates than a device may offer were taken", {}};
    parts->intermediates = read_all(beside);
    offered.emplace();
  }
  if (!offered) return refused(offered.error().to_string());
  const auto trust = product::Trust::of(std::move(*parts));
  if (!trust) return refused(trust.error().to_string());
  std::string why;
  const auto leaf = product::parse_certificate(der_of(path.entry, "peer").at(0), &why);
  if (!leaf) return refused(why);
  if (!product::has_bounded_key(leaf.get())) return refused("a key that is not taken");
  product::Leniency leniency = product::ExpiredAuthorities::refuse;
  leniency.strength = strength;
  const auto chain = product::check_chain(leaf.get(), *offered, *trust, moment_of(path), leniency);
  if (!chain) return refused(chain.error().reason);
  return {chain->standing == product::Standing::trusted, "its root is not trusted", chain->links};
}

bool is_strong(const Path& path, const std::vector<product::Link>& links) {
  for (const auto& certificate : everything_in(path)) {
    const std::string digest = product::digest_of(certificate.get());
    const bool in_chain = std::any_of(links.begin(), links.end(), [&](const product::Link& link) {
      return link.sha256 == digest;
    });
    if (!in_chain) continue;
    if (EVP_PKEY_get_security_bits(X509_get0_pubkey(certificate.get())) < strong_bits) return false;
    int bits = 0;
    const bool known =
        X509_get_signature_info(certificate.get(), nullptr, nullptr, &bits, nullptr) == 1;
    // Nobody's word is asked for the last one.
    if (digest != links.back().sha256 && (!known || bits < strong_bits)) return false;
  }
  return true;
}

std::vector<std::string> oddities_in(const Path& path, const std::vector<product::Link>& links) {
  std::vector<std::string> all;
  for (const auto& certificate : chain_of(path, links)) {
    for (std::string& odd : product::oddities_of(certificate.get())) all.push_back(std::move(odd));
  }
  return all;
}

bool is_of_the_anchor_alone(const Path& path, const std::vector<product::Link>& links) {
  const std::string named = path.named_by_strict();
  const auto finding = std::find_if(findings.begin(), findings.end(),
                                    [&named](const Finding& one) { return one.named == named; });
  const auto chain = chain_of(path, links);
  if (finding == findings.end() || chain.size() < 2 || !finding->is_in(chain.back().get()))
    return false;
  // The first is no authority.
  return std::none_of(chain.begin() + 1, chain.end() - 1,
                      [&](const auto& link) { return finding->is_in(link.get()); });
}

bool ends_at_that_second(const Path& path) {
  for (const auto& certificate : everything_in(path)) {
    if (product::moment_of(X509_get0_notAfter(certificate.get())) == moment_of(path)) return true;
  }
  return false;
}

}  // namespace mintmark::test::x509
