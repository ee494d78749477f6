#include <atomic>
#include <utility>

#include "base/bytes.h"
#include "base/json.h"
#include "base/mutex.h"
#include "store/boot_rows.h"
#include "store/device_rows.h"
#include "store/news_rows.h"
#include "store/schema.h"
#include "store/store.h"

namespace mintmark::store {
namespace {

Result<void> change_labels(DeviceRecord& device, const Labels& set,
                           const std::vector<std::string>& remove) {
  auto labels = parse_json(device.labels);
  if (!labels || !labels->is_object())
    return fail(Code::store_failed, "the labels of device " + device.id + " are no JSON object");
  for (const auto& [name, value] : set) (*labels)[name] = value;
  for (const std::string& name : remove) labels->erase(name);
  device.labels = labels->dump();
  return {};
}

// What an attestation says replaces what an earlier one said; who the device is and what operators
// said of it stays.
DeviceRecord merged(const std::optional<DeviceRecord>& known, const DeviceRecord& attested) {
  if (!known) return attested;
  DeviceRecord device = *known;
  device.jkt = attested.jkt;
  device.public_jwk = attested.public_jwk;
  device.facts_before = std::exchange(device.facts, attested.facts);
  device.root = attested.root;
  device.attested_at = attested.attested_at;
  device.fresh_for = attested.fresh_for;
  device.evidence_ended_at = {};
  device.evidence_ended_why.clear();
  return device;
}

bool is_in(const std::optional<DeviceRecord>& known) {
  return known && (known->state == "approved" || known->state == "enrolled");
}

void enrol(DeviceRecord& device) {
  device.state = "enrolled";
  device.pending_from.clear();
  device.pending_since = {};
  if (device.enrolled_at == Moment{}) device.enrolled_at = device.attested_at;
}

class SqliteDeviceStore final : public DeviceStore {
 public:
  SqliteDeviceStore(Database writer, Database reader)
      : writer_(std::move(writer)), reader_(std::move(reader)) {}

  Result<DeviceRecord> admit(const Admission& admission) override {
    return change([&](DeviceRows& rows) MINTMARK_REQUIRES(writing_) -> Result<DeviceRecord> {
      if (auto used = use_ticket(rows, admission); !used) return pass_on(used);
      const auto known = known_and_not_revoked(rows, admission.device);
      if (!known) return tl::unexpected<Error>(known.error());
      DeviceRecord attested = admission.device;
      if (*known && admission.follow) {
        if (auto follows = admission.follow(**known, attested); !follows) return pass_on(follows);
      }
      const auto judged = judge_boot(admission, *known);
      if (!judged) return tl::unexpected<Error>(judged.error());
      auto device = admitted(rows, admission, attested, *known, *judged);
      if (!device || !*judged) return device;
      // The row first: what was booted refers to it.
      if (auto written = put(rows, *device); !written) return pass_on(written);
      if (auto kept = put_boot(writer_, device->id, (*judged)->boot); !kept) return pass_on(kept);
      return device;
    });
  }

  Result<DeviceRecord> admit_invited(const Admission& admission,
                                     const std::string& code_hash) override {
    return change([&](DeviceRows& rows) MINTMARK_REQUIRES(writing_) -> Result<DeviceRecord> {
      if (auto used = use_ticket(rows, admission); !used) return pass_on(used);
      const auto known = known_and_not_revoked(rows, admission.device);
      if (!known) return tl::unexpected<Error>(known.error());
      DeviceRecord device = merged(*known, admission.device);
      auto labels = use_invite(code_hash, admission.device.attested_at);
      if (!labels) return pass_on(labels);
      if (auto changed = change_labels(device, *labels, {}); !changed) return pass_on(changed);
      enrol(device);
      return device;
    });
  }

  Result<DeviceRecord> add(const DeviceRecord& added) override {
    return change([&](DeviceRows& rows) -> Result<DeviceRecord> {
      const auto known = known_and_not_revoked(rows, added);
      if (!known) return tl::unexpected<Error>(known.error());
      if (*known) {
        return fail(Code::device_exists, "this key is device " + (*known)->id + " already");
      }
      DeviceRecord device = added;
      enrol(device);
      return device;
    });
  }

