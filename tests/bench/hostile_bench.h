#pragma once

namespace mintmark::bench {

/// "mint-bench hostile": how long honest clients wait, in quiet and beside each load that is not
/// meant well, in one run. argv[0] is "hostile". Ends with 1 where one's p99 is above ten times its
/// quiet value, or an honest one is refused. Throws.
int hostile(int argc, char** argv);

}  // namespace mintmark::bench
