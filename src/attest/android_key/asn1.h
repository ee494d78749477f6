// KeyDescription as OpenSSL's ASN.1 templates. For this folder alone.
// (source.android.com/docs/security/features/keystore/attestation#schema)
#pragma once

#include <openssl/asn1t.h>

#include <memory>

#include "attest/x509/asn1.h"
#include "base/bytes.h"

namespace mintmark::attest::android_key {

// NOLINTBEGIN: OpenSSL's macros, and members that its templates write.
using Elements = STACK_OF(ASN1_TYPE);
struct KeyDescriptionSequence {
  ASN1_INTEGER* attestation_version;
  ASN1_ENUMERATED* attestation_level;
  ASN1_INTEGER* keymint_version;
  ASN1_ENUMERATED* keymint_level;
  ASN1_OCTET_STRING* challenge;
  ASN1_OCTET_STRING* unique_id;
  Elements* software;  // EXPLICIT context tags: new ones come with each version, so any is read.
  Elements* hardware;
};
struct RootOfTrustSequence {
  ASN1_OCTET_STRING* verified_boot_key;
  // Whatever is not zero is true (BER), as Google reads it: there are devices that write 1.
  ASN1_BOOLEAN device_locked;
  ASN1_ENUMERATED* verified_boot_state;
  ASN1_OCTET_STRING* verified_boot_hash;  // From version 3 on.
};
struct PackageSequence {
  ASN1_OCTET_STRING* name;
  ASN1_INTEGER* version;
};
using SignatureDigest = ASN1_OCTET_STRING;
struct ApplicationIdSequence {
  STACK_OF(PackageSequence) * packages;
  STACK_OF(SignatureDigest) * signatures;
};
DEFINE_STACK_OF(PackageSequence)
DEFINE_STACK_OF(SignatureDigest)

DECLARE_ASN1_ITEM(KeyDescriptionSequence)
DECLARE_ASN1_ITEM(RootOfTrustSequence)
DECLARE_ASN1_ITEM(ApplicationIdSequence)
DECLARE_ASN1_ITEM(IntegerSet)
// NOLINTEND

using x509::decode;
using x509::FreeItem;
using x509::Item;

}  // namespace mintmark::attest::android_key
