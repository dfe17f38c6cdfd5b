#include "keys.hpp"

#include <array>
#include <fstream>
#include <sys/stat.h>
#include <zmq.h>

#include "failure.hpp"

namespace {

constexpr std::size_t kKeyLength = 40;

// One line of 40 characters, as `vgf-robot keygen` writes them. What was found is not shown: it may be a secret.
std::string read_key(const std::string& path) {
    std::ifstream file(path);
    std::string key, more;
    if (!(file >> key) || key.size() != kKeyLength || file >> more)
        throw Failure(kBadInput, path + ": expected one line with a CURVE key of 40 characters, found none; make keys "
                                        "with `vgf-robot keygen`.");
    return key;
}

std::string read_secret(const std::string& path) {
    struct stat facts{};
    if (stat(path.c_str(), &facts) == 0 && (facts.st_mode & 077) != 0)
        throw Failure(kBadInput, path + ": others can read this secret key, expected mode 0600; make a new one.");
    return read_key(path);
}

std::string public_of(const std::string& secret) {
    std::array<char, kKeyLength + 1> key{};
    if (zmq_curve_public(key.data(), secret.c_str()) != 0)
        throw Failure(kBadInput, "The secret key is no CURVE key, or this ZeroMQ was built without CURVE; make keys with "
                                 "`vgf-robot keygen`.");
    return key.data();
}

}  // namespace

std::optional<Keys> read_keys(const std::string& server_file, const std::string& public_file,
                              const std::string& secret_file) {
    if (server_file.empty() && public_file.empty() && secret_file.empty()) return std::nullopt;
    if (server_file.empty() || secret_file.empty())
        throw Failure(kBadInput, "keys go together; give both --server-key and --secret-key.");
    const std::string secret = read_secret(secret_file);
    return Keys{read_key(server_file), public_file.empty() ? public_of(secret) : read_key(public_file), secret};
}
