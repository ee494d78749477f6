#include "attest/platform/asn1.h"

namespace mintmark::attest::platform {

// NOLINTBEGIN: OpenSSL's macros.
ASN1_SEQUENCE(AcIssuerSerial) =
    {
        ASN1_SEQUENCE_OF(AcIssuerSerial, issuer, GENERAL_NAME),
        ASN1_SIMPLE(AcIssuerSerial, serial, ASN1_INTEGER),
        ASN1_OPT(AcIssuerSerial, uid, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(AcIssuerSerial)

        ASN1_SEQUENCE(AcHolder) =
            {
                ASN1_IMP_OPT(AcHolder, base, AcIssuerSerial, 0),
                ASN1_IMP_SEQUENCE_OF_OPT(AcHolder, entity, GENERAL_NAME, 1),
                ASN1_IMP_SEQUENCE_OF_OPT(AcHolder, digest, ASN1_ANY, 2),
} static_ASN1_SEQUENCE_END(AcHolder)

                ASN1_SEQUENCE(AcIssuer) =
                    {
                        ASN1_SEQUENCE_OF_OPT(AcIssuer, names, GENERAL_NAME),
                        ASN1_IMP_OPT(AcIssuer, base, AcIssuerSerial, 0),
                        ASN1_IMP_SEQUENCE_OF_OPT(AcIssuer, digest, ASN1_ANY, 1),
} static_ASN1_SEQUENCE_END(AcIssuer)

                        ASN1_SEQUENCE(AcValidity) =
                            {
                                ASN1_SIMPLE(AcValidity, not_before, ASN1_GENERALIZEDTIME),
                                ASN1_SIMPLE(AcValidity, not_after, ASN1_GENERALIZEDTIME),
} static_ASN1_SEQUENCE_END(AcValidity)

                                ASN1_SEQUENCE_enc(AcInfo, enc, 0) =
                                    {
                                        ASN1_SIMPLE(AcInfo, version, ASN1_INTEGER),
                                        ASN1_SIMPLE(AcInfo, holder, AcHolder),
                                        ASN1_IMP(AcInfo, issuer, AcIssuer, 0),
                                        ASN1_SIMPLE(AcInfo, signature, X509_ALGOR),
                                        ASN1_SIMPLE(AcInfo, serial, ASN1_INTEGER),
                                        ASN1_SIMPLE(AcInfo, validity, AcValidity),
                                        ASN1_SEQUENCE_OF(AcInfo, attributes, X509_ATTRIBUTE),
                                        ASN1_OPT(AcInfo, uid, ASN1_BIT_STRING),
                                        ASN1_SEQUENCE_OF_OPT(AcInfo, extensions, X509_EXTENSION),
} ASN1_SEQUENCE_END_enc(AcInfo, AcInfo)

                                        ASN1_SEQUENCE(AttributeCertificate) =
                                            {
                                                ASN1_SIMPLE(AttributeCertificate, info, AcInfo),
                                                ASN1_SIMPLE(AttributeCertificate, algorithm,
                                                            X509_ALGOR),
                                                ASN1_SIMPLE(AttributeCertificate, signature,
                                                            ASN1_BIT_STRING),
} ASN1_SEQUENCE_END(AttributeCertificate)

                                                ASN1_SEQUENCE(TcgVersion) =
                                                    {
                                                        ASN1_SIMPLE(TcgVersion, major,
                                                                    ASN1_INTEGER),
                                                        ASN1_SIMPLE(TcgVersion, minor,
                                                                    ASN1_INTEGER),
                                                        ASN1_SIMPLE(TcgVersion, revision,
                                                                    ASN1_INTEGER),
} static_ASN1_SEQUENCE_END(TcgVersion)

                                                        ASN1_SEQUENCE(TcgSpecification) =
                                                            {
                                                                ASN1_SIMPLE(TcgSpecification,
                                                                            version, TcgVersion),
                                                                ASN1_SIMPLE(TcgSpecification,
                                                                            platform_class,
                                                                            ASN1_ANY),
} ASN1_SEQUENCE_END(TcgSpecification)

                                                                ASN1_SEQUENCE(TcgUri) =
                                                                    {
                                                                        ASN1_SIMPLE(TcgUri, uri,
                                                                                    ASN1_IA5STRING),
                                                                        ASN1_OPT(TcgUri, algorithm,
                                                                                 ASN1_SEQUENCE),
                                                                        ASN1_OPT(TcgUri, hash,
                                                                                 ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(TcgUri)

                                                                        ASN1_SEQUENCE(
                                                                            TcgCommonCriteria) =
                                                                            {
                                                                                ASN1_SIMPLE(
                                                                                    TcgCommonCriteria,
                                                                                    version,
                                                                                    ASN1_IA5STRING),
                                                                                ASN1_SIMPLE(
                                                                                    TcgCommonCriteria,
                                                                                    level,
                                                                                    ASN1_ENUMERATED),
                                                                                ASN1_SIMPLE(
                                                                                    TcgCommonCriteria,
                                                                                    status,
                                                                                    ASN1_ENUMERATED),
                                                                                ASN1_OPT(
                                                                                    TcgCommonCriteria,
                                                                                    plus,
                                                                                    ASN1_FBOOLEAN),
                                                                                ASN1_IMP_OPT(
                                                                                    TcgCommonCriteria,
                                                                                    strength,
                                                                                    ASN1_ENUMERATED,
                                                                                    0),
                                                                                ASN1_OPT(
                                                                                    TcgCommonCriteria,
                                                                                    old_strength,
                                                                                    ASN1_ENUMERATED),
                                                                                ASN1_IMP_OPT(
                                                                                    TcgCommonCriteria,
                                                                                    profile,
                                                                                    ASN1_OBJECT, 1),
                                                                                ASN1_IMP_OPT(
                                                                                    TcgCommonCriteria,
                                                                                    profile_uri,
                                                                                    TcgUri, 2),
                                                                                ASN1_IMP_OPT(
                                                                                    TcgCommonCriteria,
                                                                                    target,
                                                                                    ASN1_OBJECT, 3),
                                                                                ASN1_IMP_OPT(
                                                                                    TcgCommonCriteria,
                                                                                    target_uri,
                                                                                    TcgUri, 4),
} static_ASN1_SEQUENCE_END(TcgCommonCriteria)

                                                                                ASN1_SEQUENCE(
                                                                                    TcgFips) =
                                                                                    {
                                                                                        ASN1_SIMPLE(
                                                                                            TcgFips,
                                                                                            version,
                                                                                            ASN1_IA5STRING),
                                                                                        ASN1_SIMPLE(
                                                                                            TcgFips,
                                                                                            level,
                                                                                            ASN1_ENUMERATED),
                                                                                        ASN1_OPT(
                                                                                            TcgFips,
                                                                                            plus,
                                                                                            ASN1_FBOOLEAN),
} static_ASN1_SEQUENCE_END(TcgFips)

                                                                                        ASN1_SEQUENCE(
                                                                                            TcgAssertions) =
                                                                                            {
                                                                                                ASN1_OPT(
                                                                                                    TcgAssertions,
                                                                                                    version,
                                                                                                    ASN1_INTEGER),
                                                                                                ASN1_IMP_OPT(
                                                                                                    TcgAssertions,
                                                                                                    criteria,
                                                                                                    TcgCommonCriteria,
                                                                                                    0),
                                                                                                ASN1_OPT(
                                                                                                    TcgAssertions,
                                                                                                    old_criteria,
                                                                                                    TcgCommonCriteria),
                                                                                                ASN1_IMP_OPT(
                                                                                                    TcgAssertions,
                                                                                                    fips,
                                                                                                    TcgFips,
                                                                                                    1),
                                                                                                ASN1_IMP_OPT(
                                                                                                    TcgAssertions,
                                                                                                    rtm,
                                                                                                    ASN1_ENUMERATED,
                                                                                                    2),
                                                                                                ASN1_OPT(
                                                                                                    TcgAssertions,
                                                                                                    old_rtm,
                                                                                                    ASN1_ENUMERATED),
                                                                                                ASN1_OPT(
                                                                                                    TcgAssertions,
                                                                                                    iso9000,
                                                                                                    ASN1_FBOOLEAN),
                                                                                                ASN1_OPT(
                                                                                                    TcgAssertions,
                                                                                                    iso9000_uri,
                                                                                                    ASN1_IA5STRING),
} ASN1_SEQUENCE_END(TcgAssertions)

                                                                                                ASN1_SEQUENCE(
                                                                                                    TcgAddress) =
                                                                                                    {
                                                                                                        ASN1_SIMPLE(
                                                                                                            TcgAddress,
                                                                                                            type,
                                                                                                            ASN1_OBJECT),
                                                                                                        ASN1_SIMPLE(
                                                                                                            TcgAddress,
                                                                                                            value,
                                                                                                            ASN1_UTF8STRING),
} static_ASN1_SEQUENCE_END(TcgAddress)

                                                                                                        ASN1_SEQUENCE(
                                                                                                            TcgComponent) =
                                                                                                            {
                                                                                                                ASN1_OPT(
                                                                                                                    TcgComponent,
                                                                                                                    old_class,
                                                                                                                    ASN1_OCTET_STRING),
                                                                                                                ASN1_SEQUENCE_OF_OPT(
                                                                                                                    TcgComponent,
                                                                                                                    registered_class,
                                                                                                                    ASN1_ANY),
                                                                                                                ASN1_SIMPLE(
                                                                                                                    TcgComponent,
                                                                                                                    manufacturer,
                                                                                                                    ASN1_UTF8STRING),
                                                                                                                ASN1_SIMPLE(
                                                                                                                    TcgComponent,
                                                                                                                    model,
                                                                                                                    ASN1_UTF8STRING),
                                                                                                                ASN1_IMP_OPT(
                                                                                                                    TcgComponent,
                                                                                                                    serial,
                                                                                                                    ASN1_UTF8STRING,
                                                                                                                    0),
                                                                                                                ASN1_IMP_OPT(
                                                                                                                    TcgComponent,
                                                                                                                    revision,
                                                                                                                    ASN1_UTF8STRING,
                                                                                                                    1),
                                                                                                                ASN1_IMP_OPT(
                                                                                                                    TcgComponent,
                                                                                                                    manufacturer_id,
                                                                                                                    ASN1_OCTET_STRING,
                                                                                                                    2),
                                                                                                                ASN1_IMP_OPT(
                                                                                                                    TcgComponent,
                                                                                                                    replaceable,
                                                                                                                    ASN1_FBOOLEAN,
                                                                                                                    3),
                                                                                                                ASN1_IMP_SEQUENCE_OF_OPT(
                                                                                                                    TcgComponent,
                                                                                                                    addresses,
                                                                                                                    TcgAddress,
                                                                                                                    4),
                                                                                                                ASN1_IMP_SEQUENCE_OF_OPT(
                                                                                                                    TcgComponent,
                                                                                                                    certificate,
                                                                                                                    ASN1_ANY,
                                                                                                                    5),
                                                                                                                ASN1_IMP_SEQUENCE_OF_OPT(TcgComponent, certificate_uri,
                                                                                                                                         ASN1_ANY,
                                                                                                                                         6),
                                                                                                                ASN1_IMP_OPT(
                                                                                                                    TcgComponent,
                                                                                                                    status,
                                                                                                                    ASN1_ENUMERATED,
                                                                                                                    7),
} static_ASN1_SEQUENCE_END(TcgComponent)

                                                                                                                ASN1_SEQUENCE(
                                                                                                                    TcgProperty) =
                                                                                                                    {
                                                                                                                        ASN1_SIMPLE(
                                                                                                                            TcgProperty,
                                                                                                                            name,
                                                                                                                            ASN1_UTF8STRING),
                                                                                                                        ASN1_SIMPLE(
                                                                                                                            TcgProperty,
                                                                                                                            value,
                                                                                                                            ASN1_UTF8STRING),
                                                                                                                        ASN1_IMP_OPT(
                                                                                                                            TcgProperty,
                                                                                                                            status,
                                                                                                                            ASN1_ENUMERATED,
                                                                                                                            0),
} static_ASN1_SEQUENCE_END(TcgProperty)

                                                                                                                        ASN1_SEQUENCE(
                                                                                                                            TcgConfiguration) =
                                                                                                                            {
                                                                                                                                ASN1_IMP_SEQUENCE_OF_OPT(
                                                                                                                                    TcgConfiguration,
                                                                                                                                    components,
                                                                                                                                    TcgComponent,
                                                                                                                                    0),
                                                                                                                                ASN1_IMP_SEQUENCE_OF_OPT(
                                                                                                                                    TcgConfiguration,
                                                                                                                                    properties,
                                                                                                                                    TcgProperty,
                                                                                                                                    1),
                                                                                                                                ASN1_IMP_OPT(
                                                                                                                                    TcgConfiguration,
                                                                                                                                    properties_uri,
                                                                                                                                    TcgUri,
                                                                                                                                    2),
} ASN1_SEQUENCE_END(TcgConfiguration)

                                                                                                                                ASN1_SEQUENCE(
                                                                                                                                    TcgConfiguration2) = {
                                                                                                                                    ASN1_IMP_SEQUENCE_OF_OPT(
                                                                                                                                        TcgConfiguration2,
                                                                                                                                        components,
                                                                                                                                        TcgComponent,
                                                                                                                                        0),
                                                                                                                                    ASN1_IMP_OPT(
                                                                                                                                        TcgConfiguration2,
                                                                                                                                        components_uri,
                                                                                                                                        TcgUri,
                                                                                                                                        1),
                                                                                                                                    ASN1_IMP_SEQUENCE_OF_OPT(
                                                                                                                                        TcgConfiguration2,
                                                                                                                                        properties,
                                                                                                                                        TcgProperty,
                                                                                                                                        2),
                                                                                                                                    ASN1_IMP_OPT(
                                                                                                                                        TcgConfiguration2,
                                                                                                                                        properties_uri,
                                                                                                                                        TcgUri,
                                                                                                                                        3),
} ASN1_SEQUENCE_END(TcgConfiguration2)
// NOLINTEND

}  // namespace mintmark::attest::platform
