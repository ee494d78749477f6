#include "attest/android_key/revocation.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::attest::android_key {
namespace {

constexpr JsonLimits limits{.octets = 16U << 20U, .depth = 8, .elements = 2'000'000};
constexpr std::size_t longest_serial = 80;  // 20 octets (RFC 5280 §4.1.2.2), with room.

struct Free {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(char* text) const { OPENSSL_free(text); }
};

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::android_revocation_list, "Android's list of revoked certificates: " + what);
}

// In lower case; "" where it is no number in either spelling.
std::string serial_in(const std::string& key) {
  if (key.empty() || key.size() > longest_serial) return {};
  std::string serial;
  for (const char c : key) {
    const bool upper = c >= 'A' && c <= 'F';
    if (!upper && (c < '0' || c > '9') && (c < 'a' || c > 'f')) return {};
    serial.push_back(upper ? static_cast<char>(c - 'A' + 'a') : c);
  }
  const std::size_t first = std::min(serial.find_first_not_of('0'), serial.size() - 1);
  return serial.substr(first);
}

Result<CertificateStatus> status_in(const std::string& key, const Json& entry) {
  const auto status = entry.is_object() ? entry.find("status") : entry.end();
  if (!entry.is_object() || status == entry.end() || !status->is_string())
    return malformed("entry " + printable(key) + " has no status");
  if (*status == "REVOKED") return CertificateStatus::revoked;
  if (*status == "SUSPENDED") return CertificateStatus::suspended;
  return malformed("entry " + printable(key) + " has status " +
                   printable(status->get<std::string>()) + ", neither REVOKED nor SUSPENDED");
}

}  // namespace

Result<RevocationList> RevocationList::parse(std::string_view json) {
  RevocationList list;
  if (json.empty()) return list;
  auto document = parse_json(json, limits);
  if (!document) return malformed(document.error().detail);
  const auto entries = document->is_object() ? document->find("entries") : document->end();
  if (!document->is_object() || entries == document->end() || !entries->is_object())
    return malformed("it has no object \"entries\"");
  for (const auto& [key, entry] : entries->items()) {
    const std::string serial = serial_in(key);
    if (serial.empty()) return malformed(printable(key) + " is no serial number");
    auto status = status_in(key, entry);
    if (!status) return pass_on(status);
    CertificateStatus& known = list.entries_[serial];
    known = std::max(known, *status);
  }
  return list;
}

CertificateStatus RevocationList::status_of(const ASN1_INTEGER* serial) const {
  if (entries_.empty()) return CertificateStatus::good;
  const std::unique_ptr<BIGNUM, Free> number(ASN1_INTEGER_to_BN(serial, nullptr));
  // What cannot be looked up is not said to be good.
  if (!number) return CertificateStatus::revoked;
  const std::unique_ptr<char, Free> decimal(BN_bn2dec(number.get()));
  const std::unique_ptr<char, Free> hexadecimal(BN_bn2hex(number.get()));
  if (!decimal || !hexadecimal) return CertificateStatus::revoked;
  auto status = CertificateStatus::good;
  for (const char* spelling : {decimal.get(), hexadecimal.get()}) {
    const auto found = entries_.find(serial_in(spelling));
    if (found != entries_.end()) status = std::max(status, found->second);
  }
  return status;
}

CertificateStatus RevocationList::status_of(const X509* certificate) const {
  return status_of(X509_get0_serialNumber(certificate));
}

}  // namespace mintmark::attest::android_key
