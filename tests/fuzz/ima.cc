// Any octets as an IMA log: refused with a code, or judged good against what they themselves
// extend.
#include "attest/ima/ima.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

// As kernels of today extend a bank.
Bytes extended_by(const attest::ima::Log& log, const attest::Bank& bank) {
  Bytes value(bank.size);
  for (const attest::ima::Entry& entry : log.entries) {
    if (entry.pcr != 10) continue;
    Bytes digest(bank.size);
    if (entry.violation)
      digest.assign(bank.size, 0xFF);
    else if (!entry.hashed.empty())
      digest = bank.digest(entry.hashed);
    else if (entry.listed.size() == bank.size)
      digest = entry.listed;
    value = bank.extend(value, digest);
  }
  return value;
}

void run_ima(BytesView octets) {
  const auto log = attest::ima::parse(octets);
  if (!log) {
    require(log.error().code == Code::ima_malformed || log.error().code == Code::ima_too_long);
    return;
  }
  require(!log->entries.empty());
  for (const char* const name : {"sha1", "sha256"}) {
    const attest::Bank& bank = *attest::bank_named(name);
    Bytes quoted = extended_by(*log, bank);
    const bool touched = quoted != Bytes(bank.size);
    const auto summary = attest::ima::judge(*log, name, quoted);
    require(summary.has_value() == touched);
    if (!summary) continue;
    attest::BootRecord record;
    record.bank = name;
    record.ima = *summary;
    require(!to_json(record).dump().empty());
    quoted[0] ^= 1U;
    require(!attest::ima::judge(*log, name, quoted));
  }
}

const Registered ima_target{{"ima", &run_ima}};

}  // namespace
}  // namespace mintmark::fuzz
