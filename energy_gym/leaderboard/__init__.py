"""The leaderboard: suites of tasks, runs on an engine, and the results, tables, plots and page that are kept."""

from energy_gym.leaderboard.board import run_suite, write_board

__all__ = ["run_suite", "write_board"]
