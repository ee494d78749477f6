// A process that may open no more.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"

namespace mintmark::http {

/// Lowers the process's limit of descriptors to what is in use, until destroyed.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd probe(dup(0));
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(probe.get());
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace mintmark::http
