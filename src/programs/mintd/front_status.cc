#include "programs/mintd/front_status.h"

#include "api/answers.h"
#include "api/status_lists.h"
#include "programs/mintd/algorithms.h"
#include "telemetry/log.h"

namespace mintmark::mintd {

FrontStatus::FrontStatus(const config::Config& config, Parts parts)
    : parts_(parts),
      path_(api::path_of(config.issuer)),
      figures_(parts.figures.status_lists()),
      tokens_({.issuer = config.issuer,
               .life = config.revocation.list_life,
               .ttl = config.revocation.list_ttl},
              {.indexes = parts.indexes,
               .clock = parts.clock,
               .sign = signer(config),
               .built = [this](const revoke::ListBuild& build) { built(build); }}) {}

revoke::SignList FrontStatus::signer(const config::Config& config) const {
  const keyring::KeyKind kind{hsm::Purpose::status_list, signing_algorithms(config).usual};
  return [&parts = parts_, kind](std::function<std::string(const jose::PublicKey&)> input,
                                 Deadline deadline,
                                 std::function<void(Result<revoke::SignedInput>)> done) {
    parts.stores.sign(
        parts.keyring.snapshot(), kind,
        [input = std::move(input)](const keyring::PublishedKey& key) {
          return input(key.public_key);
        },
        deadline,
        [done = std::move(done)](Result<issuer::SignedInput> made) {
          if (!made) return done(pass_on(made));
          done(revoke::SignedInput{std::move(made->input), std::move(made->signature)});
        });
  };
}

void FrontStatus::add_routes(http::Router& router) {
  api::add_status_lists(router, path_, tokens_, parts_.clock);
}

void FrontStatus::built(const revoke::ListBuild& build) {
  figures_.outcomes.count(build.trouble);
  if (build.trouble == nullptr) {
    figures_.seconds.observe(build.took);
    figures_.octets.set(static_cast<double>(build.octets));
    in_trouble_ = false;
  } else if (!in_trouble_.exchange(true)) {
    // Each that asks would make another line of it, once a second.
    telemetry::log(telemetry::Level::warning, "status_list_not_signed", *build.trouble);
  }
}

}  // namespace mintmark::mintd
