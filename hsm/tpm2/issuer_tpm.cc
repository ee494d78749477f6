#include "hsm/tpm2/issuer_tpm.h"

#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/issuer_evidence.h"
#include "hsm/tpm2/keys.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"
#include "hsm/tpm2/session.h"
#include "hsm/tpm2/signing_key.h"
#include "hsm/tpm2/templates.h"

namespace mintmark::hsm::tpm2 {
namespace {

Result<Bytes> name_of_object(const Tpm& tpm, const Handle& object) {
  EsysOwned<TPM2B_NAME> name;
  const TSS2_RC rc = Esys_TR_GetName(tpm.esys(), object.id(), out(name));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("Esys_TR_GetName", rc);
  return to_bytes({name->name, name->size});
}

Result<Engagement> engagement_under(const Tpm& tpm, Handle root, BootPolicy* boot) {
  auto session = start_salted_session(tpm, root, TPM2_SE_HMAC);
  if (!session) return pass_on(session);
  return Engagement{std::move(root), std::move(*session), boot};
}

}  // namespace

SigningKey signing_key_of(const KeyBlob& blob) { return {blob.algorithm, blob.policy, blob.key}; }

Result<jose::PublicKey> public_key_of(const KeyBlob& blob) {
  const auto area = unmarshalled<TPM2B_PUBLIC>(blob.key.public_area, Tss2_MU_TPM2B_PUBLIC_Unmarshal,
                                               Code::hsm_blob_malformed, "TPM2B_PUBLIC of a key");
  if (!area) return tl::unexpected<Error>(area.error());
  return tpm2::public_key_of(area->publicArea, blob.algorithm);
}

Error as_store_error(Error error) {
  if (error.native == TSS2_ESYS_RC_RSP_AUTH_FAILED) {
    error.code = Code::hsm_answer_forged;
    error.detail = "an answer was changed on its way from the TPM: " + error.detail;
  } else if (error.code == Code::tpm_unavailable || error.code == Code::tpm_memory_full) {
    error.code = Code::hsm_unavailable;
  } else if (error.code == Code::tpm_failed || error.code == Code::not_found) {
    error.code = Code::hsm_failed;
  }
  return error;
}

IssuerTpm::IssuerTpm(Settings settings, Secrets secrets, BlobDirectory directory, Tpm tpm)
    : settings_(std::move(settings)),
      secrets_(std::move(secrets)),
      directory_(std::move(directory)),
      tpm_(std::make_unique<Tpm>(std::move(tpm))) {}

Result<IssuerTpm> IssuerTpm::open(Settings settings, Secrets secrets) {
  auto directory = BlobDirectory::open(settings.blobs);
  if (!directory) return pass_on(directory);
  auto tpm = Tpm::open(settings.tcti);
  if (!tpm) return pass_on(tpm);
  IssuerTpm store(std::move(settings), std::move(secrets), std::move(*directory), std::move(*tpm));
  if (auto taken = store.take_over(); !taken) return pass_on(taken);
  return store;
}

bool IssuerTpm::needs_new_connection(const Error& error) {
  return error.code == Code::tpm_unavailable || is_of_spoilt_connection(error);
}

Result<void> IssuerTpm::reconnect() {
  tpm_.reset();
  auto tpm = Tpm::open(settings_.tcti);
  if (!tpm) return pass_on(tpm);
  tpm_ = std::make_unique<Tpm>(std::move(*tpm));
  return {};
}

Result<void> IssuerTpm::take_over() {
  auto known = directory_.read_store();
  if (!known) return pass_on(known);
  if (!*known) return found_store();
  store_ = std::move(**known);
  auth_ = auth_of(store_.salt, secrets_.pin);
  if (auto read = read_keys(); !read) return read;
  if (auto proven = prove(); !proven) return proven;
  if (auto finished = finish_what_broke_off(); !finished) return finished;
  // Opening a key takes a TPM its time: better now, where there is more, than in the first list.
  if (auto looked_at = list(); !looked_at) return pass_on(looked_at);
  return {};
}

Result<void> IssuerTpm::found_store() {
  auto root = storage_root(*tpm_);
  if (!root && is_wrong_auth(static_cast<TSS2_RC>(root.error().native)))
    return fail(Code::hsm_owner_refused,
                "the owner hierarchy has an authorisation, and there is no persistent storage root "
                "at 0x81000001 of the standard's ECC template: make one (docs/operations.md)",
                root.error().native);
  if (!root) return pass_on(root);
  auto name = name_of_object(*tpm_, *root);
  if (!name) return pass_on(name);
  const auto with = engagement_under(*tpm_, std::move(*root), boot());
  if (!with) return tl::unexpected<Error>(with.error());
  store_.salt = random_bytes(16);
  store_.root_name = std::move(*name);
  auth_ = auth_of(store_.salt, secrets_.pin);
  auto ak = create_under(*tpm_, *with, auth_, attestation_key_template());
  if (!ak) return pass_on(ak);
  store_.ak = std::move(*ak);
  return directory_.write_store(store_);
}

Result<void> IssuerTpm::read_keys() {
  auto blobs = directory_.read_keys();
  if (!blobs) return pass_on(blobs);
  for (KeyBlob& blob : *blobs) {
    if (blob.state != BlobState::whole) {
      broken_off_.emplace(blob.id, std::move(blob));
      continue;
    }
    auto key = public_key_of(blob);
    if (!key)
      return fail(Code::hsm_blob_malformed,
                  to_string(blob.id) + ".key: " + key.error().to_string());
    keys_.emplace(blob.id, Key{std::move(blob), std::move(*key), false});
  }
  return {};
}

Result<void> IssuerTpm::finish_what_broke_off() {
  if (broken_off_.empty()) return {};
  const auto with = engage();
  if (!with) return tl::unexpected<Error>(with.error());
  const auto left = broken_off_;
  for (const auto& [id, blob] : left) {
    auto ended = end(*with, blob);
    // The key is dead by then; without the owner its counter keeps its room, and the others sign.
    if (!ended && ended.error().code != Code::hsm_owner_refused) return ended;
  }
  return {};
}

// A root may have become persistent, or been evicted, since the store was made: it is the Name that
// counts. Another root at its place would be another TPM's, or somebody's on the bus.
Result<Handle> IssuerTpm::find_root() {
  if (!tpm_) return fail(Code::tpm_unavailable, "there is no connection to the TPM");
  for (const auto find : {persistent_storage_root, primary_storage_root}) {
    auto root = find(*tpm_);
    if (!root && root.error().code == Code::not_found) continue;
    if (!root && is_wrong_auth(static_cast<TSS2_RC>(root.error().native))) continue;
    if (!root) return root;
    const auto name = name_of_object(*tpm_, *root);
    if (!name) return tl::unexpected<Error>(name.error());
    if (*name == store_.root_name) return root;
  }
  return fail(Code::hsm_root_changed,
              "this TPM's storage root is not the one that the store was made under: another TPM, "
              "a cleared one, or somebody between us and it");
}

Result<Engagement> IssuerTpm::engage() {
  auto root = find_root();
  if (!root) return pass_on(root);
  return engagement_under(*tpm_, std::move(*root), boot());
}

Result<void> IssuerTpm::check_algorithm(jose::Algorithm algorithm) const {
  if (!tpm_) return fail(Code::tpm_unavailable, "there is no connection to the TPM");
  return check_makes(*tpm_, algorithm);
}

Result<void> IssuerTpm::prove() {
  const auto with = engage();
  if (!with) return tl::unexpected<Error>(with.error());
  return prove_auth(*tpm_, *with, auth_, store_.ak);
}

Result<const IssuerTpm::Key*> IssuerTpm::find(const KeyId& id) const {
  const auto found = keys_.find(id);
  if (found == keys_.end())
    return fail(Code::hsm_key_unknown, "the key store has no key " + to_string(id));
  return &found->second;
}

const jose::PublicKey* IssuerTpm::public_key(const KeyId& id) const {
  const auto key = find(id);
  return key ? &(*key)->public_key : nullptr;
}

Result<Bytes> IssuerTpm::sign(const KeyId& id, BytesView input) {
  const auto key = find(id);
  if (!key) return tl::unexpected<Error>(key.error());
  const auto with = engage();
  if (!with) return tl::unexpected<Error>(with.error());
  return sign_with(*tpm_, *with, auth_, signing_key_of((*key)->blob), input);
}

KeyInfo IssuerTpm::info_of(const Key& key, std::string unfit) const {
  return {key.blob.id, key.blob.purpose, key.public_key, std::move(unfit)};
}

Result<void> IssuerTpm::look_at(const Engagement& with, Key& key) const {
  if (auto counted = check_counter(*tpm_, with, auth_, key.blob.policy); !counted) return counted;
  if (key.opens) return {};
  auto opened = check_opens(*tpm_, with, auth_, key.blob.key);
  key.opens = opened.has_value();
  return opened;
}

Result<std::vector<KeyInfo>> IssuerTpm::list() {
  const auto with = engage();
  if (!with) return tl::unexpected<Error>(with.error());
  std::vector<KeyInfo> listed;
  for (auto& [id, key] : keys_) {
    const auto alive = look_at(*with, key);
    const bool unfit = !alive && (alive.error().code == Code::hsm_key_ended ||
                                  alive.error().code == Code::hsm_key_foreign);
    if (!alive && !unfit) return tl::unexpected<Error>(alive.error());
    listed.push_back(info_of(key, unfit ? alive.error().to_string() : ""));
  }
  return listed;
}

Result<KeyEvidence> IssuerTpm::evidence(const KeyId& id) {
  const auto key = find(id);
  if (!key) return tl::unexpected<Error>(key.error());
  const auto with = engage();
  if (!with) return tl::unexpected<Error>(with.error());
  const EvidenceOf of{settings_.issuer, (*key)->public_key, signing_key_of((*key)->blob),
                      store_.ak};
  return key_evidence(*tpm_, *with, auth_, of);
}

Result<Secret> IssuerTpm::activate(const SealedCredential& credential) {
  const auto with = engage();
  if (!with) return tl::unexpected<Error>(with.error());
  return activate_ak(*tpm_, *with, auth_, store_.ak, credential);
}

}  // namespace mintmark::hsm::tpm2
