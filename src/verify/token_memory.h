// Tokens whose signature was checked, so that it need not be checked at every call, and the keys of
// the devices that they are bound to.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "verify/access_token.h"
#include "verify/proof.h"
#include "verify/recent.h"

namespace mintmark::verify {

/// Tokens by SHA-256 of the whole token, proofs' headers by device. Only what the issuer signed
/// comes in, and headers of good proofs by keys that it named, so strangers fill it with nothing.
/// Whether an entry is still good is for who finds it to say: its key may not be published any
/// more, its time may be over. Thread-safe.
class TokenMemory {
 public:
  /// How many tokens at most, and how many devices; 0: none.
  explicit TokenMemory(std::size_t tokens) : tokens_(tokens), heads_(tokens) {}

  /// Immutable, shared with whoever found it.
  struct Entry {
    std::shared_ptr<const CheckedToken> token;
    ProofHead head;  ///< Of the last good proof that came with it, or with another token of its
                     ///< device; null: none is known.
  };
  /// Both null where it is not known.
  [[nodiscard]] Entry find(const Sha256& token) { return tokens_.find(token); }
  /// Takes the place of what was known of that token.
  void remember(const Sha256& token, Entry entry) { tokens_.put(token, std::move(entry)); }

  /// Of the last good proof by the key with this thumbprint; null: none is known.
  [[nodiscard]] ProofHead head_of(const std::string& jkt) { return heads_.find(sha256(jkt)); }
  /// With that token, where it is known, and with the next of its device. Nothing happens where the
  /// header is longer than anyone needs.
  void remember(const Sha256& token, const std::string& jkt, const ProofHead& head);

  /// How many tokens.
  [[nodiscard]] std::size_t size() const { return tokens_.size(); }

 private:
  Recent<Entry> tokens_;
  Recent<ProofHead> heads_;
};

}  // namespace mintmark::verify
