// A PIN as libp11 takes it.
#pragma once

#include "base/error.h"
#include "base/secret.h"

namespace mintmark::hsm::libp11 {

/// A copy with a NUL behind it, in locked memory as well. (libp11 keeps one more of a login, which
/// it wipes.)
class TerminatedPin {
 public:
  explicit TerminatedPin(const Secret& pin) : octets_(with_nul(pin)) {}
  [[nodiscard]] const char* c_str() const {
    return reinterpret_cast<const char*>(octets_.view().data());
  }

 private:
  static Secret with_nul(const Secret& pin) {
    Bytes octets;
    octets.reserve(pin.view().size() + 1);
    octets.assign(pin.view().begin(), pin.view().end());
    octets.push_back(0);
    return Secret::take(octets);
  }
  Secret octets_;
};

/// `pin_entry_failed` where a PIN is empty or has a NUL in it: what libp11 would cut off.
[[nodiscard]] inline Result<void> require_fit(const Secret& pin, const char* whose) {
  if (pin.empty()) return fail(Code::pin_entry_failed, std::string(whose) + " is empty");
  if (as_text(pin.view()).find('\0') != std::string_view::npos) {
    return fail(Code::pin_entry_failed,
                std::string(whose) + " has a NUL in it; choose one of printable characters");
  }
  return {};
}

}  // namespace mintmark::hsm::libp11
