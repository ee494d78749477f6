// Topics of the test data whose evidence carries certificates of its own: WebAuthn, App Attest.
#pragma once

#include <algorithm>
#include <ctime>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "attest/offline/judge.h"
#include "support/test_data.h"

namespace mintmark::test {

/// All anchors of a topic, from those of its entries that are anchors.
inline attest::x509::Trust anchors_of(const std::string& topic) {
  std::vector<attest::x509::Certificate> roots;
  for_each_entry(topic, [&roots](const Json& entry) {
    if (entry.at("expect").at("answer") != "anchor") return;
    for (const Json& file : entry.at("files")) {
      for (auto& root : attest::x509::certificates_in(data_file(file.get<std::string>())))
        roots.push_back(std::move(root));
    }
  });
  return *attest::x509::Trust::from_certificates(std::move(roots), {});
}

/// Each entry that is evidence, apart: no anchors.
inline void for_each_evidence(const std::string& topic,
                              const std::function<void(const Json& entry)>& judge) {
  for_each_entry(topic, [&judge](const Json& entry) {
    if (entry.at("expect").at("answer") != "anchor") judge(entry);
  });
}

inline std::vector<Bytes> contents_of(const Json& entry) {
  std::vector<Bytes> all;
  for (const Json& file : entry.at("files")) all.push_back(data_file(file.get<std::string>()));
  return all;
}

inline Moment moment_of(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return from_unix(timegm(&parts));
}

/// While all certificates beside the evidence live: a day after the last one's life began, or
/// halfway to the end of the first that ends.
inline Moment moment_for(const std::vector<Bytes>& files) {
  Moment begin = from_unix(0);
  Moment end = Moment::max();
  for (const Bytes& file : files) {
    for (const auto& one : attest::x509::certificates_in(file)) {
      begin = std::max(begin, moment_of(X509_get0_notBefore(one.get())));
      end = std::min(end, moment_of(X509_get0_notAfter(one.get())));
    }
  }
  if (end == Moment::max()) return from_unix(1'700'000'000);
  return std::min(begin + std::chrono::hours(24), begin + (end - begin) / 2);
}

inline attest::offline::Judgement judge_offline(const attest::offline::Question& question) {
  auto judgement = attest::offline::judge(question);
  if (!judgement) throw std::runtime_error(judgement.error().to_string());
  return std::move(*judgement);
}

/// The refusal's code, "" where there is none.
inline std::string code_of(const attest::offline::Judgement& judgement) {
  return judgement.refusal ? std::string(facts_of(judgement.refusal->code).name) : "";
}

inline std::string verdict_of(const attest::offline::Judgement& judgement) {
  return attest::offline::to_json(judgement)["verdict"].get<std::string>();
}

}  // namespace mintmark::test
