#include "agent/transport.h"
#include "base/time.h"
#include "http/client.h"

namespace mintmark::agent {
namespace {

constexpr std::chrono::seconds patience{30};

class ClientTransport final : public Transport {
 public:
  explicit ClientTransport(const std::string& ca_file)
      : client_({.ca_file = ca_file, .unix_socket = ""}) {}

  Result<http::Response> send(const std::string& method, const std::string& url,
                              const http::Headers& headers, const std::string& body) override {
    return client_.send(method, url, headers, body, Deadline::in(patience));
  }

 private:
  http::Client client_;
};

}  // namespace

std::unique_ptr<Transport> open_transport(const std::string& ca_file) {
  return std::make_unique<ClientTransport>(ca_file);
}

}  // namespace mintmark::agent
