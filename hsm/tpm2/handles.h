// Owners of what lives in the TPM for us.
#pragma once

#include <cstdint>

struct ESYS_CONTEXT;

namespace mintmark::hsm::tpm2 {

/// An ESYS_TR that is given back when dropped: a transient object or session is flushed from the
/// TPM, a reference to something persistent is only closed. Must not outlive its context.
class Handle {
 public:
  [[nodiscard]] static Handle transient(ESYS_CONTEXT* esys, std::uint32_t id) {
    return {esys, id, true};
  }
  [[nodiscard]] static Handle reference(ESYS_CONTEXT* esys, std::uint32_t id) {
    return {esys, id, false};
  }
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle();

  [[nodiscard]] std::uint32_t id() const { return id_; }

 private:
  Handle(ESYS_CONTEXT* esys, std::uint32_t id, bool transient)
      : esys_(esys), id_(id), transient_(transient) {}
  void give_back() noexcept;

  ESYS_CONTEXT* esys_;  ///< Null once moved from.
  std::uint32_t id_;
  bool transient_;
};

}  // namespace mintmark::hsm::tpm2
