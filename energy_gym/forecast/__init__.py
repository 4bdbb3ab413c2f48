"""What is known, and when: forecasts as rows, one for each step, of the values expected for the steps to come."""

from energy_gym.forecast.rows import Forecast, Perfect, Published, Yesterday, forecast_ids, get_forecast

__all__ = ["Forecast", "Perfect", "Published", "Yesterday", "forecast_ids", "get_forecast"]
