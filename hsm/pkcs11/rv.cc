#include "hsm/pkcs11/rv.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "hsm/pkcs11/fault_name.h"

namespace mintmark::hsm::pkcs11 {
namespace {

#define ROW(name, code, first, last) \
  RvFacts { name, #name, Code::code, Remedy::first, Remedy::last }
constexpr std::array table{
    ROW(CKR_OK, internal, none, none),
    ROW(CKR_CANCEL, hsm_unavailable, new_session, reinitialise),
    ROW(CKR_HOST_MEMORY, hsm_unavailable, wait, restart),
    ROW(CKR_SLOT_ID_INVALID, hsm_token_missing, reinitialise, reinitialise),
    ROW(CKR_GENERAL_ERROR, hsm_failed, new_session, restart),
    ROW(CKR_FUNCTION_FAILED, hsm_failed, new_session, restart),
    ROW(CKR_ARGUMENTS_BAD, hsm_failed, none, none),
    ROW(CKR_NO_EVENT, hsm_failed, none, none),
    ROW(CKR_NEED_TO_CREATE_THREADS, hsm_module_unusable, stop, stop),
    ROW(CKR_CANT_LOCK, hsm_module_unusable, stop, stop),
    ROW(CKR_ATTRIBUTE_READ_ONLY, hsm_failed, none, none),
    ROW(CKR_ATTRIBUTE_SENSITIVE, hsm_failed, none, none),
    ROW(CKR_ATTRIBUTE_TYPE_INVALID, hsm_failed, none, none),
    ROW(CKR_ATTRIBUTE_VALUE_INVALID, hsm_failed, none, none),
    ROW(CKR_ACTION_PROHIBITED, hsm_failed, none, none),
    ROW(CKR_DATA_INVALID, hsm_failed, none, none),
    ROW(CKR_DATA_LEN_RANGE, hsm_failed, none, none),
    ROW(CKR_DEVICE_ERROR, hsm_unavailable, new_session, reinitialise),
    ROW(CKR_DEVICE_MEMORY, hsm_unavailable, wait, reinitialise),
    ROW(CKR_DEVICE_REMOVED, hsm_unavailable, reinitialise, reinitialise),
    ROW(CKR_FUNCTION_CANCELED, hsm_unavailable, new_session, reinitialise),
    ROW(CKR_FUNCTION_NOT_PARALLEL, hsm_failed, none, none),
    ROW(CKR_FUNCTION_NOT_SUPPORTED, hsm_mechanism_missing, none, none),
    ROW(CKR_KEY_HANDLE_INVALID, hsm_session_lost, find_again, reinitialise),
    ROW(CKR_KEY_SIZE_RANGE, hsm_failed, none, none),
    ROW(CKR_KEY_TYPE_INCONSISTENT, hsm_failed, none, none),
    ROW(CKR_KEY_FUNCTION_NOT_PERMITTED, hsm_failed, none, none),
    ROW(CKR_MECHANISM_INVALID, hsm_mechanism_missing, none, none),
    ROW(CKR_MECHANISM_PARAM_INVALID, hsm_failed, none, none),
    ROW(CKR_OBJECT_HANDLE_INVALID, hsm_session_lost, find_again, reinitialise),
    ROW(CKR_OPERATION_ACTIVE, hsm_session_lost, new_session, reinitialise),
    ROW(CKR_OPERATION_NOT_INITIALIZED, hsm_session_lost, new_session, reinitialise),
    ROW(CKR_PIN_INCORRECT, hsm_pin_refused, stop, stop),
    ROW(CKR_PIN_INVALID, hsm_pin_refused, stop, stop),
    ROW(CKR_PIN_LEN_RANGE, hsm_pin_refused, stop, stop),
    ROW(CKR_PIN_EXPIRED, hsm_pin_refused, stop, stop),
    ROW(CKR_PIN_LOCKED, hsm_pin_locked, stop, stop),
    ROW(CKR_SESSION_CLOSED, hsm_session_lost, new_session, reinitialise),
    ROW(CKR_SESSION_COUNT, hsm_unavailable, wait, reinitialise),
    ROW(CKR_SESSION_HANDLE_INVALID, hsm_session_lost, new_session, reinitialise),
    ROW(CKR_SESSION_PARALLEL_NOT_SUPPORTED, hsm_failed, none, none),
    ROW(CKR_SESSION_READ_ONLY, hsm_failed, none, none),
    ROW(CKR_SESSION_EXISTS, hsm_failed, none, none),
    ROW(CKR_SESSION_READ_ONLY_EXISTS, hsm_failed, none, none),
    ROW(CKR_SESSION_READ_WRITE_SO_EXISTS, hsm_unavailable, log_in, reinitialise),
    ROW(CKR_TEMPLATE_INCOMPLETE, hsm_failed, none, none),
    ROW(CKR_TEMPLATE_INCONSISTENT, hsm_failed, none, none),
    ROW(CKR_TOKEN_NOT_PRESENT, hsm_unavailable, reinitialise, reinitialise),
    ROW(CKR_TOKEN_NOT_RECOGNIZED, hsm_failed, reinitialise, reinitialise),
    ROW(CKR_TOKEN_WRITE_PROTECTED, hsm_failed, none, none),
    ROW(CKR_USER_ALREADY_LOGGED_IN, hsm_session_lost, log_in, reinitialise),
    ROW(CKR_USER_NOT_LOGGED_IN, hsm_session_lost, log_in, reinitialise),
    ROW(CKR_USER_PIN_NOT_INITIALIZED, hsm_pin_refused, stop, stop),
    ROW(CKR_USER_TYPE_INVALID, hsm_failed, none, none),
    ROW(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, hsm_session_lost, log_in, reinitialise),
    ROW(CKR_USER_TOO_MANY_TYPES, hsm_failed, none, none),
    ROW(CKR_RANDOM_NO_RNG, hsm_failed, none, none),
    ROW(CKR_DOMAIN_PARAMS_INVALID, hsm_failed, none, none),
    ROW(CKR_CURVE_NOT_SUPPORTED, hsm_mechanism_missing, none, none),
    ROW(CKR_BUFFER_TOO_SMALL, hsm_failed, none, none),
    ROW(CKR_INFORMATION_SENSITIVE, hsm_failed, none, none),
    ROW(CKR_CRYPTOKI_NOT_INITIALIZED, hsm_unavailable, reinitialise, restart),
    ROW(CKR_CRYPTOKI_ALREADY_INITIALIZED, hsm_module_unusable, restart, restart),
    ROW(CKR_MUTEX_BAD, hsm_failed, restart, restart),
    ROW(CKR_MUTEX_NOT_LOCKED, hsm_failed, restart, restart),
    ROW(CKR_FIPS_SELF_TEST_FAILED, hsm_failed, reinitialise, restart),
    ROW(CKR_LIBRARY_LOAD_FAILED, hsm_module_unusable, restart, restart),
    ROW(CKR_FUNCTION_REJECTED, hsm_unavailable, wait, reinitialise),
};
#undef ROW

// A vendor's own word could mean anything: what helps against a broken module is tried in turn.
constexpr RvFacts unnamed{CKR_VENDOR_DEFINED, "", Code::hsm_failed, Remedy::new_session,
                          Remedy::restart};

const RvFacts* find_row(CK_RV rv) {
  const auto* const found =
      std::find_if(table.begin(), table.end(), [rv](const auto& row) { return row.rv == rv; });
  return found == table.end() ? nullptr : found;
}

std::string hexadecimal(CK_RV value) {
  std::array<char, 24> text{};
  (void)std::snprintf(text.data(), text.size(), "0x%lx", value);
  return text.data();
}

}  // namespace

std::string_view name_of(Remedy remedy) {
  constexpr std::array<std::string_view, 8> names{
      "none", "wait", "new_session", "find_again", "log_in", "reinitialise", "restart", "stop"};
  return names.at(static_cast<std::size_t>(remedy));
}

const RvFacts& facts_of_rv(CK_RV rv) {
  const auto* row = find_row(rv);
  return row != nullptr ? *row : unnamed;
}

std::vector<RvFacts> rv_table() { return {table.begin(), table.end()}; }

std::string name_of_rv(CK_RV rv) {
  if (const auto* row = find_row(rv); row != nullptr) return std::string(row->name);
  if (rv >= CKR_VENDOR_DEFINED)
    return "CKR_VENDOR_DEFINED + " + hexadecimal(rv - CKR_VENDOR_DEFINED);
  return "CKR_ " + hexadecimal(rv);
}

std::string fault_name(std::uint64_t native) { return name_of_rv(native); }

std::string remedy_name(std::size_t remedy) {
  return std::string(name_of(static_cast<Remedy>(remedy)));
}

Error error_of(CK_RV rv, std::string_view what) {
  return Error{facts_of_rv(rv).code, std::string(what) + ": " + name_of_rv(rv), rv};
}

bool session_is_gone(CK_RV rv) {
  return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED || rv == CKR_DEVICE_REMOVED ||
         rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_CRYPTOKI_NOT_INITIALIZED;
}

}  // namespace mintmark::hsm::pkcs11
