#include <algorithm>
#include <cstdio>

#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"
#include "programs/mintctl/token_at_hand.h"

namespace mintmark::programs {
namespace {

using hsm::libp11::Library;
using hsm::libp11::PinState;
using hsm::libp11::TokenStatus;

const Option so_pin_file{"--so-pin-file", "FILE", "the security officer's PIN, likewise"};
const Option new_pin_file{"--new-pin-file", "FILE", "the new user PIN, likewise"};

std::string in_quotes(const std::string& label) { return "\"" + printable(label) + "\""; }

Json json_of(const PinState& pin) {
  return {{"count_low", pin.count_low},
          {"final_try", pin.final_try},
          {"locked", pin.locked},
          {"to_be_changed", pin.to_be_changed}};
}

void add_flags(Json& flags, const std::string& whose, const PinState& pin) {
  if (pin.locked) flags.push_back(whose + " locked");
  if (pin.final_try) flags.push_back(whose + " FINAL TRY");
  if (pin.count_low) flags.push_back(whose + " tried wrongly");
  if (pin.to_be_changed) flags.push_back(whose + " to be changed");
}

/// In words, for people.
Json flags_of(const TokenStatus& token) {
  Json flags = Json::array();
  if (!token.initialised) {
    flags.push_back("not initialised");
    return flags;
  }
  flags.push_back("initialised");
  flags.push_back(token.user_pin_set ? "user PIN set" : "no user PIN");
  add_flags(flags, "user PIN", token.user);
  add_flags(flags, "SO PIN", token.so);
  if (token.read_only) flags.push_back("write-protected");
  if (token.pin_pad) flags.push_back("PIN at the device");
  return flags;
}

Json json_of(const TokenStatus& token) {
  Json json = {{"slot_id", token.facts.slot_id}, {"slot", token.slot}, {"present", token.present}};
  if (!token.present) return json;
  json.update({{"label", token.facts.label},
               {"manufacturer", token.facts.manufacturer},
               {"model", token.facts.model},
               {"serial", token.facts.serial},
               {"uri", token.facts.to_uri()},
               {"initialised", token.initialised},
               {"user_pin_set", token.user_pin_set},
               {"login_required", token.login_required},
               {"read_only", token.read_only},
               {"user_pin", json_of(token.user)},
               {"so_pin", json_of(token.so)},
               {"flags", flags_of(token)}});
  return json;
}

// ---- tokens ----

Result<Json> tokens(AdminClient& /*mintd*/, const Arguments& arguments) {
  const auto at_hand = TokenAtHand::named_by(arguments);
  if (!at_hand) return tl::unexpected<Error>(at_hand.error());
  const auto acting = ActingAs::user(at_hand->user());
  if (!acting) return tl::unexpected<Error>(acting.error());
  const auto library = Library::load(at_hand->module());
  if (!library) return tl::unexpected<Error>(library.error());
  Json all = Json::array();
  for (const TokenStatus& token : (*library)->slots()) all.push_back(json_of(token));
  return Json{{"module", at_hand->module()}, {"tokens", all}};
}

std::string joined(const Json& words) {
  std::string text;
  for (const Json& word : words) text += (text.empty() ? "" : ", ") + word.get<std::string>();
  return text;
}

void print_tokens(const Json& answer) {
  std::printf("%-12s  %-32s  %-16s  %-16s  %s\n", "SLOT", "LABEL", "SERIAL", "MODEL", "STATE");
  for (const Json& token : answer["tokens"]) {
    std::printf("%-12s  %-32s  %-16s  %-16s  %s\n", text(token, "slot_id").c_str(),
                printable(text(token, "label")).c_str(), printable(text(token, "serial")).c_str(),
                printable(text(token, "model")).c_str(),
                token["present"] == true ? joined(token["flags"]).c_str() : "no token");
  }
}

// ---- init ----

tl::unexpected<Error> exists(const std::string& label, const std::string& why) {
  return fail(Code::hsm_token_exists, "the token " + in_quotes(label) + why);
}

/// The token named, if --erase repeats its label.
Result<TokenStatus> token_to_erase(const Library& library, const TokenAtHand& at_hand,
                                   const Arguments& arguments) {
  const std::string erase = arguments.value("--erase");
  hsm::pkcs11::TokenSelector selector;
  if (arguments.has("--token"))
    selector = at_hand.token();
  else
    selector.label = erase;
  auto token = library.choose(selector);
  if (!token || token->facts.label == erase) return token;
  return exists(token->facts.label, " is initialised, and --erase does not repeat its label");
}

Result<TokenStatus> free_slot(const Library& library, const std::string& label) {
  const auto all = library.slots();
  for (const TokenStatus& token : all) {
    if (token.initialised && token.facts.label == label)
      return exists(label, " is there already (" + token.facts.to_uri() +
                               "); --erase with its label ends it with all its keys");
  }
  const auto found = std::find_if(all.begin(), all.end(), [](const TokenStatus& token) {
    return token.present && !token.initialised;
  });
  if (found != all.end()) return *found;
  return fail(Code::hsm_token_missing, library.path() +
                                           ": every token is initialised; --erase LABEL ends one "
                                           "with all its keys");
}

Result<TokenStatus> token_to_initialise(const Library& library, const TokenAtHand& at_hand,
                                        const Arguments& arguments) {
  if (arguments.has("--erase")) return token_to_erase(library, at_hand, arguments);
  if (!arguments.has("--token")) return free_slot(library, arguments.value("--label"));
  auto token = library.choose(at_hand.token());
  if (!token) return token;
  return exists(token->facts.label,
                " is initialised; --erase with its label ends it with all its keys");
}

/// As the module shows it when it is loaded anew.
Result<Json> fresh_status(const std::string& module, const std::string& label) {
  auto library = Library::load(module);
  if (!library) return pass_on(library);
  hsm::pkcs11::TokenSelector selector;
  selector.label = label;
  auto token = (*library)->choose(selector);
  if (!token) return pass_on(token);
  return Json{{"token", json_of(*token)}};
}

Result<void> initialise(const TokenAtHand& at_hand, const Arguments& arguments, PinEntry so_entry,
                        PinEntry user_entry) {
  auto library = Library::load(at_hand.module());
  if (!library) return pass_on(library);
  auto token = token_to_initialise(**library, at_hand, arguments);
  if (!token) return pass_on(token);
  const std::string label = arguments.value("--label");
  // An old token keeps its SO PIN, and counts wrong ones.
  auto so_pin =
      token->initialised
          ? so_entry.get(token->so, "SO PIN of the token " + in_quotes(token->facts.label))
          : so_entry.get_new("SO PIN for the token " + in_quotes(label));
  if (!so_pin) return pass_on(so_pin);
  auto user_pin = user_entry.get_new("User PIN for the token " + in_quotes(label));
  if (!user_pin) return pass_on(user_pin);
  return (*library)->initialise(*token, label, *so_pin, *user_pin);
}

Result<Json> init(AdminClient& /*mintd*/, const Arguments& arguments) {
  const auto label = arguments.required("--label");
  if (!label) return tl::unexpected<Error>(label.error());
  auto one = require_one_stdin(arguments);
  if (!one) return pass_on(one);
  const auto at_hand = TokenAtHand::named_by(arguments);
  if (!at_hand) return tl::unexpected<Error>(at_hand.error());
  auto so_entry = PinEntry::of(arguments, "--so-pin-file");
  if (!so_entry) return pass_on(so_entry);
  auto user_entry = PinEntry::of(arguments, "--pin-file");
  if (!user_entry) return pass_on(user_entry);
  const HeldSignals held;
  const auto acting = ActingAs::user(at_hand->user());
  if (!acting) return tl::unexpected<Error>(acting.error());
  auto done = initialise(*at_hand, arguments, std::move(*so_entry), std::move(*user_entry));
  if (!done) return pass_on(done);
  return fresh_status(at_hand->module(), *label);
}

void print_init(const Json& answer) {
  std::printf("initialised, user PIN set: %s\n", text(answer["token"], "uri").c_str());
}

// ---- pin ----

Result<void> unblock(Library& library, const TokenStatus& token, PinEntry so_entry,
                     PinEntry new_entry) {
  const std::string label = in_quotes(token.facts.label);
  auto so_pin = so_entry.get(token.so, "SO PIN of the token " + label);
  if (!so_pin) return pass_on(so_pin);
  auto new_pin = new_entry.get_new("New user PIN of the token " + label);
  if (!new_pin) return pass_on(new_pin);
  return library.set_user_pin(token, *so_pin, *new_pin);
}

Result<void> change(Library& library, const TokenStatus& token, PinEntry old_entry,
                    PinEntry new_entry) {
  const std::string label = in_quotes(token.facts.label);
  if (!token.user_pin_set)
    return fail(Code::hsm_pin_refused,
                "the token " + label + " has no user PIN yet; pin --unblock sets one");
  auto old_pin = old_entry.get(token.user, "User PIN of the token " + label);
  if (!old_pin) return pass_on(old_pin);
  auto new_pin = new_entry.get_new("New user PIN of the token " + label);
  if (!new_pin) return pass_on(new_pin);
  return library.change_user_pin(token, *old_pin, *new_pin);
}

Result<Json> pin(AdminClient& /*mintd*/, const Arguments& arguments) {
  const bool by_officer = arguments.has("--unblock");
  if (by_officer ? arguments.has("--pin-file") : arguments.has("--so-pin-file"))
    return fail(Code::invalid_argument, by_officer
                                            ? "--pin-file is not for --unblock: the old PIN is not "
                                              "asked for"
                                            : "--so-pin-file is for --unblock alone");
  auto one = require_one_stdin(arguments);
  if (!one) return pass_on(one);
  const auto at_hand = TokenAtHand::named_by(arguments);
  if (!at_hand) return tl::unexpected<Error>(at_hand.error());
  auto entry = PinEntry::of(arguments, by_officer ? "--so-pin-file" : "--pin-file");
  if (!entry) return pass_on(entry);
  auto new_entry = PinEntry::of(arguments, "--new-pin-file");
  if (!new_entry) return pass_on(new_entry);
  const HeldSignals held;
  const auto acting = ActingAs::user(at_hand->user());
  if (!acting) return tl::unexpected<Error>(acting.error());
  const auto library = Library::load(at_hand->module());
  if (!library) return tl::unexpected<Error>(library.error());
  auto token = (*library)->choose(at_hand->token());
  if (!token) return pass_on(token);
  auto done = by_officer ? unblock(**library, *token, std::move(*entry), std::move(*new_entry))
                         : change(**library, *token, std::move(*entry), std::move(*new_entry));
  if (!done) return pass_on(done);
  return Json{{"token", {{"label", token->facts.label}, {"uri", token->facts.to_uri()}}},
              {"user_pin", "changed"}};
}

void print_pin(const Json& answer) {
  std::printf("the user PIN of %s is changed; mintd wants the new one where its \"pin\" says\n",
              text(answer["token"], "uri").c_str());
}

}  // namespace

std::vector<Subcommand> hsm_token_commands() {
  return {
      {{"hsm tokens", "the module's slots and tokens, and what state their PINs are in",
        module_options(), ""},
       tokens,
       print_tokens},
      {{"hsm init",
        "initialise a token in a free slot, with a user PIN; or, with --erase, one that is in "
        "use: all its keys end",
        with_token({{"--label", "L", "the token's label, at most 32 octets"},
                    {"--erase", "LABEL", "the present label of the token to be ended, repeated"},
                    so_pin_file,
                    user_pin_option()}),
        ""},
       init,
       print_init},
      {{"hsm pin",
        "change the user PIN; with --unblock as the security officer, also where it is locked",
        with_token({{"--unblock", "", "set it by the SO PIN, without the old one"},
                    user_pin_option(),
                    so_pin_file,
                    new_pin_file}),
        ""},
       pin,
       print_pin}};
}

}  // namespace mintmark::programs
