#include "hsm/pkcs11/key_objects.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "hsm/pkcs11/curve.h"
#include "hsm/pkcs11/key_kind.h"
#include "hsm/pkcs11/key_making.h"
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

Result<std::string> unfitness(const Session& session, CK_OBJECT_HANDLE key, Lives lives) {
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

Result<Handles> find_halves(const Session& session, CK_OBJECT_CLASS half, const KeyKind& kind) {
  Template wanted;
  wanted.number(CKA_CLASS, half).octets(CKA_LABEL, as_bytes(label_of(kind)));
  wanted.flag(CKA_TOKEN, true);
  return find_objects(session, std::move(wanted));
}

Result<std::map<KeyId, Handles>> halves_by_id(const Session& session, CK_OBJECT_CLASS half,
                                              const KeyKind& kind) {
  auto handles = find_halves(session, half, kind);
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

/// Halves of ours with one id.
struct Halves {
  Handles privates;
  Handles publics;
};
using HalvesByLabel = std::map<std::string, Halves>;

/// By id, and then sorted by label: two searches and a look at each object that was found, however
/// many kinds of keys there are.
Result<void> sort_by_label(const Session& session, CK_OBJECT_CLASS half, const KeyId& id,
                           Handles Halves::*member, HalvesByLabel& sorted) {
  Template wanted;
  wanted.number(CKA_CLASS, half).flag(CKA_TOKEN, true).octets(CKA_ID, id);
  auto handles = find_objects(session, std::move(wanted));
  if (!handles) return pass_on(handles);
  for (const CK_OBJECT_HANDLE handle : *handles) {
    auto label = read_octets(session, handle, CKA_LABEL);
    if (!label) return pass_on(label);
    if (!*label || !kind_of_label(as_text(**label))) continue;
    (sorted[std::string(as_text(**label))].*member).push_back(handle);
  }
  return {};
}

Result<HalvesByLabel> find_halves(const Session& session, const KeyId& id) {
  HalvesByLabel sorted;
  if (auto found = sort_by_label(session, CKO_PRIVATE_KEY, id, &Halves::privates, sorted); !found)
    return pass_on(found);
  if (auto found = sort_by_label(session, CKO_PUBLIC_KEY, id, &Halves::publics, sorted); !found)
    return pass_on(found);
  return sorted;
}

using MaybePublicKey = Result<std::optional<jose::PublicKey>>;

MaybePublicKey of_ours(Result<jose::PublicKey> key) {
  if (!key) return std::nullopt;
  return std::optional<jose::PublicKey>(std::move(*key));
}

MaybePublicKey read_rsa_key(const Session& session, CK_OBJECT_HANDLE half,
                            jose::Algorithm algorithm) {
  auto modulus = read_octets(session, half, CKA_MODULUS);
  if (!modulus) return pass_on(modulus);
  auto exponent = read_octets(session, half, CKA_PUBLIC_EXPONENT);
  if (!exponent) return pass_on(exponent);
  if (!*modulus || !*exponent) return std::nullopt;
  return of_ours(jose::PublicKey::from_rsa(**modulus, **exponent, algorithm));
}

/// nullopt: no key that we sign with.
MaybePublicKey read_public_key(const Session& session, CK_OBJECT_HANDLE half, const KeyKind& kind) {
  if (kind.rsa_algorithm) return read_rsa_key(session, half, *kind.rsa_algorithm);
  auto params = read_octets(session, half, CKA_EC_PARAMS);
  if (!params) return pass_on(params);
  auto point = read_octets(session, half, CKA_EC_POINT);
  if (!point) return pass_on(point);
  if (!*params || !*point) return std::nullopt;
  return of_ours(public_key_of(**params, **point));
}

/// nullopt: no pair that has a public key to show.
Result<std::optional<KeyPair>> read_pair(const Session& session, const KeyId& id,
                                         const KeyKind& kind, const Handles& privates,
                                         const Handles& publics) {
  if (privates.empty() || publics.empty()) return std::nullopt;
  auto public_key = read_public_key(session, publics.front(), kind);
  if (!public_key) return pass_on(public_key);
  if (!*public_key) return std::nullopt;
  auto unfit = unfitness_of(session, privates.front());
  if (!unfit) return pass_on(unfit);
  if (privates.size() > 1 || publics.size() > 1) {
    *unfit = "CKA_ID names " + std::to_string(privates.size()) + " private and " +
             std::to_string(publics.size()) + " public keys";
  }
  return std::optional<KeyPair>(
      KeyPair{privates.front(),
              {id, kind.purpose, std::move(**public_key), std::move(*unfit)},
              privates.front()});
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

}  // namespace

Result<std::string> unfitness_of(const Session& session, CK_OBJECT_HANDLE key) {
  return unfitness(session, key, Lives::in_the_token);
}

Result<std::vector<KeyPair>> find_pairs(const Session& session) {
  std::vector<KeyPair> pairs;
  for (const KeyKind& kind : all_kinds()) {
    auto privates = halves_by_id(session, CKO_PRIVATE_KEY, kind);
    if (!privates) return pass_on(privates);
    if (privates->empty()) continue;
    auto publics = halves_by_id(session, CKO_PUBLIC_KEY, kind);
    if (!publics) return pass_on(publics);
    for (const auto& [id, handles] : *privates) {
      auto pair = read_pair(session, id, kind, handles, (*publics)[id]);
      if (!pair) return pass_on(pair);
      if (*pair) pairs.push_back(std::move(**pair));
    }
  }
  return pairs;
}

Result<KeyPair> find_pair(const Session& session, const KeyId& id) {
  auto halves = find_halves(session, id);
  if (!halves) return pass_on(halves);
  std::vector<KeyPair> found;
  for (const auto& [label, of_kind] : *halves) {
    auto pair = read_pair(session, id, *kind_of_label(label), of_kind.privates, of_kind.publics);
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

Result<KeyPair> generate_pair(const Session& session, const KeySpec& spec, bool& begun) {
  if (auto is_free = refuse_taken_id(session, spec.id); !is_free) return pass_on(is_free);
  const KeyKind kind = kind_of(spec.purpose, spec.algorithm);
  begun = true;
  auto made =
      make_pair(session, {{spec.id.begin(), spec.id.end()}, label_of(kind), spec.algorithm});
  if (!made) return pass_on(made);
  const Handles halves{made->private_half, made->public_half};
  auto pair = read_pair(session, spec.id, kind, {made->private_half}, {made->public_half});
  if (!pair) {
    // Where the call is done again the next try takes what this one made.
    if (facts_of_rv(pair.error().native).first == Remedy::none)
      (void)destroy_objects(session, halves);
    return pass_on(pair);
  }
  if (*pair && (*pair)->info.unfit.empty()) return std::move(**pair);
  const std::string why = *pair ? (*pair)->info.unfit : "its public half shows no key";
  (void)destroy_objects(session, halves);
  return fail(Code::hsm_key_unfit, "the module made a key that may not sign: " + why);
}

Result<KeyPair> adopt_or_generate_pair(const Session& session, const KeySpec& spec) {
  auto found = find_pair(session, spec.id);
  if (!found && found.error().code != Code::hsm_key_unknown) return found;
  const bool whole = found && found->info.unfit.empty() && found->info.purpose == spec.purpose &&
                     found->info.public_key.algorithm() == spec.algorithm;
  if (whole) return found;
  bool begun = true;
  if (!found) {
    const auto ended = destroy_pair(session, spec.id, begun);
    if (!ended && ended.error().code != Code::hsm_key_unknown) {
      return tl::unexpected<Error>(ended.error());
    }
  }
  return generate_pair(session, spec, begun);
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

Result<void> destroy_pair(const Session& session, const KeyId& id, bool& begun) {
  auto halves = find_halves(session, id);
  if (!halves) return pass_on(halves);
  Halves all;
  for (const auto& [label, of_kind] : *halves) {
    all.privates.insert(all.privates.end(), of_kind.privates.begin(), of_kind.privates.end());
    all.publics.insert(all.publics.end(), of_kind.publics.begin(), of_kind.publics.end());
  }
  if (all.privates.empty() && all.publics.empty()) {
    return fail(Code::hsm_key_unknown, "the token has no key of ours with CKA_ID " + to_string(id));
  }
  if (all.privates.size() > 1 || all.publics.size() > 1) {
    return fail(Code::hsm_key_ambiguous,
                "CKA_ID " + to_string(id) + " names several keys of ours; none was destroyed");
  }
  begun = true;
  if (auto ended = destroy_objects(session, all.privates); !ended) return ended;
  return destroy_objects(session, all.publics);
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
  attributes["CKA_LABEL"] = label_of(kind_of(pair.info.purpose, pair.info.public_key.algorithm()));
  return attributes;
}

}  // namespace mintmark::hsm::pkcs11
