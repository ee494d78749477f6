// What an issuer publishes, on a real TLS server of its own: any answer on any path.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "http/message.h"

namespace mintmark::test {

/// Serves on 127.0.0.1 until it ends. Thread-safe. Throws where it cannot listen.
class PublishedIssuer {
 public:
  PublishedIssuer();
  ~PublishedIssuer();
  PublishedIssuer(const PublishedIssuer&) = delete;
  PublishedIssuer& operator=(const PublishedIssuer&) = delete;

  /// "https://127.0.0.1:PORT"
  [[nodiscard]] const std::string& url() const;
  /// PEM of the CA that its certificate is by; and of another, which vouches for nothing here.
  [[nodiscard]] std::filesystem::path ca_file() const;
  [[nodiscard]] std::filesystem::path other_ca_file() const;

  void answer(const std::string& path, http::Response response);
  /// Asked for each request for the path, one at a time, on the server's thread.
  void answer(const std::string& path,
              std::function<http::Response(const http::Request&)> answering);
  /// 200 with Cache-Control, if it is not "".
  void answer(const std::string& path, const Json& body,
              const std::string& cache_control = "max-age=300");
  /// Metadata of this issuer, and the JWK set where they say.
  void publish(const Json& jwks);
  /// How often the path was asked for.
  [[nodiscard]] int asked(const std::string& path) const;
  /// The header fields of the last request for it.
  [[nodiscard]] http::Headers heard(const std::string& path) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mintmark::test
