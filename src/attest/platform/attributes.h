// The attributes of a platform certificate, wherever they stand. For this folder alone.
#pragma once

#include "attest/platform/asn1.h"
#include "attest/platform/certificate.h"

namespace mintmark::attest::platform {

/// Printable, at most 256 octets; "" for nullptr.
[[nodiscard]] std::string text_of(const ASN1_STRING* text);
[[nodiscard]] std::vector<NamePart> parts_of(const X509_NAME* name);

/// Reads one attribute into the certificate. False where it is one of those that are known here and
/// cannot be read; unknown ones are passed over.
[[nodiscard]] bool read_attribute(const ASN1_OBJECT* type, const ASN1_TYPE* value,
                                  PlatformCertificate& into);

}  // namespace mintmark::attest::platform
