#include "robot.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "failure.hpp"

SimulatedSensor::SimulatedSensor(const std::vector<Field>& fields) {
    for (const Field& field : fields) {
        low_.insert(low_.end(), field.low.begin(), field.low.end());
        high_.insert(high_.end(), field.high.begin(), field.high.end());
    }
}

std::vector<float> SimulatedSensor::read(double time_s) const {
    std::vector<float> entries;
    for (std::size_t i = 0; i < low_.size(); ++i) {
        const double share = 0.5 + 0.4 * std::sin(2.0 * time_s + static_cast<double>(i));
        entries.push_back(static_cast<float>(low_[i] + share * (high_[i] - low_[i])));
    }
    return entries;
}

Receiver::Receiver(const Welcome& welcome)
    : absolute_(welcome.action_kind == "absolute"),
      safe_(welcome.safe_action.begin(), welcome.safe_action.end()),
      rate_limit_(welcome.action_rate_limit),
      period_s_(welcome.control_period_s) {}

Command Receiver::step(const std::optional<Answer>& answer, Nanoseconds now_ns) {
    return answer ? with(*answer, now_ns) : without(now_ns);
}

Command Receiver::with(const Answer& answer, Nanoseconds now_ns) {
    if (answer.act.action.size() != safe_.size())
        throw Failure(kPeerAtFault, "the server sent an action of " + std::to_string(answer.act.action.size()) +
                                        " entries, expected " + std::to_string(safe_.size()) + ".");
    if (answer.valid_until_ns == 0) {  // engagement withholds it
        last_.reset();
        return {stillness(), Source::kStandby};
    }
    std::vector<float> action = answer.act.action;
    if (last_ && (astray_ || answer.act.episode_tick == 1)) {
        action = toward(action, now_ns);
        astray_ = action != answer.act.action;
    }
    valid_until_ns_ = answer.valid_until_ns;
    return send(std::move(action), Source::kAnswer, now_ns);
}

Command Receiver::without(Nanoseconds now_ns) {
    if (!last_) return {stillness(), Source::kStandby};
    if (absolute_ && now_ns < valid_until_ns_) return {last_, Source::kHeld};
    astray_ = true;
    return send(toward(safe_, now_ns), Source::kSafe, now_ns);
}

Command Receiver::send(std::vector<float> action, Source source, Nanoseconds now_ns) {
    last_ = action;
    last_ns_ = now_ns;
    return {std::move(action), source};
}

std::optional<std::vector<float>> Receiver::stillness() const {
    if (absolute_) return std::nullopt;
    return safe_;
}

std::vector<float> Receiver::toward(const std::vector<float>& goal, Nanoseconds now_ns) const {
    if (!last_ || !rate_limit_) return goal;
    const double passed_s = std::min(static_cast<double>(now_ns - last_ns_) / 1e9, period_s_);
    std::vector<float> point = *last_;
    for (std::size_t i = 0; i < point.size(); ++i) {
        const double most = (*rate_limit_)[i] * passed_s;
        const double way = static_cast<double>(goal[i]) - static_cast<double>(point[i]);
        point[i] = static_cast<float>(static_cast<double>(point[i]) + std::clamp(way, -most, most));
    }
    return point;
}
