#include "agent/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "jose/base64url.h"
#include "jose/members.h"

namespace mintmark::agent {
namespace {

// Of identity.json: 1 knew TPMs only.
constexpr int identity_format = 2;
constexpr int format = 1;
constexpr std::size_t element_key_octets = 16;
constexpr std::size_t longest_file = 1U << 20U;
constexpr JsonLimits limits{.octets = longest_file, .depth = 4, .elements = 20'000};

tl::unexpected<Error> invalid(const std::filesystem::path& file, const std::string& what) {
  return fail(Code::agent_state_invalid,
              file.string() + " " + what + "; restore it, or remove it and enrol again");
}

// nullopt if there is no such file.
Result<std::optional<Json>> read_json(const std::filesystem::path& file, int wanted) {
  std::error_code trouble;
  if (!std::filesystem::exists(file, trouble) && !trouble) return std::optional<Json>{};
  const auto content = read_file(file, longest_file);
  if (!content) return tl::unexpected<Error>(content.error());
  auto json = parse_json(*content, limits);
  if (!json) return invalid(file, "is no JSON (" + json.error().detail + ")");
  if (!json->is_object()) return invalid(file, "is no JSON object");
  const auto version = json->find("format");
  if (version == json->end() || *version != wanted) {
    return invalid(file, "is not of format " + std::to_string(wanted));
  }
  return std::optional<Json>(std::move(*json));
}

Result<CachedToken> token_from(const Json& json, const std::filesystem::path& file) {
  if (!json.is_object()) return invalid(file, "has a token that is no object");
  jose::Members members(json, Code::agent_state_invalid, file.string() + ": ");
  CachedToken token{
      .audience = members.text("audience"),
      .scope = members.text("scope"),
      .jkt = members.non_empty("jkt"),
      .token = members.non_empty("token"),
      .obtained_at = members.moment("obtained_at"),
      .expires_at = members.moment("expires_at"),
      .certificate = members.has("certificate") ? members.non_empty("certificate") : ""};
  if (members.error()) return tl::unexpected<Error>(*members.error());
  return token;
}

// A path of the file system may be no UTF-8, and must not end the process for that.
std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> make_private_directory(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail(Code::io_failed, path.string() + ": " + errno_text(errno));
}

}  // namespace

Result<StateDirectory> StateDirectory::open(const std::filesystem::path& path) {
  if (auto made = make_private_directory(path); !made) return pass_on(made);
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) {
    return fail(Code::io_failed, path.string() + ": " + errno_text(errno));
  }
  if (!S_ISDIR(facts.st_mode)) return fail(Code::io_failed, path.string() + " is no directory");
  if ((facts.st_mode & 077U) != 0) {
    return fail(Code::agent_state_exposed,
                path.string() + " is open to others than its owner; chmod 700 would be right");
  }
  if (facts.st_uid != geteuid()) {
    return fail(Code::agent_state_exposed, path.string() + " belongs to another user");
  }
  return StateDirectory(path);
}

Result<Identity> StateDirectory::identity() const {
  const std::filesystem::path file = path_ / "identity.json";
  const auto json = read_json(file, identity_format);
  if (!json) return tl::unexpected<Error>(json.error());
  if (!*json) {
    return fail(Code::agent_not_enrolled, "nothing is enrolled in " + path_.string() +
                                              "; mint-agent --state DIR enroll --issuer URL does");
  }
  return identity_from(**json, file);
}

Result<void> StateDirectory::save(const Identity& identity) const {
  Json json = to_json(identity);
  json["format"] = identity_format;
  return write_file_atomically(path_ / "identity.json", text_of(json), 0600);
}

Result<std::vector<CachedToken>> StateDirectory::tokens() const {
  const std::filesystem::path file = path_ / "tokens.json";
  auto json = read_json(file, format);
  if (!json) return pass_on(json);
  std::vector<CachedToken> tokens;
  if (!*json) return tokens;
  const auto found = (*json)->find("tokens");
  if (found == (*json)->end() || !found->is_array())
    return invalid(file, "has no array \"tokens\"");
  for (const Json& entry : *found) {
    auto token = token_from(entry, file);
    if (!token) return pass_on(token);
    tokens.push_back(std::move(*token));
  }
  return tokens;
}

Result<void> StateDirectory::save(const std::vector<CachedToken>& tokens) const {
  Json list = Json::array();
  for (const CachedToken& token : tokens) {
    list.push_back({{"audience", token.audience},
                    {"scope", token.scope},
                    {"jkt", token.jkt},
                    {"token", token.token},
                    {"obtained_at", to_unix(token.obtained_at)},
                    {"expires_at", to_unix(token.expires_at)}});
    if (!token.certificate.empty()) list.back()["certificate"] = token.certificate;
  }
  const Json json = {{"format", format}, {"tokens", std::move(list)}};
  return write_file_atomically(path_ / "tokens.json", text_of(json), 0600);
}

std::string StateDirectory::nonce(const std::string& issuer) const {
  const auto json = read_json(path_ / "nonce.json", format);
  if (!json || !*json) return {};
  jose::Members members(**json, Code::agent_state_invalid, "nonce.json: ");
  const std::string of = members.text("issuer");
  std::string nonce = members.text("nonce");
  return members.error() || of != issuer ? std::string() : nonce;
}

Result<void> StateDirectory::save_nonce(const std::string& issuer, const std::string& nonce) const {
  const Json json = {{"format", format}, {"issuer", issuer}, {"nonce", nonce}};
  return write_file_atomically(path_ / "nonce.json", text_of(json), 0600);
}

Result<Bytes> StateDirectory::element_key_id(const std::string& token) const {
  const std::filesystem::path file = path_ / "element-keys.json";
  auto kept = read_json(file, format);
  if (!kept) return pass_on(kept);
  Json keys = *kept ? (*kept)->value("keys", Json()) : Json::object();
  if (!keys.is_object()) return invalid(file, "has no object \"keys\"");
  if (keys.contains(token)) {
    jose::Members members(keys, Code::agent_state_invalid, file.string() + ": ");
    Bytes id = members.octets(token.c_str());
    if (members.error()) return tl::unexpected<Error>(*members.error());
    return id;
  }
  Bytes id = random_bytes(element_key_octets);
  keys[token] = jose::base64url(id);
  const Json json = {{"format", format}, {"keys", std::move(keys)}};
  if (auto saved = write_file_atomically(file, text_of(json), 0600); !saved) return pass_on(saved);
  return id;
}

RenewalRecord StateDirectory::renewal() const {
  const auto json = read_json(path_ / "renewal.json", format);
  if (!json || !*json) return {};
  return renewal_record_from(**json).value_or(RenewalRecord{});
}

Result<void> StateDirectory::save(const RenewalRecord& record) const {
  Json json = to_json(record);
  json["format"] = format;
  return write_file_atomically(path_ / "renewal.json", text_of(json), 0600);
}

Result<UniqueFd> StateDirectory::lock() const {
  const std::string file = (path_ / "lock").string();
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(Code::io_failed, file + ": " + errno_text(errno));
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail(Code::io_failed, file + ": " + errno_text(errno));
  }
  return fd;
}

}  // namespace mintmark::agent
