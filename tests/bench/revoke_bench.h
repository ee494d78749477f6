#pragma once

namespace mintmark::bench {

/// "mint-bench revoke": how long after the answer to a revocation services still take the token,
/// with many of them and many revocations a second; and one that is cut off. argv[0] is "revoke".
/// Throws.
int revoke(int argc, char** argv);

}  // namespace mintmark::bench
