#include "attest/android_key/asn1.h"

namespace mintmark::attest::android_key {

// NOLINTBEGIN: OpenSSL's macros.
ASN1_SEQUENCE(PackageSequence) =
    {
        ASN1_SIMPLE(PackageSequence, name, ASN1_OCTET_STRING),
        ASN1_SIMPLE(PackageSequence, version, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END(PackageSequence)

        ASN1_SEQUENCE(ApplicationIdSequence) =
            {
                ASN1_SET_OF(ApplicationIdSequence, packages, PackageSequence),
                ASN1_SET_OF(ApplicationIdSequence, signatures, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END(ApplicationIdSequence)

                ASN1_SEQUENCE(RootOfTrustSequence) =
                    {
                        ASN1_SIMPLE(RootOfTrustSequence, verified_boot_key, ASN1_OCTET_STRING),
                        ASN1_SIMPLE(RootOfTrustSequence, device_locked, ASN1_BOOLEAN),
                        ASN1_SIMPLE(RootOfTrustSequence, verified_boot_state, ASN1_ENUMERATED),
                        ASN1_OPT(RootOfTrustSequence, verified_boot_hash, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END(RootOfTrustSequence)

                        ASN1_SEQUENCE(KeyDescriptionSequence) =
                            {
                                ASN1_SIMPLE(KeyDescriptionSequence, attestation_version,
                                            ASN1_INTEGER),
                                ASN1_SIMPLE(KeyDescriptionSequence, attestation_level,
                                            ASN1_ENUMERATED),
                                ASN1_SIMPLE(KeyDescriptionSequence, keymint_version, ASN1_INTEGER),
                                ASN1_SIMPLE(KeyDescriptionSequence, keymint_level, ASN1_ENUMERATED),
                                ASN1_SIMPLE(KeyDescriptionSequence, challenge, ASN1_OCTET_STRING),
                                ASN1_SIMPLE(KeyDescriptionSequence, unique_id, ASN1_OCTET_STRING),
                                ASN1_SEQUENCE_OF(KeyDescriptionSequence, software, ASN1_ANY),
                                ASN1_SEQUENCE_OF(KeyDescriptionSequence, hardware, ASN1_ANY),
} ASN1_SEQUENCE_END(KeyDescriptionSequence)

                                ASN1_ITEM_TEMPLATE(IntegerSet) = ASN1_EX_TEMPLATE_TYPE(
                                    ASN1_TFLG_SET_OF, 0, integers, ASN1_INTEGER)
                                    ASN1_ITEM_TEMPLATE_END(IntegerSet)
// NOLINTEND

}  // namespace mintmark::attest::android_key
