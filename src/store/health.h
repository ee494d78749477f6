// How the database files of this process are doing: what kept the last call from its file, until
// one was written again. For /readyz, figures and the log; and for those who need not ask a disk in
// vain.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"

namespace mintmark::store {

/// What keeps a file from being read or written, whatever the statement.
enum class Hindrance : std::uint8_t {
  full,         ///< No space left on the device, or of the quota.
  read_only,    ///< The file system or the file is, or this user may not write it.
  busy,         ///< Another process has held its write lock for longer than is waited.
  descriptors,  ///< This process or the machine has no file descriptor left.
  memory,
  io,  ///< Whatever else the operating system refuses.
  damaged,
};
inline constexpr std::size_t hindrances = 7;

[[nodiscard]] std::string_view name_of(Hindrance hindrance);  ///< "full", "read_only", …
/// What an operator does about it, one sentence.
[[nodiscard]] std::string_view advice_on(Hindrance hindrance);
/// `store_full`, `store_read_only`, `store_busy`, `out_of_memory`, `store_failed`.
[[nodiscard]] Code code_of(Hindrance hindrance);

struct Trouble {
  Hindrance hindrance = Hindrance::io;
  Error error;  ///< Of the last call that failed; the detail begins with the path.
};

/// One file, however many connections this process has to it. Thread-safe.
class Health {
 public:
  struct Look {
    std::string path;
    std::optional<Trouble> trouble;  ///< From a call that failed until one that wrote.
    std::array<std::uint64_t, hindrances> failures{};  ///< Since it was opened first.
  };

  /// The one of that path, for as long as somebody holds it.
  [[nodiscard]] static std::shared_ptr<Health> of(const std::string& path);
  /// nullptr where nobody has that file open.
  [[nodiscard]] static std::shared_ptr<Health> find(const std::string& path);
  /// Of all files that are open, by path.
  [[nodiscard]] static std::vector<Look> of_all();

  explicit Health(std::string path) : path_(std::move(path)) {}

  void failed(Hindrance hindrance, const Error& error);
  /// What is damaged stays so, whatever else can be written: only one that is opened anew is judged
  /// anew.
  void written();
  [[nodiscard]] Look look() const;
  /// The trouble's error. A file that is in trouble is tried by probe() alone until it is well.
  [[nodiscard]] Result<void> check() const;

 private:
  const std::string path_;
  mutable Mutex mutex_;
  std::optional<Trouble> trouble_;
  std::array<std::uint64_t, hindrances> failures_{};
};

/// What a disk that was full must have before it counts as one with room: while it has less, the
/// write-ahead log still takes what it has had room for before.
inline constexpr std::uint64_t room_to_go_on = 1U << 20U;

/// Writes to a file that is there what stands in it already, flushed, by a connection of its own:
/// whether its trouble, which was `after`, is over. Waits 100 ms at most for another process.
/// Errors of Database; `store_full` where `after` was `full` and the disk has less than `room`
/// octets; `store_failed` after `damaged`, whatever can be written.
[[nodiscard]] Result<void> probe(const std::string& path, Hindrance after = Hindrance::io,
                                 std::uint64_t room = room_to_go_on);

}  // namespace mintmark::store
