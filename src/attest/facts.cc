#include "attest/facts.h"

namespace mintmark::attest {
namespace {

constexpr unsigned most_pcrs = 32;
constexpr std::size_t most_links = 16;

std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_set(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

Json chain_json(const std::vector<ChainLink>& chain) {
  Json links = Json::array();
  for (const ChainLink& link : chain)
    links.push_back({{"subject", link.subject}, {"issuer", link.issuer}, {"sha256", link.sha256}});
  return links;
}

// Nothing where it is no array of links: records from before there were any have none.
std::vector<ChainLink> chain_in(const Json& facts) {
  std::vector<ChainLink> chain;
  const auto links = facts.find(facts.contains("chain") ? "chain" : "ek_chain");
  if (links == facts.end() || !links->is_array()) return chain;
  for (const Json& link : *links) {
    if (!link.is_object() || chain.size() == most_links) return {};
    chain.push_back({text_in(link, "subject"), text_in(link, "issuer"), text_in(link, "sha256")});
  }
  return chain;
}

std::optional<PlatformFacts> platform_in(const Json& facts) {
  const auto platform = facts.find("platform");
  if (platform == facts.end() || !platform->is_object()) return std::nullopt;
  return PlatformFacts{text_in(*platform, "manufacturer"), text_in(*platform, "model"),
                       text_in(*platform, "version"),      text_in(*platform, "serial"),
                       text_in(*platform, "issuer"),       is_set(*platform, "verified"),
                       is_set(*platform, "of_this_tpm")};
}

std::vector<std::string> texts_of(const Json& array) {
  std::vector<std::string> texts;
  for (const Json& text : array) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

std::vector<std::string> texts_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? texts_of(*found) : std::vector<std::string>{};
}

std::map<std::string, FactValue> more_in(const Json& facts) {
  std::map<std::string, FactValue> more;
  const auto found = facts.find("facts");
  if (found == facts.end() || !found->is_object()) return more;
  for (const auto& [name, value] : found->items()) {
    if (value.is_string()) more[name] = value.get<std::string>();
    if (value.is_boolean()) more[name] = value.get<bool>();
    if (value.is_number_integer()) more[name] = value.get<std::int64_t>();
    if (value.is_array()) more[name] = texts_of(value);
  }
  return more;
}

std::map<std::string, std::string> memory_in(const Json& facts) {
  std::map<std::string, std::string> memory;
  const auto found = facts.find("memory");
  if (found == facts.end() || !found->is_object()) return memory;
  for (const auto& [name, value] : found->items()) {
    if (value.is_string()) memory[name] = value.get<std::string>();
  }
  return memory;
}

Json platform_json(const PlatformFacts& platform) {
  return {{"manufacturer", platform.manufacturer},
          {"model", platform.model},
          {"version", platform.version},
          {"serial", platform.serial},
          {"issuer", platform.issuer},
          {"verified", platform.verified},
          {"of_this_tpm", platform.of_this_tpm}};
}

}  // namespace

Json to_json(const FactValue& value) {
  return std::visit([](const auto& one) { return Json(one); }, value);
}

Json to_json(const Facts& facts) {
  Json pcrs = Json::object();
  for (const auto& [index, value] : facts.pcrs) pcrs[std::to_string(index)] = value;
  Json json = {{"format", facts.format},
               {"key_protection", facts.key_protection},
               {"root", facts.root},
               {"root_subject", facts.root_subject},
               {"manufacturer", facts.manufacturer},
               {"model", facts.model},
               {"version", facts.version},
               {"ek_certificate", facts.ek_certificate},
               {"ak_certificate", facts.ak_certificate},
               {"standing", facts.standing},
               {"chain", chain_json(facts.chain)},
               {"firmware", facts.firmware},
               {"reset_count", facts.reset_count},
               {"restart_count", facts.restart_count},
               {"clock", facts.clock},
               {"clock_safe", facts.clock_safe},
               {"ak", facts.ak},
               {"reboot_seen", facts.reboot_seen},
               {"pcr_bank", facts.pcr_bank},
               {"pcrs", std::move(pcrs)}};
  if (facts.platform) json["platform"] = platform_json(*facts.platform);
  if (!facts.proves.empty()) json["proves"] = facts.proves;
  for (const auto& [name, value] : facts.more) json["facts"][name] = to_json(value);
  for (const auto& [name, value] : facts.memory) json["memory"][name] = value;
  return json;
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
  const auto text = [&](const char* name) { return text_in(json, name); };
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
  facts.ak_certificate = text("ak_certificate");
  facts.standing = text("standing");
  // As records had it while TPMs were the only ones.
  if (facts.standing.empty()) facts.standing = text("ek_standing");
  // For whoever reviews it. Every device's facts are kept in memory, and most chains are as trusted
  // as the next; in the store all are whole.
  if (facts.standing == "review") facts.chain = chain_in(json);
  facts.platform = platform_in(json);
  facts.firmware = number("firmware");
  facts.reset_count = static_cast<std::uint32_t>(number("reset_count"));
  facts.restart_count = static_cast<std::uint32_t>(number("restart_count"));
  facts.clock = number("clock");
  const auto safe = json.find("clock_safe");
  facts.clock_safe = safe != json.end() && safe->is_boolean() && safe->get<bool>();
  facts.ak = text("ak");
  facts.reboot_seen = number("reboot_seen");
  facts.pcr_bank = text("pcr_bank");
  facts.proves = texts_in(json, "proves");
  facts.more = more_in(json);
  facts.memory = memory_in(json);
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
