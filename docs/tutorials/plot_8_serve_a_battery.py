"""
Serve a battery
===============

*My agent is good in the simulator. What does it save when it commands a battery every hour, and a service fails?*

The service plans and commands a battery in real time, over HTTP. Here two stand-ins take the place of what surrounds
it: the forecasts (the *Reporter*) and the battery's controller (the *BMS*). The clock is moved by hand, so that two
days take seconds.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from energy_gym.scenarios.composed import ScenarioEnv
from energy_gym.serve.logs import log_at
from energy_gym.serve.service import Service
from energy_gym.serve.settings import SiteSettings, read_settings
from energy_gym.serve.simulation import Plant, serving_plant

log_at("CRITICAL")
folder, ZONE, HOURS = Path(tempfile.mkdtemp()), "Europe/Madrid", 48

# %%
# A workshop with a roof and a battery of 100 kWh, and what its meter saw so far. Power costs 100 EUR/MWh at night, 300
# by day.

SITE = """
name: workshop
entities:
  battery: {capacity_kwh: 100, charge_kw: 50, discharge_kw: 50}
  roof: {kind: solar, curtailment: limit}
  load: {kind: consumer}
  grid: {export_kw: 0}
contracts:
  supply:
    kind: tariff
    buy:
      bands:
        - {name: night, price_per_mwh: 100, hours: [0, 6]}
        - {name: day, price_per_mwh: 300, hours: [6, 24]}
clock: {step_minutes: 60, horizon: 24}
"""
begin = pd.Timestamp("2024-06-04", tz=ZONE)
times = pd.date_range(begin - pd.Timedelta(days=14), begin + pd.Timedelta(days=3), freq="h", tz=ZONE, name="time")
working = 25.0 + 20.0 * ((times.hour >= 7) & (times.hour < 19)) * (times.day_of_week < 5)
roof = 35.0 * ((times.hour > 8) & (times.hour < 18))
frame = pd.DataFrame({"load_kw": working + times.hour % 5, "pv_kw": roof}, index=times)
(folder / "site.yaml").write_text(SITE)
frame.to_csv(folder / "past.csv")

# %%
# Each hour the service asks for forecasts, plans, checks its limits, commands the battery, and learns from the meter
# what happened. Something may fail on the second day.


def two_days(agent, fault=None):
    """Let the service command the battery for two days; return the bill after each hour."""
    keywords = {"forecast": "yesterday", "horizon": 24, "zone": ZONE, "split": "all"}
    env = ScenarioEnv(scenario=folder / "site.yaml", data=frame, **keywords)
    plant = Plant(env, begin.tz_convert("UTC"), HOURS)
    hourly = {"mpc_horizon_hours": 24, "mpc_time_step_minutes": 60, "mpc_interval_minutes": 60}
    site = SiteSettings(agent=agent, scenario=folder / "site.yaml", data=str(folder / "past.csv"), zone=ZONE)
    bill, aware = [], 0
    with serving_plant(plant) as addresses:
        settings = read_settings(**hourly, **addresses, database_url="sqlite://", request_attempts=1)
        service = Service(settings, [site], now=lambda: plant.now)
        for hour in range(HOURS):
            if hour == 24 and fault is not None:
                plant.fail(*fault)
            plan = service.cycle("site")
            aware += plan is None or bool(plan.reason)
            plant.advance()
            bill.append(-plant.returned)
        service.stop()
    print(f"{agent}, {fault or 'all well'}: bill {bill[-1]:.2f} EUR, something to report in {aware} of {HOURS} hours")
    return bill


bills = {
    "no battery": two_days("idle"),
    "mpc": two_days("mpc"),
    "no forecasts on day two": two_days("mpc", ("reporter", "outage")),
    "battery out of reach on day two": two_days("mpc", ("bms", "outage")),
}

# %%
# Without new forecasts the service plans on the last ones, shifted, and later on what is usual at the site, and says so
# each hour. What a battery does not hear it does not do: that costs, and is told too.

figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
for name, bill in bills.items():
    axes.plot([without - paid for without, paid in zip(bills["no battery"], bill, strict=True)], label=name)
axes.set_xlabel("hours")
axes.set_ylabel("saved so far [EUR]")
axes.legend()
plt.show()

# %%
# On a site of your own the two addresses stand in a file ``.env``, the site in a YAML file, and one command runs it:
# ``energy-gym serve --config sites.yaml``. :doc:`The page of the service </service>` has the settings, the limits that
# no command breaks, and what is told when something fails.

saved = {name: bills["no battery"][-1] - bill[-1] for name, bill in bills.items()}
for name in list(bills)[2:]:
    print(f"{name}: {saved[name]:.2f} EUR")
print(f"saved in two days in which nothing fails: {saved['mpc']:.2f} EUR")
