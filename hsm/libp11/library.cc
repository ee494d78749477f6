#include "hsm/libp11/library.h"

#include <dlfcn.h>
#include <libp11.h>

#include <algorithm>
#include <array>

#include "hsm/libp11/error.h"
#include "hsm/libp11/pin.h"
#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::libp11 {
namespace {

constexpr std::size_t longest_label = 32;

std::string text_of(const char* text) { return text != nullptr ? text : ""; }

/// Its C_GetFunctionList; or the loader's reason, before libp11 prints it to standard error and
/// keeps it to itself. The code stays mapped: modules leave atexit handlers behind.
Result<CK_C_GetFunctionList> entry_of(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();  // NOLINT(concurrency-mt-unsafe): glibc keeps it per thread
    return fail(Code::hsm_module_unusable, path + ": " + text_of(why));
  }
  const auto entry = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  if (entry != nullptr) return entry;
  return fail(Code::hsm_module_unusable,
              path + ": is no PKCS#11 module: it has no C_GetFunctionList");
}

TokenStatus status_of(PKCS11_SLOT& slot) {
  TokenStatus status;
  status.slot = text_of(slot.description);
  status.facts.slot_id = PKCS11_get_slotid_from_slot(&slot);
  if (slot.token == nullptr) return status;
  const PKCS11_TOKEN& token = *slot.token;
  status.present = true;
  status.facts.label = text_of(token.label);
  status.facts.manufacturer = text_of(token.manufacturer);
  status.facts.model = text_of(token.model);
  status.facts.serial = text_of(token.serialnr);
  status.initialised = token.initialized != 0;
  status.user_pin_set = token.userPinSet != 0;
  status.login_required = token.loginRequired != 0;
  status.pin_pad = token.secureLogin != 0;
  status.read_only = token.readOnly != 0;
  status.user = {.count_low = token.userPinCountLow != 0,
                 .final_try = token.userPinFinalTry != 0,
                 .locked = token.userPinLocked != 0,
                 .to_be_changed = token.userPinToBeChanged != 0};
  status.so = {.count_low = token.soPinCountLow != 0,
               .final_try = token.soPinFinalTry != 0,
               .locked = token.soPinLocked != 0,
               .to_be_changed = token.soPinToBeChanged != 0};
  return status;
}

}  // namespace

Library::Library(std::string path) : path_(std::move(path)), context_(PKCS11_CTX_new()) {}

Result<std::unique_ptr<Library>> Library::load(const std::string& path) {
  if (auto loadable = entry_of(path); !loadable) return pass_on(loadable);
  ERR_clear_error();
  std::unique_ptr<Library> library(new Library(path));
  if (library->context_ == nullptr) return fail_in("PKCS11_CTX_new");
  if (PKCS11_CTX_load(library->context_, path.c_str()) != 0) {
    Error why = last_error(path + ": C_Initialize");
    PKCS11_CTX_free(library->context_);
    library->context_ = nullptr;
    return fail(Code::hsm_module_unusable, why.detail, why.native);
  }
  // Not PKCS11_update_slots: of 0.4.12 it reads beyond its list.
  if (PKCS11_enumerate_slots(library->context_, &library->slots_, &library->count_) != 0)
    return fail_in(path + ": C_GetSlotList");
  return library;
}

Library::~Library() {
  if (context_ == nullptr) return;
  if (slots_ != nullptr) PKCS11_release_all_slots(context_, slots_, count_);
  PKCS11_CTX_unload(context_);
  PKCS11_CTX_free(context_);
}

std::vector<TokenStatus> Library::slots() const {
  std::vector<TokenStatus> all;
  for (unsigned i = 0; i < count_; ++i) all.push_back(status_of(slots_[i]));
  return all;
}

Result<TokenStatus> Library::choose(const pkcs11::TokenSelector& token) const {
  std::vector<pkcs11::TokenFacts> initialised;
  const auto all = slots();
  for (const TokenStatus& slot : all) {
    if (slot.initialised) initialised.push_back(slot.facts);
  }
  auto chosen = token.choose(initialised);
  if (!chosen) return fail(chosen.error().code, path_ + ": " + chosen.error().detail);
  return *std::find_if(all.begin(), all.end(), [&](const TokenStatus& slot) {
    return slot.facts.slot_id == chosen->slot_id;
  });
}

Result<PKCS11_slot_st*> Library::slot_of(const TokenStatus& token) const {
  for (unsigned i = 0; i < count_; ++i) {
    if (PKCS11_get_slotid_from_slot(&slots_[i]) == token.facts.slot_id &&
        slots_[i].token != nullptr)
      return &slots_[i];
  }
  return fail(Code::hsm_token_missing,
              path_ + ": no token in slot " + std::to_string(token.facts.slot_id));
}

