// What the configuration says of algorithms, in the keyring's words.
#pragma once

#include "config/config.h"
#include "keyring/signing_algorithms.h"

namespace mintmark::mintd {

/// The configuration takes no name that jose does not know; an unknown one would throw.
[[nodiscard]] inline keyring::SigningAlgorithms signing_algorithms(const config::Config& config) {
  keyring::SigningAlgorithms algorithms;
  algorithms.usual = jose::algorithm_named(config.token_algorithms.usual).value();
  for (const auto& [audience, name] : config.token_algorithms.by_audience)
    algorithms.by_audience[audience] = jose::algorithm_named(name).value();
  algorithms.results = config.results.enabled;
  return algorithms;
}

/// How long at most what a key of a purpose signs is good. A purpose that is not here signs
/// nothing.
[[nodiscard]] inline std::map<hsm::Purpose, std::chrono::seconds> longest_lives(
    const config::Config& config) {
  std::map<hsm::Purpose, std::chrono::seconds> lives{
      {hsm::Purpose::access_token, config.longest_token_life},
      {hsm::Purpose::client_attestation, config.enrolment.freshness},
      {hsm::Purpose::status_list, config.revocation.list_life},
      {hsm::Purpose::event, config.revocation.event_life}};
  if (config.results.enabled) lives[hsm::Purpose::result] = config.results.life;
  return lives;
}

}  // namespace mintmark::mintd
