// Memory for secrets: locked, left out of core dumps, wiped.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace mintmark {

/// Octets that never reach swap (see locked()) or a core dump and are wiped when dropped. Moves,
/// never copies. `view()` is the one way to the content, so that every exposure can be found with
/// grep.
class Secret {
 public:
  Secret() = default;
  explicit Secret(BytesView content);
  explicit Secret(std::string_view content) : Secret(as_bytes(content)) {}
  /// Takes the content and wipes where it came from.
  static Secret take(Bytes& content);
  static Secret take(std::string& content);

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] BytesView view() const { return {data_, size_}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// False where RLIMIT_MEMLOCK (or the machine) does not let it be: then it may reach swap, and is
  /// left out of core dumps and wiped all the same.
  [[nodiscard]] bool locked() const { return locked_; }

 private:
  void wipe() noexcept;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  bool locked_ = false;
};

/// Overwrites in a way the compiler may not leave out.
void wipe(std::span<std::uint8_t> bytes);
void wipe(std::string& text);

}  // namespace mintmark
