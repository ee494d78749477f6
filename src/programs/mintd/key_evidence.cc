#include "programs/mintd/key_evidence.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "attest/x509/bundle.h"
#include "base/file.h"
#include "ipc/channel.h"
#include "jose/base64url.h"
#include "keyring/key_evidence.h"
#include "programs/mintd/control.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using telemetry::Level;

constexpr std::size_t longest_chain_file = 64U << 10U;

}  // namespace

Result<hsm::KeyEvidence> with_vendor_attestation(
    const std::optional<config::VendorAttestation>& attestation, const std::string& kid,
    hsm::KeyEvidence evidence) {
  if (!attestation) return evidence;
  const std::string path = attestation->directory + "/" + kid + ".pem";
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0 && errno == ENOENT) return evidence;
  const auto text = read_file(path, longest_chain_file);
  if (!text) return fail(Code::vendor_attestation_unreadable, text.error().detail);
  constexpr std::size_t most = attest::x509::most_offered;
  const auto certificates = attest::x509::der_of_all(as_bytes(*text), most);
  if (certificates.empty())
    return fail(Code::vendor_attestation_unreadable,
                path + ": must hold 1 to " + std::to_string(most) +
                    " certificates (PEM), none of them damaged");
  Json chain = Json::array();
  for (const Bytes& certificate : certificates) chain.push_back(jose::base64url(certificate));
  return hsm::KeyEvidence{attestation->kind,
                          {{"kid", kid},
                           {"certificates", std::move(chain)},
                           {"attributes", std::move(evidence.facts)}}};
}

EvidenceCollection::EvidenceCollection(const std::vector<config::HsmStore>& stores, Ask ask,
                                       Now now)
    : stores_(stores), ask_(std::move(ask)), now_(std::move(now)) {}

void EvidenceCollection::look(const keyring::Snapshot& published) {
  std::erase_if(known_, [&](const auto& known) {
    return std::none_of(published.keys().begin(), published.keys().end(),
                        [&](const auto& key) { return key.kid() == known.first; });
  });
  for (const keyring::PublishedKey& key : published.keys()) {
    // One at a time: a TPM that works on evidence signs no token meanwhile.
    if (asking_) return;
    const auto known = known_.find(key.kid());
    if (known == known_.end() || (!known->second.evidence && known->second.again <= now_()))
      ask(key);
  }
}

void EvidenceCollection::ask(const keyring::PublishedKey& key) {
  asking_ = true;
  Known& known = known_[key.kid()];
  known.store = key.store;
  known.again = now_() + patience;
  ask_.store(key.store, key.id, [this, kid = key.kid()](Result<hsm::KeyEvidence> evidence) {
    asking_ = false;
    answered(kid, std::move(evidence));
  });
}

void EvidenceCollection::answered(const std::string& kid, Result<hsm::KeyEvidence> evidence) {
  const auto found = known_.find(kid);
  if (found == known_.end()) return;  // It is gone meanwhile.
  const config::HsmStore* store = configured(found->second.store);
  if (evidence && store != nullptr)
    evidence = with_vendor_attestation(store->attestation, kid, std::move(*evidence));
  if (!evidence) return note(kid, found->second, evidence.error());
  found->second.evidence = std::move(*evidence);
  const Json frame = frame_of(kid, found->second);
  if (to_frame(frame).size() > ipc::Channel::longest_frame) {
    found->second.evidence.reset();
    found->second.again = Deadline::clock::time_point::max();
    return telemetry::log(Level::error, "key_evidence_too_long", {{"kid", kid}});
  }
  telemetry::log(Level::info, "key_evidence_collected",
                 {{"kid", kid}, {"kind", found->second.evidence->kind}});
  ask_.tell(frame);
}

void EvidenceCollection::note(const std::string& kid, Known& known, const Error& why) {
  if (std::exchange(known.trouble, why.to_string()) == why.to_string()) return;
  // A retired key has no private half any more, and a store may be away: neither is news. What an
  // operator wrote is.
  const bool news = why.code == Code::vendor_attestation_unreadable;
  telemetry::log(news ? Level::error : Level::debug, "key_evidence_not_given", why, {{"kid", kid}});
}

void EvidenceCollection::tell_all() const {
  for (const auto& [kid, known] : known_) {
    if (known.evidence) ask_.tell(frame_of(kid, known));
  }
}

Json EvidenceCollection::document(const std::string& issuer,
                                  const keyring::Snapshot& published) const {
  keyring::EvidenceByKid evidence;
  for (const auto& [kid, known] : known_) {
    if (known.evidence) evidence.emplace(kid, *known.evidence);
  }
  Json document = keyring::evidence_document(issuer, published, evidence);
  for (std::size_t i = 0; i < published.keys().size(); ++i)
    document["keys"][i]["store"] = published.keys()[i].store;
  return document;
}

const config::HsmStore* EvidenceCollection::configured(const std::string& store) const {
  const auto found = std::find_if(stores_.begin(), stores_.end(),
                                  [&](const auto& one) { return one.name == store; });
  return found == stores_.end() ? nullptr : &*found;
}

Json EvidenceCollection::frame_of(const std::string& kid, const Known& known) {
  return {{"type", "evidence"},
          {"kid", kid},
          {"kind", known.evidence->kind},
          {"facts", known.evidence->facts}};
}

}  // namespace mintmark::mintd
