// The files of provisioning/hsm, compiled in; CMake writes the source.
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace mintmark::config {

extern const std::array<std::pair<std::string_view, std::string_view>, MINTMARK_HSM_PROFILES>
    profile_texts;  ///< File name and content.

}  // namespace mintmark::config
