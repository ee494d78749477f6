#include "jose/file_key.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/secret.h"

namespace mintmark::jose {
namespace {

using Pair = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

constexpr std::size_t longest_file = 16U << 10U;

// A file, and how to speak of it.
struct Place {
  const std::filesystem::path& file;
  const FileKey::Words& words;

  [[nodiscard]] tl::unexpected<Error> unfit(const std::string& what) const {
    return fail(words.code, std::string(words.name) + " " + file.string() + " " + what);
  }
};

Result<UniqueFd> open_private(const Place& at) {
  UniqueFd fd(::open(at.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return at.unfit("cannot be opened: " + errno_text(errno));
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0) return at.unfit("cannot be judged: " + errno_text(errno));
  if (!S_ISREG(facts.st_mode)) return at.unfit("is no regular file");
  if (facts.st_uid != geteuid()) return at.unfit("belongs to another user");
  if ((facts.st_mode & 077U) != 0) {
    return at.unfit(
        "is open to others than its owner: they may have read it; make a new one (remove it and "
        "register again), and have the operator revoke this one");
  }
  return fd;
}

// A key that asks for a passphrase would wait at a terminal that nobody sits at.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

SoftwarePair parse(const Secret& pem) {
  const BytesView text = pem.view();
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
  Pair pair(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr) : nullptr,
            &EVP_PKEY_free);
  if (!pair) ERR_clear_error();
  return pair ? SoftwarePair(std::move(pair)) : nullptr;
}

Result<Secret> new_key_pem(const Place& at) {
  const SoftwarePair pair = new_pair();
  // In OpenSSL's own secure memory where it is set up; wiped when freed in any case.
  const Bio bio(BIO_new(BIO_s_secmem()), &BIO_free);
  char* text = nullptr;
  if (!pair || !bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), static_cast<EVP_PKEY*>(pair.get()), nullptr, nullptr,
                                    0, nullptr, nullptr) != 1) {
    return at.unfit("was not made: OpenSSL made no EC P-256 key");
  }
  const long size = BIO_get_mem_data(bio.get(), &text);
  return Secret(std::string_view(text, static_cast<std::size_t>(size)));
}

}  // namespace

Result<FileKey> FileKey::open(const std::filesystem::path& file, const Words& words) {
  const Place at{file, words};
  const auto fd = open_private(at);
  if (!fd) return tl::unexpected<Error>(fd.error());
  auto text = read_fd(fd->get(), longest_file);
  if (!text) return at.unfit("cannot be read: " + text.error().detail);
  const Secret pem = Secret::take(*text);
  SoftwarePair pair = parse(pem);
  if (!pair) return at.unfit("is no private key in PEM without a passphrase");
  auto public_key = public_half(pair);
  if (!public_key || public_key->algorithm() != Algorithm::es256)
    return at.unfit("is no EC P-256 key");
  return FileKey(std::move(pair), std::move(*public_key), words);
}

Result<FileKey> FileKey::open_or_make(const std::filesystem::path& file, const Words& words) {
  const Place at{file, words};
  struct stat facts {};
  // What is there is judged, never replaced: it may be the only copy of a key that is in use.
  if (lstat(file.c_str(), &facts) == 0) return open(file, words);
  if (errno != ENOENT) return at.unfit("cannot be judged: " + errno_text(errno));
  const auto pem = new_key_pem(at);
  if (!pem) return tl::unexpected<Error>(pem.error());
  if (auto written = write_file_atomically(file, as_text(pem->view()), 0600); !written)
    return pass_on(written);
  return open(file, words);
}

Result<Bytes> FileKey::sign(BytesView octets) {
  auto signature = sign_es256(pair_, octets);
  if (!signature)
    return fail(words_.code, "OpenSSL made no signature with " + std::string(words_.name));
  return std::move(*signature);
}

}  // namespace mintmark::jose
