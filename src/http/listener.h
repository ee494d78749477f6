// Accepts connections on one listening socket.
#pragma once

#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <memory>

#include "base/atomic_shared.h"
#include "http/serving.h"
#include "http/session.h"

namespace mintmark::http {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(boost::asio::io_context& io, std::shared_ptr<Serving> serving, UniqueFd listening,
           std::shared_ptr<const TlsServerContext> tls);

  void start();
  /// From any thread.
  void stop();
  /// From any thread; does nothing where there is no TLS.
  void replace_tls(std::shared_ptr<const TlsServerContext> tls);

 private:
  using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;

  void wait();
  void accept_some();
  void welcome(UniqueFd socket, const sockaddr_storage& address);
  void admit(UniqueFd socket, Session::Peer peer);
  void wait_for_descriptors(int number);

  boost::asio::io_context& io_;
  Strand strand_;
  std::shared_ptr<Serving> serving_;
  boost::asio::posix::basic_stream_descriptor<Strand> listening_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                    boost::asio::wait_traits<std::chrono::steady_clock>, Strand>
      pause_;
  const bool has_tls_;
  AtomicShared<const TlsServerContext> tls_;
};

}  // namespace mintmark::http
