// CURVE keys: 40 characters of Z85 each, read from files so that no secret stands in the list of processes.
#pragma once

#include <optional>
#include <string>

struct Keys {
    std::string server_public, own_public, own_secret;
};

// Reads the files; no file at all means no keys, and the public key may be left out since it follows from the secret.
// Throws Failure.
std::optional<Keys> read_keys(const std::string& server_file, const std::string& public_file,
                              const std::string& secret_file);
