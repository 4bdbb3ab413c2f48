"""What is known, and when: forecasts as rows, one for each step, of the values expected for the steps to come."""

from energy_gym.forecast.from_file import FromCSV
from energy_gym.forecast.probabilistic import Scenarios, make_scenarios, scenario_ids
from energy_gym.forecast.registry import forecast_ids, get_forecast
from energy_gym.forecast.rows import Forecast, Perfect, Published, Yesterday
from energy_gym.forecast.simple import Mean, Noise

__all__ = [
    "Forecast",
    "FromCSV",
    "Mean",
    "Noise",
    "Perfect",
    "Published",
    "Scenarios",
    "Yesterday",
    "forecast_ids",
    "get_forecast",
    "make_scenarios",
    "scenario_ids",
]
