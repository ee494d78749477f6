#include "support/published_issuer.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "http/server.h"
#include "support/temporary_directory.h"
#include "support/test_tls.h"

namespace mintmark::test {
namespace {

constexpr const char* metadata_path = "/.well-known/oauth-authorization-server";
constexpr const char* jwks_path = "/.well-known/jwks.json";

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  return std::move(*result);
}

}  // namespace

struct PublishedIssuer::State {
  State() : work(io.get_executor()) {
    ca_file = directory.write("ca.pem", ca.certificate_pem());
    other_ca_file = directory.write("other-ca.pem", TestCa("Another CA").certificate_pem());
    const TestCertificate own = ca.issue();
    auto tls = must(http::TlsServerContext::from_pem(own.certificate_pem, own.key_pem));
    server.emplace(io, http::ServerLimits{},
                   [this](const http::Request& request, const http::Respond& respond) {
                     respond(response_to(request));
                   });
    UniqueFd listening = must(http::listen_tcp("127.0.0.1", 0));
    url = "https://127.0.0.1:" + std::to_string(http::port_of(listening));
    if (!server->accept_on(std::move(listening), std::move(tls)))
      throw std::runtime_error("no server");
    thread = std::thread([this] { io.run(); });
  }

  ~State() {
    server.reset();
    work.reset();
    thread.join();
  }

  http::Response response_to(const http::Request& request) {
    const std::lock_guard lock(mutex);
    ++counts[request.path];
    headers[request.path] = request.headers;
    const auto found = answers.find(request.path);
    return found != answers.end() ? found->second(request) : http::json_response(404, "{}");
  }

  TemporaryDirectory directory;
  TestCa ca;
  std::filesystem::path ca_file;
  std::filesystem::path other_ca_file;
  std::string url;
  std::mutex mutex;
  std::map<std::string, std::function<http::Response(const http::Request&)>> answers;
  std::map<std::string, int> counts;
  std::map<std::string, http::Headers> headers;
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::optional<http::Server> server;
  std::thread thread;
};

PublishedIssuer::PublishedIssuer() : state_(std::make_unique<State>()) {}
PublishedIssuer::~PublishedIssuer() = default;

const std::string& PublishedIssuer::url() const { return state_->url; }
std::filesystem::path PublishedIssuer::ca_file() const { return state_->ca_file; }
std::filesystem::path PublishedIssuer::other_ca_file() const { return state_->other_ca_file; }

void PublishedIssuer::answer(const std::string& path, http::Response response) {
  answer(path, [response = std::move(response)](const http::Request&) { return response; });
}

void PublishedIssuer::answer(const std::string& path,
                             std::function<http::Response(const http::Request&)> answering) {
  const std::lock_guard lock(state_->mutex);
  state_->answers[path] = std::move(answering);
}

void PublishedIssuer::answer(const std::string& path, const Json& body,
                             const std::string& cache_control) {
  http::Response response = http::json_response(200, body.dump());
  if (!cache_control.empty()) response.headers.set("Cache-Control", cache_control);
  answer(path, std::move(response));
}

void PublishedIssuer::publish(const Json& jwks) {
  answer(metadata_path, Json{{"issuer", url()}, {"jwks_uri", url() + jwks_path}});
  answer(jwks_path, jwks);
}

int PublishedIssuer::asked(const std::string& path) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->counts.find(path);
  return found == state_->counts.end() ? 0 : found->second;
}

http::Headers PublishedIssuer::heard(const std::string& path) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->headers.find(path);
  return found == state_->headers.end() ? http::Headers() : found->second;
}

}  // namespace mintmark::test
