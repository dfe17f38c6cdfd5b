// What the command line says.
#pragma once

#include <optional>
#include <string>

#include "messages.hpp"

struct Arguments {
    std::string endpoint = "tcp://127.0.0.1:5555";
    double seconds = 10;
    double deadline_share = 0.7;  // of the period, from its beginning: the server is asked to answer by then
    double wait_share = 0.9;      // likewise: this program waits no longer
    double connect_s = 2;
    double give_up_s = 2;
    std::optional<double> max_miss_rate;
    bool engage = false;
    Expectations expect;
    std::string server_key, public_key, secret_key;  // files
    bool help = false;
};

extern const char* const kUsage;

// Throws Failure.
Arguments parse_arguments(int argc, char** argv);
