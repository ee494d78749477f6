#include "hsm/signer/certificate_verify.h"

#include <algorithm>

namespace mintmark::hsm::signer {
namespace {

constexpr std::size_t padding = 64;
constexpr std::string_view context{"TLS 1.3, server CertificateVerify\0", 34};
constexpr std::size_t sha256_octets = 32;
constexpr std::size_t sha384_octets = 48;

tl::unexpected<Error> no_such(const char* what) {
  return fail(Code::purpose_refused, std::string("no TLS 1.3 server's CertificateVerify: ") + what);
}

}  // namespace

Result<void> check_certificate_verify(std::string_view input) {
  const std::string_view spaces = input.substr(0, padding);
  if (spaces.size() != padding ||
      !std::all_of(spaces.begin(), spaces.end(), [](char octet) { return octet == 0x20; })) {
    return no_such("it does not begin with 64 octets 0x20");
  }
  input.remove_prefix(padding);
  if (!input.starts_with(context)) return no_such("its context is not the server's");
  input.remove_prefix(context.size());
  if (input.size() != sha256_octets && input.size() != sha384_octets) {
    return no_such("the transcript hash has neither 32 nor 48 octets");
  }
  return {};
}

}  // namespace mintmark::hsm::signer
