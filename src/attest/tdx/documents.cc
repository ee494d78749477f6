// Intel's JSON.
#include <algorithm>
#include <ctime>

#include "attest/tdx/collateral.h"
#include "base/json.h"

namespace mintmark::attest::tdx {
namespace {

constexpr JsonLimits limits = {.octets = 1U << 20U, .depth = 16, .elements = 100'000};
constexpr std::size_t most_levels = 256;
constexpr std::size_t most_modules = 32;
constexpr std::size_t most_advisories = 256;
constexpr std::size_t longest_advisory = 64;
constexpr std::size_t components = 16;

struct Word {
  TcbStatus status;
  const char* name;
};
constexpr std::array words = {
    Word{TcbStatus::up_to_date, "UpToDate"},
    Word{TcbStatus::sw_hardening_needed, "SWHardeningNeeded"},
    Word{TcbStatus::configuration_needed, "ConfigurationNeeded"},
    Word{TcbStatus::configuration_and_sw_hardening_needed, "ConfigurationAndSWHardeningNeeded"},
    Word{TcbStatus::out_of_date, "OutOfDate"},
    Word{TcbStatus::out_of_date_configuration_needed, "OutOfDateConfigurationNeeded"},
    Word{TcbStatus::revoked, "Revoked"},
};

/// Members of one object; remembers the first that is wrong, with the path to it.
class Reader {
 public:
  Reader(const Json& object, std::string path, std::string& wrong)
      : object_(object), path_(std::move(path)), wrong_(wrong) {}

  const Json* member(const char* name) {
    const auto found = object_.is_object() ? object_.find(name) : object_.end();
    if (object_.is_object() && found != object_.end()) return &*found;
    refuse(name);
    return nullptr;
  }
  std::string text(const char* name) {
    const Json* value = member(name);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    refuse(name);
    return {};
  }
  template <typename Integer>
  Integer number(const char* name) {
    const Json* value = member(name);
    if (value != nullptr && value->is_number_unsigned()) {
      const auto given = value->get<std::uint64_t>();
      if (given <= std::uint64_t{std::numeric_limits<Integer>::max()})
        return static_cast<Integer>(given);
    }
    refuse(name);
    return 0;
  }
  template <std::size_t size>
  std::array<std::uint8_t, size> octets(const char* name) {
    std::array<std::uint8_t, size> value{};
    const auto given = from_hex(text(name));
    if (given && given->size() == size)
      std::copy(given->begin(), given->end(), value.begin());
    else
      refuse(name);
    return value;
  }
  Moment moment(const char* name) {
    const std::string given = text(name);
    std::tm parts{};
    const char* end = strptime(given.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (end == nullptr || *end != '\0') refuse(name);
    return from_unix(timegm(&parts));
  }
  // Calls `each` with a Reader for every object of the array of that name.
  template <typename Each>
  void list(const char* name, std::size_t most, Each each) {
    const Json* value = member(name);
    if (value == nullptr || !value->is_array() || value->size() > most) {
      refuse(name);
      return;
    }
    for (const Json& entry : *value) {
      if (!wrong_.empty()) return;
      each(Reader(entry, path_ + name + "[].", wrong_));
    }
  }
  Reader below(const char* name) {
    static const Json nothing = Json::object();
    const Json* value = member(name);
    return {value == nullptr ? nothing : *value, path_ + name + ".", wrong_};
  }
  bool has(const char* name) const { return object_.is_object() && object_.contains(name); }
  void refuse(const char* name) {
    if (wrong_.empty()) wrong_ = path_ + name;
  }

 private:
  const Json& object_;
  std::string path_;
  std::string& wrong_;
};

Standing read_standing(Reader level) {
  Standing standing;
  const std::string status = level.text("tcbStatus");
  const auto* word =
      std::find_if(words.begin(), words.end(), [&](const Word& one) { return status == one.name; });
  if (word == words.end())
    level.refuse("tcbStatus");
  else
    standing.status = word->status;
  if (!level.has("advisoryIDs")) return standing;
  const Json* ids = level.member("advisoryIDs");
  if (!ids->is_array() || ids->size() > most_advisories) {
    level.refuse("advisoryIDs");
    return standing;
  }
  for (const Json& id : *ids) {
    if (!id.is_string())
      level.refuse("advisoryIDs");
    else
      standing.advisories.push_back(printable(id.get_ref<const std::string&>(), longest_advisory));
  }
  return standing;
}

std::array<std::uint8_t, components> read_components(Reader tcb, const char* name) {
  std::array<std::uint8_t, components> svns{};
  std::size_t count = 0;
  tcb.list(name, components,
           [&](Reader component) { svns[count++] = component.number<std::uint8_t>("svn"); });
  if (count != components) tcb.refuse(name);
  return svns;
}

TcbLevel read_level(Reader level) {
  TcbLevel read;
  Reader tcb = level.below("tcb");
  read.sgx = read_components(tcb, "sgxtcbcomponents");
  read.tdx = read_components(tcb, "tdxtcbcomponents");
  read.pce_svn = tcb.number<std::uint16_t>("pcesvn");
  read.standing = read_standing(level);
  return read;
}

std::vector<SvnLevel> read_svn_levels(Reader of) {
  std::vector<SvnLevel> levels;
  of.list("tcbLevels", most_levels, [&](Reader level) {
    const auto isv_svn = level.below("tcb").number<std::uint16_t>("isvsvn");
    levels.push_back({isv_svn, read_standing(level)});
  });
  return levels;
}

Module read_module(Reader module) {
  Module read;
  read.mr_signer = module.octets<48>("mrsigner");
  read.attributes = module.octets<8>("attributes");
  read.attributes_mask = module.octets<8>("attributesMask");
  return read;
}

// The text of the one object inside, as it was served: its signature is over just these octets.
// The signature beside it has no brace in it.
std::string_view inner_text(std::string_view text, const char* name) {
  const std::string quoted = "\"" + std::string(name) + "\"";
  const std::size_t at = text.find(quoted);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = text.find('{', at + quoted.size());
  const std::size_t outer = text.rfind('}');
  if (begin == std::string_view::npos || outer == 0 || outer == std::string_view::npos) return {};
  const std::size_t end = text.rfind('}', outer - 1);
  if (end == std::string_view::npos || end < begin) return {};
  return text.substr(begin, end + 1 - begin);
}

tl::unexpected<Error> bad(const std::string& why) {
  return fail(Code::tdx_collateral_malformed, why);
}

struct Response {
  Json inner;
  Signed head;
};

// {"NAME": {…}, "signature": "…"}
Result<Response> read_response(std::string_view text, const char* name) {
  auto json = parse_json(text, limits);
  if (!json) return bad(std::string(name) + ": " + json.error().detail);
  std::string wrong;
  Reader outer(*json, "", wrong);
  Response response;
  const auto signature = outer.octets<64>("signature");
  response.head.signature = to_bytes(signature);
  if (const Json* inner = outer.member(name)) response.inner = *inner;
  const std::string_view octets = inner_text(text, name);
  const auto again = parse_json(octets, limits);
  if (!wrong.empty() || !response.inner.is_object() || !again || *again != response.inner)
    return bad("a response of Intel's PCS is {\"" + std::string(name) +
               "\": {…}, \"signature\": 128 hexadecimal digits}, not changed in any way");
  response.head.octets = to_bytes(as_bytes(octets));
  return response;
}

void read_head(Reader& body, Signed& head) {
  head.issued = body.moment("issueDate");
  head.next_update = body.moment("nextUpdate");
  head.evaluation = body.number<std::uint32_t>("tcbEvaluationDataNumber");
}

}  // namespace

const char* name_of(TcbStatus status) {
  const auto* word = std::find_if(words.begin(), words.end(),
                                  [&](const Word& one) { return status == one.status; });
  return word == words.end() ? "Revoked" : word->name;
}

Result<TcbInfo> read_tcb_info(std::string_view text) {
  auto response = read_response(text, "tcbInfo");
  if (!response) return pass_on(response);
  std::string wrong;
  Reader body(response->inner, "tcbInfo.", wrong);
  TcbInfo info;
  static_cast<Signed&>(info) = std::move(response->head);
  if (body.text("id") != "TDX") body.refuse("id");
  if (body.number<std::uint32_t>("version") != 3) body.refuse("version");
  if (body.number<std::uint32_t>("tcbType") != 0) body.refuse("tcbType");
  read_head(body, info);
  info.fmspc = body.octets<6>("fmspc");
  info.pce_id = body.octets<2>("pceId");
  info.module = read_module(body.below("tdxModule"));
  if (body.has("tdxModuleIdentities")) {
    body.list("tdxModuleIdentities", most_modules, [&](Reader module) {
      Module read = read_module(module);
      read.id = module.text("id");
      read.levels = read_svn_levels(module);
      info.identities.push_back(std::move(read));
    });
  }
  body.list("tcbLevels", most_levels,
            [&](Reader level) { info.levels.push_back(read_level(level)); });
  if (!wrong.empty()) return bad("a TCB info of version 3 for TDX has no such " + wrong);
  return info;
}

Result<QeIdentity> read_qe_identity(std::string_view text) {
  auto response = read_response(text, "enclaveIdentity");
  if (!response) return pass_on(response);
  std::string wrong;
  Reader body(response->inner, "enclaveIdentity.", wrong);
  QeIdentity identity;
  static_cast<Signed&>(identity) = std::move(response->head);
  if (body.text("id") != "TD_QE") body.refuse("id");
  if (body.number<std::uint32_t>("version") != 2) body.refuse("version");
  read_head(body, identity);
  identity.misc_select = body.octets<4>("miscselect");
  identity.misc_select_mask = body.octets<4>("miscselectMask");
  identity.attributes = body.octets<16>("attributes");
  identity.attributes_mask = body.octets<16>("attributesMask");
  identity.mr_signer = body.octets<32>("mrsigner");
  identity.isv_prod_id = body.number<std::uint16_t>("isvprodid");
  identity.levels = read_svn_levels(body);
  if (!wrong.empty()) return bad("an enclave identity of version 2 for TD_QE has no such " + wrong);
  return identity;
}

}  // namespace mintmark::attest::tdx
