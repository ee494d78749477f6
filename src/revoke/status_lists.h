// Token Status Lists (draft-ietf-oauth-status-list): which entry a token gets, and what the lists
// say now.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "verify/status_list.h"

namespace mintmark::revoke {

/// An entry of a status list.
struct StatusIndex {
  std::uint32_t list = 0;  ///< From 1; `uri` is ISSUER/status/LIST.
  std::uint32_t index = 0;
};

/// What an entry says, as verifiers read it. Nothing is suspended by us yet: lists of two bits have
/// room for it.
using Status = verify::ListedStatus;

/// A list as its token is made of: before the signature.
struct ListContent {
  std::uint32_t list = 0;
  unsigned bits = 1;
  std::vector<std::uint8_t> octets;  ///< §4.1; not compressed.
  std::uint64_t version = 0;  ///< Grows with each change of any of its entries, and each start.
};

/// The indexes of tokens and the statuses behind them. An index is never given twice, not even
/// after a crash: blocks are leased on disk before they are given from; and neighbours in time are
/// none in the list. Thread-safe; nothing here waits for the disk but `open` and the leasing
/// thread.
class StatusIndexes {
 public:
  virtual ~StatusIndexes() = default;
  /// For a token that ends at `until`. `status_index_unavailable`: no block is leased just now.
  [[nodiscard]] virtual Result<StatusIndex> next(Moment until) = 0;
  /// In memory: what is durable is the event that says so. An entry of a list that is over is let
  /// go. Where an entry has one bit, `suspended` is said as `invalid`.
  virtual void set(const std::vector<StatusIndex>& entries, Status status) = 0;
  /// Numbers of the lists that are wanted now: some token of theirs may be alive.
  [[nodiscard]] virtual std::vector<std::uint32_t> lists() const = 0;
  /// `status_list_unknown`.
  [[nodiscard]] virtual Result<ListContent> content(std::uint32_t list) const = 0;
  /// 0: no such list.
  [[nodiscard]] virtual std::uint64_t version(std::uint32_t list) const = 0;
  /// At start, for each token of the issuance log that is still alive.
  virtual void restore(const StatusIndex& entry, Moment until) = 0;
  /// Lists of which no token lives any more and none will.
  virtual void forget(Moment now) = 0;
};

struct StatusIndexOptions {
  unsigned bits = 1;                  ///< 1 or 2.
  std::uint32_t entries = 1U << 20U;  ///< Of a list; a power of two.
  std::uint32_t block = 1U << 12U;    ///< Leased at a time.
};

/// SQLite, a file of its own. Errors of open_device_store.
[[nodiscard]] Result<std::unique_ptr<StatusIndexes>> open_status_indexes(
    const std::string& path, const StatusIndexOptions& options, unsigned mode = 0600);

}  // namespace mintmark::revoke
