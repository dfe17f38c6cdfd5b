// Monotonic time, and sleeping until a moment of it.
#pragma once

#include <cerrno>
#include <cstdint>
#include <ctime>

using Nanoseconds = std::int64_t;

constexpr Nanoseconds kMicrosecond = 1'000;
constexpr Nanoseconds kSecond = 1'000'000'000;

inline Nanoseconds now_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
}

inline timespec as_timespec(Nanoseconds time_ns) {
    return {static_cast<time_t>(time_ns / kSecond), static_cast<long>(time_ns % kSecond)};
}

// Sleeps until a moment, not for a time: a late period moves none of those after it. A signal ends it early.
inline void sleep_until(Nanoseconds moment_ns) {
    const timespec moment = as_timespec(moment_ns);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nullptr);
}
