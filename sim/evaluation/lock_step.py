"""Episodes in which the plant waits for the controller: every step of the budget is taken."""

from __future__ import annotations

from sim.evaluation.driver import Driver
from sim.evaluation.episode import Episode, EpisodeLog
from sim.plants import Plant
from vgf_robot.controller import Budget
from vgf_robot.errors import ServerError


def run_lock_step(plant: Plant, driver: Driver, budget: Budget, seeds: tuple[int, int]) -> Episode:
    """Run one episode without a deadline.

    Args:
        plant: What is controlled.
        driver: Who controls it.
        budget: What each request may spend.
        seeds: The plant's and the controller's.

    Raises:
        ServerError: No answer came; a plant that waits would wait for ever.
    """
    plant_seed, controller_seed = seeds
    log, done = EpisodeLog(), False
    observation = plant.reset(plant_seed)
    driver.begin_episode(controller_seed)
    while not done:
        answer = driver.act(observation, budget, None)
        if answer is None:
            raise ServerError("The server gave no answer in a lock-step episode; see its output for why.")
        log.answer(answer, in_time=True)
        transition = plant.apply(answer.command.action)
        log.period(transition)
        observation, done = transition.observation, transition.done
    return log.finish()
