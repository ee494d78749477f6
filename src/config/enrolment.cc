#include "config/enrolment.h"

#include <set>

#include "config/formats.h"
#include "config/trust_files.h"

namespace mintmark::config {
namespace {

constexpr std::int64_t day = 86400;

void read_pcrs(ObjectReader& tpm2, Tpm2Enrolment& enrolment) {
  enrolment.pcr_bank = tpm2.choice("pcr_bank", {"sha256", "sha384"}, "sha256");
  const auto pcrs = tpm2.integers("pcrs", 0, 23, std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7});
  if (tpm2.failed()) return;
  std::set<unsigned> seen;
  for (std::size_t i = 0; i < pcrs.size(); ++i) {
    if (!seen.insert(static_cast<unsigned>(pcrs[i])).second) {
      tpm2.refuse_element("pcrs", i, "stands twice; each PCR must stand once");
    }
  }
  if (seen.empty()) tpm2.refuse("pcrs", "must name at least one PCR, from 0 to 23");
  enrolment.pcrs.assign(seen.begin(), seen.end());
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void read_ek_kinds(ObjectReader& tpm2, Tpm2Enrolment& enrolment) {
  const auto kind_named = [](const std::string& name) {
    return name == "ecc" ? EkKind::ecc : EkKind::rsa;
  };
  enrolment.ek_kind = kind_named(tpm2.choice("ek_kind", {"rsa", "ecc"}, "rsa"));
  tpm2.text_members("ek_kind_by_root", [&](const std::string& root, const std::string& name) {
    if (!is_sha256(root)) {
      tpm2.refuse("ek_kind_by_root",
                  "must have SHA-256 values of roots as names, 64 digits in lower case");
    }
    if (name != "rsa" && name != "ecc") {
      tpm2.refuse("ek_kind_by_root", R"(must have "rsa" or "ecc" for each root)");
    }
    enrolment.ek_kind_by_root[root] = kind_named(name);
  });
}

void read_pending(ObjectReader& enrolment, PendingDevices& pending) {
  enrolment.object("pending", false, [&](ObjectReader& reader) {
    pending.per_root = static_cast<unsigned>(reader.integer("per_root", 1, 1'000'000, 1000));
    pending.per_address = static_cast<unsigned>(reader.integer("per_address", 1, 1'000'000, 16));
    pending.keep = std::chrono::seconds(reader.integer("keep_seconds", 60, 366 * day, 3 * day));
  });
}

Tpm2Enrolment read_tpm2(ObjectReader& tpm2, const Directory& directory) {
  Tpm2Enrolment read;
  read.taken = true;
  read.trust = read_trust(tpm2, "review", directory);
  read.ak_roots = read_roots(tpm2, "ak_roots", false, directory);
  read_ek_kinds(tpm2, read);
  read_pcrs(tpm2, read);
  return read;
}

}  // namespace

Enrolment read_enrolment(ObjectReader& root, const Directory& directory) {
  Enrolment read;
  root.object("enrolment", true, [&](ObjectReader& enrolment) {
    const std::string mode = enrolment.choice("mode", {"approve", "open", "listed"}, "approve");
    read.mode = mode == "open"     ? EnrolmentMode::open
                : mode == "listed" ? EnrolmentMode::listed
                                   : EnrolmentMode::approve;
    read_pending(enrolment, read.pending);
    read.new_per_root_per_hour =
        static_cast<unsigned>(enrolment.integer("new_per_root_per_hour", 1, 1'000'000, 1000));
    read.freshness =
        std::chrono::seconds(enrolment.integer("freshness_seconds", 1, 366 * day, day));
    enrolment.object("tpm2", false,
                     [&](ObjectReader& tpm2) { read.tpm2 = read_tpm2(tpm2, directory); });
    read.formats = read_formats(enrolment, directory);
  });
  return read;
}

}  // namespace mintmark::config
