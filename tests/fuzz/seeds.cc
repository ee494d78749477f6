#include "seeds.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "base/file.h"
#include "base/json.h"
#include "jose/base64url.h"
#include "support/test_data.h"

namespace mintmark::fuzz {
namespace {

class Collector {
 public:
  explicit Collector(const Target& target) : target_(target) {}

  void add_file(const std::string& name) {
    const Bytes octets = test::data_file(name);
    const std::string_view text = as_text(octets);
    add(name, octets);
    if (name.ends_with(".json")) {
      add_json(name, Json::parse(text, nullptr, false));
    } else {
      add_blocks(name, text);
    }
  }
  [[nodiscard]] std::vector<Seed> take(std::size_t most) {
    if (found_.size() <= most) return std::move(found_);
    std::vector<Seed> some;
    for (std::size_t i = 0; i < most; ++i)
      some.push_back(std::move(found_[i * found_.size() / most]));
    return some;
  }

 private:
  void add(const std::string& name, BytesView octets) {
    if (octets.empty() || octets.size() > longest_seed) return;
    if (target_.fits != nullptr && !target_.fits(octets)) return;
    found_.push_back({name, to_bytes(octets)});
  }
  void add_json(const std::string& name, const Json& value) {
    if (value.is_string()) {
      const std::string& text = value.get_ref<const std::string&>();
      add(name, as_bytes(text));
      add_blocks(name, text);
      return;
    }
    if (!value.is_structured()) return;
    if (value.contains("kty") || value.contains("keys")) add(name, as_bytes(value.dump()));
    for (const Json& part : value) add_json(name, part);
  }
  void add_blocks(const std::string& name, std::string_view text) {
    constexpr std::string_view begin = "-----BEGIN ";
    for (std::size_t at = text.find(begin); at != std::string_view::npos;
         at = text.find(begin, at + 1)) {
      const std::size_t first = text.find('\n', at);
      const std::size_t end = text.find("-----END", at);
      if (first == std::string_view::npos || end == std::string_view::npos) return;
      if (first > end) continue;
      std::string block(text.substr(first, end - first));
      std::erase_if(block, [](char octet) { return octet == '\n' || octet == '\r'; });
      if (const auto der = jose::from_base64(block)) add(name, *der);
    }
  }

  const Target& target_;
  std::vector<Seed> found_;
};

}  // namespace

std::vector<Seed> corpus_of(const std::string& folder, const Target& target) {
  std::vector<Seed> seeds;
  const std::filesystem::path path = std::filesystem::path(folder) / target.name;
  if (!std::filesystem::is_directory(path)) return seeds;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const auto content = read_file(entry.path());
    if (!content) throw std::runtime_error(content.error().to_string());
    seeds.push_back({entry.path().filename().string(), to_bytes(as_bytes(*content))});
  }
  std::sort(seeds.begin(), seeds.end(),
            [](const Seed& one, const Seed& other) { return one.name < other.name; });
  return seeds;
}

std::vector<Seed> seeds_of_topics(const Target& target, std::size_t most) {
  if (!test::test_data_is_there()) return {};
  Collector collector(target);
  for (const std::string& topic : target.topics) {
    if (!std::filesystem::is_regular_file(test::test_data() / topic / "cases.json")) continue;
    for (const Json& entry : test::cases_of(topic)) {
      for (const Json& file : entry.at("files")) collector.add_file(file.get<std::string>());
    }
  }
  return collector.take(most);
}

}  // namespace mintmark::fuzz
