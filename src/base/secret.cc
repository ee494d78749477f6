#include "base/secret.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <utility>

namespace mintmark {
namespace {

constexpr std::size_t page = 4096;

std::size_t rounded(std::size_t size) { return (size + page - 1) / page * page; }

}  // namespace

void wipe(std::span<std::uint8_t> bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

Secret::Secret(BytesView content) : size_(content.size()) {
  if (size_ == 0) return;
  void* pages =
      mmap(nullptr, rounded(size_), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::uint8_t*>(pages);
  // The address sanitizer has an mlock() of its own, which does nothing and succeeds.
  locked_ = syscall(SYS_mlock, data_, rounded(size_)) == 0;
  (void)madvise(data_, rounded(size_), MADV_DONTDUMP);
  std::memcpy(data_, content.data(), size_);
}

Secret Secret::take(Bytes& content) {
  Secret secret{BytesView(content)};
  mintmark::wipe(content);
  content.clear();
  return secret;
}

Secret Secret::take(std::string& content) {
  Secret secret{as_bytes(content)};
  mintmark::wipe(content);
  return secret;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      locked_(std::exchange(other.locked_, false)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    locked_ = std::exchange(other.locked_, false);
  }
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() noexcept {
  if (data_ == nullptr) return;
  OPENSSL_cleanse(data_, size_);
  munmap(data_, rounded(size_));
  data_ = nullptr;
  size_ = 0;
  locked_ = false;
}

}  // namespace mintmark
