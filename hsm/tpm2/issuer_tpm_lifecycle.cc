// How keys begin and end: each step is written down before it is taken.
#include <algorithm>

#include "hsm/tpm2/issuer_tpm.h"
#include "hsm/tpm2/signing_key.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr std::uint32_t most_taken_indexes = 64;
constexpr const char* proof_of_a_new_key = "mintmark: a new key signs this once";

}  // namespace

CounterAccess IssuerTpm::counters(const Engagement& with) const {
  return {*tpm_, with.session, auth_, secrets_.owner};
}

// The file says first which index may be ours.
Result<KeyBlob> IssuerTpm::plan(const Engagement& with, const KeySpec& spec) {
  KeyBlob blob;
  blob.id = spec.id;
  blob.purpose = spec.purpose;
  blob.algorithm = spec.algorithm;
  for (std::uint32_t nth = 0; nth < most_taken_indexes; ++nth) {
    const std::uint32_t index = counter_index_for(spec.id, nth);
    const auto taken = tpm_->has(index);
    if (!taken) return tl::unexpected<Error>(taken.error());
    if (*taken) continue;
    blob.policy = {.counter_index = index, .counter_value = 0};
    if (boot() != nullptr) blob.policy.boot_authority = boot()->name();
    if (auto written = directory_.write_key(blob); !written) return pass_on(written);
    broken_off_[blob.id] = blob;
    const auto value = make_counter(counters(with), index);
    if (!value && value.error().code == Code::hsm_key_exists) continue;
    if (!value) return tl::unexpected<Error>(value.error());
    blob.policy.counter_value = *value;
    return blob;
  }
  return fail(Code::hsm_nv_full,
              "64 NV indexes in a row are taken: other programs use the range of our counters");
}

Result<jose::PublicKey> IssuerTpm::make(const Engagement& with, KeyBlob& blob) {
  const auto area = signing_key_template(blob.algorithm, digest_of(blob.policy));
  if (!area) return tl::unexpected<Error>(area.error());
  auto made = create_under(*tpm_, with, auth_, *area);
  if (!made) return pass_on(made);
  blob.key = std::move(*made);
  auto key = public_key_of(blob);
  if (!key) return key;
  const auto input = as_bytes(proof_of_a_new_key);
  const auto signature = sign_with(*tpm_, with, auth_, signing_key_of(blob), input);
  if (!signature) return tl::unexpected<Error>(signature.error());
  if (!key->verify(input, *signature)) {
    return fail(Code::hsm_mechanism_missing,
                "this TPM's signatures are no " + std::string(jose::name_of(blob.algorithm)) +
                    " as JWS has it (an older TPM fills RSAPSS with another salt)");
  }
  return key;
}

Result<KeyInfo> IssuerTpm::generate(const KeySpec& spec) {
  if (keys_.contains(spec.id))
    return fail(Code::hsm_key_exists, "the key store has a key " + to_string(spec.id));
  if (auto known = check_algorithm(spec.algorithm); !known) return pass_on(known);
  const auto with = engage();
  if (!with) return tl::unexpected<Error>(with.error());
  if (const auto left = broken_off_.find(spec.id); left != broken_off_.end()) {
    if (left->second.state == BlobState::ending)
      return fail(Code::hsm_key_exists, "the key " + to_string(spec.id) + " is being destroyed");
    if (auto ended = end(*with, KeyBlob(left->second)); !ended) return pass_on(ended);
  }
  auto blob = plan(*with, spec);
  auto key = blob ? make(*with, *blob) : tl::unexpected<Error>(blob.error());
  if (key) {
    blob->state = BlobState::whole;
    if (auto written = directory_.write_key(*blob); !written) key = pass_on(written);
  }
  if (!key) {
    // Where this fails too, it is done at the next opening.
    if (const auto left = broken_off_.find(spec.id); left != broken_off_.end())
      (void)end(*with, KeyBlob(left->second));
    return pass_on(key);
  }
  broken_off_.erase(spec.id);
  const auto [at, added] =
      keys_.insert_or_assign(spec.id, Key{std::move(*blob), std::move(*key), true});
  return info_of(at->second, "");
}

// Of a file that somebody restored, the index may be a younger key's by now.
bool IssuerTpm::is_another_keys(const KeyBlob& blob) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const auto& entry) {
    return entry.first != blob.id &&
           entry.second.blob.policy.counter_index == blob.policy.counter_index;
  });
}

Result<void> IssuerTpm::end(const Engagement& with, KeyBlob blob) {
  if (!is_another_keys(blob)) {
    auto done = end_counter(counters(with), blob.policy.counter_index);
    if (!done) return done;
  }
  if (auto removed = directory_.remove_key(blob.id); !removed) return removed;
  broken_off_.erase(blob.id);
  return {};
}

Result<void> IssuerTpm::destroy(const KeyId& id) {
  if (const auto key = keys_.find(id); key != keys_.end()) {
    KeyBlob blob = key->second.blob;
    blob.state = BlobState::ending;
    if (auto written = directory_.write_key(blob); !written) return written;
    broken_off_[id] = std::move(blob);
    keys_.erase(key);
  }
  const auto left = broken_off_.find(id);
  if (left == broken_off_.end())
    return fail(Code::hsm_key_unknown, "the key store has no key " + to_string(id));
  const auto with = engage();
  if (!with) return tl::unexpected<Error>(with.error());
  return end(*with, KeyBlob(left->second));
}

}  // namespace mintmark::hsm::tpm2
