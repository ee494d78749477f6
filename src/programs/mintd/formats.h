// The formats that a configuration takes, made with what their files hold.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "attest/format.h"
#include "config/config.h"

namespace mintmark::mintd {

/// By their names. `trust_unreadable` names the file; errors of the formats' making.
[[nodiscard]] Result<std::map<std::string, std::shared_ptr<const attest::Format>>> make_formats(
    const config::Formats& wanted);

}  // namespace mintmark::mintd
