// A word from another thread that a call is to end.
#pragma once

#include "base/file.h"

namespace mintmark::http {

/// Thread-safe; must outlive the calls that it is given to.
class Interruption {
 public:
  Interruption();
  /// Once and for all: calls under way end, and those to come end at once.
  void raise() const;
  [[nodiscard]] bool raised() const;
  /// Readable once it was raised, for poll(2).
  [[nodiscard]] int descriptor() const { return event_.get(); }

 private:
  UniqueFd event_;
};

}  // namespace mintmark::http
