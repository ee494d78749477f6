#include "hsm/tpm2/issuer_key_store.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "hsm/pkcs11/pin.h"
#include "hsm/pkcs11/self_check.h"
#include "hsm/tpm2/issuer_tpm.h"
#include "hsm/tpm2/paced_queue.h"

namespace mintmark::hsm::tpm2 {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned measured_signatures = 3;

Result<IssuerTpm::Secrets> read_secrets(const config::HsmStore& store) {
  auto pin = pkcs11::read_pin(store.pin);
  if (!pin) return pass_on(pin);
  IssuerTpm::Secrets secrets{std::move(*pin), {}};
  if (store.tpm->owner.empty()) return secrets;
  auto owner = pkcs11::read_pin({.file = store.tpm->owner, .credential = "", .fd = {}});
  if (!owner) return pass_on(owner);
  secrets.owner = std::move(*owner);
  return secrets;
}

Result<IssuerTpm::Settings> settings_of(const config::HsmStore& store, const std::string& issuer) {
  IssuerTpm::Settings settings{store.tpm->tcti, store.tpm->blobs, issuer, std::nullopt};
  if (!store.tpm->boot) return settings;
  auto boot = BootPolicy::load(store.tpm->boot->authority, store.tpm->boot->approved);
  if (!boot) return pass_on(boot);
  settings.boot = std::move(*boot);
  return settings;
}

/// After the opening, which proved the PIN, it is not the PIN that is wrong; and nobody is to take
/// it for that, and stop.
tl::unexpected<Error> changed_on_its_way(const Error& error) {
  return fail(Code::hsm_answer_forged,
              "the TPM refuses an authorisation that was right at the opening: a command was "
              "changed on its way to the TPM: " +
                  error.detail,
              error.native);
}

/// The keeper remembers on disk how a PIN fared.
Result<IssuerTpm> log_in(const config::HsmStore& store, const std::string& issuer,
                         IssuerTpm::Secrets secrets, Vitals* vitals) {
  auto settings = settings_of(store, issuer);
  if (!settings) return pass_on(settings);
  const Vitals::Scope scope(vitals, Operation::login);
  if (vitals != nullptr) vitals->login_begins();
  auto tpm = IssuerTpm::open(std::move(*settings), std::move(secrets));
  if (vitals != nullptr) {
    vitals->login_ended(tpm                                         ? Vitals::LoginOutcome::accepted
                        : tpm.error().code == Code::hsm_pin_refused ? Vitals::LoginOutcome::refused
                                                                    : Vitals::LoginOutcome::failed);
  }
  return tpm;
}

Result<PacedQueue::Span> measure(IssuerTpm& tpm) {
  const auto began = Clock::now();
  for (unsigned i = 0; i < measured_signatures; ++i) {
    if (auto proven = tpm.prove(); !proven) return pass_on(proven);
  }
  return (Clock::now() - began) / measured_signatures;
}

}  // namespace

struct TpmKeyStore::Parts {
  Parts(IssuerTpm opened, const config::HsmStore& store, PacedQueue::Span signature,
        std::shared_ptr<Vitals> watched)
      : vitals(std::move(watched)),
        tpm(std::move(opened)),
        self_check(store.self_check),
        queue(store.queue, signature) {}

  /// Does `work` on the owner's thread; once more where the connection was lost in the middle.
  template <typename T, typename Work>
  void submit(Operation operation, Lane lane, Deadline deadline, const Done<T>& done, Work work,
              bool yields = false) {
    queue.submit(
        {.operation = operation,
         .deadline = deadline,
         .run = [this, operation, done, work = std::move(work)] { done(run<T>(operation, work)); },
         .refuse = [done](Error error) { done(tl::unexpected<Error>(std::move(error))); },
         .yields = yields,
         .lane = lane});
  }

  template <typename T, typename Work>
  Result<T> run(Operation operation, const Work& work) {
    const Vitals::Scope scope(vitals.get(), operation);
    Result<T> result = work(tpm);
    if (!result && IssuerTpm::needs_new_connection(result.error())) {
      const bool connected = tpm.reconnect().has_value();
      // An answer that was forged is told, and not asked for until it pleases.
      if (connected && result.error().code == Code::tpm_unavailable) result = work(tpm);
    }
    if (result) return result;
    if (result.error().code == Code::hsm_pin_refused) return changed_on_its_way(result.error());
    return tl::unexpected<Error>(as_store_error(std::move(result.error())));
  }

