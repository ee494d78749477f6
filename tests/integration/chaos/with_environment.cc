// Stands where mintd looks for a program of its own, since mintd gives its children an environment
// that nobody else adds to: beside it lies NAME.env, whose first line is the program that it
// becomes, and each further line NAME=VALUE.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

int main(int /*argc*/, char** argv) {
  std::array<char, 4096> self{};
  if (readlink("/proc/self/exe", self.data(), self.size() - 1) < 0) return 126;
  std::ifstream file(std::string(self.data()) + ".env");
  std::string program;
  std::getline(file, program);
  for (std::string line; std::getline(file, line);) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) return 126;
    setenv(line.substr(0, equals).c_str(), line.substr(equals + 1).c_str(), 1);
  }
  execv(program.c_str(), argv);
  std::perror(program.c_str());
  return 126;
}
