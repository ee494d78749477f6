#include <algorithm>

#include "admin/asked.h"
#include "admin/device_endpoints.h"
#include "attest/vocabulary.h"
#include "issuer/key_enrolment.h"
#include "jose/base64url.h"

namespace mintmark::admin {
namespace {

using config::ObjectReader;
using issuer::DeviceRegister;

constexpr std::size_t id_octets = 16;
constexpr std::size_t least_fingerprint_digits = 16;
constexpr std::size_t fingerprint_digits = 64;
constexpr std::size_t most_fingerprints = 256;
constexpr std::int64_t day = 86400;

bool is_label_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
  });
}

Result<void> check_labels(const store::Labels& labels) {
  if (labels.size() > 32) return fail(Code::label_malformed, "at most 32 labels go at once");
  for (const auto& [name, value] : labels) {
    if (!is_label_name(name)) {
      return fail(Code::label_malformed, "label " + printable(name, 64) +
                                             ": a name is 1 to 64 letters, digits, -, _, . or /");
    }
    if (value.empty() || value.size() > 256)
      return fail(Code::label_malformed, "label " + name + ": a value is 1 to 256 octets long");
  }
  return {};
}

store::Labels labels_in(ObjectReader& reader, const char* key) {
  store::Labels labels;
  reader.text_members(
      key, [&labels](const std::string& name, const std::string& value) { labels[name] = value; });
  return labels;
}

