#include "programs/mintctl/opened_token.h"

namespace mintmark::programs {

using hsm::libp11::Library;
using hsm::pkcs11::ObjectFacts;

OpenedToken::OpenedToken(TokenAtHand at_hand, ActingAs acting)
    : at_hand_(std::move(at_hand)), acting_(std::move(acting)) {}

Result<std::unique_ptr<OpenedToken>> OpenedToken::named_by(const Arguments& arguments) {
  auto at_hand = TokenAtHand::named_by(arguments);
  if (!at_hand) return pass_on(at_hand);
  auto entry = PinEntry::of(arguments, "--pin-file");
  if (!entry) return pass_on(entry);
  auto acting = ActingAs::user(at_hand->user());
  if (!acting) return pass_on(acting);
  std::unique_ptr<OpenedToken> opened(new OpenedToken(std::move(*at_hand), std::move(*acting)));
  if (auto listed = opened->list(std::move(*entry)); !listed) return pass_on(listed);
  return opened;
}

Result<void> OpenedToken::list(PinEntry entry) {
  {
    auto library = Library::load(at_hand_.module());
    if (!library) return pass_on(library);
    auto token = (*library)->choose(at_hand_.token());
    if (!token) return pass_on(token);
    token_ = std::move(*token);
  }
  auto pin =
      entry.get(token_.user, "User PIN of the token \"" + printable(token_.facts.label) + "\"");
  if (!pin) return pass_on(pin);
  pin_ = std::move(*pin);
  auto objects = hsm::pkcs11::list_objects(at_hand_.module(), at_hand_.token(), pin_);
  if (!objects) return pass_on(objects);
  objects_ = std::move(*objects);
  return {};
}

Json OpenedToken::token() const {
  return {{"label", token_.facts.label}, {"uri", token_.facts.to_uri()}};
}

std::string describe(const ObjectFacts& object) {
  return to_hex(object.id) + " \"" + printable(object.label) + "\"";
}

std::string describe(const std::vector<const ObjectFacts*>& objects) {
  std::string text;
  for (const ObjectFacts* object : objects) text += (text.empty() ? "" : ", ") + describe(*object);
  return text.empty() ? "none" : text;
}

std::vector<const ObjectFacts*> private_keys(const Objects& objects) {
  std::vector<const ObjectFacts*> keys;
  for (const ObjectFacts& object : objects) {
    if (object.object_class == ObjectFacts::Class::private_key) keys.push_back(&object);
  }
  return keys;
}

namespace {

/// By CKA_ID; where no key has it, by label.
std::vector<const ObjectFacts*> keys_named(const Objects& objects, const std::string& name) {
  std::vector<const ObjectFacts*> found;
  const auto id = from_hex(name);
  for (const ObjectFacts* key : private_keys(objects)) {
    if (id && !id->empty() && key->id == *id) found.push_back(key);
  }
  if (!found.empty()) return found;
  for (const ObjectFacts* key : private_keys(objects)) {
    if (key->label == name) found.push_back(key);
  }
  return found;
}

}  // namespace

Result<const ObjectFacts*> the_key_named(const Objects& objects, const std::string& name) {
  const auto found = keys_named(objects, name);
  if (found.size() == 1) return found.front();
  if (found.empty())
    return fail(Code::hsm_object_missing,
                "the token has no private key with the CKA_ID or label \"" + printable(name) +
                    "\"; it has: " + describe(private_keys(objects)));
  return fail(Code::hsm_object_ambiguous,
              "several private keys are named so; name one by its CKA_ID: " + describe(found));
}

}  // namespace mintmark::programs
