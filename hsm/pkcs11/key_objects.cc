#include "hsm/pkcs11/key_objects.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "hsm/pkcs11/curve.h"
#include "hsm/pkcs11/objects.h"
#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {
namespace {

using Handles = std::vector<CK_OBJECT_HANDLE>;

struct FlagFacts {
  CK_ATTRIBUTE_TYPE type;
  std::string_view name;
  std::optional<bool> needed;  ///< To sign; absent: told in evidence only.
};

constexpr std::array<FlagFacts, 12> private_flags{
    {{CKA_TOKEN, "CKA_TOKEN", true},
     {CKA_PRIVATE, "CKA_PRIVATE", true},
     {CKA_SENSITIVE, "CKA_SENSITIVE", true},
     {CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE", true},
     {CKA_EXTRACTABLE, "CKA_EXTRACTABLE", false},
     {CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE", true},
     {CKA_LOCAL, "CKA_LOCAL", true},
     {CKA_SIGN, "CKA_SIGN", true},
     {CKA_DECRYPT, "CKA_DECRYPT", std::nullopt},
     {CKA_UNWRAP, "CKA_UNWRAP", std::nullopt},
     {CKA_DERIVE, "CKA_DERIVE", std::nullopt},
     {CKA_SIGN_RECOVER, "CKA_SIGN_RECOVER", std::nullopt}}};

Result<std::vector<std::optional<bool>>> read_private_flags(const Session& session,
                                                            CK_OBJECT_HANDLE key) {
  std::array<CK_ATTRIBUTE_TYPE, private_flags.size()> types{};
  std::transform(private_flags.begin(), private_flags.end(), types.begin(),
                 [](const FlagFacts& flag) { return flag.type; });
  return read_flags(session, key, types);
}

enum class Lives : std::uint8_t { in_the_token, with_a_session };

/// Every attribute that forbids signing, in words; "" if none does. What a module does not show is
/// not taken as given.
Result<std::string> unfitness(const Session& session, CK_OBJECT_HANDLE key,
                              Lives lives = Lives::in_the_token) {
  auto flags = read_private_flags(session, key);
  if (!flags) return pass_on(flags);
  std::string reasons;
  for (std::size_t i = 0; i < private_flags.size(); ++i) {
    FlagFacts facts = private_flags[i];
    if (facts.type == CKA_TOKEN) facts.needed = lives == Lives::in_the_token;
    if (!facts.needed || (*flags)[i] == facts.needed) continue;
    reasons += (reasons.empty() ? "" : ", ") + std::string(facts.name) +
               (*facts.needed ? " is not true" : " is not false");
  }
  return reasons;
}

std::vector<Purpose> all_purposes() {
  std::vector<Purpose> purposes;
  for (std::uint8_t i = 0; name_of(static_cast<Purpose>(i)) != "unknown"; ++i) {
    purposes.push_back(static_cast<Purpose>(i));
  }
  return purposes;
}

Result<Handles> find_halves(const Session& session, CK_OBJECT_CLASS half, Purpose purpose) {
  Template wanted;
  wanted.number(CKA_CLASS, half).octets(CKA_LABEL, as_bytes(label_of(purpose)));
  wanted.flag(CKA_TOKEN, true);
  return find_objects(session, std::move(wanted));
}

Result<Handles> find_halves(const Session& session, CK_OBJECT_CLASS half, Purpose purpose,
                            const KeyId& id) {
  Template wanted;
  wanted.number(CKA_CLASS, half).octets(CKA_LABEL, as_bytes(label_of(purpose)));
  wanted.flag(CKA_TOKEN, true).octets(CKA_ID, id);
  return find_objects(session, std::move(wanted));
}

Result<std::map<KeyId, Handles>> halves_by_id(const Session& session, CK_OBJECT_CLASS half,
                                              Purpose purpose) {
  auto handles = find_halves(session, half, purpose);
  if (!handles) return pass_on(handles);
  std::map<KeyId, Handles> by_id;
  for (const CK_OBJECT_HANDLE handle : *handles) {
    auto id = read_octets(session, handle, CKA_ID);
    if (!id) return pass_on(id);
    KeyId key_id{};
    if (!*id || (*id)->size() != key_id.size()) continue;  // our label, but no journal named it so
    std::copy((*id)->begin(), (*id)->end(), key_id.begin());
    by_id[key_id].push_back(handle);
  }
  return by_id;
}

/// nullopt: no key on a curve we know.
Result<std::optional<jose::PublicKey>> read_public_key(const Session& session,
                                                       CK_OBJECT_HANDLE half) {
  auto params = read_octets(session, half, CKA_EC_PARAMS);
  if (!params) return pass_on(params);
  auto point = read_octets(session, half, CKA_EC_POINT);
  if (!point) return pass_on(point);
  if (!*params || !*point) return std::nullopt;
  auto key = public_key_of(**params, **point);
  if (!key) return std::nullopt;
  return std::optional<jose::PublicKey>(std::move(*key));
}

/// nullopt: no pair that has a public key to show.
Result<std::optional<KeyPair>> read_pair(const Session& session, const KeyId& id, Purpose purpose,
                                         const Handles& privates, const Handles& publics) {
  if (privates.empty() || publics.empty()) return std::nullopt;
  auto public_key = read_public_key(session, publics.front());
  if (!public_key) return pass_on(public_key);
  if (!*public_key) return std::nullopt;
  auto unfit = unfitness(session, privates.front());
  if (!unfit) return pass_on(unfit);
  if (privates.size() > 1 || publics.size() > 1) {
    *unfit = "CKA_ID names " + std::to_string(privates.size()) + " private and " +
             std::to_string(publics.size()) + " public keys";
  }
  return std::optional<KeyPair>(KeyPair{privates.front(),
                                        {id, purpose, std::move(**public_key), std::move(*unfit)},
                                        privates.front()});
}

/// All halves of ours with this id.
struct Halves {
  Handles privates;
  Handles publics;
};

Result<Halves> find_all_halves(const Session& session, const KeyId& id) {
  Halves halves;
  for (const Purpose purpose : all_purposes()) {
    auto privates = find_halves(session, CKO_PRIVATE_KEY, purpose, id);
    if (!privates) return pass_on(privates);
    auto publics = find_halves(session, CKO_PUBLIC_KEY, purpose, id);
    if (!publics) return pass_on(publics);
    halves.privates.insert(halves.privates.end(), privates->begin(), privates->end());
    halves.publics.insert(halves.publics.end(), publics->begin(), publics->end());
  }
  return halves;
}

Result<void> refuse_taken_id(const Session& session, const KeyId& id) {
  for (const CK_OBJECT_CLASS half : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    Template wanted;
    wanted.number(CKA_CLASS, half).octets(CKA_ID, id);
    auto found = find_objects(session, std::move(wanted));
    if (!found) return pass_on(found);
    if (!found->empty()) {
      return fail(Code::hsm_key_exists, "the token has a key with CKA_ID " + to_string(id));
    }
  }
  return {};
}

Template public_template(const KeySpec& spec) {
  Template wanted;
  wanted.flag(CKA_TOKEN, true).flag(CKA_VERIFY, true).octets(CKA_ID, spec.id);
  wanted.octets(CKA_LABEL, as_bytes(label_of(spec.purpose)));
  wanted.octets(CKA_EC_PARAMS, curve_of(spec.algorithm).params);
  return wanted;
}

/// Uses to deny by name, from the fullest set that a module takes: libtpm2_pkcs11 makes no EC key
/// with CKA_DECRYPT named.
constexpr std::array denied_uses_full{CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE, CKA_SIGN_RECOVER};
constexpr std::array denied_uses_of_ec{CKA_UNWRAP, CKA_DERIVE, CKA_SIGN_RECOVER};
using Uses = std::span<const CK_ATTRIBUTE_TYPE>;
constexpr std::array<Uses, 3> denied_uses{denied_uses_full, denied_uses_of_ec, Uses{}};

Template private_template(const KeySpec& spec, Uses denied) {
  Template wanted;
  wanted.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true);
  wanted.flag(CKA_EXTRACTABLE, false).flag(CKA_SIGN, true).octets(CKA_ID, spec.id);
  wanted.octets(CKA_LABEL, as_bytes(label_of(spec.purpose)));
  for (const CK_ATTRIBUTE_TYPE use : denied) wanted.flag(use, false);
  return wanted;
}

struct NewPair {
  CK_OBJECT_HANDLE public_half = 0;
  CK_OBJECT_HANDLE private_half = 0;
};

CK_RV generate(const Session& session, const KeySpec& spec, Uses denied, NewPair& made) {
  CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  Template publics = public_template(spec);
  Template privates = private_template(spec, denied);
  return session.calls().C_GenerateKeyPair(session.handle(), &mechanism, publics.data(),
                                           publics.size(), privates.data(), privates.size(),
                                           &made.public_half, &made.private_half);
}

bool refuses_template(CK_RV rv) {
  // CKR_GENERAL_ERROR is libtpm2_pkcs11's word for an attribute that the TPM answered otherwise.
  return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
         rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_READ_ONLY ||
         rv == CKR_GENERAL_ERROR;
}

Result<NewPair> generate(const Session& session, const KeySpec& spec) {
  NewPair made;
  CK_RV rv = CKR_OK;
  for (const Uses denied : denied_uses) {
    rv = generate(session, spec, denied, made);
    if (rv == CKR_OK) return made;
    if (!refuses_template(rv)) break;
  }
  return fail_with(rv, "C_GenerateKeyPair");
}

Result<void> destroy(const Session& session, const Handles& objects) {
  for (const CK_OBJECT_HANDLE object : objects) {
    const CK_RV rv = session.calls().C_DestroyObject(session.handle(), object);
    if (rv != CKR_OK) return fail_with(rv, "C_DestroyObject");
  }
  return {};
}

}  // namespace

std::string label_of(Purpose purpose) { return "mintmark " + std::string(name_of(purpose)); }

Result<std::vector<KeyPair>> find_pairs(const Session& session) {
  std::vector<KeyPair> pairs;
  for (const Purpose purpose : all_purposes()) {
    auto privates = halves_by_id(session, CKO_PRIVATE_KEY, purpose);
    if (!privates) return pass_on(privates);
    auto publics = halves_by_id(session, CKO_PUBLIC_KEY, purpose);
    if (!publics) return pass_on(publics);
    for (const auto& [id, handles] : *privates) {
      auto pair = read_pair(session, id, purpose, handles, (*publics)[id]);
      if (!pair) return pass_on(pair);
      if (*pair) pairs.push_back(std::move(**pair));
    }
  }
  return pairs;
}

Result<KeyPair> find_pair(const Session& session, const KeyId& id) {
  std::vector<KeyPair> found;
  for (const Purpose purpose : all_purposes()) {
    auto privates = find_halves(session, CKO_PRIVATE_KEY, purpose, id);
    if (!privates) return pass_on(privates);
    auto publics = find_halves(session, CKO_PUBLIC_KEY, purpose, id);
    if (!publics) return pass_on(publics);
    auto pair = read_pair(session, id, purpose, *privates, *publics);
    if (!pair) return pass_on(pair);
    if (*pair) found.push_back(std::move(**pair));
  }
  if (found.empty()) {
    return fail(Code::hsm_key_unknown,
                "the token has no key pair of ours with CKA_ID " + to_string(id));
  }
  if (found.size() > 1) found.front().info.unfit = "CKA_ID names keys of several purposes";
  return std::move(found.front());
}

Result<KeyPair> generate_pair(const Session& session, const KeySpec& spec) {
  if (auto is_free = refuse_taken_id(session, spec.id); !is_free) return pass_on(is_free);
  auto made = generate(session, spec);
  if (!made) return pass_on(made);
  auto pair = read_pair(session, spec.id, spec.purpose, {made->private_half}, {made->public_half});
  if (!pair) return pass_on(pair);
  if (*pair && (*pair)->info.unfit.empty()) return std::move(**pair);
  const std::string why = *pair ? (*pair)->info.unfit : "its public half shows no point";
  (void)destroy(session, {made->private_half, made->public_half});
  return fail(Code::hsm_key_unfit, "the module made a key that may not sign: " + why);
}

Result<KeyPair> adopt_or_generate_pair(const Session& session, const KeySpec& spec) {
  auto found = find_pair(session, spec.id);
  if (!found && found.error().code != Code::hsm_key_unknown) return found;
  const bool whole = found && found->info.unfit.empty() && found->info.purpose == spec.purpose &&
                     found->info.public_key.algorithm() == spec.algorithm;
  if (whole) return found;
  if (!found) {
    const auto ended = destroy_pair(session, spec.id);
    if (!ended && ended.error().code != Code::hsm_key_unknown) {
      return tl::unexpected<Error>(ended.error());
    }
  }
  return generate_pair(session, spec);
}

Result<std::optional<CK_OBJECT_HANDLE>> copy_for_session(const Session& holder,
                                                         const KeyPair& pair) {
  Template wanted;
  wanted.flag(CKA_TOKEN, false);
  CK_OBJECT_HANDLE copy = 0;
  const CK_RV rv = holder.calls().C_CopyObject(holder.handle(), pair.private_half, wanted.data(),
                                               wanted.size(), &copy);
  if (rv != CKR_OK) {
    // Not being able to is no fault; a session that is gone is.
    if (facts_of_rv(rv).code == Code::hsm_session_lost) return fail_with(rv, "C_CopyObject");
    return std::nullopt;
  }
  auto unfit = unfitness(holder, copy, Lives::with_a_session);
  if (unfit && unfit->empty()) return std::optional<CK_OBJECT_HANDLE>(copy);
  (void)holder.calls().C_DestroyObject(holder.handle(), copy);
  if (!unfit) return pass_on(unfit);
  return std::nullopt;
}

Result<void> destroy_pair(const Session& session, const KeyId& id) {
  auto halves = find_all_halves(session, id);
  if (!halves) return pass_on(halves);
  if (halves->privates.empty() && halves->publics.empty()) {
    return fail(Code::hsm_key_unknown, "the token has no key of ours with CKA_ID " + to_string(id));
  }
  if (halves->privates.size() > 1 || halves->publics.size() > 1) {
    return fail(Code::hsm_key_ambiguous,
                "CKA_ID " + to_string(id) + " names several keys of ours; none was destroyed");
  }
  if (auto ended = destroy(session, halves->privates); !ended) return ended;
  return destroy(session, halves->publics);
}

Result<Json> private_attributes(const Session& session, const KeyPair& pair) {
  auto flags = read_private_flags(session, pair.private_half);
  if (!flags) return pass_on(flags);
  Json attributes = Json::object();
  for (std::size_t i = 0; i < private_flags.size(); ++i) {
    const std::optional<bool>& flag = (*flags)[i];
    attributes[std::string(private_flags[i].name)] = flag ? Json(*flag) : Json(nullptr);
  }
  attributes["CKA_ID"] = to_string(pair.info.id);
  attributes["CKA_LABEL"] = label_of(pair.info.purpose);
  return attributes;
}

}  // namespace mintmark::hsm::pkcs11
