#include "config/profiles.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "config/profile_texts.h"
#include "config/reader.h"

namespace mintmark::config {
namespace {

KnownFigure read_figure(ObjectReader& profile, const char* key, const char* number) {
  KnownFigure figure;
  profile.object(key, true, [&](ObjectReader& reader) {
    if (reader.has(number)) figure.value = reader.integer(number, 1, 10'000'000);
    (void)reader.integer(number, 1, 10'000'000, 1);
    figure.source = reader.text("source");
  });
  return figure;
}

void read_status(ObjectReader& reader, HsmProfile& profile) {
  profile.tested = reader.choice("status", {"tested", "untested"}) == "tested";
  profile.tested_on = reader.text("tested_on", "");
  if (!reader.failed() && profile.tested == profile.tested_on.empty())
    reader.refuse("tested_on", "must stand with \"status\": \"tested\", and only there");
}

void read_members(ObjectReader& reader, HsmProfile& profile) {
  profile.name = reader.text("name");
  profile.title = reader.text("title");
  read_status(reader, profile);
  profile.modules = reader.texts("modules");
  profile.pin = reader.text("pin");
  profile.set_up = reader.texts("set_up");
  profile.keys = reader.text("keys");
  profile.quirks = reader.texts("quirks");
  profile.obstacles = reader.texts("obstacles");
  profile.sandbox = reader.text("sandbox");
  profile.es256_a_second = read_figure(reader, "throughput", "es256_a_second");
  profile.start_up_ms = read_figure(reader, "start_up", "milliseconds");
  profile.sources = reader.texts("sources");
  if (!reader.failed() && profile.modules.empty() != profile.store.contains("tpm"))
    reader.refuse("modules",
                  R"(must name at least one path, or none where "store" has "tpm" instead)");
  if (!reader.failed() && profile.sources.empty())
    reader.refuse("sources", "must name at least one document");
}

std::string present_module(const HsmProfile& profile) {
  const auto found =
      std::find_if(profile.modules.begin(), profile.modules.end(), [](const std::string& path) {
        std::error_code ignored;
        return std::filesystem::exists(path, ignored);
      });
  return found == profile.modules.end() ? profile.modules.front() : *found;
}

void add_absent(Json& object, const Json& defaults) {
  for (const auto& [name, value] : defaults.items()) {
    if (!object.contains(name)) object[name] = value;
  }
}

void apply(const HsmProfile& profile, Json& store) {
  for (const auto& [name, value] : profile.store.items()) {
    if (name == "tpm" && (store.contains("module") || store.contains("token"))) continue;
    if (store.contains(name) && store[name].is_object() && value.is_object())
      add_absent(store[name], value);
    else if (!store.contains(name))
      store[name] = value;
  }
  if (!store.contains("module") && !profile.modules.empty())
    store["module"] = present_module(profile);
}

std::vector<HsmProfile> read_all() {
  std::vector<HsmProfile> all;
  for (const auto& [file, text] : profile_texts) {
    auto profile = read_hsm_profile(std::string(file), text);
    if (!profile) {
      std::fprintf(stderr, "%s\n", profile.error().to_string().c_str());
      std::abort();
    }
    all.push_back(std::move(*profile));
  }
  std::sort(all.begin(), all.end(),
            [](const HsmProfile& a, const HsmProfile& b) { return a.name < b.name; });
  return all;
}

}  // namespace

Result<HsmProfile> read_hsm_profile(const std::string& file, std::string_view text) {
  auto document = parse_json_document(file, text);
  if (!document) return pass_on(document);
  HsmProfile profile;
  profile.document = document->value;
  if (document->value.is_object()) {
    // Read where it counts: by the reader of stores, after it was applied to one.
    profile.store = document->value.value("store", Json());
    if (!profile.store.is_object())
      return fail(Code::config_invalid, document->place_of("/store") +
                                            ": key \"store\": must be an object of members that a "
                                            "key store takes");
    document->value.erase("store");
  }
  ObjectReader reader(*document, Code::config_invalid);
  read_members(reader, profile);
  if (auto read = reader.finish(); !read) return pass_on(read);
  return profile;
}

const std::vector<HsmProfile>& hsm_profiles() {
  static const std::vector<HsmProfile> profiles = read_all();
  return profiles;
}

const HsmProfile* hsm_profile_named(std::string_view name) {
  const auto& all = hsm_profiles();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const HsmProfile& profile) { return profile.name == name; });
  return found == all.end() ? nullptr : &*found;
}

void apply_hsm_profiles(Json& configuration) {
  const Json::json_pointer stores("/hsm/stores");
  if (!configuration.is_object() || !configuration.contains(stores) ||
      !configuration[stores].is_object())
    return;
  for (auto& [name, store] : configuration[stores].items()) {
    if (!store.is_object() || !store.contains("profile") || !store["profile"].is_string()) continue;
    const auto* profile = hsm_profile_named(store["profile"].get_ref<const std::string&>());
    if (profile != nullptr) apply(*profile, store);
  }
}

}  // namespace mintmark::config
