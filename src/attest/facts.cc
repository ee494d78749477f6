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
          {"clock", facts.clock},
          {"clock_safe", facts.clock_safe},
          {"ak", facts.ak},
          {"reboot_seen", facts.reboot_seen},
          {"pcr_bank", facts.pcr_bank},
          {"pcrs", std::move(pcrs)}};
}

Passage passage_between(const Facts& before, const Facts& now) {
  if (before.ak.empty() || before.ak != now.ak) return Passage::unknown;
  // The shift for a key may carry a counter over its end: only the difference has a meaning.
  const auto moved = [](std::uint32_t from, std::uint32_t to) {
    return static_cast<std::int32_t>(to - from);
  };
  const std::int32_t resets = moved(before.reset_count, now.reset_count);
  if (resets != 0) return resets > 0 ? Passage::rebooted : Passage::went_back;
  const std::int32_t restarts = moved(before.restart_count, now.restart_count);
  if (restarts != 0) return restarts > 0 ? Passage::rebooted : Passage::went_back;
  return now.clock < before.clock ? Passage::went_back : Passage::same_boot;
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
  facts.clock = number("clock");
  const auto safe = json.find("clock_safe");
  facts.clock_safe = safe != json.end() && safe->is_boolean() && safe->get<bool>();
  facts.ak = text("ak");
  facts.reboot_seen = number("reboot_seen");
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
