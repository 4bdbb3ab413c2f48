"""The service and the environment are one law: the same agent commands the same powers and pays the same bill."""

from __future__ import annotations

import pytest
from serve_plant import Weighs, commercial, cycles

from energy_gym.agents import make_agent
from energy_gym.agents.registry import agent_factory, is_saved, load_agent

OPTIONS = {"start": "2017-06-05", "steps": 4 * 96}


def lived_alike(plant, served, env, agent, steps, options=OPTIONS):
    """Let intervals pass, prove that the environment pays the same bill, and return what was kept of them."""
    for plan in cycles(plant, served, steps):
        assert (plan.status, plan.reason) == ("optimal", "")
    observation, info = env.reset(options=options)
    decides = load_agent(agent, env) if is_saved(agent) else agent_factory(agent).make(env, 0).fit()
    decides.reset()
    rewards = []
    for _ in range(steps):
        observation, reward, _, _, info = env.step(decides.act(observation, info))
        rewards.append(reward)
    assert plant.rewards == pytest.approx(rewards, abs=1e-6)
    kept = served.store.intervals("site", plant.env.setup.time(plant.env.window[0]), plant.now)
    assert kept["reward"].tolist() == pytest.approx(rewards[:-1], abs=1e-6)
    return kept


@pytest.mark.parametrize(("agent", "steps"), [("mpc", 8), ("self-consumption", 24), ("peak-shaving", 12)])
def test_the_bill_of_the_service_is_that_of_the_environment(plant, service, agent, steps):
    served = service(agent=agent)
    lived_alike(plant, served, commercial(), agent, steps)


@pytest.mark.parametrize(("agent", "steps"), [("mpc", 6), ("self-consumption", 12)])
def test_a_power_held_at_the_meter_pays_the_bill_of_the_environment_too(plant, service, agent, steps):
    plant.env = commercial(control="meter")
    plant.env.reset(seed=0, options=OPTIONS)
    served = service(agent=agent, control="meter")
    kept = lived_alike(plant, served, commercial(control="meter"), agent, steps)
    found = served.sites["site"].review(kept.index[0], plant.now)
    assert found.best >= max(found.earned, found.idle) - 1e-6


def spanned(plant, **keywords):
    """Let a plant play a stretch of days from its first interval on; return it, and a new environment on it."""
    days = {"period": ("2017-06-09", "2017-06-13"), "episode_steps": None, **keywords}
    plant.env = commercial(**days)
    plant.env.reset(seed=0)
    first, stop = plant.env.window
    moments = {"since": plant.env.setup.time(first), "until": plant.env.setup.time(stop)}
    return {name: moment.isoformat() for name, moment in moments.items()}, commercial(**days)


@pytest.mark.parametrize(("agent", "steps"), [("sdp", 100), ("mpc-stochastic", 6), ("rollout", 12), ("mpc", 12)])
def test_an_agent_that_plans_over_days_is_the_same_in_the_service_over_the_same_span(plant, service, agent, steps):
    span, env = spanned(plant)
    lived_alike(plant, service(agent=agent, span=span), env, agent, steps, {})


def test_a_span_is_over_for_the_service_when_it_is_for_the_environment(plant, service):
    span, env = spanned(plant, period=("2017-06-11T12:00", "2017-06-12"))
    lived_alike(plant, service(agent="sdp", span=span), env, "sdp", 48, {})
    served = plant.env
    assert served.steps_left == (48, 48)


@pytest.mark.parametrize("keywords", [{}, {"actions": "discrete-5"}, {"lookahead": "compact"}, {"control": "meter"}])
def test_a_saved_learner_is_the_same_in_the_service(plant, service, tmp_path, keywords):
    env = commercial(**keywords)
    Weighs(env).save(tmp_path)
    plant.env = commercial(control=keywords.get("control", "power"))
    plant.env.reset(seed=0, options=OPTIONS)
    served = service(agent=str(tmp_path), control=keywords.get("control", "power"))
    lived_alike(plant, served, env, str(tmp_path), 20)


@pytest.mark.slow
def test_a_clone_is_the_same_in_the_service(plant, service, tmp_path):
    env = commercial(actions="discrete-5")
    make_agent("bc", env).fit(budget=1).save(tmp_path)
    lived_alike(plant, service(agent=str(tmp_path)), env, str(tmp_path), 20)


def test_a_plan_says_how_it_turns_out(plant, service):
    served = service(agent="self-consumption")
    plan = served.cycle("site")
    told = plan.schedule
    assert len(told.shares) == len(told.battery_kw) == len(told.grid_kw) == len(told.soc) - 1 == 24
    assert plan.power_kw == pytest.approx(told.battery_kw[0])
    outlook = plant.env.outlook()
    balance = outlook["load_kw"] - outlook["pv_kw"] + told.battery_kw
    assert told.grid_kw == pytest.approx(balance.clip(min=0.0), abs=1e-6)
    assert told.total_cost == pytest.approx(told.energy_cost + told.demand_cost + told.wear)
    plant.advance()
    assert plant.soc == pytest.approx(told.soc[1], abs=1e-9)


def test_what_is_seen_and_what_energy_is_worth_are_those_of_the_environment(service):
    live, env = service(agent="idle").sites["site"]._env, commercial(split="train")
    assert live.layout == env.layout
    assert (live.setup.closings, live.setup.continuation) == (env.setup.closings, env.setup.continuation)
