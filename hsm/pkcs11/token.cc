#include "hsm/pkcs11/token.h"

#include <algorithm>

#include "hsm/pkcs11/curve.h"
#include "hsm/pkcs11/pin.h"
#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {
namespace {

Result<TokenFacts> choose_token(const Module& module, const TokenSelector& selector) {
  auto tokens = module.tokens();
  if (!tokens) return pass_on(tokens);
  auto token = selector.choose(*tokens);
  if (!token) return fail(token.error().code, module.path() + ": " + token.error().detail);
  return token;
}

}  // namespace

Token::Token(std::unique_ptr<Module> module, std::unique_ptr<Login> login, unsigned sessions)
    : module_(std::move(module)),
      login_(std::move(login)),
      sessions_(*module_, login_->token().slot_id, std::max(1U, sessions)) {}

Result<std::unique_ptr<Token>> Token::open(const config::HsmStore& store) {
  auto selector = parse_token_selector(store.token);
  if (!selector) return pass_on(selector);
  auto pin = read_pin(store.pin);
  if (!pin) return pass_on(pin);
  auto module = Module::load(store.module);
  if (!module) return pass_on(module);
  auto facts = choose_token(**module, *selector);
  if (!facts) return pass_on(facts);
  auto login = Login::into(**module, std::move(*facts), std::move(*pin));
  if (!login) return pass_on(login);
  std::unique_ptr<Token> token(new Token(std::move(*module), std::move(*login), store.sessions));
  if (auto has = token->require_mechanism(CKM_ECDSA, CKF_SIGN, "CKM_ECDSA"); !has) {
    return pass_on(has);
  }
  if (auto filled = token->sessions_.fill(); !filled) return pass_on(filled);
  return token;
}

Result<void> Token::require_mechanism(CK_MECHANISM_TYPE type, CK_FLAGS use,
                                      std::string_view name) const {
  CK_MECHANISM_INFO info{};
  const CK_RV rv = module_->calls().C_GetMechanismInfo(login_->token().slot_id, type, &info);
  if (rv != CKR_OK && rv != CKR_MECHANISM_INVALID) return fail_with(rv, "C_GetMechanismInfo");
  if (rv == CKR_OK && (info.flags & use) != 0) return {};
  return fail(Code::hsm_mechanism_missing,
              login_->token().to_uri() + ": it offers no " + std::string(name), rv);
}

Result<void> Token::restore(std::uint64_t seen) {
  const std::scoped_lock lock(restore_mutex_);
  if (era_ != seen) return {};
  const Login::State state = login_->state();
  if (state != Login::State::logged_in) {
    if (auto restored = login_->restore(); !restored) return restored;
  }
  if (state == Login::State::lost) sessions_.begin_new_era();
  keys_.clear();
  ++era_;
  return {};
}

Result<KeyTable::Entry> Token::key(const KeyId& id, Deadline deadline) {
  if (auto known = keys_.find(id)) return known;
  auto lease = sessions_.lease(deadline);
  if (!lease) return pass_on(lease);
  auto pair = find_pair(lease->session(), id);
  if (pair) return keys_.keep(std::move(*pair));
  if (pair.error().native != CKR_OK) lease->discard_after(pair.error().native);
  return pass_on(pair);
}

Result<Bytes> Token::sign(const KeyId& id, std::string_view signing_input, Deadline deadline) {
  auto pair = key(id, deadline);
  if (!pair) return pass_on(pair);
  if (const std::string& unfit = (*pair)->info.unfit; !unfit.empty()) {
    return fail(Code::hsm_key_unfit, "key " + to_string(id) + " may not sign: " + unfit);
  }
  auto digest = digest_of((*pair)->info.public_key.algorithm(), signing_input);
  if (!digest) return pass_on(digest);
  return sign(**pair, std::move(*digest), deadline);
}

Result<Bytes> Token::sign(const KeyPair& pair, Bytes digest, Deadline deadline) {
  auto lease = sessions_.lease(deadline);
  if (!lease) return pass_on(lease);
  const Session& session = lease->session();
  CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
  CK_RV rv = session.calls().C_SignInit(session.handle(), &mechanism, pair.private_half);
  if (rv != CKR_OK) {
    lease->discard_after(rv);
    return fail_with(rv, "C_SignInit");
  }
  const std::size_t octets = curve_of(pair.info.public_key.algorithm()).signature_octets();
  Bytes signature(octets);
  auto size = static_cast<CK_ULONG>(octets);
  rv = session.calls().C_Sign(session.handle(), digest.data(), static_cast<CK_ULONG>(digest.size()),
                              signature.data(), &size);
  if (rv != CKR_OK) {
    lease->discard_after(rv);
    return fail_with(rv, "C_Sign");
  }
  if (size != octets) {
    return fail(Code::hsm_signature_wrong,
                "C_Sign gave " + std::to_string(size) + " octets, not " + std::to_string(octets));
  }
  return signature;
}

Result<std::vector<KeyInfo>> Token::list(Deadline deadline) {
  auto lease = sessions_.lease(deadline);
  if (!lease) return pass_on(lease);
  auto pairs = find_pairs(lease->session());
  if (!pairs) {
    lease->discard_after(pairs.error().native);
    return pass_on(pairs);
  }
  std::vector<KeyInfo> infos;
  for (const KeyPair& pair : *pairs) infos.push_back(pair.info);
  return infos;
}

Result<KeyInfo> Token::generate(const KeySpec& spec, Deadline deadline) {
  if (auto has =
          require_mechanism(CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR, "CKM_EC_KEY_PAIR_GEN");
      !has) {
    return pass_on(has);
  }
  const std::scoped_lock lock(admin_mutex_);
  if (deadline.passed()) return fail(Code::deadline_passed, "another key was being made");
  // A session of its own: those that sign cannot write.
  auto session = Session::open(*module_, login_->token().slot_id, Access::read_write);
  if (!session) return pass_on(session);
  auto pair = generate_pair(*session, spec);
  if (pair) return keys_.keep(std::move(*pair))->info;
  if (session_is_gone(pair.error().native)) session->abandon();
  return pass_on(pair);
}

Result<void> Token::destroy(const KeyId& id, Deadline deadline) {
  const std::scoped_lock lock(admin_mutex_);
  if (deadline.passed()) return fail(Code::deadline_passed, "another key was being made or ended");
  auto session = Session::open(*module_, login_->token().slot_id, Access::read_write);
  if (!session) return pass_on(session);
  auto ended = destroy_pair(*session, id);
  keys_.forget(id);
  if (!ended && session_is_gone(ended.error().native)) session->abandon();
  return ended;
}

Result<KeyEvidence> Token::evidence(const KeyId& id, Deadline deadline) {
  auto lease = sessions_.lease(deadline);
  if (!lease) return pass_on(lease);
  auto pair = find_pair(lease->session(), id);
  if (!pair) return pass_on(pair);
  auto attributes = private_attributes(lease->session(), *pair);
  if (!attributes) return pass_on(attributes);
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