// As people copy them: upper case, with colons or blanks.
Result<std::string> fingerprint_of(const std::string& text, std::size_t least) {
  std::string digits;
  for (const char c : text) {
    if (c == ':' || c == ' ') continue;
    digits += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (digits.size() >= least && digits.size() <= fingerprint_digits &&
      digits.find_first_not_of("0123456789abcdef") == std::string::npos) {
    return digits;
  }
  return fail(Code::fingerprint_malformed,
              least == fingerprint_digits
                  ? "a fingerprint is the 64 hexadecimal digits that mint-agent shows"
                  : "a fingerprint is the 64 hexadecimal digits that mint-agent shows, or the "
                    "first 16 of them and more");
}

/// One change of one row, answered with the device as it then stands.
void change(DeviceRegister& devices, DeviceRegister::Change change, const http::Respond& respond) {
  devices.change(std::move(change), [respond](const Result<store::DeviceRecord>& device) {
    if (!device) return respond(error_response(device.error()));
    answer_with(respond, describe(*device));
  });
}

void approve(const DeviceParts& parts, const http::Request& request, const http::Respond& respond) {
  std::string text;
  store::Labels labels;
  const auto read = read_request(request, [&](ObjectReader& reader) {
    text = reader.text("fingerprint");
    labels = labels_in(reader, "labels");
  });
  if (!read) return respond(error_response(read.error()));
  const auto fingerprint = fingerprint_of(text, least_fingerprint_digits);
  if (!fingerprint) return respond(error_response(fingerprint.error()));
  if (auto good = check_labels(labels); !good) return respond(error_response(good.error()));
  change(
      parts.devices,
      [fingerprint = *fingerprint, labels](store::DeviceStore& store) {
        return store.approve(fingerprint, labels);
      },
      respond);
}

/// Several fingerprints, one after the other; the first that fails ends it, those before stand.
struct Expecting : std::enable_shared_from_this<Expecting> {
  Expecting(DeviceRegister& in, http::Respond to) : devices(in), respond(std::move(to)) {}

  void next() {
    if (done.size() == fingerprints.size()) return answer_with(respond, Json{{"devices", done}});
    devices.change(
        [format = format, fingerprint = fingerprints[done.size()],
         labels = labels](store::DeviceStore& store) {
          return store.expect(format, fingerprint, jose::random_name(id_octets), labels);
        },
        [self = shared_from_this()](const Result<store::DeviceRecord>& device) {
          if (!device) return self->respond(error_response(device.error()));
          self->done.push_back({{"id", device->id}, {"identity", device->identity}});
          self->next();
        });
  }

  DeviceRegister& devices;
  http::Respond respond;
  std::string format;
  std::vector<std::string> fingerprints;
  store::Labels labels;
  Json done = Json::array();
};

bool may_be_expected(const std::string& format) {
  const auto& formats = attest::evidence_formats();
  return format == "tpm2" || std::find(formats.begin(), formats.end(), format) != formats.end();
}

void expect(const DeviceParts& parts, const http::Request& request, const http::Respond& respond) {
  auto expecting = std::make_shared<Expecting>(parts.devices, respond);
  const auto read = read_request(request, [&](ObjectReader& reader) {
    expecting->format = reader.text("format", "tpm2");
    if (!may_be_expected(expecting->format))
      reader.refuse("format", "must be \"tpm2\" or another format that attests");
    expecting->fingerprints = reader.texts("fingerprints");
    expecting->labels = labels_in(reader, "labels");
    if (!reader.failed() &&
        (expecting->fingerprints.empty() || expecting->fingerprints.size() > most_fingerprints))
      reader.refuse("fingerprints", "must hold from 1 to 256 fingerprints");
  });
  if (!read) return respond(error_response(read.error()));
  if (auto good = check_labels(expecting->labels); !good)
    return respond(error_response(good.error()));
  for (std::string& fingerprint : expecting->fingerprints) {
    auto digits = fingerprint_of(fingerprint, fingerprint_digits);
    if (!digits) return respond(error_response(digits.error()));
    fingerprint = std::move(*digits);
  }
  expecting->next();
}

Result<Json> would_revoke(const DeviceParts& parts, const std::string& id) {
  const auto device = parts.store.find(id);
  if (!device) return tl::unexpected<Error>(device.error());
  if (!*device) return fail(Code::device_not_found, "there is no device " + printable(id));
  const auto live = parts.live_tokens(id);
  if (!live) return tl::unexpected<Error>(live.error());
  return would_meet(*live);
}

void revoke(const DeviceParts& parts, const http::Request& request, const http::Respond& respond) {
  std::string id;
  std::string why;
  bool dry_run = false;
  const auto read = read_request(request, [&](ObjectReader& reader) {
    id = reader.text("id");
    why = reason_in(reader);
    dry_run = reader.boolean("dry_run", false);
  });
  if (!read) return respond(error_response(read.error()));
  if (dry_run) return answer_with(respond, would_revoke(parts, id));
  change(
      parts.devices,
      [id, why, now = parts.clock.now()](store::DeviceStore& store) {
        return store.revoke(id, why, now);
      },
      respond);
}

void reinstate(const DeviceParts& parts, const http::Request& request,
               const http::Respond& respond) {
  std::string id;
  const auto read = read_request(request, [&](ObjectReader& reader) { id = reader.text("id"); });
  if (!read) return respond(error_response(read.error()));
  change(
      parts.devices, [id](store::DeviceStore& store) { return store.reinstate(id); }, respond);
}

void attest(const DeviceParts& parts, const http::Request& request, const http::Respond& respond) {
  std::string id;
  const auto read = read_request(request, [&](ObjectReader& reader) { id = reader.text("id"); });
  if (!read) return respond(error_response(read.error()));
  change(
      parts.devices,
      [id, now = parts.clock.now()](store::DeviceStore& store) {
        return store.end_evidence(id, "asked", now);
      },
      respond);
}

void label(const DeviceParts& parts, const http::Request& request, const http::Respond& respond) {
  std::string id;
  store::Labels set;
  std::vector<std::string> remove;
  const auto read = read_request(request, [&](ObjectReader& reader) {
    id = reader.text("id");
    set = labels_in(reader, "set");
    remove = reader.texts("remove", std::vector<std::string>{});
    if (!reader.failed() && set.empty() && remove.empty())
      reader.refuse_here("must set or remove at least one label");
  });
  if (!read) return respond(error_response(read.error()));
  if (auto good = check_labels(set); !good) return respond(error_response(good.error()));
  change(
      parts.devices,
      [id, set, remove](store::DeviceStore& store) { return store.label(id, set, remove); },
      respond);
}

void add(const DeviceParts& parts, const http::Request& request, const http::Respond& respond) {
  const auto body = parse_json(request.body);
  if (!body || !body->is_object() || !body->contains("jwk"))
    return respond(error_response(
        Error{Code::admin_member_wrong, R"(a request is {"jwk": JWK, "labels": {…}?})", 0}));
  const auto key = jose::PublicKey::from_jwk((*body)["jwk"]);
  if (!key) return respond(error_response(key.error()));
  if (const auto free = parts.devices.check_key(key->thumbprint()); !free)
    return respond(error_response(free.error()));
  store::Labels labels;
  const Json given = body->value("labels", Json::object());
  for (const auto& [name, value] : given.items()) {
    if (!value.is_string())
      return respond(error_response(
          Error{Code::label_malformed, "label " + printable(name, 64) + " is no text", 0}));
    labels[name] = value.get<std::string>();
  }
  if (auto good = check_labels(labels); !good) return respond(error_response(good.error()));
  auto device = issuer::key_device(*key, parts.clock.now());
  device.labels = Json(labels).dump();
  parts.devices.change([device](store::DeviceStore& store) { return store.add(device); },
                       [respond](const Result<store::DeviceRecord>& added) {
                         if (!added) return respond(error_response(added.error()));
                         answer_with(respond, Json{{"client_id", added->id}, {"jkt", added->jkt}});
                       });
}

void invite(const DeviceParts& parts, const http::Request& request, const http::Respond& respond) {
  store::Invite invite;
  std::int64_t life = 0;
  const auto read = read_request(request, [&](ObjectReader& reader) {
    invite.labels = labels_in(reader, "labels");
    life = reader.integer("expires_in", 60, 30 * day, day);
  });
  if (!read) return respond(error_response(read.error()));
  if (auto good = check_labels(invite.labels); !good) return respond(error_response(good.error()));
  const Moment now = parts.clock.now();
  const std::string code = issuer::new_invite_code();
  invite.code_hash = issuer::hash_of_code(code);
  invite.expires_at = now + std::chrono::seconds(life);
  (void)parts.store.forget_before(now - std::chrono::hours(24)).has_value();
  if (auto written = parts.store.invite(invite); !written)
    return respond(error_response(written.error()));
  answer_with(respond, Json{{"code", code}, {"expires_at", to_unix(invite.expires_at)}});
}

}  // namespace

void add_device_changes(http::Router& router, const DeviceParts& parts) {
  using Change = void (*)(const DeviceParts&, const http::Request&, const http::Respond&);
  const auto on = [&](const char* name, Change carry_out) {
    router.on("POST", std::string("/admin/v1/devices/") + name,
              [parts, carry_out](const http::Request& request, const http::Respond& respond) {
                carry_out(parts, request, respond);
              });
  };
  on("approve", &approve);
  on("expect", &expect);
  on("revoke", &revoke);
  on("reinstate", &reinstate);
  on("label", &label);
  on("attest", &attest);
  on("add", &add);
  on("invite", &invite);
}

}  // namespace mintmark::admin
