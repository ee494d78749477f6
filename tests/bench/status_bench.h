// mint-bench status: what a status list costs to make, sign and read.
#pragma once

namespace mintmark::bench {

/// `argv[0]` is the command's name. The exit status.
int status(int argc, char** argv);

}  // namespace mintmark::bench
