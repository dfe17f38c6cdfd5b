#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <ostream>

void Report::period(const std::optional<Answer>& answer, const Command& command) {
    ++asked_;
    held_ += command.source == Source::kHeld;
    safe_ += command.source == Source::kSafe;
    standby_ += command.source == Source::kStandby;
    if (!answer) return;
    round_trips_ns_.push_back(answer->round_trip_ns);
    steps_ += answer->act.steps;
    // The rungs `hold` and `safe` of the server's ladder do not use the observation.
    const bool of_observation = answer->act.rung != "hold" && answer->act.rung != "safe";
    fresh_ += of_observation && answer->act.status != "late" && answer->act.engagement != "fault";
}

double Report::miss_rate() const {
    return periods() == 0 ? 0.0 : 1.0 - static_cast<double>(fresh_) / static_cast<double>(periods());
}

void Report::print(std::ostream& out, const Session& session) const {
    out << "periods: " << periods() << "\n"
        << "skipped: " << skipped_ << "\n"
        << "answered: " << num_answered() << "\n"
        << "fresh: " << fresh_ << "\n"
        << "missed: " << periods() - fresh_ << "\n"
        << "held: " << held_ << "\n"
        << "safe: " << safe_ << "\n"
        << "standby: " << standby_ << "\n"
        << "dropped replies: " << session.num_dropped() << "\n";
    for (const auto& [kind, count] : session.errors()) out << "error " << kind << ": " << count << "\n";
    if (round_trips_ns_.empty()) return;
    std::sort(round_trips_ns_.begin(), round_trips_ns_.end());
    out << "mean steps: " << static_cast<double>(steps_) / static_cast<double>(num_answered()) << "\n"
        << std::fixed << std::setprecision(3) << "round trip ms: p50 " << static_cast<double>(round_trip_ns(0.5)) / 1e6
        << ", p95 " << static_cast<double>(round_trip_ns(0.95)) / 1e6 << ", p99 "
        << static_cast<double>(round_trip_ns(0.99)) / 1e6 << ", max "
        << static_cast<double>(round_trips_ns_.back()) / 1e6 << "\n";
}

Nanoseconds Report::round_trip_ns(double quantile) const {
    const double rank = quantile * static_cast<double>(round_trips_ns_.size() - 1);
    return round_trips_ns_[static_cast<std::size_t>(std::lround(rank))];
}
