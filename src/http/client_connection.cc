#include "http/client_connection.h"

#include <poll.h>

#include <array>

#include "http/dial.h"

namespace mintmark::http {

template <typename Attempt>
Result<Step> ClientConnection::repeat(Attempt attempt, Deadline deadline) {
  for (;;) {
    const Step step = attempt();
    if (step.progress == Progress::done || step.progress == Progress::ended) return step;
    if (step.progress == Progress::failed) return tl::unexpected<Error>(stream_.trouble());
    const short events = step.progress == Progress::wants_read ? POLLIN : POLLOUT;
    auto ready = wait_for(socket_.get(), events, deadline, interruption_);
    if (!ready) return pass_on(ready);
  }
}

Result<std::unique_ptr<ClientConnection>> ClientConnection::open(UniqueFd socket, Ssl ssl,
                                                                 Deadline deadline,
                                                                 const Interruption* interruption) {
  std::unique_ptr<ClientConnection> connection(
      new ClientConnection(std::move(socket), std::move(ssl), interruption));
  auto shaken = connection->repeat([&] { return connection->stream_.handshake(); }, deadline);
  if (!shaken) return pass_on(shaken);
  if (shaken->progress == Progress::ended) {
    return fail(Code::tls_failed, "the server closed in the TLS handshake");
  }
  return connection;
}

Result<std::size_t> ClientConnection::read(std::span<char> into, Deadline deadline) {
  auto step = repeat([&] { return stream_.read(into); }, deadline);
  if (!step) return pass_on(step);
  return step->octets;
}

Result<void> ClientConnection::write(std::string_view octets, Deadline deadline) {
  while (!octets.empty()) {
    auto step = repeat([&] { return stream_.write(octets); }, deadline);
    if (!step) return pass_on(step);
    if (step->progress == Progress::ended) {
      return fail(Code::connect_failed, "the server closed while the request was sent");
    }
    octets.remove_prefix(step->octets);
  }
  return {};
}

bool ClientConnection::is_stale() {
  std::array<char, 1> unasked{};
  return stream_.read(unasked).progress != Progress::wants_read;
}

}  // namespace mintmark::http
