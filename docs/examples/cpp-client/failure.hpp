// What ends this program, as a sentence and an exit code: the codes are those of vgf-robot itself.
#pragma once

#include <stdexcept>
#include <string>

enum ExitCode { kDone = 0, kLimitNotMet = 1, kBadInput = 2, kPeerAtFault = 3, kInterrupted = 130 };

struct Failure : std::runtime_error {
    Failure(ExitCode exit_code, const std::string& sentence) : std::runtime_error(sentence), code(exit_code) {}
    ExitCode code;
};
