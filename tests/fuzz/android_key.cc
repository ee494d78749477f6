// Any octets as a KeyDescription: refused with a code, or told the same twice and, cut by an octet
// or followed by one, refused.
#include <cstdlib>

#include "attest/android_key/key_description.h"

namespace {

using namespace mintmark;

void require(bool held) {
  if (!held) std::abort();
}

void require_bounded(const attest::android_key::AuthorizationList& list) {
  require(list.fields.size() + list.unknown.size() <= 128);
  if (const auto* id = list.application_id()) {
    require(id->packages.size() <= attest::android_key::most_of_an_application);
    require(id->signatures.size() <= attest::android_key::most_of_an_application);
    for (const auto& package : id->packages) require(package.name.size() <= 256);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using attest::android_key::parse_key_description;
  const BytesView octets{data, size};
  const auto description = parse_key_description(octets);
  if (!description) {
    require(description.error().code == Code::android_extension_malformed ||
            description.error().code == Code::android_version_unknown);
    return 0;
  }
  require_bounded(description->software_enforced);
  require_bounded(description->hardware_enforced);
  const auto again = parse_key_description(octets);
  require(again && to_json(*again).dump() == to_json(*description).dump());
  require(!parse_key_description(octets.first(size - 1)));
  Bytes longer = to_bytes(octets);
  longer.push_back(0);
  require(!parse_key_description(longer));
  return 0;
}
