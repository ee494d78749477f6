#include "attest/x509/trust.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <filesystem>

#include "attest/x509/issuer_search.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/pem.h"

namespace mintmark::attest::x509 {
namespace {

constexpr std::size_t longest_file = 4U << 20U;

// One kind of what PEM and DER files hold; `read_pem` and `read_der` are OpenSSL's.
template <typename Owner, typename ReadPem, typename ReadDer>
std::vector<Owner> all_in(BytesView content, ReadPem read_pem, ReadDer read_der) {
  std::vector<Owner> found;
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), &BIO_free);
  while (auto* one = read_pem(bio.get(), nullptr, no_passphrase, nullptr)) found.emplace_back(one);
  const bool to_the_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  // What is trusted must not depend on where in a bundle a block is damaged.
  if (!to_the_end) return {};
  if (!found.empty()) return found;
  const auto* at = content.data();
  const auto* end = at + content.size();
  if (auto* one = read_der(nullptr, &at, static_cast<long>(content.size())))
    found.emplace_back(one);
  ERR_clear_error();
  if (at != end) found.clear();
  return found;
}

std::vector<Crl> crls_in(BytesView content) {
  return all_in<Crl>(content, &PEM_read_bio_X509_CRL, &d2i_X509_CRL);
}

Result<std::vector<std::filesystem::path>> files_of(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::vector<std::filesystem::path>{path};
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    if (entry->is_regular_file(gone)) files.push_back(entry->path());
  }
  if (error) return fail(Code::trust_unreadable, path + ": " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

template <typename Owner, typename Read>
Result<std::vector<Owner>> load_all(const std::string& path, const char* what, Read read) {
  std::vector<Owner> all;
  if (path.empty()) return all;
  auto files = files_of(path);
  if (!files) return pass_on(files);
  for (const auto& file : *files) {
    auto content = read_file(file, longest_file);
    if (!content) return fail(Code::trust_unreadable, content.error().detail);
    auto found = read(as_bytes(*content));
    if (found.empty())
      return fail(Code::trust_unreadable,
                  file.string() + ": holds no " + what + " (PEM or DER), or a damaged one");
    std::move(found.begin(), found.end(), std::back_inserter(all));
  }
  return all;
}

bool is_json_array(BytesView content) {
  const std::string_view text = as_text(content);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '[';
}

// As Google publishes its roots.
std::vector<Certificate> certificates_in_array(BytesView content) {
  std::vector<Certificate> all;
  const auto texts = parse_json(as_text(content));
  if (!texts) return all;
  for (const Json& text : *texts) {
    if (!text.is_string()) return {};
    auto found = all_in<Certificate>(as_bytes(text.get_ref<const std::string&>()),
                                     &PEM_read_bio_X509, &d2i_X509);
    if (found.empty()) return {};
    std::move(found.begin(), found.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

std::vector<Certificate> certificates_in(BytesView content) {
  if (is_json_array(content)) return certificates_in_array(content);
  return all_in<Certificate>(content, &PEM_read_bio_X509, &d2i_X509);
}

Result<Trust> Trust::load(const TrustSources& sources) {
  Parts parts;
  std::string named;
  for (const RootSource& source : sources.roots) {
    named += (named.empty() ? "" : ", ") + source.path;
    auto roots = load_all<Certificate>(source.path, "certificate", &certificates_in);
    if (!roots) return pass_on(roots);
    for (Certificate& root : *roots) parts.anchors.push_back({std::move(root), source.rule});
  }
  if (parts.anchors.empty())
    return fail(Code::trust_unreadable,
                named + ": holds no root certificate, so no device could enrol");
  auto helpers = load_all<Certificate>(sources.intermediates, "certificate", &certificates_in);
  if (!helpers) return pass_on(helpers);
  auto crls = load_all<Crl>(sources.crls, "certificate revocation list", &crls_in);
  if (!crls) return pass_on(crls);
  parts.intermediates = std::move(*helpers);
  parts.crls = std::move(*crls);
  parts.unknown = sources.unknown;
  parts.check_crls = !sources.crls.empty();
  parts.crls_required = sources.crls_required;
  return of(std::move(parts));
}

Result<Trust> Trust::load(const std::string& roots, const std::string& intermediates) {
  TrustSources sources;
  sources.roots.push_back({roots, RootRule::trust});
  sources.intermediates = intermediates;
  return load(sources);
}

Result<Trust> Trust::of(Parts parts) {
  Trust trust;
  trust.anchors_.reset(X509_STORE_new());
  if (trust.anchors_) IssuerSearch::ask_in(trust.anchors_.get());
  for (Anchor& anchor : parts.anchors) {
    if (!trust.anchors_ || X509_STORE_add_cert(trust.anchors_.get(), anchor.certificate.get()) != 1)
      return fail(Code::trust_unreadable, "a root certificate cannot be taken");
    RootRule& rule = trust.rules_[digest_of(anchor.certificate.get())];
    rule = std::max(rule, anchor.rule);
    trust.owned_roots_.push_back(std::move(anchor.certificate));
  }
  trust.intermediates_ = std::move(parts.intermediates);
  for (const auto* certificates : {&trust.owned_roots_, &trust.intermediates_}) {
    for (const Certificate& certificate : *certificates) trust.known_.push_back(certificate.get());
  }
  trust.unknown_ = parts.unknown;
  trust.crls_required_ = parts.crls_required;
  if (!parts.check_crls) return trust;
  trust.owned_crls_ = std::move(parts.crls);
  trust.crls_.reset(sk_X509_CRL_new_null());
  for (const Crl& crl : trust.owned_crls_) {
    if (sk_X509_CRL_push(trust.crls_.get(), crl.get()) == 0)
      return fail(Code::trust_unreadable, "a certificate revocation list cannot be taken");
  }
  if (!trust.crls_) return fail(Code::trust_unreadable, "OpenSSL has no memory for lists");
  return trust;
}

Result<Trust> Trust::from_certificates(std::vector<Certificate> roots,
                                       std::vector<Certificate> intermediates) {
  Parts parts;
  for (Certificate& root : roots) parts.anchors.push_back({std::move(root), RootRule::trust});
  parts.intermediates = std::move(intermediates);
  return of(std::move(parts));
}

const RootRule* Trust::rule_of(const std::string& digest) const {
  const auto found = rules_.find(digest);
  return found == rules_.end() ? nullptr : &found->second;
}

}  // namespace mintmark::attest::x509