  /// On the owner's thread.
  Result<Bytes> sign(const KeyId& id, const std::string& input) {
    auto signature = tpm.sign(id, as_bytes(input));
    if (!signature || !self_check.is_due(made++)) return signature;
    if (!tpm.public_key(id)->verify(as_bytes(input), *signature))
      return fail(
          Code::hsm_signature_wrong,
          "the TPM's signature does not verify with the public half of key " + to_string(id));
    return signature;
  }

  std::shared_ptr<Vitals> vitals;
  IssuerTpm tpm;
  pkcs11::SelfCheck self_check;
  std::uint64_t made = 0;
  PacedQueue queue;  // last: its threads end first
};

Result<std::unique_ptr<TpmKeyStore>> open_key_store(const config::HsmStore& store,
                                                    const std::string& issuer,
                                                    const std::vector<jose::Algorithm>& needed,
                                                    std::shared_ptr<Vitals> vitals) {
  const auto as_ours = [](Error& error) {
    return tl::unexpected<Error>(as_store_error(std::move(error)));
  };
  auto secrets = read_secrets(store);
  if (!secrets) return pass_on(secrets);
  const Vitals::Scope scope(vitals.get(), Operation::open);
  auto tpm = log_in(store, issuer, std::move(*secrets), vitals.get());
  if (!tpm) return as_ours(tpm.error());
  for (const jose::Algorithm algorithm : needed) {
    if (auto makes = tpm->check_algorithm(algorithm); !makes) return as_ours(makes.error());
  }
  auto signature = measure(*tpm);
  if (!signature && signature.error().code == Code::hsm_pin_refused)
    return changed_on_its_way(signature.error());
  if (!signature) return as_ours(signature.error());
  auto parts =
      std::make_unique<TpmKeyStore::Parts>(std::move(*tpm), store, *signature, std::move(vitals));
  return std::unique_ptr<TpmKeyStore>(new TpmKeyStore(std::move(parts)));
}

TpmKeyStore::TpmKeyStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TpmKeyStore::~TpmKeyStore() = default;

void TpmKeyStore::sign(const KeyId& key, std::string signing_input, Deadline deadline,
                       Done<Bytes> done) {
  const Lane lane = lane_of(signing_input);
  parts_->submit<Bytes>(Operation::sign, lane, deadline, done,
                        [this, key, input = std::move(signing_input)](IssuerTpm& /*tpm*/) {
                          return parts_->sign(key, input);
                        });
}

void TpmKeyStore::list(Deadline deadline, Done<std::vector<KeyInfo>> done) {
  parts_->submit<std::vector<KeyInfo>>(Operation::list, Lane::tokens, deadline, done,
                                       [](IssuerTpm& tpm) { return tpm.list(); });
}

void TpmKeyStore::generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) {
  parts_->submit<KeyInfo>(Operation::generate, Lane::tokens, deadline, done,
                          [spec](IssuerTpm& tpm) { return tpm.generate(spec); });
}

void TpmKeyStore::destroy(const KeyId& key, Deadline deadline, Done<void> done) {
  parts_->submit<void>(Operation::destroy, Lane::tokens, deadline, done,
                       [key](IssuerTpm& tpm) { return tpm.destroy(key); });
}

void TpmKeyStore::evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) {
  parts_->submit<KeyEvidence>(Operation::evidence, Lane::others, deadline, done,
                              [key](IssuerTpm& tpm) { return tpm.evidence(key); });
}

void TpmKeyStore::activate(const SealedCredential& credential, Deadline deadline,
                           Done<Bytes> done) {
  parts_->submit<Bytes>(
      Operation::evidence, Lane::others, deadline, done,
      [credential](IssuerTpm& tpm) -> Result<Bytes> {
        const auto secret = tpm.activate(credential);
        if (!secret) return tl::unexpected<Error>(secret.error());
        return to_bytes(secret->view());
      },
      true);
}

double TpmKeyStore::signatures_a_second() const {
  return 1.0 / std::chrono::duration<double>(parts_->queue.signature()).count();
}

}  // namespace mintmark::hsm::tpm2
