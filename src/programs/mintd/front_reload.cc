// What the front does when the keeper has read everything again: builds every new part first, then
// puts them all in force, or none.
#include "admin/keeper_endpoints.h"
#include "base/secret.h"
#include "programs/mintd/control.h"
#include "programs/mintd/front.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Level;

constexpr std::size_t longest_texts = 48U << 20U;

/// All that a reload replaces, whole.
struct NewParts {
  config::Config config;
  std::shared_ptr<const policy::Policy> policy;
  std::shared_ptr<const attest::tpm2::EkTrust> trust;
  std::shared_ptr<const http::TlsServerContext> tls;  ///< Null behind a trusted proxy.
  Level level = Level::info;
};

Result<ReloadTexts> read_texts(const UniqueFd& descriptor) {
  auto octets = read_fd(descriptor.get(), longest_texts);
  if (!octets) return pass_on(octets);
  auto texts = ReloadTexts::from(*octets);
  wipe(*octets);
  return texts;
}

Result<NewParts> build(const ReloadTexts& texts) {
  NewParts parts;
  auto config = config::parse(texts.config_name, texts.config);
  if (!config) return pass_on(config);
  parts.config = std::move(*config);
  auto policy = policy::Policy::from_text(parts.config.policy_file, texts.policy);
  if (!policy) return pass_on(policy);
  parts.policy = std::make_shared<const policy::Policy>(std::move(*policy));
  const config::Tpm2Enrolment& tpm2 = parts.config.enrolment.tpm2;
  auto trust = attest::tpm2::EkTrust::load(tpm2.roots, tpm2.intermediates);
  if (!trust) return pass_on(trust);
  parts.trust = std::make_shared<const attest::tpm2::EkTrust>(std::move(*trust));
  if (parts.config.tls) {
    auto tls = http::TlsServerContext::from_pem(texts.tls_certificate, texts.tls_key);
    if (!tls) return pass_on(tls);
    parts.tls = std::move(*tls);
  }
  const auto level = telemetry::level_named(parts.config.log_level);
  if (!level) return tl::unexpected<Error>(level.error());
  parts.level = *level;
  return parts;
}

}  // namespace

Result<void> Front::reload(const UniqueFd& descriptor) {
  // The keeper asks only a front that has said that it is ready.
  if (!doors_) return fail(Code::unavailable, "the front does not accept yet");
  auto texts = read_texts(descriptor);
  if (!texts) return pass_on(texts);
  auto parts = build(*texts);
  if (!parts) return pass_on(parts);

  trust_->swap(std::move(parts->trust));
  policies_->swap(std::move(parts->policy));
  if (parts->tls) doors_->replace_tls(std::move(parts->tls));
  telemetry::configure("mintd-front", parts->level);
  return {};
}

void Front::answer_reload(const Json& message, const UniqueFd& descriptor) {
  const auto reloaded = reload(descriptor);
  if (!reloaded) telemetry::log(Level::error, "reload_refused", reloaded.error());
  control_->send(answer_frame(
      message.value("id", std::uint64_t{0}),
      reloaded ? http::json_response(200, "{}") : admin::error_response(reloaded.error())));
}

}  // namespace mintmark::mintd
