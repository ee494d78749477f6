// One connection of a client: a stream waited for with poll, always within a deadline.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/time.h"
#include "http/interruption.h"
#include "http/stream.h"

namespace mintmark::http {

class ClientConnection {
 public:
  /// Over a connected, non-blocking socket; `ssl` null: plain. Completes the handshake:
  /// `tls_failed`, `deadline_passed`. Once `interruption` (nullptr: none) was raised, whatever
  /// waits fails.
  [[nodiscard]] static Result<std::unique_ptr<ClientConnection>> open(
      UniqueFd socket, Ssl ssl, Deadline deadline, const Interruption* interruption = nullptr);

  /// How many octets came; 0: the server ended the stream in order.
  [[nodiscard]] Result<std::size_t> read(std::span<char> into, Deadline deadline);
  [[nodiscard]] Result<void> write(std::string_view octets, Deadline deadline);
  /// Closed by the server, or something came that nobody asked for.
  [[nodiscard]] bool is_stale();

 private:
  ClientConnection(UniqueFd socket, Ssl ssl, const Interruption* interruption)
      : socket_(std::move(socket)),
        stream_(socket_.get(), std::move(ssl)),
        interruption_(interruption) {}
  /// Repeats `attempt`, a Stream operation, until it does not want to wait.
  template <typename Attempt>
  [[nodiscard]] Result<Step> repeat(Attempt attempt, Deadline deadline);

  UniqueFd socket_;
  Stream stream_;
  const Interruption* interruption_;
};

}  // namespace mintmark::http
