// Words of a kernel's command line, as those who act on them read it. Private to this folder.
#pragma once

#include <string>
#include <string_view>

namespace mintmark::policy {

/// Whether the kernel itself takes these words from the line, next to one another. Its reading
/// (lib/cmdline.c, next_arg): an argument ends at a space of any kind outside double quotes, which
/// count for nothing around it or its value; "-" and "_" are alike in names; what stands behind
/// "--" is not for it. Words that end in "=" are the beginning of an argument.
[[nodiscard]] bool kernel_takes(std::string_view line, std::string_view words);

/// Whether anyone might read these words there: the kernel, or what runs after it and reads the
/// line in its own way (the scripts of an initramfs split inside quotes too, systemd knows single
/// quotes, both read on behind "--").
[[nodiscard]] bool anyone_might_read(std::string_view line, std::string_view words);

/// "" if the text holds a word that the kernel could take, otherwise what would be right.
[[nodiscard]] std::string wrong_with_words(std::string_view text);

}  // namespace mintmark::policy
