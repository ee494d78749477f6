// Tokens whose signature was checked, so that it need not be checked at every call.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "verify/access_token.h"
#include "verify/proof.h"

namespace mintmark::verify {

/// Bounded, by SHA-256 of the whole token; the one that was asked for least lately gives way. Only
/// what the issuer signed comes in, so strangers fill it with nothing. Whether an entry is still
/// good is for who finds it to say: its key may not be published any more, its time may be over.
/// Thread-safe: shards, each with its own lock.
class TokenMemory {
 public:
  /// How many tokens at most; 0: none.
  explicit TokenMemory(std::size_t tokens);
  ~TokenMemory();
  TokenMemory(const TokenMemory&) = delete;
  TokenMemory& operator=(const TokenMemory&) = delete;

  /// Immutable, shared with whoever found it.
  struct Entry {
    std::shared_ptr<const CheckedToken> token;
    ProofHead head;  ///< Of the last good proof that came with it; null before the first.
  };
  /// Both null where it is not known.
  [[nodiscard]] Entry find(const Sha256& token);
  /// Takes the place of what was known of that token.
  void remember(const Sha256& token, std::shared_ptr<const CheckedToken> checked);
  /// Nothing happens where the token is not known, or the header longer than anyone needs.
  void remember(const Sha256& token, ProofHead head);

  [[nodiscard]] std::size_t size() const;

 private:
  struct Shard;
  [[nodiscard]] Shard* shard_of(const Sha256& token) const;

  std::size_t count_;  // Of shards.
  std::size_t tokens_a_shard_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace mintmark::verify
