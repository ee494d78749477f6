// mint-bench gate: what a decision on a call costs, beside raw ECDSA verifications in the same run.
#pragma once

namespace mintmark::bench {

/// `argv[0]` is the command's name. The exit status: 1 where a decision costs more than it may
/// (docs/performance.md), or one was refused.
int gate(int argc, char** argv);

}  // namespace mintmark::bench
