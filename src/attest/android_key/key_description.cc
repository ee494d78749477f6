#include "attest/android_key/key_description.h"

#include <openssl/err.h>

#include <charconv>

#include "attest/android_key/asn1.h"
#include "attest/android_key/fields.h"
#include "attest/x509/certificate.h"
#include "base/text.h"

namespace mintmark::attest::android_key {
namespace {

// KeyMint counts in hundreds; Keymaster counted 1 to 4.
constexpr std::int64_t last_of_keymaster = 4;
constexpr std::int64_t keymint_step = 100;
constexpr std::int64_t last_of_keymint = 10'000;
constexpr std::size_t longest_description = 8192;
constexpr int most_fields = 128;
constexpr std::size_t longest_text = 256;
constexpr int month_at = 100;
constexpr int months = 12;

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::android_extension_malformed, "the key description: " + what);
}

Bytes octets_of(const ASN1_STRING* string) {
  const std::uint8_t* data = ASN1_STRING_get0_data(string);
  return {data, data + ASN1_STRING_length(string)};
}

struct Tagged {
  std::uint32_t tag = 0;
  BytesView content;
};

// An EXPLICIT context tag of definite length, and what it wraps.
std::optional<Tagged> tagged_in(const ASN1_TYPE* element) {
  if (element->type != V_ASN1_OTHER) return std::nullopt;
  const std::uint8_t* at = ASN1_STRING_get0_data(element->value.asn1_string);
  const std::uint8_t* end = at + ASN1_STRING_length(element->value.asn1_string);
  long length = 0;
  int tag = 0;
  int kind = 0;
  const int form = ASN1_get_object(&at, &length, &tag, &kind, end - at);
  if (form != V_ASN1_CONSTRUCTED || kind != V_ASN1_CONTEXT_SPECIFIC || tag < 0 || length < 0 ||
      length != end - at)
    return std::nullopt;
  return Tagged{static_cast<std::uint32_t>(tag), {at, static_cast<std::size_t>(length)}};
}

Result<void> add_field(AuthorizationList& list, const Tagged& tagged) {
  const Field* field = field_of(tagged.tag);
  if (field == nullptr) {
    list.unknown.push_back(tagged.tag);
    return {};
  }
  auto value = read_value(field->kind, tagged.content);
  if (!value)
    return malformed(std::string(field->name) + " is none of its type, or holds too much");
  if (!list.fields.emplace(field->tag, std::move(*value)).second)
    return malformed(std::string(field->name) + " stands twice");
  return {};
}

Result<AuthorizationList> list_of(const Elements* elements) {
  if (sk_ASN1_TYPE_num(elements) > most_fields) return malformed("too many fields");
  AuthorizationList list;
  std::optional<std::uint32_t> before;
  for (int i = 0; i < sk_ASN1_TYPE_num(elements); ++i) {
    const auto tagged = tagged_in(sk_ASN1_TYPE_value(elements, i));
    if (!tagged) return malformed("an authorization is no EXPLICIT context tag");
    if (auto added = add_field(list, *tagged); !added) return pass_on(added);
    list.in_order = list.in_order && (!before || tagged->tag > *before);
    before = tagged->tag;
  }
  return list;
}

Result<SecurityLevel> level_of(const ASN1_ENUMERATED* level) {
  std::int64_t value = -1;
  if (ASN1_ENUMERATED_get_int64(&value, level) != 1 || value < 0 ||
      value > static_cast<std::int64_t>(SecurityLevel::strongbox))
    return malformed("a security level is neither software (0), TEE (1) nor StrongBox (2)");
  return static_cast<SecurityLevel>(value);
}

Result<std::int64_t> version_of(const ASN1_INTEGER* version) {
  std::int64_t value = -1;
  if (ASN1_INTEGER_get_int64(&value, version) != 1 || value < 0 || value > last_of_keymint)
    return fail(Code::android_version_unknown, "a version of the key description beyond 10000");
  return value;
}

Result<void> check_version(std::int64_t version) {
  const bool keymaster = version >= 1 && version <= last_of_keymaster;
  const bool keymint = version >= keymint_step && version % keymint_step == 0;
  if (keymaster || keymint) return {};
  return fail(Code::android_version_unknown,
              "attestation version " + std::to_string(version) +
                  " is known to nobody here: 1 to 4, and hundreds from 100 on, are");
}