tl::unexpected<Error> Library::fail_and_abandon_slots(const char* what) {
  slots_ = nullptr;
  count_ = 0;
  return fail_in(what);
}

Result<void> Library::open_session(PKCS11_slot_st* slot) const {
  // libp11 0.4.12 waits for ever for a session that it does not get: asked first, by ourselves.
  auto get = entry_of(path_);
  if (!get) return pass_on(get);
  CK_FUNCTION_LIST* calls = nullptr;
  CK_RV rv = (*get)(&calls);
  if (rv != CKR_OK) return pkcs11::fail_with(rv, "C_GetFunctionList");
  CK_SESSION_HANDLE handle = 0;
  rv = calls->C_OpenSession(PKCS11_get_slotid_from_slot(slot), CKF_SERIAL_SESSION | CKF_RW_SESSION,
                            nullptr, nullptr, &handle);
  if (rv != CKR_OK) return pkcs11::fail_with(rv, "C_OpenSession");
  (void)calls->C_CloseSession(handle);
  if (PKCS11_open_session(slot, 1) != 0) return fail_in("C_OpenSession");
  return {};
}

Result<void> Library::initialise(const TokenStatus& token, const std::string& label,
                                 const Secret& so_pin, const Secret& user_pin) {
  if (label.empty() || label.size() > longest_label)
    return fail(Code::invalid_argument, "a token's label has 1 to 32 octets");
  if (auto fit = require_fit(so_pin, "the SO PIN"); !fit) return fit;
  if (auto fit = require_fit(user_pin, "the user PIN"); !fit) return fit;
  auto slot = slot_of(token);
  if (!slot) return pass_on(slot);
  // C_InitToken reads 32 octets, padded with blanks; libp11 0.4.12 hands on what it gets.
  std::array<char, longest_label + 1> padded{};
  std::fill_n(padded.begin(), longest_label, ' ');
  std::copy(label.begin(), label.end(), padded.begin());
  if (PKCS11_init_token((*slot)->token, TerminatedPin(so_pin).c_str(), padded.data()) != 0)
    return fail_and_abandon_slots("C_InitToken");
  if (auto set = set_user_pin_in(*slot, so_pin, user_pin); !set) {
    return fail(set.error().code,
                "the token was initialised and has its SO PIN, but perhaps no user PIN yet (pin "
                "--unblock sets it): " +
                    set.error().detail,
                set.error().native);
  }
  return {};
}

Result<void> Library::change_user_pin(const TokenStatus& token, const Secret& old_pin,
                                      const Secret& new_pin) {
  if (auto fit = require_fit(old_pin, "the old PIN"); !fit) return fit;
  if (auto fit = require_fit(new_pin, "the new PIN"); !fit) return fit;
  auto slot = slot_of(token);
  if (!slot) return pass_on(slot);
  const TerminatedPin old_text(old_pin);
  if (auto opened = open_session(*slot); !opened) return opened;
  // Logged in first: C_SetPIN in a public session is refused by some modules, and a wrong old PIN
  // is then told from a bad new one.
  if (PKCS11_login(*slot, 0, old_text.c_str()) != 0) return fail_in("C_Login");
  if (PKCS11_change_pin(*slot, old_text.c_str(), TerminatedPin(new_pin).c_str()) != 0)
    return fail_and_abandon_slots("C_SetPIN");
  return {};
}

Result<void> Library::set_user_pin(const TokenStatus& token, const Secret& so_pin,
                                   const Secret& new_pin) {
  if (auto fit = require_fit(so_pin, "the SO PIN"); !fit) return fit;
  if (auto fit = require_fit(new_pin, "the new PIN"); !fit) return fit;
  auto slot = slot_of(token);
  if (!slot) return pass_on(slot);
  return set_user_pin_in(*slot, so_pin, new_pin);
}

Result<void> Library::set_user_pin_in(PKCS11_slot_st* slot, const Secret& so_pin,
                                      const Secret& new_pin) {
  if (auto opened = open_session(slot); !opened) return opened;
  if (PKCS11_login(slot, 1, TerminatedPin(so_pin).c_str()) != 0) return fail_in("C_Login (SO)");
  if (PKCS11_init_pin(slot->token, TerminatedPin(new_pin).c_str()) != 0) {
    auto why = fail_and_abandon_slots("C_InitPIN");
    (void)PKCS11_logout(slot);
    return why;
  }
  (void)PKCS11_logout(slot);  // The PIN is set, whatever this says.
  return {};
}

}  // namespace mintmark::hsm::libp11
