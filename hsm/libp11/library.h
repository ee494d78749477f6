// A PKCS#11 module behind libp11: its tokens, how they are initialised, their PINs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/secret.h"
#include "hsm/pkcs11/uri.h"

struct PKCS11_ctx_st;
struct PKCS11_slot_st;

namespace mintmark::hsm::libp11 {

/// The token's word on one of its PINs (C_GetTokenInfo).
struct PinState {
  bool count_low = false;  ///< A wrong try was made since the last right one.
  bool final_try = false;  ///< One more wrong try locks it.
  bool locked = false;
  bool to_be_changed = false;
};

struct TokenStatus {
  std::string slot;          ///< The slot's description.
  bool present = false;      ///< Without a token all below is empty.
  pkcs11::TokenFacts facts;  ///< slot_id also where there is no token.
  bool initialised = false;
  bool user_pin_set = false;
  bool login_required = false;
  bool pin_pad = false;  ///< PINs are typed at the device itself.
  bool read_only = false;
  PinState user;
  PinState so;
};

/// C_Initialize at birth, C_Finalize at the end; nothing else may use the module in this process.
/// One thread. Blocks as long as the module does.
class Library {
 public:
  /// `hsm_module_unusable` with the loader's reason.
  [[nodiscard]] static Result<std::unique_ptr<Library>> load(const std::string& path);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Every slot, as it was when the module was loaded.
  [[nodiscard]] std::vector<TokenStatus> slots() const;
  /// Among initialised tokens, as TokenSelector::choose.
  [[nodiscard]] Result<TokenStatus> choose(const pkcs11::TokenSelector& token) const;

  /// Initialises the token in that slot and sets its user PIN: all that was in it is gone. `label`
  /// has 1 to 32 octets. `so_pin` becomes the SO PIN of a fresh token and must be that of an old
  /// one. An error of the second step says that the first one was done.
  [[nodiscard]] Result<void> initialise(const TokenStatus& token, const std::string& label,
                                        const Secret& so_pin, const Secret& user_pin);
  /// `hsm_pin_refused`, `hsm_pin_locked`: nothing was changed; one try.
  [[nodiscard]] Result<void> change_user_pin(const TokenStatus& token, const Secret& old_pin,
                                             const Secret& new_pin);
  /// Sets the user PIN as the security officer, whatever it was and however locked it is.
  [[nodiscard]] Result<void> set_user_pin(const TokenStatus& token, const Secret& so_pin,
                                          const Secret& new_pin);

 private:
  friend class Session;
  explicit Library(std::string path);
  [[nodiscard]] Result<PKCS11_slot_st*> slot_of(const TokenStatus& token) const;
  /// After a call that reads the token anew: one that it could not read libp11 0.4.12 has freed,
  /// and frees again with the slots. They are left to lie.
  [[nodiscard]] tl::unexpected<Error> fail_and_abandon_slots(const char* what);
  /// A read-write session of libp11's, for what follows; those it had are closed.
  [[nodiscard]] Result<void> open_session(PKCS11_slot_st* slot) const;
  [[nodiscard]] Result<void> set_user_pin_in(PKCS11_slot_st* slot, const Secret& so_pin,
                                             const Secret& new_pin);

  std::string path_;
  PKCS11_ctx_st* context_;
  PKCS11_slot_st* slots_ = nullptr;
  unsigned count_ = 0;
};

}  // namespace mintmark::hsm::libp11
