// The keeper and the evidence of its keys: asks the signers for it, and passes strangers'
// credentials on to a TPM, unread.
#include <algorithm>

#include "jose/base64url.h"
#include "jose/members.h"
#include "programs/mintd/keeper.h"

namespace mintmark::mintd {
namespace {

// The front has looked before; it may be in strange hands.
constexpr std::size_t longest_part = 1024;

struct Wanted {
  std::string kid;
  hsm::SealedCredential credential;
};

Result<Wanted> wanted_in(const Json& message) {
  jose::Members members(message, Code::activation_malformed, "");
  Wanted wanted;
  wanted.kid = members.text("kid");
  wanted.credential.credential_blob = members.octets("credential_blob");
  wanted.credential.encrypted_secret = members.octets("encrypted_secret");
  if (members.error()) return tl::unexpected<Error>(*members.error());
  const auto index = message.find("ek_nv_index");
  if (index == message.end() || !index->is_number_unsigned() ||
      index->get<std::uint64_t>() > UINT32_MAX ||
      wanted.credential.credential_blob.size() > longest_part ||
      wanted.credential.encrypted_secret.size() > longest_part)
    return fail(Code::activation_malformed, "no credential has such a size or place");
  wanted.credential.ek_index = index->get<std::uint32_t>();
  return wanted;
}

Json activated(const Json& id, const Result<Bytes>& secret) {
  if (secret) return {{"type", "activated"}, {"id", id}, {"secret", jose::base64url(*secret)}};
  const Error& error = secret.error();
  return {{"type", "activated"},
          {"id", id},
          {"code", facts_of(error.code).name},
          {"detail", error.detail},
          {"retry_after", error.retry_after}};
}

}  // namespace

EvidenceCollection::Ask Keeper::evidence_sources() {
  return {.store =
              [this](const std::string& store, const hsm::KeyId& key,
                     hsm::Done<hsm::KeyEvidence> done) {
                for (const auto& signer : signers_) {
                  if (signer->name() == store) return signer->evidence(key, std::move(done));
                }
                done(fail(Code::hsm_unavailable, "its key store is not configured any more"));
              },
          .tell =
              [this](const Json& frame) {
                if (front_) front_->tell(frame);
              }};
}

void Keeper::look_for_evidence() {
  if (publisher_->snapshot()) evidence_.look(*publisher_->snapshot());
}

Result<Json> Keeper::key_evidence() const {
  const auto& keys = publisher_->snapshot();
  if (!keys) return fail(Code::keys_not_ready, "no key is published yet");
  return evidence_.document(context_.in_force.config.issuer, *keys);
}

Result<SignerSlot*> Keeper::slot_of_published(const std::string& kid) {
  if (const auto& published = publisher_->snapshot()) {
    for (const keyring::PublishedKey& key : published->keys()) {
      if (key.kid() != kid) continue;
      for (const auto& signer : signers_) {
        if (signer->name() == key.store) return signer.get();
      }
    }
  }
  return fail(Code::key_not_found, "no such key is published");
}

void Keeper::activate(const Json& message) {
  const auto found = message.find("id");
  if (found == message.end() || !found->is_number_unsigned()) return;
  const Json id = *found;
  const auto wanted = wanted_in(message);
  if (!wanted) return front_->tell(activated(id, tl::unexpected<Error>(wanted.error())));
  const auto slot = slot_of_published(wanted->kid);
  if (!slot) return front_->tell(activated(id, tl::unexpected<Error>(slot.error())));
  (*slot)->activate(wanted->credential, [this, id](const Result<Bytes>& secret) {
    if (front_) front_->tell(activated(id, secret));
  });
}

}  // namespace mintmark::mintd
