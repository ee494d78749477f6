#include "http/body_queue.h"

#include <array>
#include <cstdio>
#include <utility>

namespace mintmark::http {
namespace {

void append_chunk_head(std::string& out, std::size_t octets) {
  std::array<char, 24> head{};
  const int length = std::snprintf(head.data(), head.size(), "%zx\r\n", octets);
  out.append(head.data(), static_cast<std::size_t>(length));
}

}  // namespace

bool BodyQueue::has_news() { return !std::exchange(woken_, true); }

BodyWriter::Written BodyQueue::write(std::shared_ptr<const std::string> part) {
  {
    const MutexLock lock(mutex_);
    if (gone_ || all_written_) return BodyWriter::Written::gone;
    if (!part || part->empty()) return BodyWriter::Written::taken;
    if (part->size() > shape_.limit - octets_) return BodyWriter::Written::full;
    octets_ += part->size();
    waiting_.push_back(std::move(part));
    if (!has_news()) return BodyWriter::Written::taken;
  }
  wake_();
  return BodyWriter::Written::taken;
}

void BodyQueue::end() {
  {
    const MutexLock lock(mutex_);
    if (gone_ || std::exchange(all_written_, true) || !has_news()) return;
  }
  wake_();
}

bool BodyQueue::take(std::string& out) {
  out.clear();
  const MutexLock lock(mutex_);
  octets_ -= std::exchange(sending_, 0);
  woken_ = false;
  if (all_taken_ || (waiting_.empty() && !all_written_)) return false;
  woken_ = true;
  sending_ = octets_;
  if (shape_.chunked && octets_ > 0) append_chunk_head(out, octets_);
  for (const auto& part : waiting_) out += *part;
  if (shape_.chunked && octets_ > 0) out += "\r\n";
  waiting_.clear();
  all_taken_ = all_written_;
  if (shape_.chunked && all_written_) out += "0\r\n\r\n";
  return true;
}

bool BodyQueue::ended() const {
  const MutexLock lock(mutex_);
  return all_taken_;
}

bool BodyQueue::close() {
  const MutexLock lock(mutex_);
  waiting_.clear();
  return !std::exchange(gone_, true);
}

}  // namespace mintmark::http
