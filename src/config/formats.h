// The part of a configuration that says which evidence is taken beside a TPM's. For this folder
// alone.
#pragma once

#include "config/config.h"
#include "config/directory.h"
#include "config/reader.h"

namespace mintmark::config {

/// Members of `enrolment`, one a format.
[[nodiscard]] Formats read_formats(ObjectReader& enrolment, const Directory& directory);

}  // namespace mintmark::config
