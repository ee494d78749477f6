// What the front does when the keeper has read everything again: builds every new part first, then
// puts them all in force, or none.
#include <boost/asio/post.hpp>

#include "admin/keeper_endpoints.h"
#include "base/secret.h"
#include "programs/mintd/control.h"
#include "programs/mintd/front.h"
#include "programs/mintd/roots.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Level;

constexpr std::size_t longest_texts = policy::Bundle::longest + (24U << 20U);

Result<ReloadTexts> read_texts(const UniqueFd& descriptor) {
  auto octets = read_fd(descriptor.get(), longest_texts);
  if (!octets) return pass_on(octets);
  auto texts = ReloadTexts::from(*octets);
  wipe(*octets);
  return texts;
}

}  // namespace

/// All that a reload replaces, whole.
struct Front::NewParts {
  std::shared_ptr<const policy::Policy> policy;
  issuer::Roots roots;
  std::string policy_file;
  std::string tls_certificate;
  TlsContexts::Context tls;  ///< Null: that is to stay as it is.
  Level level = Level::info;
  config::RateLimits rate_limits;

  /// All but TLS.
  static Result<NewParts> build(const ReloadTexts& texts) {
    NewParts parts;
    auto config = config::parse(texts.config_name, texts.config);
    if (!config) return pass_on(config);
    const auto bundle = policy::Bundle::from(texts.policy);
    if (!bundle) return tl::unexpected<Error>(bundle.error());
    auto policy = policy::Policy::from(*bundle);
    if (!policy) return pass_on(policy);
    parts.policy = std::make_shared<const policy::Policy>(std::move(*policy));
    parts.policy_file = config->policy_file;
    parts.rate_limits = config->rate_limits;
    auto roots = load_roots(config->enrolment);
    if (!roots) return pass_on(roots);
    parts.roots = {std::move(roots->ek), std::move(roots->ak), std::move(roots->formats)};
    const auto level = telemetry::level_named(config->log_level);
    if (!level) return tl::unexpected<Error>(level.error());
    parts.level = *level;
    parts.tls_certificate = texts.tls_certificate;
    return parts;
  }
};

void Front::reload(const UniqueFd& descriptor,
                   const std::function<void(const Result<void>&)>& done) {
  // The keeper asks only a front that has said that it is ready, or what it waits for.
  if (!doors_) return done(fail(Code::unavailable, "the front does not accept yet"));
  auto texts = read_texts(descriptor);
  if (!texts) return done(pass_on(texts));
  auto built = NewParts::build(*texts);
  if (!built) return done(pass_on(built));
  auto parts = std::make_shared<NewParts>(std::move(*built));
  // Another certificate has another key, or is another of the same key. With neither changed, a key
  // store that is away holds up no change of the policy.
  const bool same = accepting_ && parts->tls_certificate == inheritance_.tls_certificate;
  if (config_.trusted_proxy || same) {
    put_in_force(std::move(*parts));
    return done({});
  }
  tls_.make(texts->tls_certificate, texts->tls_key,
            [this, parts, done](Result<TlsContexts::Context> made) {
              boost::asio::post(strand_, [this, parts, done, made = std::move(made)]() mutable {
                if (!made) return done(pass_on(made));
                parts->tls = std::move(*made);
                put_in_force(std::move(*parts));
                done({});
              });
            });
}

void Front::put_in_force(NewParts parts) {
  trust_->swap(std::move(parts.roots));
  policies_->swap(std::move(parts.policy));
  revocation_->policy_changed();
  config_.policy_file = std::move(parts.policy_file);
  services_->limit(parts.rate_limits);
  inheritance_.tls_certificate = std::move(parts.tls_certificate);
  if (parts.tls && accepting_) doors_->replace_tls(parts.tls);
  if (parts.tls && !accepting_) accept_with(parts.tls);
  telemetry::configure("mintd-front", parts.level);
}

void Front::answer_reload(const Json& message, const UniqueFd& descriptor) {
  reload(descriptor, [this, id = message.value("id", std::uint64_t{0})](const Result<void>& done) {
    if (!done) telemetry::log(Level::error, "reload_refused", done.error());
    control_->send(answer_frame(
        id, done ? http::json_response(200, "{}") : admin::error_response(done.error())));
  });
}

}  // namespace mintmark::mintd
