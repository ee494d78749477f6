#include "support/guest_entries.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "attest/x509/certificate.h"

namespace mintmark::test {
namespace {

namespace x509 = attest::x509;

Moment moment_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) throw std::runtime_error("a time that is none");
  return from_unix(timegm(&parts));
}

bool is_self_signed(X509* certificate) {
  return X509_check_issued(certificate, certificate) == X509_V_OK;
}

}  // namespace

std::vector<GuestEntry> guest_entries(const std::string& topic) {
  std::vector<GuestEntry> all;
  for_each_entry(topic, [&all](const Json& json) {
    GuestEntry entry;
    entry.id = json.at("id").get<std::string>();
    entry.expect = json.at("expect");
    entry.answer = entry.expect.at("answer").get<std::string>();
    for (const Json& name : json.at("files")) {
      entry.names.push_back(name.get<std::string>());
      entry.files.push_back(data_file(entry.names.back()));
    }
    all.push_back(std::move(entry));
  });
  return all;
}

std::vector<std::string> anchor_files(const std::string& topic) {
  std::vector<std::string> all;
  for (const GuestEntry& entry : guest_entries(topic)) {
    if (entry.answer == "anchor") all.insert(all.end(), entry.names.begin(), entry.names.end());
  }
  return all;
}

x509::Trust trust_of(const std::vector<std::string>& files, bool helpers) {
  std::vector<x509::Certificate> anchors;
  std::vector<x509::Certificate> intermediates;
  for (const std::string& file : files) {
    for (auto& certificate : x509::certificates_in(data_file(file))) {
      if (is_self_signed(certificate.get()))
        anchors.push_back(std::move(certificate));
      else if (helpers)
        intermediates.push_back(std::move(certificate));
    }
  }
  return *x509::Trust::from_certificates(std::move(anchors), std::move(intermediates));
}

Moment moment_for(const std::vector<Bytes>& certificates, const std::vector<std::string>& roots) {
  Moment last{};
  const auto look = [&last](const X509* certificate) {
    last = std::max(last, moment_of(X509_get0_notBefore(certificate)));
  };
  for (const Bytes& der : certificates) look(x509::parse_certificate(der).get());
  for (const std::string& file : roots) {
    for (const auto& certificate : x509::certificates_in(data_file(file))) look(certificate.get());
  }
  return last + std::chrono::hours(24);
}

Lives lives_of(const std::vector<Bytes>& certificates) {
  Lives lives{Moment{}, Moment::max()};
  for (const Bytes& der : certificates) {
    const auto certificate = x509::parse_certificate(der);
    lives.before = std::max(lives.before, moment_of(X509_get0_notBefore(certificate.get())));
    lives.after = std::min(lives.after, moment_of(X509_get0_notAfter(certificate.get())));
  }
  return {lives.before - std::chrono::seconds(1), lives.after + std::chrono::seconds(1)};
}

attest::offline::Judgement judged_guest(const attest::offline::Question& question) {
  auto judgement = attest::offline::judge(question);
  if (!judgement) throw std::runtime_error(judgement.error().to_string());
  return std::move(*judgement);
}

void expect_facts(const Json& expected, const Json& facts, const std::vector<std::string>& known) {
  for (const auto& [name, value] : expected.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (!facts.contains(name)) {
      ADD_FAILURE() << "this test does not know " << name;
      continue;
    }
    if (value.is_object()) {
      SCOPED_TRACE(name);
      expect_facts(value, facts[name], {});
      continue;
    }
    EXPECT_EQ(facts[name], value) << name;
  }
}

Bytes flipped(Bytes octets, std::size_t at) {
  octets.at(at) ^= static_cast<std::uint8_t>(1U << at % 8);
  return octets;
}

}  // namespace mintmark::test
