// The event log on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/time.h"
#include "store/sqlite.h"

namespace mintmark::revoke {

struct EventRow {
  std::uint64_t seq = 0;
  Moment at;
  Moment until;
  std::string text;
};

/// Errors of store::Database. One thread writes, any may read.
class EventRows {
 public:
  /// Where the log stands on disk.
  struct State {
    std::string log;
    std::uint64_t seq = 0;
    Sha256 head{};
    std::uint64_t forgotten = 0;  ///< The highest number that is not kept any more; 0: all are.
  };

  /// Makes the log where the file is new, with a random name.
  [[nodiscard]] static Result<EventRows> open(const std::string& path, unsigned mode);

  [[nodiscard]] Result<State> state();
  /// In their order.
  [[nodiscard]] Result<void> each(const std::function<Result<void>(const std::string&)>& one);
  [[nodiscard]] Result<std::vector<EventRow>> after(std::uint64_t seq, std::size_t most);

  /// All or none, on disk when this returns; `head` is that after the last.
  [[nodiscard]] Result<void> append(const std::vector<EventRow>& rows, const Sha256& head);
  /// Forgets at most `most` of those that are over; the highest number among them, 0: there were
  /// none.
  [[nodiscard]] Result<std::uint64_t> forget(Moment until_before, Moment at_before,
                                             std::size_t most);

 private:
  EventRows(store::Database writer, store::Database reader)
      : writer_(std::move(writer)),
        reading_(std::make_unique<Mutex>()),
        reader_(std::move(reader)) {}
  [[nodiscard]] Result<void> make_log();

  store::Database writer_;
  std::unique_ptr<Mutex> reading_;
  store::Database reader_ MINTMARK_GUARDED_BY(*reading_);
};

}  // namespace mintmark::revoke