  Result<DeviceRecord> approve(const std::string& fingerprint, const Labels& labels) override {
    return change([&](DeviceRows& rows) -> Result<DeviceRecord> {
      auto found = rows.pending_with(fingerprint);
      if (!found) return pass_on(found);
      if (found->size() > 1) {
        return fail(Code::fingerprint_ambiguous,
                    "more than one device that waits begins so; give the whole fingerprint");
      }
      if (found->empty()) return nobody_waits(rows, fingerprint);
      DeviceRecord device = std::move(found->front());
      device.state = "approved";
      if (auto changed = change_labels(device, labels, {}); !changed) return pass_on(changed);
      return device;
    });
  }

  Result<DeviceRecord> expect(const std::string& format, const std::string& identity,
                              const std::string& new_id, const Labels& labels) override {
    return change([&](DeviceRows& rows) -> Result<DeviceRecord> {
      auto known = rows.by_identity(format, identity);
      if (!known) return pass_on(known);
      DeviceRecord device = known->value_or(DeviceRecord{});
      if (!*known) {
        device.id = new_id;
        device.format = format;
        device.identity = identity;
        device.public_jwk = "{}";
        device.facts = Json{{"format", format}, {"key_protection", "unproven"}}.dump();
      } else if (device.state == "revoked") {
        return wrong_state(device, "reinstate it first: mintctl devices reinstate " + device.id);
      }
      if (device.state != "enrolled") device.state = "approved";
      if (auto changed = change_labels(device, labels, {}); !changed) return pass_on(changed);
      return device;
    });
  }

  Result<DeviceRecord> revoke(const std::string& id, const std::string& why, Moment now) override {
    return change_one(id, [&](DeviceRecord& device) -> Result<void> {
      if (device.state == "revoked") return {};
      device.state = "revoked";
      device.revoked_at = now;
      device.revoked_why = why;
      device.pending_from.clear();
      device.pending_since = {};
      return {};
    });
  }

  Result<DeviceRecord> reinstate(const std::string& id) override {
    return change_one(id, [](DeviceRecord& device) -> Result<void> {
      if (device.state != "revoked") return wrong_state(device, "only a revoked one is reinstated");
      device.state = device.format == "key" ? "enrolled" : "approved";
      device.revoked_at = {};
      device.revoked_why.clear();
      return {};
    });
  }

  Result<DeviceRecord> label(const std::string& id, const Labels& set,
                             const std::vector<std::string>& remove) override {
    return change_one(id, [&](DeviceRecord& device) { return change_labels(device, set, remove); });
  }

  Result<DeviceRecord> end_evidence(const std::string& id, const std::string& why,
                                    Moment now) override {
    return change_one(id, [&](DeviceRecord& device) -> Result<void> {
      if (device.state != "enrolled")
        return wrong_state(device, "only an enrolled one has evidence to renew");
      if (device.format == "key") return wrong_state(device, "and a bare key, with no evidence");
      if (device.evidence_ended_at != Moment{}) return {};
      device.evidence_ended_at = now;
      device.evidence_ended_why = why;
      return {};
    });
  }

  Result<void> invite(const Invite& invite) override {
    const MutexLock lock(writing_);
    auto statement =
        writer_.prepare("INSERT INTO invite (code_hash, labels, expires_at) VALUES (?, ?, ?)");
    if (!statement) return pass_on(statement);
    const std::string labels = Json(invite.labels).dump();
    return statement->bind(invite.code_hash).bind(labels).bind(to_unix(invite.expires_at)).run();
  }

  Result<std::optional<DeviceRecord>> find(const std::string& id) const override {
    const MutexLock lock(reading_);
    return DeviceRows(reader_).by_id(id);
  }

  Result<std::vector<DeviceRecord>> list() const override {
    const MutexLock lock(reading_);
    return DeviceRows(reader_).all();
  }

  Result<Boots> boots(const std::string& id) const override {
    const MutexLock lock(reading_);
    return read_boots(reader_, id);
  }

  Result<void> forget_before(Moment moment) override {
    const MutexLock lock(writing_);
    for (const char* sql : {"DELETE FROM used_ticket WHERE expires_at < ?",
                            "DELETE FROM invite WHERE expires_at < ?"}) {
      auto statement = writer_.prepare(sql);
      if (!statement) return pass_on(statement);
      if (auto run = statement->bind(to_unix(moment)).run(); !run) return run;
    }
    return {};
  }

