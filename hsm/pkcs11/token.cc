#include "hsm/pkcs11/token.h"

#include <algorithm>

#include "hsm/pkcs11/pin.h"
#include "hsm/pkcs11/rv.h"
#include "hsm/pkcs11/signing.h"

namespace mintmark::hsm::pkcs11 {

Result<TokenFacts> choose_token(const Module& module, const TokenSelector& selector) {
  auto tokens = module.tokens();
  if (!tokens) return pass_on(tokens);
  auto token = selector.choose(*tokens);
  if (!token) return fail(token.error().code, module.path() + ": " + token.error().detail);
  return token;
}

Token::Token(std::unique_ptr<Module> module, TokenSelector selector, std::unique_ptr<Login> login,
             const Mechanisms& mechanisms, const config::HsmStore& store, Vitals* vitals)
    : vitals_(vitals),
      module_(std::move(module)),
      selector_(std::move(selector)),
      login_(std::move(login)),
      mechanisms_(mechanisms),
      sessions_(*module_, login_->token().slot_id, std::max(1U, store.sessions), vitals),
      makes_copies_(store.session_copies),
      self_check_(store.self_check) {}

Result<std::unique_ptr<Token>> Token::open(const config::HsmStore& store,
                                           const std::vector<jose::Algorithm>& needed,
                                           Vitals* vitals) {
  const Vitals::Scope scope(vitals, Operation::open);
  auto selector = parse_token_selector(store.token);
  if (!selector) return pass_on(selector);
  auto pin = read_pin(store.pin);
  if (!pin) return pass_on(pin);
  auto module = Module::load(store.module);
  if (!module) return pass_on(module);
  auto facts = choose_token(**module, *selector);
  if (!facts) return pass_on(facts);
  auto login = Login::into(**module, std::move(*facts), std::move(*pin), vitals);
  if (!login) return pass_on(login);
  auto mechanisms = Mechanisms::of(**module, (*login)->token().slot_id);
  if (!mechanisms) return pass_on(mechanisms);
  std::unique_ptr<Token> token(new Token(std::move(*module), std::move(*selector),
                                         std::move(*login), *mechanisms, store, vitals));
  if (auto has = token->require(needed); !has) return pass_on(has);
  if (auto filled = token->sessions_.fill(); !filled) return pass_on(filled);
  return token;
}

Result<void> Token::require(const std::vector<jose::Algorithm>& needed) const {
  for (const jose::Algorithm algorithm : needed) {
    if (mechanisms_.signing(algorithm) == nullptr) return lacks(algorithm, "signs");
  }
  return {};
}

tl::unexpected<Error> Token::lacks(jose::Algorithm algorithm, std::string_view what) const {
  return fail(Code::hsm_mechanism_missing,
              login_->token().to_uri() + ": no mechanism that " + std::string(what) + " " +
                  std::string(jose::name_of(algorithm)) + "; " + mechanisms_.describe());
}

Result<void> Token::require_login() const {
  // Logged out, a token hides its private objects without an error: what was found would not be
  // all.
  if (login_->state() == Login::State::logged_in) return {};
  return fail_with(CKR_USER_NOT_LOGGED_IN, "C_GetSessionInfo");
}

Result<KeyTable::Entry> Token::key(const KeyId& id, Deadline deadline) {
  if (auto known = keys_.find(id)) return known;
  auto lease = sessions_.lease(deadline);
  if (!lease) return pass_on(lease);
  auto pair = find_pair(lease->session(), id);
  if (pair) return keep_with_copy(std::move(*pair));
  if (pair.error().native != CKR_OK) lease->discard_after(pair.error().native);
  return pass_on(pair);
}

Result<KeyTable::Entry> Token::keep_with_copy(KeyPair pair) {
  const MutexLock lock(copies_mutex_);
  const KeyId id = pair.info.id;
  if (keys_.is_barred(id))
    return fail(Code::hsm_key_unknown, "key " + to_string(id) + " is being destroyed");
  if (auto known = keys_.find(id)) return known;
  if (pair.info.unfit.empty() && makes_copies_) {
    if (auto copied = copy_into_session(pair); !copied) return pass_on(copied);
  }
  return keys_.keep(std::move(pair));
}

Result<void> Token::copy_into_session(KeyPair& pair) {
  if (!holder_) {
    auto session = Session::open(*module_, login_->token().slot_id, Access::read_only);
    if (!session) return {};  // One session fewer than it takes: the key itself signs.
    holder_ = std::move(*session);
  }
  auto copy = copy_for_session(*holder_, pair);
  if (!copy) {
    if (session_is_gone(copy.error().native)) holder_->abandon();
    end_holder();
    return pass_on(copy);
  }
  if (*copy) pair.signs_with = **copy;
  makes_copies_ = copy->has_value();
  return {};
}

void Token::end_holder() {
  holder_.reset();
  keys_.clear();
}

Result<void> Token::withdraw(const KeyId& id) {
  const MutexLock lock(copies_mutex_);
  const auto entry = keys_.bar(id);
  if (!entry || !entry->has_copy() || !holder_) return {};
  const CK_RV rv = holder_->calls().C_DestroyObject(holder_->handle(), entry->signs_with);
  if (rv == CKR_OK || rv == CKR_OBJECT_HANDLE_INVALID) return {};
  // Forgotten, the copy would outlive its key at the next try.
  keys_.allow(id, entry);
  return fail_with(rv, "C_DestroyObject");
}

Result<Bytes> Token::sign(const KeyId& id, std::string_view signing_input, Deadline deadline) {
  const CallGate::Passage passage(gate_);
  auto pair = key(id, deadline);
  if (!pair) return pass_on(pair);
  if (const std::string& unfit = (*pair)->info.unfit; !unfit.empty()) {
    return fail(Code::hsm_key_unfit, "key " + to_string(id) + " may not sign: " + unfit);
  }
  return sign(**pair, signing_input, deadline);
}

Result<Bytes> Token::sign(const KeyPair& pair, std::string_view signing_input, Deadline deadline) {
  const jose::Algorithm algorithm = pair.info.public_key.algorithm();
  const SigningMechanism* mechanism = mechanisms_.signing(algorithm);
  if (mechanism == nullptr) return lacks(algorithm, "signs");
  auto input = sign_input(*mechanism, algorithm, signing_input);
  if (!input) return pass_on(input);
  auto lease = sessions_.lease(deadline);
  if (!lease) return pass_on(lease);
  auto signature = raw_signature(lease->session(), *mechanism, pair.signs_with, *input);
  if (!signature) {
    lease->discard_after(signature.error().native);
    return signature;
  }
  if (signature->size() != signature_octets(algorithm).value_or(signature->size())) {
    lease->discard_after(CKR_OK);
    return fail(Code::hsm_signature_wrong,
                "C_Sign gave " + std::to_string(signature->size()) + " octets");
  }
  if (self_check_.is_due(lease->next_signature()) &&
      !pair.info.public_key.verify(as_bytes(signing_input), *signature)) {
    lease->discard_after(CKR_OK);
    return fail(Code::hsm_signature_wrong,
                "C_Sign gave a signature that key " + pair.info.kid() + " did not make");
  }
  return signature;
}

Result<std::vector<KeyInfo>> Token::list(Deadline deadline) {
  const CallGate::Passage passage(gate_);
  auto lease = sessions_.lease(deadline);
  if (!lease) return pass_on(lease);
  auto pairs = find_pairs(lease->session());
  if (!pairs) {
    lease->discard_after(pairs.error().native);
    return pass_on(pairs);
  }
  if (auto whole = require_login(); !whole) return pass_on(whole);
  std::vector<KeyInfo> infos;
  for (const KeyPair& pair : *pairs) infos.push_back(pair.info);
  return infos;
}

Result<KeyInfo> Token::generate(const KeySpec& spec, Deadline deadline, bool& begun) {
  const CallGate::Passage passage(gate_);
  if (!mechanisms_.makes(spec.algorithm)) return lacks(spec.algorithm, "makes keys of");
  if (mechanisms_.signing(spec.algorithm) == nullptr) return lacks(spec.algorithm, "signs");
  const MutexLock lock(admin_mutex_);
  if (deadline.passed()) return fail(Code::deadline_passed, "another key was being made");
  // A session of its own: those that sign cannot write.
  auto session = Session::open(*module_, login_->token().slot_id, Access::read_write);
  if (!session) return pass_on(session);
  if (auto whole = require_login(); !whole) return pass_on(whole);
  auto pair = begun ? adopt_or_generate_pair(*session, spec) : generate_pair(*session, spec, begun);
  if (pair) {
    keys_.born(spec.id);
    return std::move(pair->info);
  }
  if (session_is_gone(pair.error().native)) session->abandon();
  return pass_on(pair);
}

Result<void> Token::destroy(const KeyId& id, Deadline deadline, bool& begun) {
  const CallGate::Passage passage(gate_);
  const MutexLock lock(admin_mutex_);
  if (deadline.passed()) return fail(Code::deadline_passed, "another key was being made or ended");
  auto session = Session::open(*module_, login_->token().slot_id, Access::read_write);
  if (!session) return pass_on(session);
  if (auto whole = require_login(); !whole) return pass_on(whole);
  if (auto withdrawn = withdraw(id); !withdrawn) return withdrawn;
  auto ended = destroy_pair(*session, id, begun);
  if (!ended) keys_.allow(id);
  if (!ended && begun && ended.error().code == Code::hsm_key_unknown) return {};
  if (!ended && session_is_gone(ended.error().native)) session->abandon();
  return ended;
}

Result<KeyEvidence> Token::evidence(const KeyId& id, Deadline deadline) {
  const CallGate::Passage passage(gate_);
  auto lease = sessions_.lease(deadline);
  if (!lease) return pass_on(lease);
  auto pair = find_pair(lease->session(), id);
  if (!pair) {
    if (pair.error().native != CKR_OK) lease->discard_after(pair.error().native);
    return pass_on(pair);
  }
  auto attributes = private_attributes(lease->session(), *pair);
  if (!attributes) {
    lease->discard_after(attributes.error().native);
    return pass_on(attributes);
  }
  const ModuleFacts& module = module_->facts();
  const TokenFacts& token = login_->token();
  return KeyEvidence{.kind = "pkcs11-attributes",
                     .facts = {{"module",
                                {{"manufacturer", module.manufacturer},
                                 {"description", module.description},
                                 {"version", module.version},
                                 {"cryptoki", module.cryptoki}}},
                               {"token",
                                {{"label", token.label},
                                 {"manufacturer", token.manufacturer},
                                 {"model", token.model},
                                 {"serial", token.serial}}},
                               {"kid", pair->info.kid()},
                               {"jwk", pair->info.public_key.to_jwk()},
                               {"unfit", pair->info.unfit},
                               {"private_key", std::move(*attributes)}}};
}

}  // namespace mintmark::hsm::pkcs11
