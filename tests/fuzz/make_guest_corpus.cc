// Writes tests/fuzz/corpus/{sev_snp,tdx} anew, from the makers of the tests.
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "support/snp_maker.h"
#include "support/tdx_maker.h"

namespace {

using namespace mintmark;

bool write(const std::filesystem::path& path, BytesView octets) {
  const auto written = write_file_atomically(path, as_text(octets), 0644);
  if (!written) std::fprintf(stderr, "%s\n", written.error().to_string().c_str());
  return written.has_value();
}

Bytes report_and_table(const test::SnpMaker& maker) {
  Bytes all = maker.report(Bytes(32, 0x42));
  const Bytes table = maker.table(maker.certificates());
  all.insert(all.end(), table.begin(), table.end());
  return all;
}

bool write_sev_snp(const std::filesystem::path& folder) {
  test::SnpMaker maker;
  const bool vcek = write(folder / "vcek.bin", report_and_table(maker));
  maker.key_options.vlek = true;
  const bool vlek = write(folder / "vlek.bin", report_and_table(maker));
  maker.key_options = {.product = "Turin-B0", .issued_as = "Turin"};
  maker.version = 5;
  return vcek && vlek && write(folder / "turin.bin", report_and_table(maker)) &&
         write(folder / "table.bin", maker.table(maker.certificates()));
}

bool write_tdx(const std::filesystem::path& folder) {
  test::TdxMaker maker;
  const Bytes data(32, 0x42);
  const bool v4 = write(folder / "quote4.bin", maker.quote(data));
  maker.version = 5;
  maker.tdx_15 = true;
  return v4 && write(folder / "quote5.bin", maker.quote(data)) &&
         write(folder / "report.bin", maker.local_report()) &&
         write(folder / "tcb_info.json", maker.response("tcbInfo", test::TdxMaker::tcb_info())) &&
         write(folder / "qe_identity.json",
               maker.response("enclaveIdentity", test::TdxMaker::qe_identity()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_guest_corpus FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  return write_sev_snp(folder / "sev_snp") && write_tdx(folder / "tdx") ? 0 : 1;
}
