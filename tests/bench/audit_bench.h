// mint-bench audit: what a token costs in the log of issued tokens, and what is kept of live ones.
#pragma once

namespace mintmark::bench {

/// `argv[0]` is the command's name. The exit status.
int audit(int argc, char** argv);

}  // namespace mintmark::bench
