#include "http/server.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/system/system_error.hpp>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "http/listener.h"
#include "http/serving.h"

namespace mintmark::http {
namespace {

Result<void> prepare(int socket) {
  int listens = 0;
  socklen_t length = sizeof listens;
  if (getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0) {
    return fail(Code::listen_failed, "not a socket to accept on: " + errno_text(errno));
  }
  if (listens == 0) return fail(Code::listen_failed, "the socket does not listen");
  const int flags = fcntl(socket, F_GETFL);
  if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) < 0) {
    return fail(Code::listen_failed, errno_text(errno));
  }
  return {};
}

}  // namespace

struct Server::State {
  State(boost::asio::io_context& given, const ServerLimits& limits, Handler handler, Report report,
        Observe observe)
      : io(given),
        serving(std::make_shared<Serving>(given, limits, std::move(handler), std::move(report),
                                          std::move(observe))) {}

  void stop_listening() {
    const MutexLock lock(mutex);
    for (const auto& listener : listeners) listener->stop();
    listeners.clear();
  }

  boost::asio::io_context& io;
  std::shared_ptr<Serving> serving;
  Mutex mutex;
  std::vector<std::shared_ptr<Listener>> listeners MINTMARK_GUARDED_BY(mutex);
};

Server::Server(boost::asio::io_context& io, ServerLimits limits, Handler handler, Report report,
               Observe observe)
    : state_(std::make_shared<State>(io, limits, std::move(handler), std::move(report),
                                     std::move(observe))) {}

Server::~Server() {
  state_->stop_listening();
  state_->serving->abandon();
}

Result<void> Server::accept_on(UniqueFd listening, std::shared_ptr<const TlsServerContext> tls) {
  if (auto prepared = prepare(listening.get()); !prepared) return prepared;
  try {
    auto listener = std::make_shared<Listener>(state_->io, state_->serving, std::move(listening),
                                               std::move(tls));
    const MutexLock lock(state_->mutex);
    state_->listeners.push_back(listener);
    listener->start();
  } catch (const boost::system::system_error& error) {
    return fail(Code::listen_failed,
                std::string("the socket cannot be waited for: ") + error.what());
  }
  return {};
}

void Server::stop(std::function<void()> drained) {
  state_->stop_listening();
  state_->serving->stop(std::move(drained));
}

void Server::replace_tls(std::shared_ptr<const TlsServerContext> tls) {
  const MutexLock lock(state_->mutex);
  for (const auto& listener : state_->listeners) listener->replace_tls(tls);
}

std::size_t Server::open_connections() const { return state_->serving->open(); }

std::uint64_t Server::connections_that_gave_way() const { return state_->serving->gave_way(); }

std::uint64_t Server::failed_accepts() const { return state_->serving->failed_accepts(); }

std::uint64_t Server::connections_turned_away() const { return state_->serving->turned_away(); }

}  // namespace mintmark::http
