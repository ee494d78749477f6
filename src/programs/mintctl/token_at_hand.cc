#include "programs/mintctl/token_at_hand.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "config/config.h"
#include "hsm/pkcs11/pin.h"

namespace mintmark::programs {
namespace {

constexpr const char* default_config = "/etc/mintmark/mintd.json";

std::string names_of(const std::vector<config::HsmStore>& stores) {
  std::string names;
  for (const config::HsmStore& store : stores) names += (names.empty() ? "" : ", ") + store.name;
  return names;
}

Result<config::HsmStore> store_of(const config::Config& config, const Arguments& arguments) {
  if (!arguments.has("--store")) {
    if (config.stores.size() == 1) return config.stores.front();
    return fail(Code::invalid_argument,
                "--store is missing; the configuration has: " + names_of(config.stores));
  }
  for (const config::HsmStore& store : config.stores) {
    if (store.name == arguments.value("--store")) return store;
  }
  return fail(Code::invalid_argument, "the configuration has no store \"" +
                                          arguments.value("--store") +
                                          "\"; it has: " + names_of(config.stores));
}

/// As mintd sets it for its signer.
void adopt(const std::map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment)
    setenv(name.c_str(), value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread
}

}  // namespace

std::vector<Option> module_options() {
  return {{"--module", "PATH", "the PKCS#11 module; else the configuration's"},
          {"--config", "FILE",
           "mintd's configuration: module, token and environment of its store (default: "
           "$MINT_CONFIG, then /etc/mintmark/mintd.json)"},
          {"--store", "NAME", "which of the configuration's key stores (default: the only one)"}};
}

std::vector<Option> with_token(std::vector<Option> more) {
  std::vector<Option> options = module_options();
  options.push_back({"--token", "LABEL|URI",
                     "the token: its label or a PKCS#11 URI (default: the configuration's, else "
                     "the only one)"});
  for (Option& option : more) options.push_back(std::move(option));
  return options;
}

Option user_pin_option() {
  return {"--pin-file", "FILE",
          "the user PIN, from a file (- is standard input); else the terminal asks"};
}

Result<TokenAtHand> TokenAtHand::named_by(const Arguments& arguments) {
  TokenAtHand at_hand;
  std::string token = arguments.value("--token");
  if (arguments.has("--module")) {
    if (arguments.has("--config") || arguments.has("--store"))
      return fail(Code::invalid_argument,
                  "--module stands alone; --config and --store name a module themselves");
    at_hand.module_ = arguments.value("--module");
  } else {
    const char* named = std::getenv("MINT_CONFIG");  // NOLINT(concurrency-mt-unsafe): one thread
    auto config =
        config::load(arguments.value("--config", named != nullptr ? named : default_config));
    if (!config) {
      if (arguments.has("--config") || config.error().code != Code::config_unreadable)
        return pass_on(config);
      return fail(Code::invalid_argument,
                  "--module or --config is missing (" + config.error().detail + ")");
    }
    auto store = store_of(*config, arguments);
    if (!store) return pass_on(store);
    if (store->tpm)
      return fail(Code::invalid_argument,
                  "store \"" + store->name +
                      "\" is a TPM, which mintd speaks to without a module; these tools are for "
                      "tokens of PKCS#11 modules");
    auto user = user_named(geteuid() == 0 ? config->signer_user : "");
    if (!user) return pass_on(user);
    adopt(store->environment);
    at_hand.module_ = store->module;
    at_hand.user_ = *user;
    if (!arguments.has("--token")) token = store->token;
  }
  if (token.empty()) return at_hand;
  auto selector = hsm::pkcs11::parse_token_selector(token);
  if (!selector) return pass_on(selector);
  at_hand.token_ = std::move(*selector);
  at_hand.names_token_ = true;
  return at_hand;
}

Result<PinEntry> PinEntry::of(const Arguments& arguments, const char* option) {
  PinEntry entry;
  if (!arguments.has(option)) return entry;
  config::PinSource source;
  const std::string file = arguments.value(option);
  if (file == "-")
    source.fd = STDIN_FILENO;
  else
    source.file = file;
  auto pin = hsm::pkcs11::read_pin(source);
  if (!pin) return pass_on(pin);
  entry.from_file_ = std::move(*pin);
  return entry;
}

Result<Secret> PinEntry::get(const hsm::libp11::PinState& state, const std::string& question) {
  if (state.locked)
    return fail(Code::hsm_pin_locked, question + ": the token says that it is locked");
  if (state.final_try)
    std::fprintf(stderr, "%s: the token says FINAL TRY: a wrong one now locks it\n",
                 question.c_str());
  else if (state.count_low)
    std::fprintf(stderr, "%s: the token says that a wrong one was tried before\n",
                 question.c_str());
  if (from_file_) return Secret(from_file_->view());
  return ask_secret(question);
}

Result<Secret> PinEntry::get_new(const std::string& question) {
  if (from_file_) return Secret(from_file_->view());
  return ask_new_secret(question);
}

Result<void> require_one_stdin(const Arguments& arguments) {
  int from_stdin = 0;
  for (const char* option : {"--pin-file", "--so-pin-file", "--new-pin-file"})
    from_stdin += arguments.value(option) == "-" ? 1 : 0;
  if (from_stdin <= 1) return {};
  return fail(Code::invalid_argument, "only one PIN can come from standard input");
}

}  // namespace mintmark::programs
