#include "stream_fixture.h"

#include <stdexcept>
#include <thread>

namespace mintmark::http {

Handler Streams::handler() {
  return [this](const Request& /*request*/, const Respond& respond) {
    Response response;
    response.headers.set("Content-Type", "text/plain");
    response.stream = [this](std::shared_ptr<BodyWriter> writer) {
      const std::lock_guard lock(mutex_);
      writers_.push_back(std::move(writer));
      came_.notify_all();
    };
    respond(std::move(response));
  };
}

std::shared_ptr<BodyWriter> Streams::next() {
  std::unique_lock lock(mutex_);
  if (!came_.wait_for(lock, longest, [&] { return !writers_.empty(); }))
    throw std::runtime_error("no stream began");
  auto writer = std::move(writers_.front());
  writers_.erase(writers_.begin());
  return writer;
}

bool Streams::none_began() {
  const std::lock_guard lock(mutex_);
  return writers_.empty();
}

BodyWriter::Written fill(BodyWriter& writer) {
  using Written = BodyWriter::Written;
  const auto block = part(std::string(32U << 10U, 'x'));
  Written written = Written::taken;
  const Deadline deadline = soon();
  // The connection empties its queue into the socket until that is full too.
  for (int full = 0; full < 50 && !deadline.passed();) {
    written = writer.write(block);
    if (written == Written::gone) return written;
    full = written == Written::full ? full + 1 : 0;
    if (full > 0) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return written;
}

}  // namespace mintmark::http
