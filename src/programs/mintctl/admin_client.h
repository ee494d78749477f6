// mintctl's side of mintd's admin socket.
#pragma once

#include <chrono>
#include <string>

#include "base/json.h"
#include "http/client.h"

namespace mintmark::programs {

class AdminClient {
 public:
  explicit AdminClient(const std::string& socket);

  static constexpr std::chrono::seconds usual_patience{10};

  /// The answer's object; an error is mintd's own (its code and description), or of the way there.
  [[nodiscard]] Result<Json> get(const std::string& path);
  /// Of what is answered in parts ({"parts", "content"}, docs/http-api.md): the whole.
  /// `http_malformed` if it changed between two parts.
  [[nodiscard]] Result<Json> get_whole(const std::string& path);
  [[nodiscard]] Result<Json> post(const std::string& path, const Json& body,
                                  std::chrono::seconds patience = usual_patience);

 private:
  [[nodiscard]] Result<std::string> get_parts(const std::string& path);
  [[nodiscard]] Result<Json> send(const std::string& method, const std::string& path,
                                  const http::Headers& headers, const std::string& body,
                                  std::chrono::seconds patience);

  http::Client client_;
};

}  // namespace mintmark::programs
