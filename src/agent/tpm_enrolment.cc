#include <openssl/x509.h>

#include <memory>

#include "agent/ak_certificate.h"
#include "agent/enrolment.h"
#include "agent/proof.h"
#include "agent/renewal.h"
#include "agent/tpm_key.h"
#include "attest/tpm2/binding.h"
#include "hsm/tpm2/public_area.h"

namespace mintmark::agent {
namespace {

using hsm::tpm2::AttestationKey;
using hsm::tpm2::Device;
using hsm::tpm2::EkCertificate;
using hsm::tpm2::KeyBlobs;
using hsm::tpm2::PersistentKey;

constexpr int tries_while_pcrs_move = 4;

struct Keys {
  AttestationKey ak;
  Bytes ak_public;
  Bytes ak_name;
  KeyBlobs device_key;
  Bytes device_name;
};

/// The certificate that vouches for the TPM: its EK's, or its AK's own.
struct Voucher {
  std::optional<EkCertificate> ek;
  AkCertificate ak;  ///< Where there is no EK's.
  Bytes spki;

  [[nodiscard]] std::string fingerprint() const { return to_hex(sha256(spki)); }
};

// As it stands in the certificate: that is what the issuer hashes too.
Result<Bytes> spki_of(BytesView certificate_der, Code refusal) {
  const std::uint8_t* position = certificate_der.data();
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      d2i_X509(nullptr, &position, static_cast<long>(certificate_der.size())), &X509_free);
  std::uint8_t* encoded = nullptr;
  const int size =
      certificate ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &encoded) : -1;
  if (size <= 0) return fail(refusal, "the certificate that vouches for the TPM cannot be read");
  Bytes spki(encoded, encoded + size);
  OPENSSL_free(encoded);
  return spki;
}

Result<Voucher> voucher_of(Device& device, const ByTpm& way) {
  if (way.ak) {
    auto certificate = read_ak_certificate(device, way.ak->certificate);
    if (!certificate) return pass_on(certificate);
    auto spki = spki_of(certificate->certificate, Code::ak_certificate_malformed);
    if (!spki) return pass_on(spki);
    return Voucher{std::nullopt, std::move(*certificate), std::move(*spki)};
  }
  auto certificate = device.ek_certificate(way.ek);
  if (!certificate) return pass_on(certificate);
  auto spki = spki_of(certificate->der, Code::tpm_no_ek_certificate);
  if (!spki) return pass_on(spki);
  return Voucher{std::move(*certificate), {}, std::move(*spki)};
}

struct PublicAreaOf {
  Device& device;
  Result<Bytes> operator()(const KeyBlobs& key) const { return key.public_area; }
  Result<Bytes> operator()(const PersistentKey& key) const { return device.public_area(key); }
};

Result<Keys> with_names(Device& device, AttestationKey ak, KeyBlobs device_key) {
  auto ak_public = std::visit(PublicAreaOf{device}, ak);
  if (!ak_public) return pass_on(ak_public);
  auto ak_name = hsm::tpm2::name_of_public(*ak_public);
  if (!ak_name) return pass_on(ak_name);
  auto device_name = hsm::tpm2::name_of_public(device_key.public_area);
  if (!device_name) return pass_on(device_name);
  return Keys{std::move(ak), std::move(*ak_public), std::move(*ak_name), std::move(device_key),
              std::move(*device_name)};
}

Result<AttestationKey> attestation_key(Device& device, const ByTpm& way) {
  if (way.ak) return AttestationKey(way.ak->key);
  auto made = device.create_attestation_key();
  if (!made) return pass_on(made);
  return AttestationKey(std::move(*made));
}

Result<Keys> make_keys(Device& device, const ByTpm& way) {
  auto ak = attestation_key(device, way);
  if (!ak) return pass_on(ak);
  auto device_key = device.create_device_key();
  if (!device_key) return pass_on(device_key);
  return with_names(device, std::move(*ak), std::move(*device_key));
}

