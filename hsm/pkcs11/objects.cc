#include "hsm/pkcs11/objects.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {
namespace {

constexpr CK_ULONG longest_attribute = 64U << 10U;

/// These two still fill in what the object does show, and mark what it does not (PKCS #11 v2.40,
/// C_GetAttributeValue). With no mark it is no answer: a key would be missing without a word.
bool partly_answered(CK_RV rv, std::span<const CK_ATTRIBUTE> attributes) {
  const bool marked = std::any_of(
      attributes.begin(), attributes.end(),
      [](const CK_ATTRIBUTE& one) { return one.ulValueLen == CK_UNAVAILABLE_INFORMATION; });
  return marked && (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE);
}

Result<std::vector<CK_OBJECT_HANDLE>> collect(const Session& session) {
  std::vector<CK_OBJECT_HANDLE> found;
  for (;;) {
    std::array<CK_OBJECT_HANDLE, 64> some{};
    CK_ULONG count = 0;
    const CK_RV rv =
        session.calls().C_FindObjects(session.handle(), some.data(), some.size(), &count);
    if (rv != CKR_OK) return fail_with(rv, "C_FindObjects");
    if (count == 0) return found;
    found.insert(found.end(), some.begin(), some.begin() + count);
  }
}

}  // namespace

Template& Template::flag(CK_ATTRIBUTE_TYPE type, bool value) {
  const CK_BBOOL octet = value ? CK_TRUE : CK_FALSE;
  return octets(type, {&octet, 1});
}

Template& Template::number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
  Bytes native(sizeof value);
  std::memcpy(native.data(), &value, sizeof value);
  return octets(type, native);
}

Template& Template::octets(CK_ATTRIBUTE_TYPE type, BytesView value) {
  Bytes& kept = values_.emplace_back(value.begin(), value.end());
  attributes_.push_back({type, kept.data(), static_cast<CK_ULONG>(kept.size())});
  return *this;
}

Result<std::vector<CK_OBJECT_HANDLE>> find_objects(const Session& session, Template attributes) {
  const CK_RV rv =
      session.calls().C_FindObjectsInit(session.handle(), attributes.data(), attributes.size());
  if (rv != CKR_OK) return fail_with(rv, "C_FindObjectsInit");
  auto found = collect(session);
  const CK_RV end = session.calls().C_FindObjectsFinal(session.handle());
  if (found && end != CKR_OK) return fail_with(end, "C_FindObjectsFinal");
  return found;
}

Result<void> destroy_objects(const Session& session, std::span<const CK_OBJECT_HANDLE> objects) {
  for (const CK_OBJECT_HANDLE object : objects) {
    const CK_RV rv = session.calls().C_DestroyObject(session.handle(), object);
    if (rv != CKR_OK) return fail_with(rv, "C_DestroyObject");
  }
  return {};
}

Result<std::optional<Bytes>> read_octets(const Session& session, CK_OBJECT_HANDLE object,
                                         CK_ATTRIBUTE_TYPE type) {
  CK_ATTRIBUTE attribute{type, nullptr, 0};
  CK_RV rv = session.calls().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  if (partly_answered(rv, {&attribute, 1})) return std::nullopt;
  if (rv != CKR_OK) return fail_with(rv, "C_GetAttributeValue");
  if (attribute.ulValueLen > longest_attribute) return std::nullopt;
  Bytes value(attribute.ulValueLen);
  attribute.pValue = value.data();
  rv = session.calls().C_GetAttributeValue(session.handle(), object, &attribute, 1);
  if (rv != CKR_OK) return fail_with(rv, "C_GetAttributeValue");
  if (attribute.ulValueLen < value.size()) value.resize(attribute.ulValueLen);
  return value;
}

Result<std::vector<std::optional<bool>>> read_flags(const Session& session, CK_OBJECT_HANDLE object,
                                                    std::span<const CK_ATTRIBUTE_TYPE> types) {
  constexpr CK_BBOOL untouched = 0x5A;  // Some modules stop at the first that is not there.
  std::vector<CK_BBOOL> octets(types.size(), untouched);
  std::vector<CK_ATTRIBUTE> attributes;
  for (std::size_t i = 0; i < types.size(); ++i) {
    attributes.push_back({types[i], &octets[i], sizeof(CK_BBOOL)});
  }
  const CK_RV rv = session.calls().C_GetAttributeValue(session.handle(), object, attributes.data(),
                                                       static_cast<CK_ULONG>(attributes.size()));
  if (rv != CKR_OK && !partly_answered(rv, attributes)) return fail_with(rv, "C_GetAttributeValue");
  std::vector<std::optional<bool>> flags;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const bool shown = attributes[i].ulValueLen == sizeof(CK_BBOOL) && octets[i] != untouched;
    flags.push_back(shown ? std::optional<bool>(octets[i] != CK_FALSE) : std::nullopt);
  }
  return flags;
}

}  // namespace mintmark::hsm::pkcs11
