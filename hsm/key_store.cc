#include "hsm/key_store.h"

#include <algorithm>

namespace mintmark::hsm {

std::string_view name_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::access_token:
      return "access_token";
    case Purpose::client_attestation:
      return "client_attestation";
    case Purpose::result:
      return "result";
    case Purpose::status_list:
      return "status_list";
    case Purpose::event:
      return "event";
    case Purpose::tls:
      return "tls";
  }
  return "unknown";
}

Result<Purpose> purpose_named(std::string_view name) {
  for (const Purpose purpose : {Purpose::access_token, Purpose::client_attestation, Purpose::result,
                                Purpose::status_list, Purpose::event, Purpose::tls}) {
    if (name_of(purpose) == name) return purpose;
  }
  return fail(Code::invalid_argument, "\"" + std::string(name) + "\" is no purpose of a key");
}

KeyId random_key_id() {
  KeyId id{};
  const Bytes random = random_bytes(id.size());
  std::copy(random.begin(), random.end(), id.begin());
  return id;
}

std::string to_string(const KeyId& id) { return to_hex(id); }

Result<KeyId> key_id_from(std::string_view hex) {
  auto bytes = from_hex(hex);
  KeyId id{};
  if (!bytes || bytes->size() != id.size()) {
    return fail(Code::invalid_argument, "a key id is 32 hexadecimal digits");
  }
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return id;
}

}  // namespace mintmark::hsm
