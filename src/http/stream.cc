#include "http/stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/file.h"
#include "http/tls_errors.h"

namespace mintmark::http {
namespace {

// OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE on a closed connection; a
// library must not change how its process treats signals, so this one sends with MSG_NOSIGNAL.
int bio_socket(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int bio_write(BIO* bio, const char* octets, int count) {
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(bio_socket(bio), octets, static_cast<std::size_t>(count), MSG_NOSIGNAL);
  if (sent < 0 && would_block()) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* into, int count) {
  BIO_clear_retry_flags(bio);
  const auto received = ::recv(bio_socket(bio), into, static_cast<std::size_t>(count), 0);
  if (received < 0 && would_block()) BIO_set_retry_read(bio);
  if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(received);
}

long bio_control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

BIO_METHOD* make_method() {
  BIO_METHOD* method =
      BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "socket");
  BIO_meth_set_write(method, bio_write);
  BIO_meth_set_read(method, bio_read);
  BIO_meth_set_ctrl(method, bio_control);
  return method;
}

BIO* new_socket_bio(int socket) {
  static BIO_METHOD* const method = make_method();
  BIO* bio = BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  return bio;
}

int bounded(std::size_t size) {
  return static_cast<int>(
      std::min(size, static_cast<std::size_t>(std::numeric_limits<int>::max())));
}

}  // namespace

Stream::Stream(int socket, Ssl ssl) : socket_(socket), ssl_(std::move(ssl)) {
  if (ssl_ == nullptr) return;
  BIO* bio = new_socket_bio(socket);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

Step Stream::handshake() {
  if (ssl_ == nullptr) return {Progress::done, 0};
  ERR_clear_error();
  return judge(SSL_do_handshake(ssl_.get()));
}

Step Stream::read(std::span<char> into) {
  if (ssl_ == nullptr) return judge_plain(::recv(socket_, into.data(), into.size(), 0));
  ERR_clear_error();
  return judge(SSL_read(ssl_.get(), into.data(), bounded(into.size())));
}

Step Stream::write(std::string_view octets) {
  if (ssl_ == nullptr) {
    const auto sent = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
    const Step step = judge_plain(sent);
    return step.progress == Progress::wants_read ? Step{Progress::wants_write, 0} : step;
  }
  ERR_clear_error();
  return judge(SSL_write(ssl_.get(), octets.data(), bounded(octets.size())));
}

void Stream::end_writing() {
  if (ended_) return;
  ended_ = true;
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_.get()) != 0 && trouble_.detail.empty()) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ::shutdown(socket_, SHUT_WR);
}

Step Stream::discard() {
  std::array<char, 16384> dropped;  // NOLINT(cppcoreguidelines-pro-type-member-init): never read
  return judge_plain(::recv(socket_, dropped.data(), dropped.size(), 0));
}

bool Stream::has_buffered() const { return ssl_ != nullptr && SSL_has_pending(ssl_.get()) != 0; }

std::shared_ptr<const Bytes> Stream::peer_certificate() const {
  X509* certificate = ssl_ == nullptr ? nullptr : SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return nullptr;
  std::uint8_t* encoded = nullptr;
  const int size = i2d_X509(certificate, &encoded);
  if (size <= 0) return nullptr;
  auto der = std::make_shared<const Bytes>(encoded, encoded + size);
  OPENSSL_free(encoded);
  return der;
}

Step Stream::judge(int result) {
  if (result > 0) return {Progress::done, static_cast<std::size_t>(result)};
  const int number = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Progress::wants_read, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Progress::wants_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Progress::ended, 0};
    case SSL_ERROR_SYSCALL:
      trouble_ = Error{Code::connect_failed, "the connection broke: " + errno_text(number), 0};
      return {Progress::failed, 0};
    default:
      // Octets left out by whoever cut the connection are no fault of TLS, but they may be missing:
      // never an orderly end.
      trouble_ = SSL_is_init_finished(ssl_.get()) != 0 &&
                         ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                     ? Error{Code::connect_failed, "the connection was cut", 0}
                     : tls_error(ssl_.get());
      return {Progress::failed, 0};
  }
}

Step Stream::judge_plain(std::ptrdiff_t result) {
  if (result > 0) return {Progress::done, static_cast<std::size_t>(result)};
  if (result == 0) return {Progress::ended, 0};
  if (would_block()) return {Progress::wants_read, 0};
  trouble_ = Error{Code::connect_failed, "the connection broke: " + errno_text(errno), 0};
  return {Progress::failed, 0};
}

}  // namespace mintmark::http
