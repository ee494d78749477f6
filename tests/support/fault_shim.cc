// Loaded in front of a program (LD_PRELOAD): a wall clock that is set, memory that is not to be
// had, files that are not written. MINTMARK_FAULTS names a directory that holds a FaultPage for
// each program, by its name; without one nothing is played.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "support/fault_page.h"

extern "C" {
// glibc's own, under the names that it keeps for those who stand in front of it.
void* __libc_malloc(size_t size);                // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(size_t count, size_t size);  // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* old, size_t size);    // NOLINT(bugprone-reserved-identifier)
}

namespace {

using mintmark::test::FaultPage;

const volatile FaultPage* page = nullptr;

__attribute__((constructor)) void open_page() {
  const char* directory = std::getenv("MINTMARK_FAULTS");
  if (directory == nullptr) return;
  char path[512];
  (void)std::snprintf(path, sizeof path, "%s/%s", directory, program_invocation_short_name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* memory = mmap(nullptr, sizeof(FaultPage), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (memory != MAP_FAILED) page = static_cast<const volatile FaultPage*>(memory);
}

bool is_refused(size_t size) {
  if (page == nullptr || page->refuse_from == 0 || size < page->refuse_from) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

#define VISIBLE extern "C" __attribute__((visibility("default")))

VISIBLE void* malloc(size_t size) noexcept {
  return is_refused(size) ? nullptr : __libc_malloc(size);
}
VISIBLE void* calloc(size_t count, size_t size) noexcept {
  return is_refused(count * size) ? nullptr : __libc_calloc(count, size);
}
VISIBLE void* realloc(void* old, size_t size) noexcept {
  return is_refused(size) ? nullptr : __libc_realloc(old, size);
}

VISIBLE ssize_t pwrite64(int file, const void* octets, size_t count, off64_t at) {
  if (page == nullptr || !page->read_only) return syscall(SYS_pwrite64, file, octets, count, at);
  errno = EROFS;
  return -1;
}

VISIBLE int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const auto outcome = static_cast<int>(syscall(SYS_clock_gettime, clock, now));
  const bool of_the_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (page != nullptr && of_the_wall) now->tv_sec += page->clock_seconds;
  return outcome;
}
VISIBLE time_t time(time_t* seconds) noexcept {
  timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  if (seconds != nullptr) *seconds = now.tv_sec;
  return now.tv_sec;
}
