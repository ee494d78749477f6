// tss2's ESAPI with its memory owned. For this folder alone.
#pragma once

#include <tss2/tss2_esys.h>

#include <memory>

namespace mintmark::hsm::tpm2 {

struct EsysFree {
  void operator()(void* memory) const { Esys_Free(memory); }
};
/// What an Esys_ function allocated for its caller.
template <typename T>
using EsysOwned = std::unique_ptr<T, EsysFree>;

/// Takes an Esys_ function's out-parameter: `Esys_X(…, out(owned))`.
template <typename T>
class EsysOut {
 public:
  explicit EsysOut(EsysOwned<T>& owner) : owner_(owner) {}
  EsysOut(const EsysOut&) = delete;
  EsysOut& operator=(const EsysOut&) = delete;
  ~EsysOut() { owner_.reset(raw_); }
  operator T**() { return &raw_; }  // NOLINT(google-explicit-constructor): stands as an argument.

 private:
  EsysOwned<T>& owner_;
  T* raw_ = nullptr;
};
template <typename T>
[[nodiscard]] EsysOut<T> out(EsysOwned<T>& owner) {
  return EsysOut<T>(owner);
}

}  // namespace mintmark::hsm::tpm2
