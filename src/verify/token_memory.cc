#include "verify/token_memory.h"

namespace mintmark::verify {
namespace {

// An RSA key of 4096 bits makes 1 KiB of it; a device could write anything there.
constexpr std::size_t longest_head = 2U << 10U;

}  // namespace

void TokenMemory::remember(const Sha256& token, const std::string& jkt, const ProofHead& head) {
  if (!head || head->text().size() > longest_head) return;
  tokens_.change(token, [&](Entry& known) { known.head = head; });
  heads_.put(sha256(jkt), head);
}

}  // namespace mintmark::verify
