// Event logs of real machines, as the topic's cases.json names them.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "attest/eventlog/log.h"
#include "support/test_data.h"

namespace mintmark::attest::eventlog {

using Pcrs = std::map<unsigned, Bytes>;

inline bool ends_with(const std::string& name, const std::string& ending) {
  return name.size() >= ending.size() &&
         name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
}

// The file of a role, by the ending that tells its format; "" where the entry has none.
inline std::string file_of(const Json& entry, const std::string& ending) {
  for (const Json& file : entry.at("files")) {
    if (ends_with(file.get<std::string>(), ending)) return file.get<std::string>();
  }
  return {};
}

inline Pcrs pcrs_of(const Json& bank) {
  Pcrs pcrs;
  for (const auto& [index, value] : bank.items())
    pcrs[static_cast<unsigned>(std::stoul(index))] = *from_hex(value.get<std::string>());
  return pcrs;
}

// A topic's logs that must be taken, with what their entry says.
struct Case {
  std::string id;
  Json expect;
  Bytes octets;
};

inline std::vector<Case> logs_of_real_machines() {
  std::vector<Case> cases;
  test::for_each_entry("tpm_eventlogs", [&cases](const Json& entry) {
    const std::string file = file_of(entry, ".bin");
    if (file.empty()) return;
    cases.push_back({entry.at("id"), entry.at("expect"), test::data_file(file)});
  });
  return cases;
}

inline bool must_be_taken(const Case& one) {
  return one.expect["answer"] == "accept" || one.expect["answer"] == "parse";
}

// Every object "…_pcrs" beside the parsed ones: of the machine's TPM, or of another tool.
inline std::vector<std::pair<std::string, Pcrs>> banks_beside(const Case& one) {
  std::vector<std::pair<std::string, Pcrs>> banks_found;
  for (const auto& [name, value] : one.expect.items()) {
    if (!ends_with(name, "_pcrs") || !value.is_object()) continue;
    for (const auto& [bank, pcrs] : value.items())
      if (pcrs.is_object()) banks_found.emplace_back(bank, pcrs_of(pcrs));
  }
  return banks_found;
}

}  // namespace mintmark::attest::eventlog
