"""What an agent's play is worth: episodes, scores, regret, statistics, the value of forecasts and recommendations."""

from energy_gym.evaluation.episode import PARTS, Bracket, Evaluation, by_day, daily_rewards, evaluate
from energy_gym.evaluation.kpis import KPIS, Played, kpis

__all__ = ["KPIS", "PARTS", "Bracket", "Evaluation", "Played", "by_day", "daily_rewards", "evaluate", "kpis"]