Error after_many_tries(Error error) {
  error.detail += "; so it was each of " + std::to_string(tries_while_pcrs_move) + " times";
  return error;
}

// What the owner can do; of a boot the owner sees only the code, what differs is for the issuer's
// operator to know.
Error explained(Error error, const ByTpm& way) {
  // A certified AK stays the same however its TPM enrols.
  if (error.code == Code::quote_went_back && !way.ak) {
    error.detail +=
        "; if this machine was set back on purpose, enrol it anew by hand (mint-agent enroll), "
        "with "
        "new keys";
  }
  if (error.code == Code::boot_refused) {
    error.detail +=
        "; if this machine was updated or set up anew on purpose, its issuer's operator sees what "
        "differs (mintctl devices explain ID) and may allow it; then try again";
  }
  if (error.code == Code::quote_went_back)
    error.detail += "; if this machine was set back on purpose, its owner may enrol it again";
  return error;
}

/// One TPM and one pair of keys, shown to the issuer.
class Showing {
 public:
  Showing(const TpmEnrolment& work, const ByTpm& way, const Voucher& voucher, const Keys& keys)
      : work_(work), way_(way), voucher_(voucher), keys_(keys) {}

  Result<Enrolment> run() {
    auto admission = attempt_until_it_holds_still();
    if (!admission && admission.error().code == Code::enrolment_pending)
      return PendingEnrolment{voucher_.fingerprint()};
    if (!admission) return tl::unexpected<Error>(explained(std::move(admission.error()), way_));
    return identity_of(std::move(*admission));
  }

 private:
  Result<Admission> attempt_until_it_holds_still() {
    bool fresh_ticket_tried = false;
    int moved = 0;
    for (;;) {
      auto admission = attempt();
      if (admission) return admission;
      if (leaves_logs_out_after(admission.error())) continue;
      const bool moving = may_have_met_moving_pcrs(admission.error());
      if (moving && ++moved >= tries_while_pcrs_move)
        return tl::unexpected<Error>(after_many_tries(std::move(admission.error())));
      if (moving) continue;
      if (!may_pass_with_a_fresh_ticket(admission.error()) || fresh_ticket_tried) return admission;
      fresh_ticket_tried = true;
    }
  }

  Result<Admission> attempt() {
    const auto challenge = work_.issuer.begin(presented());
    if (!challenge) return tl::unexpected<Error>(challenge.error());
    const auto answer = answer_to(*challenge);
    if (!answer) return tl::unexpected<Error>(answer.error());
    auto key = TpmDeviceKey::in(work_.device, keys_.device_key);
    if (!key) return pass_on(key);
    const auto proof =
        make_proof(*key, {"POST", work_.issuer.finish_url(tpm2_format), ""}, work_.clock.now());
    if (!proof) return tl::unexpected<Error>(proof.error());
    return work_.issuer.finish(presented(), *answer, *proof);
  }

  // Only where an EK vouches.
  Result<std::optional<Secret>> activated(const Challenge& challenge) {
    const auto* ak = std::get_if<KeyBlobs>(&keys_.ak);
    if (!voucher_.ek || ak == nullptr) return std::optional<Secret>{};
    auto secret = work_.device.activate_credential(*voucher_.ek, *ak, challenge.credential_blob,
                                                   challenge.encrypted_secret);
    if (!secret) return pass_on(secret);
    return std::optional<Secret>(std::move(*secret));
  }

  Result<ChallengeAnswer> answer_to(const Challenge& challenge) {
    auto secret = activated(challenge);
    if (!secret) return pass_on(secret);
    const Sha256 binding = attest::tpm2::binding_of(
        work_.issuer.issuer(), challenge.ticket, voucher_.spki, keys_.ak_name, keys_.device_name);
    auto certify = work_.device.certify(keys_.device_key, keys_.ak, binding);
    if (!certify) return pass_on(certify);
    auto quote = work_.device.quote(keys_.ak, challenge.pcr_bank, challenge.pcr_selection, binding);
    if (!quote) return pass_on(quote);
    ChallengeAnswer answer{
        challenge.ticket, std::move(*secret), std::move(*certify), std::move(*quote), {}};
    // Last: the log may have more than was quoted, never less.
    if (auto added = add_logs(challenge, answer); !added) return pass_on(added);
    return answer;
  }

