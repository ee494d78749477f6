// Somebody else in the store's process, who uses the same module, already initialised and logged in
// by the store.
#pragma once

#include <dlfcn.h>

#include <array>
#include <stdexcept>
#include <string>

#include "hsm/key_store.h"
#include "hsm/pkcs11/objects.h"

namespace mintmark::test {

using hsm::pkcs11::Template;

inline constexpr std::array<std::uint8_t, 10> p256{0x06, 0x08, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x03, 0x01, 0x07};

inline void require(CK_RV rv, const char* what) {
  if (rv != CKR_OK) throw std::runtime_error(std::string(what) + ": " + std::to_string(rv));
}

/// Somebody else in the same process: the same module, already initialised and logged in by the
/// store.
class Stranger {
 public:
  explicit Stranger(const std::string& module) {
    void* library = dlopen(module.c_str(), RTLD_NOW);
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
    require(get(&calls_), "C_GetFunctionList");
    std::array<CK_SLOT_ID, 8> slots{};
    CK_ULONG count = slots.size();
    require(calls_->C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
    slot_ = slots.front();
    require(calls_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                  &session_),
            "C_OpenSession");
  }

  void close_all_sessions() { require(calls_->C_CloseAllSessions(slot_), "C_CloseAllSessions"); }
  void log_out() { require(calls_->C_Logout(session_), "C_Logout"); }

  struct Pair {
    CK_OBJECT_HANDLE public_half = 0;
    CK_OBJECT_HANDLE private_half = 0;
  };

  Pair generate(const hsm::KeyId& id, const std::string& label, bool extractable = false) {
    Template publics;
    publics.flag(CKA_TOKEN, true).octets(CKA_ID, id).octets(CKA_LABEL, as_bytes(label));
    publics.octets(CKA_EC_PARAMS, p256);
    Template privates;
    privates.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true);
    privates.flag(CKA_EXTRACTABLE, extractable).flag(CKA_SIGN, true);
    privates.octets(CKA_ID, id).octets(CKA_LABEL, as_bytes(label));
    CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
    Pair pair;
    require(calls_->C_GenerateKeyPair(session_, &mechanism, publics.data(), publics.size(),
                                      privates.data(), privates.size(), &pair.public_half,
                                      &pair.private_half),
            "C_GenerateKeyPair");
    return pair;
  }

  /// A private key from outside, d = 1, whose public half is the generator of P-256.
  void import(const hsm::KeyId& id, const std::string& label) {
    Bytes value(32, 0);
    value.back() = 1;
    const Bytes point = *from_hex(
        "0441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    create(CKO_PRIVATE_KEY, id, label, CKA_VALUE, value, true);
    create(CKO_PUBLIC_KEY, id, label, CKA_EC_POINT, point, false);
  }

  void destroy(CK_OBJECT_HANDLE object) {
    require(calls_->C_DestroyObject(session_, object), "C_DestroyObject");
  }

 private:
  void create(CK_OBJECT_CLASS half, const hsm::KeyId& id, const std::string& label,
              CK_ATTRIBUTE_TYPE content, BytesView value, bool secret) {
    Template object;
    object.number(CKA_CLASS, half).number(CKA_KEY_TYPE, CKK_EC).flag(CKA_TOKEN, true);
    object.flag(CKA_PRIVATE, secret).octets(CKA_ID, id).octets(CKA_LABEL, as_bytes(label));
    object.octets(CKA_EC_PARAMS, p256).octets(content, value);
    if (secret) object.flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false).flag(CKA_SIGN, true);
    CK_OBJECT_HANDLE handle = 0;
    require(calls_->C_CreateObject(session_, object.data(), object.size(), &handle),
            "C_CreateObject");
  }

  CK_FUNCTION_LIST* calls_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE session_ = 0;
};

}  // namespace mintmark::test
