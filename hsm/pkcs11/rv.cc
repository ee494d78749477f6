#include "hsm/pkcs11/rv.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace mintmark::hsm::pkcs11 {
namespace {

struct RvFacts {
  CK_RV rv;
  std::string_view name;
  Code code;
};

#define ROW(name, code) \
  RvFacts { name, #name, Code::code }
constexpr std::array rv_table{
    ROW(CKR_OK, internal),
    ROW(CKR_CANCEL, hsm_failed),
    ROW(CKR_HOST_MEMORY, hsm_unavailable),
    ROW(CKR_SLOT_ID_INVALID, hsm_token_missing),
    ROW(CKR_GENERAL_ERROR, hsm_failed),
    ROW(CKR_FUNCTION_FAILED, hsm_failed),
    ROW(CKR_ARGUMENTS_BAD, hsm_failed),
    ROW(CKR_NO_EVENT, hsm_failed),
    ROW(CKR_NEED_TO_CREATE_THREADS, hsm_module_unusable),
    ROW(CKR_CANT_LOCK, hsm_module_unusable),
    ROW(CKR_ATTRIBUTE_READ_ONLY, hsm_failed),
    ROW(CKR_ATTRIBUTE_SENSITIVE, hsm_failed),
    ROW(CKR_ATTRIBUTE_TYPE_INVALID, hsm_failed),
    ROW(CKR_ATTRIBUTE_VALUE_INVALID, hsm_failed),
    ROW(CKR_ACTION_PROHIBITED, hsm_failed),
    ROW(CKR_DATA_INVALID, hsm_failed),
    ROW(CKR_DATA_LEN_RANGE, hsm_failed),
    ROW(CKR_DEVICE_ERROR, hsm_unavailable),
    ROW(CKR_DEVICE_MEMORY, hsm_unavailable),
    ROW(CKR_DEVICE_REMOVED, hsm_unavailable),
    ROW(CKR_FUNCTION_CANCELED, hsm_unavailable),
    ROW(CKR_FUNCTION_NOT_PARALLEL, hsm_failed),
    ROW(CKR_FUNCTION_NOT_SUPPORTED, hsm_mechanism_missing),
    ROW(CKR_KEY_HANDLE_INVALID, hsm_session_lost),
    ROW(CKR_KEY_SIZE_RANGE, hsm_failed),
    ROW(CKR_KEY_TYPE_INCONSISTENT, hsm_failed),
    ROW(CKR_KEY_FUNCTION_NOT_PERMITTED, hsm_failed),
    ROW(CKR_MECHANISM_INVALID, hsm_mechanism_missing),
    ROW(CKR_MECHANISM_PARAM_INVALID, hsm_failed),
    ROW(CKR_OBJECT_HANDLE_INVALID, hsm_session_lost),
    ROW(CKR_OPERATION_ACTIVE, hsm_session_lost),
    ROW(CKR_OPERATION_NOT_INITIALIZED, hsm_session_lost),
    ROW(CKR_PIN_INCORRECT, hsm_pin_refused),
    ROW(CKR_PIN_INVALID, hsm_pin_refused),
    ROW(CKR_PIN_LEN_RANGE, hsm_pin_refused),
    ROW(CKR_PIN_EXPIRED, hsm_pin_refused),
    ROW(CKR_PIN_LOCKED, hsm_pin_locked),
    ROW(CKR_SESSION_CLOSED, hsm_session_lost),
    ROW(CKR_SESSION_COUNT, hsm_unavailable),
    ROW(CKR_SESSION_HANDLE_INVALID, hsm_session_lost),
    ROW(CKR_SESSION_PARALLEL_NOT_SUPPORTED, hsm_failed),
    ROW(CKR_SESSION_READ_ONLY, hsm_failed),
    ROW(CKR_SESSION_EXISTS, hsm_failed),
    ROW(CKR_SESSION_READ_ONLY_EXISTS, hsm_failed),
    ROW(CKR_SESSION_READ_WRITE_SO_EXISTS, hsm_unavailable),
    ROW(CKR_TEMPLATE_INCOMPLETE, hsm_failed),
    ROW(CKR_TEMPLATE_INCONSISTENT, hsm_failed),
    ROW(CKR_TOKEN_NOT_PRESENT, hsm_unavailable),
    ROW(CKR_TOKEN_NOT_RECOGNIZED, hsm_failed),
    ROW(CKR_TOKEN_WRITE_PROTECTED, hsm_failed),
    ROW(CKR_USER_ALREADY_LOGGED_IN, hsm_failed),
    ROW(CKR_USER_NOT_LOGGED_IN, hsm_session_lost),
    ROW(CKR_USER_PIN_NOT_INITIALIZED, hsm_pin_refused),
    ROW(CKR_USER_TYPE_INVALID, hsm_failed),
    ROW(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, hsm_failed),
    ROW(CKR_USER_TOO_MANY_TYPES, hsm_failed),
    ROW(CKR_RANDOM_NO_RNG, hsm_failed),
    ROW(CKR_DOMAIN_PARAMS_INVALID, hsm_failed),
    ROW(CKR_CURVE_NOT_SUPPORTED, hsm_mechanism_missing),
    ROW(CKR_BUFFER_TOO_SMALL, hsm_failed),
    ROW(CKR_INFORMATION_SENSITIVE, hsm_failed),
    ROW(CKR_CRYPTOKI_NOT_INITIALIZED, hsm_module_unusable),
    ROW(CKR_CRYPTOKI_ALREADY_INITIALIZED, hsm_module_unusable),
    ROW(CKR_MUTEX_BAD, hsm_failed),
    ROW(CKR_MUTEX_NOT_LOCKED, hsm_failed),
    ROW(CKR_FIPS_SELF_TEST_FAILED, hsm_failed),
    ROW(CKR_LIBRARY_LOAD_FAILED, hsm_module_unusable),
    ROW(CKR_FUNCTION_REJECTED, hsm_failed),
};
#undef ROW

const RvFacts* facts_of_rv(CK_RV rv) {
  const auto* const found = std::find_if(rv_table.begin(), rv_table.end(),
                                         [rv](const auto& row) { return row.rv == rv; });
  return found == rv_table.end() ? nullptr : found;
}

std::string hexadecimal(CK_RV value) {
  std::array<char, 24> text{};
  (void)std::snprintf(text.data(), text.size(), "0x%lx", value);
  return text.data();
}

}  // namespace

std::string name_of_rv(CK_RV rv) {
  if (const auto* facts = facts_of_rv(rv); facts != nullptr) return std::string(facts->name);
  if (rv >= CKR_VENDOR_DEFINED)
    return "CKR_VENDOR_DEFINED + " + hexadecimal(rv - CKR_VENDOR_DEFINED);
  return "CKR_ " + hexadecimal(rv);
}

Error error_of(CK_RV rv, std::string_view what) {
  const auto* facts = facts_of_rv(rv);
  return Error{facts != nullptr ? facts->code : Code::hsm_failed,
               std::string(what) + ": " + name_of_rv(rv), rv};
}

bool session_is_gone(CK_RV rv) {
  return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED || rv == CKR_DEVICE_REMOVED ||
         rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_CRYPTOKI_NOT_INITIALIZED;
}

}  // namespace mintmark::hsm::pkcs11
