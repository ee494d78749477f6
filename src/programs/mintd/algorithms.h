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
  return algorithms;
}

}  // namespace mintmark::mintd
