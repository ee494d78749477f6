// How a token comes back after a fault; the table of faults and remedies is in rv.cc.
#include "hsm/pkcs11/rv.h"
#include "hsm/pkcs11/token.h"
#include "telemetry/log.h"

namespace mintmark::hsm::pkcs11 {
namespace {

/// For the calls of others to come back before a remedy that disturbs them. One that does not is
/// hung, which is the keeper's to see.
constexpr std::chrono::milliseconds patience{1000};

/// A signature by another key: the handle, or the session, is not what we think it is.
constexpr RvFacts wrong_signature{CKR_OK, "a wrong signature", Code::hsm_signature_wrong,
                                  Remedy::find_again, Remedy::restart};
/// A key that is not found may be hidden: tokens show private objects after a login only.
constexpr RvFacts hidden_key{CKR_OK, "a key that is not found", Code::hsm_key_unknown,
                             Remedy::find_again, Remedy::find_again};

const RvFacts& facts_of_fault(const Error& fault) {
  if (fault.code == Code::hsm_signature_wrong) return wrong_signature;
  if (fault.code == Code::hsm_key_unknown) return hidden_key;
  return facts_of_rv(fault.native);
}

}  // namespace

Result<bool> Token::recover(const Error& fault, std::uint64_t seen) {
  const RvFacts& facts = facts_of_fault(fault);
  if (facts.first == Remedy::none || facts.first == Remedy::stop) return false;
  const MutexLock lock(recovery_mutex_);
  if (era_ != seen) return true;
  const bool logged_in = login_->state() == Login::State::logged_in;
  if (facts.code == Code::hsm_key_unknown && logged_in) return false;
  Remedy remedy = recovery_.choose(facts, Recovery::Clock::now());
  if (remedy == Remedy::wait) return false;
  if (remedy < Remedy::log_in && !logged_in) remedy = Remedy::log_in;
  if (remedy == Remedy::restart) {
    return fail(Code::hsm_module_unusable,
                fault.detail + "; nothing helps in this process, another one is started",
                fault.native);
  }
  if (vitals_ != nullptr) vitals_->count_remedy(static_cast<std::uint8_t>(remedy));
  auto applied = apply(remedy);
  telemetry::log(telemetry::Level::warning, "hsm_recovery",
                 {{"fault", fault.detail},
                  {"remedy", std::string(name_of(remedy))},
                  {"outcome", applied ? "done" : applied.error().to_string()}});
  if (!applied) return pass_on(applied);
  return true;
}

Result<void> Token::apply(Remedy remedy) {
  if (remedy == Remedy::find_again) begin_new_era(Sessions::live);
  if (remedy < Remedy::log_in) return {};
  // Alone in the module: the others' sessions end under their hands otherwise.
  const CallGate::Closure closure(gate_, Deadline::in(patience));
  if (!closure.alone()) {
    return fail(Code::deadline_passed, "a call did not come back from the module in time");
  }
  return remedy == Remedy::log_in ? log_in_again() : reinitialise();
}

void Token::begin_new_era(Sessions sessions) {
  const MutexLock lock(copies_mutex_);
  if (holder_ && sessions == Sessions::gone) holder_->abandon();
  end_holder();
  ++era_;
}

Result<void> Token::log_in_again() {
  const bool sessions_lost = login_->state() == Login::State::lost;
  auto restored = login_->restore();
  if (sessions_lost) sessions_.begin_new_era(login_->token().slot_id);
  if (!restored) return restored;
  begin_new_era(sessions_lost ? Sessions::gone : Sessions::live);
  return {};
}

Result<void> Token::reinitialise() {
  const Vitals::Scope scope(vitals_, Operation::reinitialise);
  sessions_.begin_new_era(login_->token().slot_id);
  login_->forget_session();
  begin_new_era(Sessions::gone);
  if (auto initialised = module_->reinitialise(); !initialised) return initialised;
  auto token = choose_token(*module_, selector_);
  if (!token) return pass_on(token);
  sessions_.begin_new_era(token->slot_id);
  return login_->begin_anew(std::move(*token));
}

}  // namespace mintmark::hsm::pkcs11
