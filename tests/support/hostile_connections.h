// Connections that somebody opens to keep the server busy, and nothing else.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace mintmark::test {

enum class Manner : std::uint8_t {
  idle,       ///< The handshake is done, nothing is asked.
  half_open,  ///< A few octets of a ClientHello.
  slow_head,  ///< A request's head, one octet a second.
  slow_body,  ///< Its body, likewise.
};

/// So many of them, held by one thread (nice 10) until destroyed; those that the server closes are
/// opened again, some hundred a second at most. Throws where the first cannot be opened.
class HostileConnections {
 public:
  /// To 127.0.0.1, or rather "localhost", by the CA's word.
  HostileConnections(Manner manner, std::uint16_t port, const std::string& ca_file,
                     std::size_t count);
  ~HostileConnections();
  HostileConnections(const HostileConnections&) = delete;
  HostileConnections& operator=(const HostileConnections&) = delete;

  /// Until each was opened once.
  void await() const;
  /// How often the server closed one.
  [[nodiscard]] std::size_t closed() const { return closed_; }

 private:
  struct Connection;
  void work(const std::stop_token& stop);
  [[nodiscard]] std::unique_ptr<Connection> open() const;
  [[nodiscard]] static bool is_closed(const Connection& connection);
  void drip(Connection& connection) const;

  const Manner manner_;
  const std::uint16_t port_;
  const std::string ca_file_;
  const std::size_t count_;
  std::vector<std::unique_ptr<Connection>> all_;
  std::atomic<std::size_t> opened_{0};
  std::atomic<std::size_t> closed_{0};
  std::jthread thread_;
};

/// The calling thread stands behind all others: what it plays would be another machine.
void stand_back();

}  // namespace mintmark::test
