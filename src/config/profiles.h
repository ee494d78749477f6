// What is known of each kind of hardware (provisioning/hsm/*.json, compiled in), and the defaults
// it gives a key store.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace mintmark::config {

/// A number that is known, or not, and where from.
struct KnownFigure {
  std::optional<std::int64_t> value;
  std::string source;
};

struct HsmProfile {
  std::string name;   ///< "softhsm": what "profile" names.
  std::string title;  ///< For people.
  bool tested = false;
  std::string tested_on;             ///< Versions and suites; "" where untested.
  std::vector<std::string> modules;  ///< Where the module may be, in order.
  Json store;                        ///< Members of hsm.stores.NAME; a store's own go before them.
  std::string pin;                   ///< Its form.
  std::vector<std::string> set_up;   ///< Steps: partition, users.
  std::string keys;                  ///< What becomes of our templates.
  std::vector<std::string> quirks;
  std::vector<std::string> obstacles;  ///< What stands in mintd's way, as far as documents tell.
  std::string sandbox;                 ///< What the module must reach.
  KnownFigure es256_a_second;
  KnownFigure start_up_ms;
  std::vector<std::string> sources;  ///< The vendor's documents.
  Json document;                     ///< The whole file, for --json.
};

/// All, by name. A file that is not as docs/hsm-profile.schema.json says ends the process: the
/// tests read them first.
[[nodiscard]] const std::vector<HsmProfile>& hsm_profiles();
/// Null if there is none of that name.
[[nodiscard]] const HsmProfile* hsm_profile_named(std::string_view name);

/// One file. `config_invalid`: FILE:LINE, the key, what would be right.
[[nodiscard]] Result<HsmProfile> read_hsm_profile(const std::string& file, std::string_view text);

/// Puts each store's profile's members where the store has none of its own; members of its
/// "environment" and "sandbox" one by one. What is no store, or names no profile, is left as it is.
void apply_hsm_profiles(Json& configuration);

}  // namespace mintmark::config
