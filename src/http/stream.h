// Octets over a connected socket that never blocks, with TLS or without; server and client wait in
// their own ways.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "http/tls.h"

namespace mintmark::http {

/// How far one step came.
enum class Progress {
  done,         ///< Octets moved, or the handshake is complete.
  wants_read,   ///< Try again when the socket can be read.
  wants_write,  ///< Try again when the socket can be written.
  ended,        ///< The other side has ended the stream in order (TLS: close_notify; else: FIN).
  failed,       ///< Broken; `trouble()` says how.
};

struct Step {
  Progress progress = Progress::failed;
  std::size_t octets = 0;
};

/// Does not own the socket, which must be non-blocking and outlive it. Never raises SIGPIPE. One
/// thread at a time.
class Stream {
 public:
  /// Plain, or with `ssl` over TLS on the side that it was set up for.
  explicit Stream(int socket, Ssl ssl = nullptr);
  ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] Step handshake();
  [[nodiscard]] Step read(std::span<char> into);
  [[nodiscard]] Step write(std::string_view octets);
  /// Says that nothing more will be written (TLS: close_notify; then FIN). Once, without waiting
  /// for the other side.
  void end_writing();
  /// Reads octets only to drop them, below TLS: for the time between the end of writing and the
  /// close.
  [[nodiscard]] Step discard();
  /// Octets may be read without the socket becoming readable.
  [[nodiscard]] bool has_buffered() const;

  /// DER of the certificate that the other side showed; null where it showed none, or without TLS.
  /// After the handshake.
  [[nodiscard]] std::shared_ptr<const Bytes> peer_certificate() const;

  /// What broke, for logs and errors.
  [[nodiscard]] const Error& trouble() const { return trouble_; }

 private:
  [[nodiscard]] Step judge(int result);
  [[nodiscard]] Step judge_plain(std::ptrdiff_t result);

  int socket_;
  Ssl ssl_;
  bool ended_ = false;
  Error trouble_;
};

}  // namespace mintmark::http
