// One stream in memory. Of streams.cc and streams_delivery.cc alone.
#pragma once

#include <mutex>
#include <string>

#include "revoke/signals/streams.h"

namespace mintmark::revoke::signals {

/// `mutex` before Streams::mutex_, never the other way.
struct Streams::Entry {
  std::string id;
  std::string service;
  mutable std::mutex mutex;
  StreamSettings settings;
  StreamState state;
  bool gone = false;
};

}  // namespace mintmark::revoke::signals
