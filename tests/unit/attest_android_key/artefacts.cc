#include "artefacts.h"

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "jose/base64url.h"

namespace mintmark::test {

using attest::x509::certificates_in;

Json json_in(const Bytes& content) {
  return Json::parse(content.begin(), content.end(), nullptr, /*allow_exceptions=*/false);
}

std::vector<Certificate> android_anchors() {
  std::vector<Certificate> all;
  for_each_entry(android_topic, [&all](const Json& entry) {
    if (entry.at("expect").at("answer") != "anchor") return;
    for (const Json& name : entry.at("files")) {
      for (auto& certificate : certificates_in(data_file(name.get<std::string>())))
        all.push_back(std::move(certificate));
    }
  });
  return all;
}

bool of_certificates_alone(const AndroidArtefact& artefact) {
  return artefact.answer == "accept" && !artefact.expect.contains("attestationVersion");
}

namespace {

Bytes der_of(const X509* certificate) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate, &octets);
  Bytes der(octets, octets + std::max(length, 0));
  OPENSSL_free(octets);
  return der;
}

Moment alive(const X509* certificate) {
  std::tm parts{};
  ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &parts);
  return from_unix(timegm(&parts)) + std::chrono::hours(24);
}

void ask(AndroidArtefact& artefact) {
  Question& question = artefact.question;
  question.format = of_certificates_alone(artefact) ? "x509" : "android-key";
  std::vector<Certificate> roots = android_anchors();
  const auto certificates = certificates_in(question.files[0]);
  if (artefact.answer == "accept" && !artefact.expect.value("openssl_chain_to_google_root", true))
    roots.push_back(attest::x509::parse_certificate(artefact.chain.back()));
  artefact.trust = std::make_shared<const Trust>(*Trust::from_certificates(std::move(roots), {}));
  if (artefact.answer != "parse") question.roots = artefact.trust.get();
  question.at =
      artefact.expect.contains("verify_time_ms")
          ? from_unix(std::stoll(artefact.expect["verify_time_ms"].get<std::string>()) / 1000)
          : alive(certificates.size() > 1 ? certificates[1].get() : certificates[0].get());
  if (artefact.expect.contains("attestationChallenge_b64"))
    question.challenge =
        *jose::from_base64(artefact.expect["attestationChallenge_b64"].get<std::string>());
  if (of_certificates_alone(artefact)) question.files = artefact.chain;
}

std::vector<AndroidArtefact> artefacts() {
  std::vector<AndroidArtefact> all;
  for_each_entry(android_topic, [&all](const Json& entry) {
    AndroidArtefact artefact;
    artefact.id = entry.at("id").get<std::string>();
    artefact.expect = entry.at("expect");
    artefact.answer = artefact.expect.at("answer").get<std::string>();
    if (artefact.answer == "anchor" || artefact.answer == "reference") return;
    for (const Json& name : entry.at("files")) {
      const Bytes content = data_file(name.get<std::string>());
      if (!json_in(content).is_discarded()) continue;
      artefact.question.files.push_back(content);
      for (const auto& certificate : certificates_in(content))
        artefact.chain.push_back(der_of(certificate.get()));
    }
    if (artefact.chain.empty()) throw std::runtime_error(artefact.id + " has no certificate");
    ask(artefact);
    all.push_back(std::move(artefact));
  });
  return all;
}

}  // namespace

Judgement judged(const Question& question) { return judge(question).value(); }

void for_each_artefact(const std::function<void(const AndroidArtefact&)>& judge) {
  for (const AndroidArtefact& artefact : artefacts())
    judge_apart(artefact.id, [&] { judge(artefact); });
}

}  // namespace mintmark::test
