#include "config/trust_files.h"

namespace mintmark::config {
namespace {

constexpr std::size_t most_sources = 64;

RootRule rule_named(const std::string& name) {
  return name == "refuse"   ? RootRule::refuse
         : name == "review" ? RootRule::review
                            : RootRule::trust;
}

}  // namespace

std::vector<RootSource> read_roots(ObjectReader& reader, const char* key, bool required,
                                   const Directory& directory) {
  std::vector<RootSource> sources;
  if (!reader.has(key) && !required) return sources;
  if (!reader.has(key) || reader.is_text(key)) {
    sources.push_back({directory.resolve(reader.text(key)), RootRule::trust});
    return sources;
  }
  reader.objects(key, true, [&](ObjectReader& one) {
    const std::string path = directory.resolve(one.text("path"));
    sources.push_back({path, rule_named(one.choice("rule", {"trust", "review", "refuse"}))});
  });
  if (sources.empty() || sources.size() > most_sources)
    reader.refuse(key,
                  "must name 1 to " + std::to_string(most_sources) + " paths, each with its rule");
  return sources;
}

TrustFiles read_trust(ObjectReader& reader, const char* unknown_roots, const Directory& directory) {
  TrustFiles read;
  read.roots = read_roots(reader, "roots", true, directory);
  read.review_unknown =
      reader.choice("unknown_roots", {"review", "refuse"}, unknown_roots) == "review";
  read.intermediates = directory.resolve(reader.text("intermediates", ""));
  read.crls = directory.resolve(reader.text("crls", ""));
  read.crls_required = reader.boolean("crls_required", false);
  if (read.crls_required && read.crls.empty())
    reader.refuse("crls_required", "needs \"crls\", the place where they are");
  return read;
}

}  // namespace mintmark::config
