// Log lines as JSON on standard error, one a line: ts, level, event, then the fields. Thread-safe;
// never a secret.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace mintmark::telemetry {

enum class Level { debug, info, warning, error };

using Field = std::pair<std::string_view, std::string>;

/// Lines below this level are dropped. `program` stands in every line.
void configure(std::string_view program, Level least);
[[nodiscard]] Result<Level> level_named(std::string_view name);

void log(Level level, std::string_view event, std::initializer_list<Field> fields = {});
/// With the error's code, action, detail and native code as fields.
void log(Level level, std::string_view event, const Error& error,
         std::initializer_list<Field> fields = {});

}  // namespace mintmark::telemetry
