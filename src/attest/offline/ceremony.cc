#include "attest/offline/ceremony.h"

#include <algorithm>
#include <array>

#include <ctime>

#include "attest/x509/trust.h"

namespace mintmark::attest::offline {
namespace {

constexpr std::uint8_t der_sequence = 0x30;

Bytes der_of(X509* certificate) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate, &octets);
  Bytes der;
  if (length > 0) der.assign(octets, octets + length);
  OPENSSL_free(octets);
  return der;
}

bool is_offered(const webauthn::Certificates& certificates, const X509* one) {
  return X509_cmp(certificates.leaf.get(), one) == 0 ||
         std::any_of(certificates.offered.begin(), certificates.offered.end(),
                     [&](const auto& other) { return X509_cmp(other.get(), one) == 0; });
}

}  // namespace

CeremonyFiles sort_ceremony(const std::vector<Bytes>& files) {
  CeremonyFiles sorted;
  for (const Bytes& file : files) {
    const auto certificates = x509::certificates_in(file);
    for (const auto& one : certificates) sorted.certificates.push_back(der_of(one.get()));
    if (!certificates.empty()) continue;
    auto json = parse_json(as_text(file));
    if (json && json->is_object()) {
      sorted.objects.push_back(std::move(*json));
      sorted.texts.push_back(file);
    } else if (!file.empty() && file[0] == der_sequence) {
      sorted.messages.push_back(file);
    } else {
      sorted.others.push_back(file);
    }
  }
  return sorted;
}

Result<Bytes> the_one(const std::vector<Bytes>& all, const std::string& what) {
  if (all.empty()) return fail(Code::evidence_files, "there is no " + what + " among the files");
  for (const Bytes& one : all) {
    if (one != all.front())
      return fail(Code::evidence_files,
                  "two files are to be the " + what + " and differ, or one is damaged");
  }
  return all.front();
}

void offer(webauthn::Certificates& to, const std::vector<Bytes>& beside) {
  for (const Bytes& der : beside) {
    x509::Certificate one = x509::parse_certificate(der);
    if (to.offered.size() >= x509::most_offered || !one || !x509::has_bounded_key(one.get()) ||
        is_offered(to, one.get()))
      continue;
    to.offered.push_back(std::move(one));
  }
}

std::string utc_text(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  std::array<char, 40> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S+00:00", &parts);
  return {text.data(), length};
}

std::string subject_text(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  return X509_NAME_entry_count(subject) == 0 ? std::string() : x509::name_text(subject);
}

}  // namespace mintmark::attest::offline