  void keep_news() override { keeps_news_ = true; }

  Result<std::vector<DeviceChange>> news(std::size_t most) const override {
    const MutexLock lock(reading_);
    return read_news(reader_, most);
  }

  Result<void> forget_news(std::int64_t up_to) override {
    const MutexLock lock(writing_);
    return store::forget_news(writer_, up_to);
  }

 private:
  /// In one transaction: `decide` gives the row as it is to stand.
  template <typename Decide>
  Result<DeviceRecord> change(Decide decide) {
    const MutexLock lock(writing_);
    auto transaction = Transaction::begin(writer_);
    if (!transaction) return pass_on(transaction);
    DeviceRows rows(writer_);
    Result<DeviceRecord> device = decide(rows);
    if (!device) return device;
    if (auto written = put(rows, *device); !written) return pass_on(written);
    if (auto committed = transaction->commit(); !committed) return pass_on(committed);
    return device;
  }

  /// With its news, where somebody wants them.
  Result<void> put(DeviceRows& rows, const DeviceRecord& device) MINTMARK_REQUIRES(writing_) {
    if (!keeps_news_) return rows.put(device);
    const auto before = rows.by_id(device.id);
    if (!before) return tl::unexpected<Error>(before.error());
    if (auto written = rows.put(device); !written || !*before) return written;
    return put_news(writer_, **before, device);
  }

  template <typename Edit>
  Result<DeviceRecord> change_one(const std::string& id, Edit edit) {
    return change([&](DeviceRows& rows) -> Result<DeviceRecord> {
      auto known = rows.by_id(id);
      if (!known) return pass_on(known);
      if (!*known) return fail(Code::device_not_found, "there is no device " + printable(id));
      if (auto edited = edit(**known); !edited) return pass_on(edited);
      return std::move(**known);
    });
  }

  Result<std::optional<JudgedBoot>> judge_boot(const Admission& admission,
                                               const std::optional<DeviceRecord>& known)
      MINTMARK_REQUIRES(writing_) {
    if (!admission.judge_boot) return std::optional<JudgedBoot>();
    if (!known) return std::optional(admission.judge_boot(nullptr, nullptr));
    const auto boots = read_boots(writer_, known->id);
    if (!boots) return tl::unexpected<Error>(boots.error());
    return std::optional(admission.judge_boot(&*known, boots->good ? &*boots->good : nullptr));
  }

  static Result<DeviceRecord> admitted(DeviceRows& rows, const Admission& admission,
                                       const DeviceRecord& attested,
                                       const std::optional<DeviceRecord>& known,
                                       const std::optional<JudgedBoot>& judged) {
    const bool refused = judged && !judged->boot.refused.empty();
    if (refused && is_in(known)) {
      DeviceRecord device = *known;
      device.boot = judged->outcome;
      if (judged->may_pass_later) return device;
      device.evidence_ended_at = attested.attested_at;
      device.evidence_ended_why = judged->boot.refused;
      return device;
    }
    DeviceRecord device = merged(known, attested);
    if (judged) {
      device.fresh_for = judged->fresh_for;
      device.boot = judged->outcome;
    }
    if (!refused && (is_in(known) || admission.mode == EnrolmentMode::open)) {
      if (auto room = room_for(rows, admission, is_in(known)); !room) return pass_on(room);
      enrol(device);
      return device;
    }
    if (!is_in(known) && admission.mode == EnrolmentMode::listed) {
      return fail(Code::enrolment_not_listed,
                  "this device is not one of those that may enrol here; its operator can name it: "
                  "mintctl devices expect " +
                      (device.format == "tpm2" ? "" : "--format " + device.format + " ") +
                      device.identity);
    }
    return wait_for_approval(rows, admission, std::move(device), known.has_value());
  }

  static Result<void> room_for(DeviceRows& rows, const Admission& admission, bool is_in) {
    if (is_in) return {};
    const auto fresh = rows.count_of_root_since(
        admission.device.root, admission.device.attested_at - std::chrono::hours(1));
    if (!fresh) return tl::unexpected<Error>(fresh.error());
    if (*fresh < admission.new_per_root_per_hour) return {};
    return fail(Code::enrolment_rate,
                "as many devices of this root enrolled within the last hour as may "
                "(enrolment.new_per_root_per_hour); come again later");
  }

