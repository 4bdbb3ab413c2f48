"""What an agent's play is worth: episodes, scores, regret, statistics, the value of forecasts and recommendations."""

from energy_gym.evaluation.episode import PARTS, Bracket, Evaluation, by_day, daily_rewards, evaluate

__all__ = ["PARTS", "Bracket", "Evaluation", "by_day", "daily_rewards", "evaluate"]
