// A TCP relay inside the test, between one client and a server on this machine: what networks do to
// connections, at the test's word.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "support/child_process.h"

namespace mintmark::test {

/// Listens on 127.0.0.1; passes octets until told otherwise. Thread-safe; a thread of its own.
/// Throws where it cannot listen.
class Relay {
 public:
  /// The server's port on 127.0.0.1.
  explicit Relay(std::uint16_t server);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// What waits goes on its way.
  void pass();
  /// Connections are reset, new ones too.
  void cut();
  /// Half-open: connections stay and new ones are taken; nothing passes, in neither direction, and
  /// nobody is told.
  void hold();
  /// What comes from now on passes so much later, in each direction.
  void slow(std::chrono::milliseconds delay);
  /// Open now, in pairs.
  [[nodiscard]] std::size_t connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What makes a program reach `server`'s port through this relay (connect_shim.cc). `preload`:
/// further libraries to be loaded in front of it, "" or separated by colons.
[[nodiscard]] Environment through(const Relay& relay, std::uint16_t server,
                                  const std::string& preload = "");

}  // namespace mintmark::test
