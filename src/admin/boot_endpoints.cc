#include "admin/boot_endpoints.h"

#include <algorithm>

#include "admin/device_endpoints.h"
#include "admin/keeper_endpoints.h"
#include "issuer/boot_judge.h"
#include "jose/base64url.h"

namespace mintmark::admin {
namespace {

constexpr std::size_t octets_in_a_part = 120U << 10U;

Result<store::DeviceRecord> device_of(const store::DeviceStore& store, const std::string& id) {
  auto device = store.find(id);
  if (!device) return pass_on(device);
  if (*device) return std::move(**device);
  return fail(Code::device_not_found,
              "there is no device " + printable(id) + "; see mintctl devices list");
}

Json stored(const std::string& text) {
  auto parsed = parse_json(text, issuer::boot_record_limits);
  return parsed ? std::move(*parsed) : Json(nullptr);
}

Json described(const std::optional<store::Boot>& boot) {
  if (!boot) return nullptr;
  Json json = {{"at", to_unix(boot->at)},
               {"outcome", boot->refused.empty() ? "passed" : "refused"},
               {"appraisal", stored(boot->appraisal)},
               {"record", stored(boot->record)}};
  if (!boot->refused.empty()) json["refused"] = boot->refused;
  return json;
}

std::optional<std::size_t> part_in(const std::string& query) {
  std::string text = "0";
  for (const auto& [name, value] : http::parse_form(query).value_or(http::FormFields{})) {
    if (name == "part") text = value;
  }
  if (text.empty() || text.size() > 6 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoul(text);
}

}  // namespace

Result<Json> boots_of(const BootSources& sources, const std::string& id) {
  const auto device = device_of(sources.store, id);
  if (!device) return tl::unexpected<Error>(device.error());
  const auto boots = sources.store.boots(id);
  if (!boots) return tl::unexpected<Error>(boots.error());
  return Json{{"device", describe(*device)},
              {"good", described(boots->good)},
              {"last", described(boots->last)}};
}

Result<Json> explain_boot(const BootSources& sources, const std::string& id) {
  const auto device = device_of(sources.store, id);
  if (!device) return tl::unexpected<Error>(device.error());
  const auto boots = sources.store.boots(id);
  if (!boots) return tl::unexpected<Error>(boots.error());
  if (!boots->last) {
    return fail(Code::boot_record_missing,
                "device " + device->id +
                    " has not attested what it booted; mintctl devices attest asks it to");
  }
  const auto judged = issuer::judge_again(*sources.policy(), *device, *boots);
  if (!judged) return tl::unexpected<Error>(judged.error());
  return Json{{"device", describe(*device)},
              {"at", to_unix(boots->last->at)},
              {"code", judged->refusal ? facts_of(judged->refusal->code).name : ""},
              {"appraisal", policy::to_json(judged->appraisal)},
              {"policy_file", sources.policy_file()}};
}

http::Response LongAnswers::part(const std::string& what, const std::string& query,
                                 const Make& make) {
  const auto part = part_in(query);
  if (!part || *part == 0 || what != what_) {
    const auto answer = make();
    if (!answer) return error_response(answer.error());
    text_ = answer->dump(-1, ' ', false, Json::error_handler_t::replace);
    what_ = what;
  }
  const std::size_t parts = (text_.size() + octets_in_a_part - 1) / octets_in_a_part;
  if (!part || *part >= parts) {
    return error_response(Error{Code::admin_member_wrong,
                                "part must be a number from 0 to " + std::to_string(parts - 1), 0});
  }
  const std::string slice = text_.substr(*part * octets_in_a_part, octets_in_a_part);
  const Json body = {{"parts", parts}, {"content", jose::base64url(as_bytes(slice))}};
  if (*part + 1 == parts) {
    what_.clear();
    text_ = {};
  }
  return http::json_response(200, body.dump());
}

}  // namespace mintmark::admin
