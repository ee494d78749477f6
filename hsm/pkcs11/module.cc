#include "hsm/pkcs11/module.h"

#include <dlfcn.h>

#include <optional>
#include <span>
#include <utility>

#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {
namespace {

/// Cryptoki's texts are padded with blanks and have no terminator; some modules pad with NUL.
std::string text_of(std::span<const unsigned char> padded) {
  std::string text(padded.begin(), padded.end());
  if (const auto end = text.find('\0'); end != std::string::npos) text.resize(end);
  const auto last = text.find_last_not_of(' ');
  text.resize(last == std::string::npos ? 0 : last + 1);
  return text;
}

std::string text_of(const CK_VERSION& version) {
  const std::string minor = std::to_string(version.minor);
  return std::to_string(version.major) + "." + minor;
}

tl::unexpected<Error> unusable(const std::string& path, const std::string& why, CK_RV rv = 0) {
  return fail(Code::hsm_module_unusable, path + ": " + why, rv);
}

Result<const CK_FUNCTION_LIST*> function_list(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = dlerror();  // NOLINT(concurrency-mt-unsafe): glibc keeps it per thread
    return unusable(path, why != nullptr ? why : "cannot be loaded");
  }
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  if (get == nullptr) {
    dlclose(library);
    return unusable(path, "is no PKCS#11 module: it has no C_GetFunctionList");
  }
  CK_FUNCTION_LIST* list = nullptr;
  const CK_RV rv = get(&list);
  if (rv != CKR_OK) return unusable(path, "C_GetFunctionList: " + name_of_rv(rv), rv);
  if (list == nullptr || list->version.major < 2) return unusable(path, "speaks no PKCS#11 2.x");
  return list;
}

Result<TokenFacts> facts_of(const CK_FUNCTION_LIST& calls, CK_SLOT_ID slot, bool& initialised) {
  CK_TOKEN_INFO info{};
  const CK_RV rv = calls.C_GetTokenInfo(slot, &info);
  if (rv != CKR_OK) return fail_with(rv, "C_GetTokenInfo");
  initialised = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
  return TokenFacts{.slot_id = slot,
                    .label = text_of(info.label),
                    .manufacturer = text_of(info.manufacturerID),
                    .model = text_of(info.model),
                    .serial = text_of(info.serialNumber)};
}

Result<std::vector<CK_SLOT_ID>> slots_with_token(const CK_FUNCTION_LIST& calls) {
  std::vector<CK_SLOT_ID> slots;
  for (;;) {
    CK_ULONG count = 0;
    CK_RV rv = calls.C_GetSlotList(CK_TRUE, nullptr, &count);
    if (rv != CKR_OK) return fail_with(rv, "C_GetSlotList");
    slots.resize(count);
    if (count == 0) return slots;
    rv = calls.C_GetSlotList(CK_TRUE, slots.data(), &count);
    if (rv == CKR_BUFFER_TOO_SMALL) continue;  // a token came in between
    if (rv != CKR_OK) return fail_with(rv, "C_GetSlotList");
    slots.resize(count);
    return slots;
  }
}

}  // namespace

Result<std::unique_ptr<Module>> Module::load(const std::string& path) {
  auto list = function_list(path);
  if (!list) return pass_on(list);
  std::unique_ptr<Module> module(new Module(path, *list));
  if (auto initialised = module->initialise(); !initialised) return pass_on(initialised);
  return module;
}

Module::~Module() {
  if (initialised_) (void)calls_->C_Finalize(nullptr);
}

Result<void> Module::initialise() {
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV rv = calls_->C_Initialize(&arguments);
  if (rv != CKR_OK) return unusable(path_, "C_Initialize: " + name_of_rv(rv), rv);
  initialised_ = true;
  return read_facts();
}

Result<void> Module::reinitialise() {
  // What it answers does not matter: a module that has forgotten that it was initialised refuses.
  (void)calls_->C_Finalize(nullptr);
  initialised_ = false;
  return initialise();
}

Result<void> Module::read_facts() {
  CK_INFO info{};
  const CK_RV rv = calls_->C_GetInfo(&info);
  if (rv != CKR_OK) return unusable(path_, "C_GetInfo: " + name_of_rv(rv), rv);
  facts_ = {.manufacturer = text_of(info.manufacturerID),
            .description = text_of(info.libraryDescription),
            .version = text_of(info.libraryVersion),
            .cryptoki = text_of(info.cryptokiVersion)};
  return {};
}

Result<std::vector<TokenFacts>> Module::tokens() const {
  auto slots = slots_with_token(*calls_);
  if (!slots) return pass_on(slots);
  std::vector<TokenFacts> tokens;
  std::optional<Error> unreadable;
  for (const CK_SLOT_ID slot : *slots) {
    bool initialised = false;
    auto token = facts_of(*calls_, slot, initialised);
    if (!token) unreadable = std::move(token.error());
    if (token && initialised) tokens.push_back(std::move(*token));
  }
  // A broken one keeps nobody from another; where it is the only one it is why there is none.
  if (tokens.empty() && unreadable) return tl::unexpected<Error>(std::move(*unreadable));
  return tokens;
}

Result<Session> Session::open(const Module& module, CK_SLOT_ID slot, Access access) {
  const CK_FLAGS writes = access == Access::read_write ? CKF_RW_SESSION : 0;
  CK_SESSION_HANDLE handle = 0;
  const CK_RV rv =
      module.calls().C_OpenSession(slot, CKF_SERIAL_SESSION | writes, nullptr, nullptr, &handle);
  if (rv != CKR_OK) return fail_with(rv, "C_OpenSession");
  return Session(module, handle);
}

Session::~Session() { close(); }

Session::Session(Session&& other) noexcept
    : module_(std::exchange(other.module_, nullptr)),
      handle_(other.handle_),
      signatures_(other.signatures_) {}

Session& Session::operator=(Session&& other) noexcept {
  if (this != &other) {
    close();
    module_ = std::exchange(other.module_, nullptr);
    handle_ = other.handle_;
    signatures_ = other.signatures_;
  }
  return *this;
}

void Session::close() {
  if (module_ != nullptr) (void)module_->calls().C_CloseSession(handle_);
  module_ = nullptr;
}

}  // namespace mintmark::hsm::pkcs11
