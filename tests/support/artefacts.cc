#include "support/artefacts.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <regex>
#include <stdexcept>

#include "attest/x509/certificate.h"

namespace mintmark::test {
namespace {

const int quiet = setenv("TSS2_LOG", "all+NONE", 1);

namespace x509 = attest::x509;

const char* format_of(const std::string& topic) {
  if (topic == "tpm_platform_certs") return "tpm2-platform";
  if (topic == "idevid") return "x509";
  if (topic == "tpm_quotes") return "tpm2-quote";
  return "tpm2";
}

// Serial numbers have more digits than a number of JSON keeps.
std::optional<Json> fields_in(const Bytes& content) {
  const std::regex number("(\"(?:SerialNumber|Serial)\":\\s*)([0-9]+)");
  const std::string text(as_text(content));
  if (text.find("\"Raw\"") == std::string::npos) return std::nullopt;
  return Json::parse(std::regex_replace(text, number, "$1\"$2\""));
}

bool holds_authorities_alone(const Bytes& content) {
  const auto found = x509::certificates_in(content);
  return !found.empty() && std::all_of(found.begin(), found.end(), [](const auto& certificate) {
    return x509::is_authority(certificate.get());
  });
}

Moment moment_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) throw std::runtime_error("a time that is none");
  return from_unix(timegm(&parts));
}

// A day after its certificate's life began, where there is one.
Moment moment_for(const std::vector<Bytes>& files) {
  for (const Bytes& file : files) {
    const auto certificate = x509::parse_certificate(file);
    if (certificate)
      return moment_of(X509_get0_notBefore(certificate.get())) + std::chrono::hours(24);
  }
  return from_unix(std::time(nullptr));
}

// "roots/keylime/X.pem", "tpm_ek_certs/roots/X.der or _3".
void add_root(const std::string& topic, std::string name, std::vector<std::string>& roots) {
  name = name.substr(0, name.find(' '));
  for (const std::string& path : {name, topic + "/" + name}) {
    if (!std::filesystem::is_regular_file(test_data() / path)) continue;
    roots.push_back(path);
    return;
  }
  throw std::runtime_error("no file " + name + " of a root in the test data");
}

Artefact artefact_of(const std::string& topic, const Json& entry) {
  Artefact artefact;
  artefact.id = entry.at("id").get<std::string>();
  artefact.topic = topic;
  artefact.format = format_of(topic);
  artefact.expect = entry.at("expect");
  for (const char* member : {"issuer_in_store", "ak_cert_chain"}) {
    for (const Json& name : artefact.expect.value(member, Json::array()))
      add_root(topic, name.get<std::string>(), artefact.roots);
  }
  const std::size_t count = entry.at("files").size();
  for (const Json& file : entry.at("files")) {
    const auto name = file.get<std::string>();
    const Bytes content = data_file(name);
    if (auto fields = fields_in(content)) {
      artefact.expected_fields.push_back(std::move(*fields));
    } else if (count > 1 && artefact.roots.empty() && holds_authorities_alone(content)) {
      artefact.roots.push_back(name);
    } else {
      artefact.files.push_back(name);
    }
  }
  artefact.at = moment_for(artefact.contents());
  return artefact;
}

}  // namespace

const std::vector<std::string> evidence_topics = {"tpm_quotes", "tpm_key_attestation",
                                                  "tpm_ek_certs", "tpm_platform_certs", "idevid"};

std::vector<Bytes> Artefact::contents() const {
  std::vector<Bytes> all;
  for (const std::string& file : files) all.push_back(data_file(file));
  return all;
}

std::optional<x509::Trust> Artefact::trust() const {
  if (roots.empty()) return std::nullopt;
  std::vector<x509::Certificate> anchors;
  for (const std::string& name : roots) {
    for (auto& certificate : x509::certificates_in(data_file(name)))
      anchors.push_back(std::move(certificate));
  }
  return *x509::Trust::from_certificates(std::move(anchors), {});
}

std::vector<Artefact> artefacts_of(const std::string& topic) {
  std::vector<Artefact> all;
  for_each_entry(topic, [&](const Json& entry) {
    const Json& answer = entry.at("expect").at("answer");
    if (answer != "anchor" && answer != "known-answer") all.push_back(artefact_of(topic, entry));
  });
  return all;
}

attest::offline::Question question_of(const Artefact& artefact, const x509::Trust* roots) {
  attest::offline::Question question;
  question.format = artefact.format;
  question.files = artefact.contents();
  question.roots = roots;
  question.at = artefact.at;
  if (artefact.expect.contains("nonce_hex"))
    question.challenge = *from_hex(artefact.expect["nonce_hex"].get<std::string>());
  return question;
}

attest::offline::Judgement judged(const attest::offline::Question& question) {
  auto judgement = attest::offline::judge(question);
  if (!judgement) throw std::runtime_error(judgement.error().to_string());
  return std::move(*judgement);
}

}  // namespace mintmark::test
