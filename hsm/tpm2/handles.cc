#include "hsm/tpm2/handles.h"

#include <utility>

#include "hsm/tpm2/esapi.h"

namespace mintmark::hsm::tpm2 {

Handle::Handle(Handle&& other) noexcept
    : esys_(std::exchange(other.esys_, nullptr)), id_(other.id_), transient_(other.transient_) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  esys_ = std::exchange(other.esys_, nullptr);
  id_ = other.id_;
  transient_ = other.transient_;
  return *this;
}

Handle::~Handle() { give_back(); }

void Handle::give_back() noexcept {
  if (esys_ == nullptr) return;
  // A failure here means that the connection is gone; a resource manager flushes for us then.
  if (transient_) {
    Esys_FlushContext(esys_, id_);
  } else {
    Esys_TR_Close(esys_, &id_);
  }
  esys_ = nullptr;
}

}  // namespace mintmark::hsm::tpm2
