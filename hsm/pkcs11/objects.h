// Objects on a token: templates, finding, reading attributes. Knows nothing of what our keys look
// like.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "hsm/pkcs11/cryptoki.h"
#include "hsm/pkcs11/module.h"

namespace mintmark::hsm::pkcs11 {

/// Attributes with the memory their values stand in.
class Template {
 public:
  Template() = default;
  Template(Template&&) = default;
  Template& operator=(Template&&) = default;
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;

  Template& flag(CK_ATTRIBUTE_TYPE type, bool value);
  Template& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value);
  Template& octets(CK_ATTRIBUTE_TYPE type, BytesView value);

  [[nodiscard]] CK_ATTRIBUTE* data() { return attributes_.data(); }
  [[nodiscard]] CK_ULONG size() const { return static_cast<CK_ULONG>(attributes_.size()); }

 private:
  std::deque<Bytes> values_;  // grows without moving what attributes_ points at
  std::vector<CK_ATTRIBUTE> attributes_;
};

/// Handles of all objects that have these attributes.
[[nodiscard]] Result<std::vector<CK_OBJECT_HANDLE>> find_objects(const Session& session,
                                                                 Template attributes);

/// One after the other; the first that cannot be ended is the error, and those after it stay.
[[nodiscard]] Result<void> destroy_objects(const Session& session,
                                           std::span<const CK_OBJECT_HANDLE> objects);

/// nullopt: the object has no such attribute, or does not show it.
[[nodiscard]] Result<std::optional<Bytes>> read_octets(const Session& session,
                                                       CK_OBJECT_HANDLE object,
                                                       CK_ATTRIBUTE_TYPE type);

/// In the order asked for, in one call; nullopt as above.
[[nodiscard]] Result<std::vector<std::optional<bool>>> read_flags(
    const Session& session, CK_OBJECT_HANDLE object, std::span<const CK_ATTRIBUTE_TYPE> types);

}  // namespace mintmark::hsm::pkcs11
