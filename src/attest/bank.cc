#include "attest/bank.h"

#include "attest/digest.h"

namespace mintmark::attest {

Bytes Bank::digest(BytesView octets) const { return digest_by(md(), octets); }

Bytes Bank::extend(BytesView old, BytesView digest) const {
  Bytes both(old.begin(), old.end());
  both.insert(both.end(), digest.begin(), digest.end());
  return this->digest(both);
}

const Bank* bank_of(std::uint16_t id) {
  for (const Bank& bank : banks) {
    if (bank.id == id) return &bank;
  }
  return nullptr;
}

const Bank* bank_named(std::string_view name) {
  for (const Bank& bank : banks) {
    if (bank.name == name) return &bank;
  }
  return nullptr;
}

Bytes initial_pcr(const Bank& bank, unsigned pcr) {
  return Bytes(bank.size, pcr >= 17 && pcr <= 22 ? 0xFF : 0x00);
}

}  // namespace mintmark::attest