  static tl::unexpected<Error> wrong_state(const DeviceRecord& device, const std::string& advice) {
    return fail(Code::device_state_wrong,
                "device " + device.id + " is " + device.state + "; " + advice);
  }

  static tl::unexpected<Error> nobody_waits(DeviceRows& rows, const std::string& fingerprint) {
    const auto known = rows.with_identity(fingerprint);
    if (known && *known) return wrong_state(**known, "only a pending one is approved");
    return fail(Code::fingerprint_unknown,
                "no device with this fingerprint waits; mintctl devices list shows those that do, "
                "mintctl devices expect names one before it comes");
  }

  static Result<void> use_ticket(DeviceRows& rows, const Admission& admission) {
    const auto first = rows.use_ticket(admission.ticket_hash, admission.ticket_expires);
    if (!first) return tl::unexpected<Error>(first.error());
    if (*first) return {};
    return fail(Code::ticket_used, "this ticket was used before; begin the enrolment anew");
  }

  static Result<std::optional<DeviceRecord>> known_and_not_revoked(DeviceRows& rows,
                                                                   const DeviceRecord& device) {
    auto known = rows.by_identity(device.format, device.identity);
    if (!known || !*known || (*known)->state != "revoked") return known;
    return fail(Code::enrolment_revoked,
                "this device was revoked and stays so, whatever it attests; its operator can "
                "reinstate it: mintctl devices reinstate " +
                    (*known)->id);
  }

  static Result<DeviceRecord> wait_for_approval(DeviceRows& rows, const Admission& admission,
                                                DeviceRecord device, bool waits_already) {
    const Moment now = device.attested_at;
    if (auto forgotten = rows.forget_pending_before(now - admission.limits.keep); !forgotten)
      return pass_on(forgotten);
    if (!waits_already) {
      const auto of_root = rows.count_pending_of_root(device.root);
      const auto from_there = rows.count_pending_from(admission.address);
      if (!of_root) return tl::unexpected<Error>(of_root.error());
      if (!from_there) return tl::unexpected<Error>(from_there.error());
      if (*of_root >= admission.limits.per_root || *from_there >= admission.limits.per_address) {
        return fail(Code::enrolment_pending_full,
                    "too many devices of this manufacturer or address wait for approval; come "
                    "again when the operator has looked at them");
      }
      device.pending_since = now;
    }
    device.state = "pending";
    device.pending_from = admission.address;
    if (device.pending_since == Moment{}) device.pending_since = now;
    return device;
  }

  /// The labels it brings.
  Result<Labels> use_invite(const std::string& code_hash, Moment now) MINTMARK_REQUIRES(writing_) {
    auto statement =
        writer_.prepare("SELECT labels, expires_at, used FROM invite WHERE code_hash = ?");
    if (!statement) return pass_on(statement);
    auto row = statement->bind(code_hash).step();
    if (!row) return pass_on(row);
    if (!*row) return fail(Code::invite_invalid, "this code is none of ours, or long expired");
    if (statement->integer(2) != 0) return fail(Code::invite_used, "this code was used before");
    if (now >= from_unix(statement->integer(1)))
      return fail(Code::invite_expired, "this code has expired; ask for a new one");
    const auto labels = parse_json(statement->text(0));
    if (!labels || !labels->is_object())
      return fail(Code::store_failed, "the labels of an invite cannot be read");
    auto use = writer_.prepare("UPDATE invite SET used = 1 WHERE code_hash = ?");
    if (!use) return pass_on(use);
    if (auto run = use->bind(code_hash).run(); !run) return pass_on(run);
    return labels->get<Labels>();
  }

  std::atomic<bool> keeps_news_ = false;
  Mutex writing_;
  Database writer_ MINTMARK_GUARDED_BY(writing_);
  mutable Mutex reading_;
  mutable Database reader_ MINTMARK_GUARDED_BY(reading_);
};

}  // namespace

Result<std::unique_ptr<DeviceStore>> open_device_store(const std::string& path, unsigned mode) {
  auto writer = open_database(path, mode, device_schema());
  if (!writer) return pass_on(writer);
  auto reader = open_database(path, mode, device_schema());
  if (!reader) return pass_on(reader);
  return std::make_unique<SqliteDeviceStore>(std::move(*writer), std::move(*reader));
}

}  // namespace mintmark::store
