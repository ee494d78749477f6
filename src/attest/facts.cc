#include "attest/facts.h"

namespace mintmark::attest {
namespace {

constexpr unsigned most_pcrs = 32;

}  // namespace

Json to_json(const Facts& facts) {
  Json pcrs = Json::object();
  for (const auto& [index, value] : facts.pcrs) pcrs[std::to_string(index)] = value;
  return {{"format", facts.format},
          {"key_protection", facts.key_protection},
          {"root", facts.root},
          {"root_subject", facts.root_subject},
          {"manufacturer", facts.manufacturer},
          {"model", facts.model},
          {"version", facts.version},
          {"ek_certificate", facts.ek_certificate},
          {"firmware", facts.firmware},
          {"reset_count", facts.reset_count},
          {"restart_count", facts.restart_count},
          {"pcr_bank", facts.pcr_bank},
          {"pcrs", std::move(pcrs)}};
}

Result<Facts> facts_from_json(const Json& json) {
  if (!json.is_object()) return fail(Code::facts_malformed, "facts are a JSON object");
  const auto text = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto number = [&](const char* name) -> std::uint64_t {
    const auto found = json.find(name);
    return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  };
  Facts facts;
  facts.format = text("format");
  facts.key_protection = text("key_protection");
  if (facts.format.empty() || facts.key_protection.empty())
    return fail(Code::facts_malformed, "facts name a format and a key_protection");
  facts.root = text("root");
  facts.root_subject = text("root_subject");
  facts.manufacturer = text("manufacturer");
  facts.model = text("model");
  facts.version = text("version");
  facts.ek_certificate = text("ek_certificate");
  facts.firmware = number("firmware");
  facts.reset_count = static_cast<std::uint32_t>(number("reset_count"));
  facts.restart_count = static_cast<std::uint32_t>(number("restart_count"));
  facts.pcr_bank = text("pcr_bank");
  const auto pcrs = json.find("pcrs");
  if (pcrs == json.end()) return facts;
  if (!pcrs->is_object()) return fail(Code::facts_malformed, "pcrs is an object of index to value");
  for (const auto& [index, value] : pcrs->items()) {
    const bool known = !index.empty() && index.size() <= 2 &&
                       index.find_first_not_of("0123456789") == std::string::npos;
    if (!known || std::stoul(index) >= most_pcrs || !value.is_string())
      return fail(Code::facts_malformed, "pcrs is an object of index to value");
    facts.pcrs[static_cast<unsigned>(std::stoul(index))] = value.get<std::string>();
  }
  return facts;
}

}  // namespace mintmark::attest
