// mintctl evidence check: evidence judged from files, without a daemon.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <regex>

#include "attest/offline/judge.h"
#include "base/file.h"
#include "programs/mintctl/subcommand.h"

namespace mintmark::programs {
namespace {

namespace offline = attest::offline;
namespace x509 = attest::x509;

constexpr int deepest_folder = 4;
constexpr std::size_t most_folders = 64;

/// RFC 3339, "2026-05-01T12:00:00.5+02:00"; a fraction of a second decides nothing. Seconds may be
/// left out.
Result<Moment> moment_of(const std::string& given) {
  if (given.empty()) return from_unix(std::time(nullptr));
  const std::string text = std::regex_replace(given, std::regex("(:\\d\\d)\\.\\d+"), "$1");
  for (const char* form : {"%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"}) {
    std::tm parts{};
    const char* rest = strptime(text.c_str(), form, &parts);
    const long east = parts.tm_gmtoff;
    if (rest != nullptr && *rest == '\0') return from_unix(timegm(&parts) - east);
  }
  return fail(Code::invalid_argument,
              "--at must be a time such as 2026-05-01T12:00:00Z or 2026-05-01T14:00:00+02:00");
}

// Authorities are often kept in a folder for each maker.
void add_sources(const std::filesystem::path& path, int depth,
                 std::vector<x509::RootSource>& sources) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    sources.push_back({path.string()});
    return;
  }
  bool files = false;
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.is_directory(error)) folders.push_back(entry.path());
    files = files || entry.is_regular_file(error);
  }
  if (files || folders.empty()) sources.push_back({path.string()});
  std::sort(folders.begin(), folders.end());
  for (const auto& folder : folders) {
    if (depth < deepest_folder && sources.size() < most_folders)
      add_sources(folder, depth + 1, sources);
  }
}

Result<std::optional<x509::Trust>> roots_in(const std::vector<std::string>& paths) {
  if (paths.empty()) return std::nullopt;
  x509::TrustSources sources;
  for (const std::string& path : paths) add_sources(path, 0, sources.roots);
  auto trust = x509::Trust::load(sources);
  if (!trust) return fail(Code::config_unreadable, "--roots: " + trust.error().detail);
  return std::optional(std::move(*trust));
}

Result<std::vector<Bytes>> files_in(const Arguments& arguments) {
  std::vector<std::string> names = {arguments.argument()};
  names.insert(names.end(), arguments.more().begin(), arguments.more().end());
  if (names.size() > offline::most_files)
    return fail(Code::invalid_argument,
                "at most " + std::to_string(offline::most_files) + " files are judged at once");
  std::vector<Bytes> files;
  for (const std::string& name : names) {
    auto content = read_file(name, offline::longest_file);
    if (!content) return fail(Code::config_unreadable, content.error().detail);
    files.push_back(to_bytes(as_bytes(*content)));
  }
  return files;
}

Result<std::map<std::string, std::string>> expectations_in(const Arguments& arguments) {
  std::map<std::string, std::string> expected;
  for (const std::string& one : arguments.values("--expect")) {
    const std::size_t equals = one.find('=');
    const bool good = equals != std::string::npos && equals > 0;
    if (!good || !expected.emplace(one.substr(0, equals), one.substr(equals + 1)).second)
      return fail(Code::invalid_argument, "--expect must be NAME=VALUE, each name once");
  }
  return expected;
}

std::string names_of(const std::vector<offline::Word>& words) {
  std::string text;
  for (const offline::Word& word : words)
    text += (text.empty() ? "" : "; ") + std::string(word.name) + " (" + word.what + ")";
  return text;
}

Result<Json> check(AdminClient& /*mintd*/, const Arguments& arguments) {
  auto format = arguments.required("--format");
  if (format) format = offline::format_named(*format);
  if (!format) return fail(Code::invalid_argument, format.error().detail);
  auto at = moment_of(arguments.value("--at"));
  if (!at) return pass_on(at);
  auto challenge = from_hex(arguments.value("--challenge"));
  if (!challenge) return fail(Code::invalid_argument, "--challenge must be hexadecimal");
  auto roots = roots_in(arguments.values("--roots"));
  if (!roots) return pass_on(roots);
  auto files = files_in(arguments);
  if (!files) return pass_on(files);
  auto expected = expectations_in(arguments);
  if (!expected) return pass_on(expected);
  const std::vector<std::string> allowed = arguments.values("--allow");
  offline::Question question{.format = *format,
                             .files = std::move(*files),
                             .roots = *roots ? &**roots : nullptr,
                             .at = *at,
                             .challenge = {},
                             .expected = std::move(*expected),
                             .allowed = {allowed.begin(), allowed.end()}};
  if (arguments.has("--challenge")) question.challenge = std::move(*challenge);
  const auto judgement = offline::judge(question);
  if (!judgement) return fail(Code::invalid_argument, judgement.error().detail);
  return offline::to_json(*judgement);
}

void print_judgement(const Json& judgement) {
  std::printf("%s\n", judgement.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

std::string formats_text() {
  std::string text;
  for (const offline::Format& format : offline::formats())
    text += (text.empty() ? "" : ", ") + std::string(format.name);
  return text;
}

}  // namespace

std::vector<Subcommand> evidence_check_commands() {
  Subcommand command{
      {"evidence check",
       "judges evidence from files, told apart by what is in them; prints the verdict as JSON and "
       "ends with 0 (accept, parse) or 1 (reject)",
       {{"--format", "F", "what is asked: " + formats_text()},
        {"--roots", "DIR", "authorities: a file, or a folder with those below it", true},
        {"--at", "RFC3339", "when it is judged (default: now)"},
        {"--challenge", "HEX",
         "what the evidence must be bound to: extraData, or the format's own place for a "
         "challenge"},
        {"--expect", "NAME=VALUE",
         "what else must be so: " + names_of(offline::expectation_names()), true},
        {"--allow", "NAME", "what is refused by default: " + names_of(offline::allowance_names()),
         true}},
       "FILE",
       "FILE"},
      check,
      print_judgement};
  command.status = [](const Json& judgement) {
    return judgement.value("verdict", "") == "reject" ? exit_denied : exit_done;
  };
  return {command};
}

}  // namespace mintmark::programs
