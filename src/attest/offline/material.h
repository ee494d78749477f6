// Files of evidence, told apart by what is in them. Pure; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attest/tpm2/quote.h"
#include "attest/tpm2/signature.h"
#include "attest/tpm2/structures.h"
#include "attest/x509/certificate.h"

namespace mintmark::attest::offline {

struct Statement {
  Bytes octets;
  TPMS_ATTEST attest{};
};

struct Signature {
  TPMT_SIGNATURE tpm{};
  Bytes der;  ///< An ECDSA signature as DER instead; its hash is then what fits.
};

/// PCR values as a file gives them.
struct Values {
  std::map<std::string, tpm2::PcrValues> banks;  ///< "" where the file names no bank.
};

/// tpm2_makecredential's file.
struct Credential {
  std::size_t id_object = 0;         ///< Octets of TPM2B_ID_OBJECT's content.
  std::size_t encrypted_secret = 0;  ///< Likewise of TPM2B_ENCRYPTED_SECRET's.
};

/// What was given, in the order of the files.
struct Material {
  std::vector<Statement> statements;
  std::vector<tpm2::PublicArea> areas;
  std::vector<tpm2::PublicKey> keys;  ///< From PEM or SubjectPublicKeyInfo.
  std::vector<Signature> signatures;
  std::vector<Values> values;
  std::vector<Bytes> certificates;  ///< DER, without padding.
  std::vector<Bytes> attribute_certificates;
  std::vector<tpm2::CreationData> creations;
  std::vector<Bytes> names;  ///< TPM names (Part 1, 16).
  std::vector<Credential> credentials;
  std::vector<Bytes> event_logs;
  std::vector<Bytes> ima_logs;
  std::size_t documents = 0;  ///< CBOR around evidence: read by nobody here.
  std::vector<Bytes> others;  ///< Nothing that is known.
  std::string broken;         ///< Of the first file that is one of these and cannot be read: why.
};

/// Nothing is refused here: what cannot be told is among `others`, what is damaged in `broken`.
[[nodiscard]] Material sort_files(const std::vector<Bytes>& files);

}  // namespace mintmark::attest::offline