  Result<void> add_logs(const Challenge& challenge, ChallengeAnswer& answer) {
    const LogsWanted wanted = leaves_logs_out_ ? LogsWanted{} : challenge.logs;
    // Their members count before there is anything in them.
    if (wanted.event_log) answer.logs.event_log.emplace();
    if (wanted.ima_log) answer.logs.ima_log.emplace();
    const LogRoom room{challenge.longest_body, IssuerClient::finish_octets(presented(), answer)};
    auto logs = read_boot_logs(way_.logs, wanted, way_.tcti, room);
    if (!logs) return pass_on(logs);
    for (const std::string& note : logs->missing) work_.say(note);
    logs_sent_ = logs->event_log || logs->ima_log;
    answer.logs = std::move(*logs);
    return {};
  }

  // Whatever the issuer said of its longest body: something before it may take less.
  bool leaves_logs_out_after(const Error& error) {
    if (error.code != Code::http_body_too_large || !logs_sent_) return false;
    leaves_logs_out_ = true;
    logs_sent_ = false;
    work_.say(
        "the issuer asks for the logs of this boot, and takes no body of their length; "
        "nothing is sent");
    return true;
  }

  [[nodiscard]] Presented presented() const {
    return {voucher_.ek ? voucher_.ek->der : Bytes{}, voucher_.ak.certificate, voucher_.ak.chain,
            keys_.ak_public, keys_.device_key.public_area};
  }

  Result<Enrolment> identity_of(Admission admission) {
    const auto key = hsm::tpm2::key_of_public(keys_.device_key.public_area);
    if (!key) return tl::unexpected<Error>(key.error());
    const Moment now = work_.clock.now();
    Attestation attestation{.text = std::move(admission.client_attestation),
                            .attested_at = now,
                            .expires_at = now + admission.expires_in,
                            .boot_id = ""};
    return Identity{.issuer = work_.issuer.issuer(),
                    .ca_file = "",
                    .key = TpmKey{.tcti = way_.tcti,
                                  .ek = voucher_.ek ? voucher_.ek->kind : hsm::tpm2::EkKind::rsa,
                                  .ek_fingerprint = voucher_.fingerprint(),
                                  .ak = keys_.ak,
                                  .device_key = keys_.device_key,
                                  .logs = way_.logs,
                                  .ak_certificate = way_.ak ? way_.ak->certificate : ""},
                    .jkt = key->thumbprint(),
                    .client_id = std::move(admission.client_id),
                    .attestation = std::move(attestation)};
  }

  const TpmEnrolment& work_;
  const ByTpm& way_;
  const Voucher& voucher_;
  const Keys& keys_;
  bool logs_sent_ = false;
  bool leaves_logs_out_ = false;
};

}  // namespace

Result<Enrolment> enrol_by_tpm(const TpmEnrolment& work, const ByTpm& way, const TpmKey* former) {
  const auto voucher = voucher_of(work.device, way);
  if (!voucher) return tl::unexpected<Error>(voucher.error());
  if (former != nullptr && former->ek_fingerprint == voucher->fingerprint()) {
    const auto kept = with_names(work.device, former->ak, former->device_key);
    if (!kept) return tl::unexpected<Error>(kept.error());
    auto enrolment = Showing(work, way, *voucher, *kept).run();
    if (enrolment || !fresh_keys_may_mend(enrolment.error())) return enrolment;
  }
  const auto fresh = make_keys(work.device, way);
  if (!fresh) return tl::unexpected<Error>(fresh.error());
  return Showing(work, way, *voucher, *fresh).run();
}

}  // namespace mintmark::agent
