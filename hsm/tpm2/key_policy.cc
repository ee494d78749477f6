#include "hsm/tpm2/key_policy.h"

#include <tss2/tss2_tpm2_types.h>

#include "hsm/tpm2/boot_policy.h"
#include "hsm/tpm2/counter.h"

namespace mintmark::hsm::tpm2 {
namespace {

template <typename T>
void append_number(Bytes& to, T number) {
  for (std::size_t i = sizeof number; i > 0; --i)
    to.push_back(static_cast<std::uint8_t>(number >> (8U * (i - 1)) & 0xFFU));
}
void append(Bytes& to, BytesView octets) { to.insert(to.end(), octets.begin(), octets.end()); }

// policyDigest_new = H(policyDigest_old || command || arguments), Part 1, 19.7.
Sha256 extended(const Sha256& before, TPM2_CC command, BytesView arguments) {
  Bytes all;
  append(all, before);
  append_number(all, command);
  append(all, arguments);
  return sha256(all);
}

// PolicyUpdate (Part 3, 23.2.3): the reference is extended in a second step, without a command.
Sha256 authorized_by(const Bytes& authority) {
  const Sha256 named = extended({}, TPM2_CC_PolicyAuthorize, authority);
  Bytes all = to_bytes(named);
  append(all, as_bytes(boot_policy_ref));
  return sha256(all);
}

Bytes policy_nv_arguments(const KeyPolicy& policy) {
  Bytes compared = operand_of(policy);
  append_number(compared, UINT16{0});
  append_number(compared, TPM2_EO{TPM2_EO_EQ});
  Bytes arguments;
  append(arguments, sha256(compared));
  append(arguments, counter_name(policy.counter_index));
  return arguments;
}

}  // namespace

Bytes operand_of(const KeyPolicy& policy) {
  Bytes octets;
  append_number(octets, policy.counter_value);
  return octets;
}

Sha256 digest_of(const KeyPolicy& policy) {
  const Sha256 started =
      policy.boot_authority.empty() ? Sha256{} : authorized_by(policy.boot_authority);
  const Sha256 counted = extended(started, TPM2_CC_PolicyNV, policy_nv_arguments(policy));
  return extended(counted, TPM2_CC_PolicyAuthValue, {});
}

}  // namespace mintmark::hsm::tpm2