Result<KeyDescription> description_of(const KeyDescriptionSequence& sequence) {
  KeyDescription description;
  auto version = version_of(sequence.attestation_version);
  if (!version) return pass_on(version);
  if (auto known = check_version(*version); !known) return pass_on(known);
  auto keymint_version = version_of(sequence.keymint_version);
  if (!keymint_version) return pass_on(keymint_version);
  auto level = level_of(sequence.attestation_level);
  if (!level) return pass_on(level);
  auto keymint_level = level_of(sequence.keymint_level);
  if (!keymint_level) return pass_on(keymint_level);
  auto software = list_of(sequence.software);
  if (!software) return pass_on(software);
  auto hardware = list_of(sequence.hardware);
  if (!hardware) return pass_on(hardware);
  return KeyDescription{*version,
                        *level,
                        *keymint_version,
                        *keymint_level,
                        octets_of(sequence.challenge),
                        octets_of(sequence.unique_id),
                        std::move(*software),
                        std::move(*hardware)};
}

}  // namespace

const char* name_of(SecurityLevel level) {
  switch (level) {
    case SecurityLevel::trusted_environment:
      return "trusted_environment";
    case SecurityLevel::strongbox:
      return "strongbox";
    default:
      return "software";
  }
}

const char* name_of(BootState state) {
  switch (state) {
    case BootState::verified:
      return "verified";
    case BootState::self_signed:
      return "self_signed";
    case BootState::unverified:
      return "unverified";
    default:
      return "failed";
  }
}

std::optional<std::int64_t> Decimal::number() const {
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

std::optional<std::int64_t> AuthorizationList::number(Tag tag) const {
  const auto found = fields.find(tag);
  const auto* decimal = found == fields.end() ? nullptr : std::get_if<Decimal>(&found->second);
  return decimal == nullptr ? std::nullopt : decimal->number();
}

bool AuthorizationList::holds(Tag tag, std::int64_t number) const {
  const auto found = fields.find(tag);
  if (found == fields.end()) return false;
  const auto* all = std::get_if<std::vector<Decimal>>(&found->second);
  if (all == nullptr) return false;
  for (const Decimal& one : *all) {
    if (one.number() == number) return true;
  }
  return false;
}

std::string AuthorizationList::text(Tag tag) const {
  const auto found = fields.find(tag);
  const auto* octets = found == fields.end() ? nullptr : std::get_if<Bytes>(&found->second);
  if (octets == nullptr || !is_utf8(as_text(*octets))) return {};
  return printable(as_text(*octets), longest_text);
}

std::optional<std::int64_t> AuthorizationList::patch_level(Tag tag) const {
  const auto level = number(tag);
  constexpr std::int64_t least = 1000'01;
  constexpr std::int64_t most = 9999'12;
  if (!level || *level < 0) return std::nullopt;
  const std::int64_t year_and_month = *level > most ? *level / month_at : *level;
  if (year_and_month < least || year_and_month > most || year_and_month % month_at < 1 ||
      year_and_month % month_at > months)
    return std::nullopt;
  return level;
}

const RootOfTrust* AuthorizationList::root_of_trust() const {
  const auto found = fields.find(Tag::root_of_trust);
  return found == fields.end() ? nullptr : std::get_if<RootOfTrust>(&found->second);
}

const ApplicationId* AuthorizationList::application_id() const {
  const auto found = fields.find(Tag::attestation_application_id);
  return found == fields.end() ? nullptr : std::get_if<ApplicationId>(&found->second);
}

Result<KeyDescription> parse_key_description(BytesView der) {
  if (der.empty() || der.size() > longest_description) return malformed("an impossible size");
  const auto sequence = decode<KeyDescriptionSequence>(der, ASN1_ITEM_rptr(KeyDescriptionSequence));
  auto description = sequence ? description_of(*sequence)
                              : Result<KeyDescription>(malformed("not one DER KeyDescription"));
  ERR_clear_error();
  return description;
}

std::optional<Bytes> key_description_in(const X509* certificate) {
  const auto found = x509::extensions_numbered(certificate, key_description_oid);
  if (found.empty()) return std::nullopt;
  return found.size() == 1 ? to_bytes(x509::content_of(found.front())) : Bytes();
}

}  // namespace mintmark::attest::android_key
