#include "attest/tpm2/trust.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr std::size_t longest_file = 4U << 20U;

std::vector<Certificate> certificates_in(const std::string& content) {
  std::vector<Certificate> found;
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), &BIO_free);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    found.emplace_back(certificate);
  const bool to_the_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  // What is trusted must not depend on where in a bundle a block is damaged.
  if (!to_the_end) return {};
  if (!found.empty()) return found;
  const auto* at = as_bytes(content).data();
  const auto* end = at + content.size();
  if (X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(content.size())))
    found.emplace_back(certificate);
  ERR_clear_error();
  if (at != end) found.clear();
  return found;
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

Result<std::vector<Certificate>> load_all(const std::string& path) {
  std::vector<Certificate> all;
  if (path.empty()) return all;
  auto files = files_of(path);
  if (!files) return pass_on(files);
  for (const auto& file : *files) {
    auto content = read_file(file, longest_file);
    if (!content) return fail(Code::trust_unreadable, content.error().detail);
    auto certificates = certificates_in(*content);
    if (certificates.empty())
      return fail(Code::trust_unreadable,
                  file.string() + ": holds no certificate (PEM or DER), or a damaged one");
    std::move(certificates.begin(), certificates.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

Result<EkTrust> EkTrust::load(const std::string& roots, const std::string& intermediates) {
  auto anchors = load_all(roots);
  if (!anchors) return pass_on(anchors);
  if (anchors->empty())
    return fail(Code::trust_unreadable,
                roots + ": holds no root certificate, so no device could enrol");
  auto helpers = load_all(intermediates);
  if (!helpers) return pass_on(helpers);
  return from_certificates(std::move(*anchors), std::move(*helpers));
}

Result<EkTrust> EkTrust::from_certificates(std::vector<Certificate> roots,
                                           std::vector<Certificate> intermediates) {
  EkTrust trust;
  trust.anchors_.reset(X509_STORE_new());
  for (const Certificate& root : roots) {
    if (!trust.anchors_ || X509_STORE_add_cert(trust.anchors_.get(), root.get()) != 1) {
      return fail(Code::trust_unreadable, "a root certificate cannot be taken");
    }
  }
  trust.intermediates_ = std::move(intermediates);
  return trust;
}

}  // namespace mintmark::attest::tpm2
