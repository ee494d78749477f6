// Stands in a program's place and becomes it, with an environment that its starter would not give:
// NAME.real beside it, and the lines NAME=VALUE of `environment` there.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

int main(int /*argc*/, char** argv) {
  const std::string self = argv[0];
  std::ifstream environment(self.substr(0, self.rfind('/') + 1) + "environment");
  for (std::string line; std::getline(environment, line);) {
    const auto equals = line.find('=');
    if (equals != std::string::npos)
      setenv(line.substr(0, equals).c_str(), line.c_str() + equals + 1, 1);
  }
  execv((self + ".real").c_str(), argv);
  std::perror(self.c_str());
  return 127;
}
