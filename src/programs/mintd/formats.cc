#include "programs/mintd/formats.h"

#include <filesystem>

#include "attest/android_key/format.h"
#include "attest/apple_appattest/format.h"
#include "attest/eat/format.h"
#include "attest/nitro/format.h"
#include "attest/sev_snp/format.h"
#include "attest/tdx/format.h"
#include "attest/webauthn/format.h"
#include "attest/x509/format.h"
#include "base/file.h"
#include "programs/mintd/roots.h"

namespace mintmark::mintd {
namespace {

namespace x509 = attest::x509;

constexpr std::size_t longest_file = 16U << 20U;
constexpr std::size_t most_files = 64;

using Trust = std::shared_ptr<const x509::Trust>;

/// nullptr where no root is named.
Result<Trust> load_some(const std::vector<config::RootSource>& roots) {
  if (roots.empty()) return nullptr;
  config::TrustFiles files;
  files.roots = roots;
  return load_trust(files);
}

Result<std::string> text_of(const std::string& file) {
  if (file.empty()) return std::string();
  auto text = read_file(file, longest_file);
  if (!text) return fail(Code::trust_unreadable, text.error().detail);
  return text;
}

Result<std::vector<Bytes>> files_in(const std::string& directory) {
  std::vector<Bytes> all;
  if (directory.empty()) return all;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (!entry.is_regular_file(error)) continue;
    if (all.size() == most_files)
      return fail(Code::trust_unreadable, directory + " holds more than 64 files");
    const auto text = text_of(entry.path().string());
    if (!text) return tl::unexpected<Error>(text.error());
    all.push_back(to_bytes(as_bytes(*text)));
  }
  if (error) return fail(Code::trust_unreadable, directory + ": " + error.message());
  return all;
}

/// Makes the formats that are configured, one after the other, until one cannot be made.
class FormatMaker {
 public:
  explicit FormatMaker(const config::Formats& wanted) : wanted_(wanted) {}

  Result<std::map<std::string, std::shared_ptr<const attest::Format>>> make() {
    if (auto made = certificates(); !made) return pass_on(made);
    if (auto made = enclaves(); !made) return pass_on(made);
    if (auto made = eat(); !made) return pass_on(made);
    return std::move(formats_);
  }

 private:
  Result<void> add(Result<std::unique_ptr<attest::Format>> made) {
    if (!made) return pass_on(made);
    std::string name = (*made)->name();
    formats_[std::move(name)] = std::move(*made);
    return {};
  }

  Result<void> certificates() {
    if (wanted_.x509) {
      auto trust = load_trust(wanted_.x509->trust);
      if (!trust) return pass_on(trust);
      if (auto made = add(x509::make_format({std::move(*trust)})); !made) return made;
    }
    if (auto made = android_key(); !made) return made;
    if (auto made = webauthn(); !made) return made;
    return apple_appattest();
  }

  Result<void> android_key() {
    if (!wanted_.android_key) return {};
    const config::AndroidKeyEnrolment& wanted = *wanted_.android_key;
    auto trust = load_trust(wanted.trust);
    if (!trust) return pass_on(trust);
    auto software = load_some(wanted.software_roots);
    if (!software) return pass_on(software);
    auto list = text_of(wanted.revocation_list);
    if (!list) return pass_on(list);
    return add(attest::android_key::make_format(
        {std::move(*trust), std::move(*software), std::move(*list)}));
  }

  Result<void> webauthn() {
    if (!wanted_.webauthn) return {};
    const config::WebAuthnEnrolment& wanted = *wanted_.webauthn;
    auto trust = load_trust(wanted.trust);
    if (!trust) return pass_on(trust);
    auto mds = text_of(wanted.mds);
    if (!mds) return pass_on(mds);
    auto mds_trust = load_some(wanted.mds_roots);
    if (!mds_trust) return pass_on(mds_trust);
    auto list = text_of(wanted.revocation_list);
    if (!list) return pass_on(list);
    return add(attest::webauthn::make_format({.trust = std::move(*trust),
                                              .rp_ids = wanted.rp_ids,
                                              .origins = wanted.origins,
                                              .sha1 = wanted.sha1,
                                              .self = wanted.self_attestation,
                                              .mds = std::move(*mds),
                                              .mds_trust = std::move(*mds_trust),
                                              .mds_required = wanted.mds_required,
                                              .revocation_list = std::move(*list)}));
  }

  Result<void> apple_appattest() {
    if (!wanted_.apple_appattest) return {};
    const config::AppleAppAttestEnrolment& wanted = *wanted_.apple_appattest;
    auto trust = load_trust(wanted.trust);
    if (!trust) return pass_on(trust);
    attest::apple_appattest::Options options;
    options.trust = std::move(*trust);
    if (!wanted.root_sha256.empty()) options.root_digest = wanted.root_sha256;
    options.app_ids = wanted.app_ids;
    options.development = wanted.development;
    return add(attest::apple_appattest::make_format(std::move(options)));
  }

  Result<void> enclaves() {
    if (wanted_.nitro) {
      auto trust = load_trust(wanted_.nitro->trust);
      if (!trust) return pass_on(trust);
      if (auto made = add(attest::nitro::make_format({std::move(*trust)})); !made) return made;
    }
    if (wanted_.sev_snp) {
      auto trust = load_trust(wanted_.sev_snp->trust);
      if (!trust) return pass_on(trust);
      if (auto made = add(attest::sev_snp::make_format({std::move(*trust)})); !made) return made;
    }
    if (!wanted_.tdx) return {};
    auto trust = load_trust(wanted_.tdx->trust);
    if (!trust) return pass_on(trust);
    auto collateral = files_in(wanted_.tdx->collateral);
    if (!collateral) return pass_on(collateral);
    return add(attest::tdx::make_format(
        {std::move(*trust), std::move(*collateral), wanted_.tdx->collateral_required}));
  }

  Result<void> eat() {
    if (!wanted_.eat) return {};
    auto keys = text_of(wanted_.eat->keys);
    if (!keys) return pass_on(keys);
    return add(attest::eat::make_format({.keys = std::move(*keys),
                                         .issuers = wanted_.eat->issuers,
                                         .audience = wanted_.eat->audience,
                                         .warning = wanted_.eat->warning}));
  }

  const config::Formats& wanted_;
  std::map<std::string, std::shared_ptr<const attest::Format>> formats_;
};

}  // namespace

Result<std::map<std::string, std::shared_ptr<const attest::Format>>> make_formats(
    const config::Formats& wanted) {
  return FormatMaker(wanted).make();
}

}  // namespace mintmark::mintd
