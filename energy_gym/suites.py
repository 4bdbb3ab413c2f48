"""Where ``Suite`` and ``Task`` are found at the top of the package; they live in `energy_gym.leaderboard.suites`."""

from energy_gym.leaderboard.suites import Suite, Task, suite_ids

__all__ = ["Suite", "Task", "suite_ids"]
