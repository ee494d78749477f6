// Answers that go on, and who writes them.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "http_fixture.h"

namespace mintmark::http {

/// Longer than anything here takes.
inline constexpr std::chrono::seconds longest{5};

inline Deadline soon() { return Deadline::in(longest); }

inline std::shared_ptr<const std::string> part(const std::string& text) {
  return std::make_shared<const std::string>(text);
}

/// Answers each request with one that goes on, and keeps its writer.
class Streams {
 public:
  [[nodiscard]] Handler handler();
  /// The next one; throws where none comes.
  [[nodiscard]] std::shared_ptr<BodyWriter> next();
  [[nodiscard]] bool none_began();

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::shared_ptr<BodyWriter>> writers_;
};

/// A server whose answers go on.
struct StreamServer {
  explicit StreamServer(const ServerLimits& limits = {}) : server(streams.handler(), limits) {}
  Streams streams;
  TestServer server;
};

/// Writes until no more is taken: what the sockets hold is the kernel's affair.
BodyWriter::Written fill(BodyWriter& writer);

}  // namespace mintmark::http
