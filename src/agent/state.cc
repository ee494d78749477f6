#include "agent/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "jose/base64url.h"

namespace mintmark::agent {
namespace {

constexpr int format = 1;
constexpr std::size_t longest_file = 1U << 20U;
constexpr JsonLimits limits{.octets = longest_file, .depth = 4, .elements = 20'000};

// Reads members and remembers the first that is wrong.
class Members {
 public:
  Members(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  std::string text(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_string()) {
      refuse(name, "a text");
      return {};
    }
    return found->get<std::string>();
  }
  std::string non_empty(const char* name) {
    std::string value = text(name);
    if (value.empty()) refuse(name, "a text that is not empty");
    return value;
  }
  Bytes octets(const char* name) {
    auto decoded = jose::from_base64url(non_empty(name));
    if (!decoded) {
      refuse(name, "base64url");
      return {};
    }
    return std::move(*decoded);
  }
  Moment moment(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0) {
      refuse(name, "seconds since 1970");
      return {};
    }
    return from_unix(found->get<std::int64_t>());
  }
  hsm::tpm2::EkKind ek(const char* name) {
    const auto kind = hsm::tpm2::ek_kind_named(text(name));
    if (!kind) refuse(name, "\"rsa\" or \"ecc\"");
    return kind.value_or(hsm::tpm2::EkKind::rsa);
  }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  void refuse(const char* name, const char* right) {
    if (error_) return;
    error_ = Error{Code::agent_state_invalid, where_ + ": \"" + name + "\" must be " + right, 0};
  }

  const Json& object_;
  std::string where_;
  std::optional<Error> error_;
};

tl::unexpected<Error> invalid(const std::filesystem::path& file, const std::string& what) {
  return fail(Code::agent_state_invalid,
              file.string() + " " + what + "; restore it, or remove it and enrol again");
}

// nullopt if there is no such file.
Result<std::optional<Json>> read_json(const std::filesystem::path& file) {
  std::error_code trouble;
  if (!std::filesystem::exists(file, trouble) && !trouble) return std::optional<Json>{};
  const auto content = read_file(file, longest_file);
  if (!content) return tl::unexpected<Error>(content.error());
  auto json = parse_json(*content, limits);
  if (!json) return invalid(file, "is no JSON (" + json.error().detail + ")");
  if (!json->is_object()) return invalid(file, "is no JSON object");
  const auto version = json->find("format");
  if (version == json->end() || *version != format) {
    return invalid(file, "is not of format " + std::to_string(format));
  }
  return std::optional<Json>(std::move(*json));
}

Json blobs_json(const hsm::tpm2::KeyBlobs& blobs) {
  return {{"public", jose::base64url(blobs.public_area)},
          {"private", jose::base64url(blobs.private_area)}};
}

Result<hsm::tpm2::KeyBlobs> blobs_from(const Json& identity, const char* name,
                                       const std::filesystem::path& file) {
  const auto found = identity.find(name);
  if (found == identity.end() || !found->is_object()) {
    return invalid(file, std::string("has no object \"") + name + "\"");
  }
  Members members(*found, file.string() + ": " + name);
  hsm::tpm2::KeyBlobs blobs{members.octets("public"), members.octets("private")};
  if (members.error()) return tl::unexpected<Error>(*members.error());
  return blobs;
}

Result<CachedToken> token_from(const Json& json, const std::filesystem::path& file) {
  if (!json.is_object()) return invalid(file, "has a token that is no object");
  Members members(json, file.string());
  CachedToken token{.audience = members.text("audience"),
                    .scope = members.text("scope"),
                    .jkt = members.non_empty("jkt"),
                    .token = members.non_empty("token"),
                    .obtained_at = members.moment("obtained_at"),
                    .expires_at = members.moment("expires_at")};
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
  auto json = read_json(file);
  if (!json) return pass_on(json);
  if (!*json) {
    return fail(Code::agent_not_enrolled, "nothing is enrolled in " + path_.string() +
                                              "; mint-agent --state DIR enroll --issuer URL does");
  }
  auto ak = blobs_from(**json, "ak", file);
  if (!ak) return pass_on(ak);
  auto device_key = blobs_from(**json, "device_key", file);
  if (!device_key) return pass_on(device_key);
  Members members(**json, file.string());
  Identity identity{.issuer = members.non_empty("issuer"),
                    .ca_file = members.text("ca_file"),
                    .tcti = members.text("tcti"),
                    .ek = members.ek("ek"),
                    .ek_fingerprint = members.non_empty("ek_fingerprint"),
                    .ak = std::move(*ak),
                    .device_key = std::move(*device_key),
                    .jkt = members.non_empty("jkt"),
                    .client_id = members.non_empty("client_id"),
                    .client_attestation = members.non_empty("client_attestation"),
                    .attested_at = members.moment("attested_at"),
                    .expires_at = members.moment("expires_at")};
  if (members.error()) return tl::unexpected<Error>(*members.error());
  return identity;
}

Result<void> StateDirectory::save(const Identity& identity) const {
  const Json json = {{"format", format},
                     {"issuer", identity.issuer},
                     {"ca_file", identity.ca_file},
                     {"tcti", identity.tcti},
                     {"ek", hsm::tpm2::name_of(identity.ek)},
                     {"ek_fingerprint", identity.ek_fingerprint},
                     {"ak", blobs_json(identity.ak)},
                     {"device_key", blobs_json(identity.device_key)},
                     {"jkt", identity.jkt},
                     {"client_id", identity.client_id},
                     {"client_attestation", identity.client_attestation},
                     {"attested_at", to_unix(identity.attested_at)},
                     {"expires_at", to_unix(identity.expires_at)}};
  return write_file_atomically(path_ / "identity.json", text_of(json), 0600);
}

Result<std::vector<CachedToken>> StateDirectory::tokens() const {
  const std::filesystem::path file = path_ / "tokens.json";
  auto json = read_json(file);
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
  }
  const Json json = {{"format", format}, {"tokens", std::move(list)}};
  return write_file_atomically(path_ / "tokens.json", text_of(json), 0600);
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
