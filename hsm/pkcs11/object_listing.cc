#include "hsm/pkcs11/object_listing.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>

#include "hsm/pkcs11/key_objects.h"
#include "hsm/pkcs11/login.h"
#include "hsm/pkcs11/objects.h"
#include "hsm/pkcs11/spki.h"

namespace mintmark::hsm::pkcs11 {
namespace {

using Class = ObjectFacts::Class;

constexpr CK_KEY_TYPE montgomery = 0x41;  // CKK_EC_MONTGOMERY, which older headers do not have.

struct NamedFlag {
  CK_ATTRIBUTE_TYPE type;
  const char* name;
};
constexpr std::array flags_of_objects{NamedFlag{CKA_TOKEN, "CKA_TOKEN"},
                                      NamedFlag{CKA_PRIVATE, "CKA_PRIVATE"},
                                      NamedFlag{CKA_MODIFIABLE, "CKA_MODIFIABLE"}};
constexpr std::array flags_of_private_keys{
    NamedFlag{CKA_TOKEN, "CKA_TOKEN"},
    NamedFlag{CKA_PRIVATE, "CKA_PRIVATE"},
    NamedFlag{CKA_MODIFIABLE, "CKA_MODIFIABLE"},
    NamedFlag{CKA_LOCAL, "CKA_LOCAL"},
    NamedFlag{CKA_SENSITIVE, "CKA_SENSITIVE"},
    NamedFlag{CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE"},
    NamedFlag{CKA_EXTRACTABLE, "CKA_EXTRACTABLE"},
    NamedFlag{CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE"},
    NamedFlag{CKA_SIGN, "CKA_SIGN"},
    NamedFlag{CKA_SIGN_RECOVER, "CKA_SIGN_RECOVER"},
    NamedFlag{CKA_DECRYPT, "CKA_DECRYPT"},
    NamedFlag{CKA_UNWRAP, "CKA_UNWRAP"},
    NamedFlag{CKA_DERIVE, "CKA_DERIVE"},
    NamedFlag{CKA_ALWAYS_AUTHENTICATE, "CKA_ALWAYS_AUTHENTICATE"}};
constexpr std::array flags_of_public_keys{NamedFlag{CKA_TOKEN, "CKA_TOKEN"},
                                          NamedFlag{CKA_PRIVATE, "CKA_PRIVATE"},
                                          NamedFlag{CKA_MODIFIABLE, "CKA_MODIFIABLE"},
                                          NamedFlag{CKA_LOCAL, "CKA_LOCAL"},
                                          NamedFlag{CKA_VERIFY, "CKA_VERIFY"},
                                          NamedFlag{CKA_ENCRYPT, "CKA_ENCRYPT"},
                                          NamedFlag{CKA_WRAP, "CKA_WRAP"},
                                          NamedFlag{CKA_DERIVE, "CKA_DERIVE"}};

std::span<const NamedFlag> flags_of(Class object_class) {
  switch (object_class) {
    case Class::private_key:
    case Class::secret_key:
      return flags_of_private_keys;
    case Class::public_key:
      return flags_of_public_keys;
    default:
      return flags_of_objects;
  }
}

std::string number_named(const char* kind, CK_ULONG number) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%s 0x%lx", kind, number);
  return text.data();
}

/// One object being read.
class Reader {
 public:
  Reader(const Session& session, CK_OBJECT_HANDLE object) : session_(session), object_(object) {}

  Result<ObjectFacts> read() {
    auto kind = number(CKA_CLASS);
    if (!kind) return pass_on(kind);
    set_class(kind->value_or(CK_UNAVAILABLE_INFORMATION));
    if (auto set = set_label_and_id(); !set) return pass_on(set);
    if (auto set = set_flags(); !set) return pass_on(set);
    const bool is_key = facts_.object_class == Class::private_key ||
                        facts_.object_class == Class::public_key ||
                        facts_.object_class == Class::secret_key;
    if (!is_key) return std::move(facts_);
    if (auto set = set_key(); !set) return pass_on(set);
    return std::move(facts_);
  }

 private:
  Result<std::optional<CK_ULONG>> number(CK_ATTRIBUTE_TYPE type) {
    auto octets = read_octets(session_, object_, type);
    if (!octets) return pass_on(octets);
    CK_ULONG value = 0;
    if (!*octets || (*octets)->size() != sizeof value) return std::optional<CK_ULONG>{};
    std::memcpy(&value, (*octets)->data(), sizeof value);
    return std::optional<CK_ULONG>{value};
  }

  /// Empty where the object does not show it.
  Result<Bytes> octets(CK_ATTRIBUTE_TYPE type) {
    auto found = read_octets(session_, object_, type);
    if (!found) return pass_on(found);
    return found->value_or(Bytes{});
  }

  void set_class(CK_OBJECT_CLASS kind) {
    static const std::map<CK_OBJECT_CLASS, std::pair<Class, const char*>> known{
        {CKO_PRIVATE_KEY, {Class::private_key, "private key"}},
        {CKO_PUBLIC_KEY, {Class::public_key, "public key"}},
        {CKO_SECRET_KEY, {Class::secret_key, "secret key"}},
        {CKO_CERTIFICATE, {Class::certificate, "certificate"}},
        {CKO_DATA, {Class::other, "data"}},
        {CKO_HW_FEATURE, {Class::other, "hardware feature"}},
        {CKO_DOMAIN_PARAMETERS, {Class::other, "domain parameters"}},
        {CKO_MECHANISM, {Class::other, "mechanism"}}};
    const auto found = known.find(kind);
    facts_.class_name = found == known.end() ? number_named("CKO", kind) : found->second.second;
    if (found != known.end()) facts_.object_class = found->second.first;
  }

  Result<void> set_label_and_id() {
    auto label = octets(CKA_LABEL);
    if (!label) return pass_on(label);
    facts_.label = as_text(*label);
    auto id = octets(CKA_ID);
    if (!id) return pass_on(id);
    facts_.id = std::move(*id);
    return {};
  }

  Result<void> set_flags() {
    const auto named = flags_of(facts_.object_class);
    std::vector<CK_ATTRIBUTE_TYPE> types;
    for (const NamedFlag& flag : named) types.push_back(flag.type);
    auto flags = read_flags(session_, object_, types);
    if (!flags) return pass_on(flags);
    for (std::size_t i = 0; i < named.size(); ++i) {
      if ((*flags)[i]) facts_.attributes.emplace_back(named[i].name, *(*flags)[i]);
    }
    return {};
  }

  Result<void> set_key() {
    auto type = number(CKA_KEY_TYPE);
    if (!type) return pass_on(type);
    const CK_KEY_TYPE key_type = type->value_or(CK_UNAVAILABLE_INFORMATION);
    if (key_type == CKK_RSA) return set_rsa();
    if (key_type == CKK_EC || key_type == CKK_EC_EDWARDS || key_type == montgomery)
      return set_ec(key_type);
    static const std::map<CK_KEY_TYPE, const char*> others{
        {CKK_AES, "AES"}, {CKK_GENERIC_SECRET, "generic secret"}, {CKK_DSA, "DSA"}};
    const auto known = others.find(key_type);
    facts_.key_type = known == others.end() ? number_named("CKK", key_type) : known->second;
    auto length = number(CKA_VALUE_LEN);
    if (!length) return pass_on(length);
    if (*length && **length < 65536) facts_.bits = static_cast<unsigned>(**length * 8);
    return {};
  }

  Result<void> set_rsa() {
    facts_.key_type = "RSA";
    auto modulus = octets(CKA_MODULUS);
    if (!modulus) return pass_on(modulus);
    auto exponent = octets(CKA_PUBLIC_EXPONENT);
    if (!exponent) return pass_on(exponent);
    take(rsa_facts(*modulus, *exponent));
    return {};
  }

  Result<void> set_ec(CK_KEY_TYPE type) {
    auto params = octets(CKA_EC_PARAMS);
    if (!params) return pass_on(params);
    auto point = octets(CKA_EC_POINT);
    if (!point) return pass_on(point);
    take(ec_facts(*params, *point));
    facts_.key_type = type == CKK_EC ? "EC" : facts_.curve;
    if (facts_.key_type.empty()) facts_.key_type = number_named("CKK", type);
    return {};
  }

  void take(PublicKeyFacts key) {
    facts_.curve = std::move(key.curve);
    facts_.bits = key.bits;
    facts_.public_key = std::move(key.spki);
  }

  const Session& session_;
  const CK_OBJECT_HANDLE object_;
  ObjectFacts facts_;
};

/// A private EC key shows no point: its public half does.
void complete_private_halves(std::vector<ObjectFacts>& objects) {
  for (ObjectFacts& key : objects) {
    if (key.object_class != Class::private_key || !key.public_key.empty() || key.id.empty())
      continue;
    const auto half = std::find_if(objects.begin(), objects.end(), [&](const ObjectFacts& other) {
      return other.object_class == Class::public_key && other.id == key.id &&
             other.key_type == key.key_type && !other.public_key.empty();
    });
    if (half != objects.end()) key.public_key = half->public_key;
  }
}

Result<std::vector<ObjectFacts>> list(const Session& session) {
  auto pairs = find_pairs(session);
  if (!pairs) return pass_on(pairs);
  std::map<CK_OBJECT_HANDLE, const KeyInfo*> ours;
  for (const KeyPair& pair : *pairs) ours[pair.private_half] = &pair.info;

  auto handles = find_objects(session, Template());
  if (!handles) return pass_on(handles);
  std::vector<ObjectFacts> objects;
  for (const CK_OBJECT_HANDLE handle : *handles) {
    auto facts = Reader(session, handle).read();
    if (!facts) return pass_on(facts);
    if (const auto found = ours.find(handle); found != ours.end()) {
      const KeyInfo& info = *found->second;
      facts->ours = OursFacts{info.purpose, info.kid(), info.unfit};
    }
    objects.push_back(std::move(*facts));
  }
  complete_private_halves(objects);
  return objects;
}

}  // namespace

Result<std::vector<ObjectFacts>> list_objects(const std::string& path, const TokenSelector& token,
                                              const Secret& pin) {
  auto module = Module::load(path);
  if (!module) return pass_on(module);
  auto tokens = (*module)->tokens();
  if (!tokens) return pass_on(tokens);
  auto chosen = token.choose(*tokens);
  if (!chosen) return fail(chosen.error().code, path + ": " + chosen.error().detail);
  const CK_SLOT_ID slot = chosen->slot_id;
  auto login = Login::into(**module, std::move(*chosen), Secret(pin.view()), nullptr);
  if (!login) return pass_on(login);
  auto session = Session::open(**module, slot, Access::read_only);
  if (!session) return pass_on(session);
  return list(*session);
}

}  // namespace mintmark::hsm::pkcs11
