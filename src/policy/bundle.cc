#include "policy/bundle.h"

#include <charconv>
#include <filesystem>

#include "base/file.h"
#include "policy/policy.h"
#include "policy/reference.h"

namespace mintmark::policy {
namespace {

constexpr std::size_t longest_policy = 1U << 20U;
constexpr std::size_t most_files = 32;
constexpr std::size_t most_octets = 32U << 20U;

void append(std::string& out, const std::string& text) {
  out.append(std::to_string(text.size())).append(1, ':').append(text);
}

/// Takes one text off the front; false if there is none.
bool take(std::string_view& packed, std::string& text) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(packed.data(), packed.data() + packed.size(), size);
  const auto digits = static_cast<std::size_t>(end - packed.data());
  if (error != std::errc{} || digits >= packed.size() || *end != ':' ||
      size > packed.size() - digits - 1)
    return false;
  text.assign(packed.substr(digits + 1, size));
  packed.remove_prefix(digits + 1 + size);
  return true;
}

/// Reads from the directory and keeps what it read.
class DirectoryReader {
 public:
  explicit DirectoryReader(Bundle& bundle)
      : bundle_(bundle), directory_(std::filesystem::path(bundle.file).parent_path()) {}

  Result<std::string> operator()(const std::string& name) {
    if (bundle_.files.size() >= most_files)
      return fail(Code::reference_invalid, "would be more than 32 files");
    auto text = read_file(directory_ / name, longest_reference);
    if (!text) return text;
    octets_ += text->size();
    if (octets_ > most_octets)
      return fail(Code::reference_invalid, "the files of a policy are more than 32 MiB together");
    bundle_.files.emplace(name, *text);
    return text;
  }

 private:
  Bundle& bundle_;
  std::filesystem::path directory_;
  std::size_t octets_ = 0;
};

}  // namespace

// Each text behind its length, as ReloadTexts has it.
std::string Bundle::packed() const {
  std::string out;
  append(out, file);
  append(out, text);
  for (const auto& [name, content] : files) {
    append(out, name);
    append(out, content);
  }
  return out;
}

Result<Bundle> Bundle::from(std::string_view packed) {
  Bundle bundle;
  bool good = take(packed, bundle.file) && take(packed, bundle.text);
  while (good && !packed.empty()) {
    std::string name;
    std::string content;
    good = take(packed, name) && take(packed, content) &&
           bundle.files.emplace(std::move(name), std::move(content)).second;
  }
  if (!good) return fail(Code::internal, "the policy's bundle came malformed");
  return bundle;
}

ReadNamed Bundle::reader() const {
  return [this](const std::string& name) -> Result<std::string> {
    const auto found = files.find(name);
    if (found == files.end()) return fail(Code::reference_invalid, "is not in the bundle");
    return found->second;
  };
}

Result<Bundle> read_bundle(const std::string& file) {
  Bundle bundle;
  bundle.file = file;
  auto text = read_file(file, longest_policy);
  if (!text) return pass_on(text);
  bundle.text = std::move(*text);
  DirectoryReader reader(bundle);
  auto policy = Policy::from_text(file, bundle.text,
                                  [&reader](const std::string& name) { return reader(name); });
  if (!policy) return pass_on(policy);
  return bundle;
}

}  // namespace mintmark::policy
