#include "support/token_objects.h"

#include <dlfcn.h>

#include <array>
#include <stdexcept>

namespace mintmark::test {
namespace {

const Bytes p256 = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
CK_BBOOL yes = CK_TRUE;
CK_BBOOL no = CK_FALSE;

void must(CK_RV rv, const char* what) {
  if (rv != CKR_OK) throw std::runtime_error(std::string(what) + ": " + std::to_string(rv));
}

CK_ATTRIBUTE flag(CK_ATTRIBUTE_TYPE type, bool value) { return {type, value ? &yes : &no, 1}; }
CK_ATTRIBUTE octets(CK_ATTRIBUTE_TYPE type, BytesView value) {
  return {type, const_cast<std::uint8_t*>(value.data()), static_cast<CK_ULONG>(value.size())};
}
CK_ATTRIBUTE number(CK_ATTRIBUTE_TYPE type, CK_ULONG& value) {
  return {type, &value, sizeof value};
}

std::vector<CK_OBJECT_HANDLE> found(CK_FUNCTION_LIST& calls, CK_SESSION_HANDLE session,
                                    std::vector<CK_ATTRIBUTE> wanted) {
  must(calls.C_FindObjectsInit(session, wanted.data(), static_cast<CK_ULONG>(wanted.size())),
       "C_FindObjectsInit");
  std::vector<CK_OBJECT_HANDLE> handles(16);
  CK_ULONG count = 0;
  must(calls.C_FindObjects(session, handles.data(), static_cast<CK_ULONG>(handles.size()), &count),
       "C_FindObjects");
  must(calls.C_FindObjectsFinal(session), "C_FindObjectsFinal");
  handles.resize(count);
  return handles;
}

}  // namespace

TokenObjects::TokenObjects(const std::string& module, const std::string& pin, Module state)
    : state_(state) {
  void* library = dlopen(module.c_str(), RTLD_NOW);
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  must(get(&calls_), "C_GetFunctionList");
  if (state_ == Module::closed) must(calls_->C_Initialize(nullptr), "C_Initialize");
  std::array<CK_SLOT_ID, 8> slots{};
  CK_ULONG count = slots.size();
  must(calls_->C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
  must(calls_->C_OpenSession(slots.front(), CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                             &session_),
       "C_OpenSession");
  std::string text = pin;
  const CK_RV rv = calls_->C_Login(session_, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(text.data()),
                                   static_cast<CK_ULONG>(text.size()));
  if (rv != CKR_USER_ALREADY_LOGGED_IN) must(rv, "C_Login");
}

TokenObjects::~TokenObjects() {
  (void)calls_->C_CloseSession(session_);
  if (state_ == Module::closed) (void)calls_->C_Finalize(nullptr);
}

jose::PublicKey TokenObjects::generate(const Bytes& id, const std::string& label,
                                       bool extractable) {
  std::vector<CK_ATTRIBUTE> publics = {flag(CKA_TOKEN, true), octets(CKA_ID, id),
                                       octets(CKA_LABEL, as_bytes(label)),
                                       octets(CKA_EC_PARAMS, p256)};
  std::vector<CK_ATTRIBUTE> privates = {flag(CKA_TOKEN, true),
                                        flag(CKA_PRIVATE, true),
                                        flag(CKA_SENSITIVE, true),
                                        flag(CKA_EXTRACTABLE, extractable),
                                        flag(CKA_SIGN, true),
                                        octets(CKA_ID, id),
                                        octets(CKA_LABEL, as_bytes(label))};
  CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE public_half = 0;
  CK_OBJECT_HANDLE private_half = 0;
  must(calls_->C_GenerateKeyPair(
           session_, &mechanism, publics.data(), static_cast<CK_ULONG>(publics.size()),
           privates.data(), static_cast<CK_ULONG>(privates.size()), &public_half, &private_half),
       "C_GenerateKeyPair");
  Bytes point(67);  // 04 41 and the point
  CK_ATTRIBUTE wanted = octets(CKA_EC_POINT, point);
  must(calls_->C_GetAttributeValue(session_, public_half, &wanted, 1), "C_GetAttributeValue");
  return jose::PublicKey::from_point(jose::Algorithm::es256, BytesView(point).subspan(2)).value();
}

void TokenObjects::import_generator(const Bytes& id, const std::string& label) {
  Bytes value(32, 0);
  value.back() = 1;
  const Bytes point = *from_hex(
      "0441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
  CK_ULONG ec = CKK_EC;
  CK_ULONG private_key = CKO_PRIVATE_KEY;
  CK_ULONG public_key = CKO_PUBLIC_KEY;
  (void)create({number(CKA_CLASS, private_key), number(CKA_KEY_TYPE, ec), flag(CKA_TOKEN, true),
                flag(CKA_PRIVATE, true), flag(CKA_SENSITIVE, true), flag(CKA_EXTRACTABLE, false),
                flag(CKA_SIGN, true), octets(CKA_ID, id), octets(CKA_LABEL, as_bytes(label)),
                octets(CKA_EC_PARAMS, p256), octets(CKA_VALUE, value)});
  (void)create({number(CKA_CLASS, public_key), number(CKA_KEY_TYPE, ec), flag(CKA_TOKEN, true),
                octets(CKA_ID, id), octets(CKA_LABEL, as_bytes(label)), octets(CKA_EC_PARAMS, p256),
                octets(CKA_EC_POINT, point)});
}

void TokenObjects::certificate(const Bytes& id, const Bytes& der) {
  CK_ULONG object_class = CKO_CERTIFICATE;
  CK_ULONG x509 = CKC_X_509;
  // PKCS #11 v2.40 §4.6.3 wants a subject; nobody here looks at it.
  const Bytes subject = {0x30, 0x00};
  (void)create({number(CKA_CLASS, object_class), number(CKA_CERTIFICATE_TYPE, x509),
                flag(CKA_TOKEN, true), octets(CKA_ID, id), octets(CKA_SUBJECT, subject),
                octets(CKA_VALUE, der)});
}

CK_OBJECT_HANDLE TokenObjects::create(std::vector<CK_ATTRIBUTE> attributes) {
  CK_OBJECT_HANDLE handle = 0;
  must(calls_->C_CreateObject(session_, attributes.data(), static_cast<CK_ULONG>(attributes.size()),
                              &handle),
       "C_CreateObject");
  return handle;
}

void TokenObjects::destroy(CK_OBJECT_CLASS object_class, const Bytes& id) {
  for (const CK_OBJECT_HANDLE handle :
       found(*calls_, session_, {number(CKA_CLASS, object_class), octets(CKA_ID, id)}))
    must(calls_->C_DestroyObject(session_, handle), "C_DestroyObject");
}

std::size_t TokenObjects::count(CK_OBJECT_CLASS object_class, const std::string& label) {
  return found(*calls_, session_,
               {number(CKA_CLASS, object_class), octets(CKA_LABEL, as_bytes(label))})
      .size();
}

std::size_t TokenObjects::count(CK_OBJECT_CLASS object_class, const Bytes& id, bool in_the_token) {
  return found(*calls_, session_,
               {number(CKA_CLASS, object_class), octets(CKA_ID, id), flag(CKA_TOKEN, in_the_token)})
      .size();
}

}  // namespace mintmark::test
