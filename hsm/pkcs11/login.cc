#include "hsm/pkcs11/login.h"

#include <set>

#include "base/mutex.h"
#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {
namespace {

/// Remembers which PINs which tokens refused, as salted hashes; for the process's life.
/// Thread-safe.
class RefusedPins {
 public:
  bool contains(const TokenFacts& token, const Secret& pin) {
    const MutexLock lock(mutex_);
    return refused_.count(print_of(token, pin)) != 0;
  }
  void add(const TokenFacts& token, const Secret& pin) {
    const MutexLock lock(mutex_);
    refused_.insert(print_of(token, pin));
  }

 private:
  Sha256 print_of(const TokenFacts& token, const Secret& pin) const {
    const Sha256 of_token = sha256(token.to_uri());
    Bytes text = salt_;
    text.reserve(salt_.size() + of_token.size() + pin.view().size());
    text.insert(text.end(), of_token.begin(), of_token.end());
    text.insert(text.end(), pin.view().begin(), pin.view().end());
    const Sha256 print = sha256(BytesView(text));
    wipe(text);
    return print;
  }

  Mutex mutex_;
  const Bytes salt_ = random_bytes(32);
  std::set<Sha256> refused_ MINTMARK_GUARDED_BY(mutex_);
};

RefusedPins& refused_pins() {
  static RefusedPins pins;
  return pins;
}

Result<CK_FLAGS> token_flags(const Module& module, CK_SLOT_ID slot) {
  CK_TOKEN_INFO info{};
  const CK_RV rv = module.calls().C_GetTokenInfo(slot, &info);
  if (rv != CKR_OK) return fail_with(rv, "C_GetTokenInfo");
  return info.flags;
}

Vitals::LoginOutcome outcome_of(CK_RV rv) {
  if (rv == CKR_OK) return Vitals::LoginOutcome::accepted;
  const Code code = facts_of_rv(rv).code;
  return code == Code::hsm_pin_refused || code == Code::hsm_pin_locked
             ? Vitals::LoginOutcome::refused
             : Vitals::LoginOutcome::failed;
}

}  // namespace

Login::Login(const Module& module, TokenFacts token, Secret pin, Session session, Vitals* vitals)
    : module_(module),
      token_(std::move(token)),
      pin_(std::move(pin)),
      session_(std::move(session)),
      vitals_(vitals) {}

Result<std::unique_ptr<Login>> Login::into(const Module& module, TokenFacts token, Secret pin,
                                           Vitals* vitals) {
  auto session = Session::open(module, token.slot_id, Access::read_only);
  if (!session) return pass_on(session);
  std::unique_ptr<Login> login(
      new Login(module, std::move(token), std::move(pin), std::move(*session), vitals));
  if (auto logged_in = login->log_in(); !logged_in) return pass_on(logged_in);
  return login;
}

Login::State Login::state() const {
  if (!session_.is_open()) return State::lost;
  const MutexLock lock(session_mutex_);
  CK_SESSION_INFO info{};
  if (session_.calls().C_GetSessionInfo(session_.handle(), &info) != CKR_OK) return State::lost;
  const bool user = info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
  return user ? State::logged_in : State::logged_out;
}

Result<void> Login::restore() {
  const State present = state();
  if (present == State::lost) {
    if (auto opened = open_session(); !opened) return opened;
  }
  if (present == State::logged_in) (void)session_.calls().C_Logout(session_.handle());
  return log_in();
}

Result<void> Login::begin_anew(TokenFacts token) {
  token_ = std::move(token);
  if (auto opened = open_session(); !opened) return opened;
  return log_in();
}

Result<void> Login::open_session() {
  session_.abandon();
  auto session = Session::open(module_, token_.slot_id, Access::read_only);
  if (!session) return pass_on(session);
  session_ = std::move(*session);
  return {};
}

CK_RV Login::offer_pin() {
  const Vitals::Scope scope(vitals_, Operation::login);
  if (vitals_ != nullptr) vitals_->login_begins();
  const BytesView pin = pin_.view();
  const CK_RV rv = session_.calls().C_Login(session_.handle(), CKU_USER, for_reading(pin),
                                            static_cast<CK_ULONG>(pin.size()));
  if (vitals_ != nullptr) vitals_->login_ended(outcome_of(rv));
  return rv;
}

Result<void> Login::log_in() {
  auto flags = token_flags(module_, token_.slot_id);
  if (!flags) return pass_on(flags);
  if ((*flags & CKF_USER_PIN_LOCKED) != 0) {
    return fail(Code::hsm_pin_locked, token_.to_uri() + ": its user PIN is locked");
  }
  if (refused_pins().contains(token_, pin_)) {
    return fail(Code::hsm_pin_refused,
                token_.to_uri() + ": this PIN was refused before and is not offered again");
  }
  CK_RV rv = offer_pin();
  if (rv == CKR_USER_ALREADY_LOGGED_IN) {
    // Either another session of this process did it, or the flag lies: certain after a logout.
    (void)session_.calls().C_Logout(session_.handle());
    rv = offer_pin();
  }
  if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) return {};
  Error error = error_of(rv, token_.to_uri() + ": C_Login");
  if (error.code == Code::hsm_pin_refused || error.code == Code::hsm_pin_locked)
    refused_pins().add(token_, pin_);
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace mintmark::hsm::pkcs11
