// What our keys look like as objects on a token: label, id, attributes; and which of them may sign.
#pragma once

#include <optional>
#include <vector>

#include "hsm/key_store.h"
#include "hsm/pkcs11/cryptoki.h"
#include "hsm/pkcs11/module.h"

namespace mintmark::hsm::pkcs11 {

/// A key pair of ours and where it is now. Token objects' handles hold for all sessions of the
/// process, until the login is lost.
struct KeyPair {
  CK_OBJECT_HANDLE private_half;
  KeyInfo info;
  /// What signs: the private half itself, or its copy for the session.
  CK_OBJECT_HANDLE signs_with;

  [[nodiscard]] bool has_copy() const { return signs_with != private_half; }
};

/// Every attribute of a private key in the token that forbids us to sign with it, in words: where
/// it came from, that it could leave; "" if none does. What a module does not show is not taken as
/// given.
[[nodiscard]] Result<std::string> unfitness_of(const Session& session, CK_OBJECT_HANDLE key);

/// All pairs of ours with a public half that we know. Any error of the module is an error of
/// the whole: a list that is short without a word would have somebody end the rest.
[[nodiscard]] Result<std::vector<KeyPair>> find_pairs(const Session& session);
/// `hsm_key_unknown`, also where the pair lost its public half.
[[nodiscard]] Result<KeyPair> find_pair(const Session& session, const KeyId& id);

/// Makes a pair in the token, reads it back, and ends it again if it came out unfit
/// (`hsm_key_unfit`), or cannot be read back whatever is tried. `session` is read-write.
/// `hsm_key_exists` if any key object, ours or not, has the id. `begun` becomes true once the
/// module is told to make it.
[[nodiscard]] Result<KeyPair> generate_pair(const Session& session, const KeySpec& spec,
                                            bool& begun);

/// As generate_pair, after a try whose answer was lost: the pair that it made is taken if it is
/// whole, fit and as asked for; half a pair of ours is ended first.
[[nodiscard]] Result<KeyPair> adopt_or_generate_pair(const Session& session, const KeySpec& spec);

/// Copies the private half into an object that lives as long as `holder` and may be used by every
/// session of the process: it spares some tokens a look at their storage for each signature.
/// nullopt where the module does not make one that is as strict as the key.
[[nodiscard]] Result<std::optional<CK_OBJECT_HANDLE>> copy_for_session(const Session& holder,
                                                                       const KeyPair& pair);

/// The private half first: what is left of a destruction cut short signs nothing. `session` is
/// read-write. `hsm_key_unknown`; `hsm_key_ambiguous` if the id names more than one pair of ours:
/// none is ended. `begun` becomes true once the module is told to end a half.
[[nodiscard]] Result<void> destroy_pair(const Session& session, const KeyId& id, bool& begun);

/// The private key's attributes by name; null for what the module does not show.
[[nodiscard]] Result<Json> private_attributes(const Session& session, const KeyPair& pair);

}  // namespace mintmark::hsm::pkcs11
