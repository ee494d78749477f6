// A token that `mintctl hsm …` has logged into: what it holds, and which of its keys is meant.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "hsm/libp11/session.h"
#include "hsm/pkcs11/object_listing.h"
#include "programs/mintctl/token_at_hand.h"

namespace mintmark::programs {

using Objects = std::vector<hsm::pkcs11::ObjectFacts>;

/// A token whose PIN is known and whose objects were listed. While it lives this process acts as
/// the signer's user where it may, and signals are held back.
class OpenedToken {
 public:
  /// Asks for the PIN where no file has it; one try. Errors: those of TokenAtHand, PinEntry and
  /// list_objects.
  [[nodiscard]] static Result<std::unique_ptr<OpenedToken>> named_by(const Arguments& arguments);

  [[nodiscard]] const Objects& objects() const { return objects_; }
  /// Its label and URI.
  [[nodiscard]] Json token() const;

  /// A login of libp11, after that of the listing has ended: each closes the sessions of the other.
  template <typename T>
  [[nodiscard]] Result<T> with_session(
      const std::function<Result<T>(hsm::libp11::Session&)>& use) const {
    auto library = hsm::libp11::Library::load(at_hand_.module());
    if (!library) return pass_on(library);
    auto token = (*library)->choose(at_hand_.token());
    if (!token) return pass_on(token);
    auto session = hsm::libp11::Session::log_in(**library, *token, pin_);
    if (!session) return pass_on(session);
    return use(*session);
  }

 private:
  OpenedToken(TokenAtHand at_hand, ActingAs acting);
  [[nodiscard]] Result<void> list(PinEntry entry);

  HeldSignals held_;
  TokenAtHand at_hand_;
  ActingAs acting_;
  hsm::libp11::TokenStatus token_;
  Secret pin_;
  Objects objects_;
};

/// "0a0b \"label\"", or "none".
[[nodiscard]] std::string describe(const hsm::pkcs11::ObjectFacts& object);
[[nodiscard]] std::string describe(const std::vector<const hsm::pkcs11::ObjectFacts*>& objects);

[[nodiscard]] std::vector<const hsm::pkcs11::ObjectFacts*> private_keys(const Objects& objects);
/// By CKA_ID (hexadecimal); where no key has it, by label. `hsm_object_missing` names those there
/// are, `hsm_object_ambiguous` those that are named so.
[[nodiscard]] Result<const hsm::pkcs11::ObjectFacts*> the_key_named(const Objects& objects,
                                                                    const std::string& name);

}  // namespace mintmark::programs
