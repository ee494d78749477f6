// Any octets as a KeyDescription: refused with a code, or told the same twice and, cut by an octet
// or followed by one, refused.
#include "attest/android_key/key_description.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

void require_bounded(const attest::android_key::AuthorizationList& list) {
  require(list.fields.size() + list.unknown.size() <= 128);
  if (const auto* id = list.application_id()) {
    require(id->packages.size() <= attest::android_key::most_of_an_application);
    require(id->signatures.size() <= attest::android_key::most_of_an_application);
    for (const auto& package : id->packages) require(package.name.size() <= 256);
  }
}

void run_android_key(BytesView octets) {
  using attest::android_key::parse_key_description;
  const auto description = parse_key_description(octets);
  if (!description) {
    require(description.error().code == Code::android_extension_malformed ||
            description.error().code == Code::android_version_unknown);
    return;
  }
  require_bounded(description->software_enforced);
  require_bounded(description->hardware_enforced);
  const auto again = parse_key_description(octets);
  require(again && to_json(*again).dump() == to_json(*description).dump());
  require(!parse_key_description(octets.first(octets.size() - 1)));
  Bytes longer = to_bytes(octets);
  longer.push_back(0);
  require(!parse_key_description(longer));
}

const Registered android_key_target{{"android_key", &run_android_key}};

}  // namespace
}  // namespace mintmark::fuzz
