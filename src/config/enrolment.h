// The part of a configuration that says who may enrol, and by whose word. For this folder alone.
#pragma once

#include "config/config.h"
#include "config/directory.h"
#include "config/reader.h"

namespace mintmark::config {

[[nodiscard]] Enrolment read_enrolment(ObjectReader& root, const Directory& directory);

}  // namespace mintmark::config
