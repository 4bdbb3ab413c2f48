"""What a restart finds again: states with the month's maxima, the last plan, and who leads."""

from __future__ import annotations

import pytest


def test_maxima_and_plans_survive_a_restart(plant, service, tmp_path):
    url = f"sqlite:///{tmp_path / 'service.db'}"
    before = service(url)
    for _ in range(6):
        assert before.cycle("site") is not None
        plant.advance()
    plan, maxima = before.sites["site"].last, before.sites["site"]._env.states[1:]
    before.stop()
    after = service(url)
    assert after.command("site").power_kw == pytest.approx(plan.schedule.battery_kw[1])
    assert after.cycle("site") is not None, after.errors
    found = after.sites["site"]._env.states
    assert found[0] == pytest.approx(plant.env.states[0])
    assert found[1:] == pytest.approx(plant.env.states[1:])
    assert max(maxima) > 0.0


def test_the_same_inputs_are_the_same_plan(plant, service):
    served = service()
    first, second = served.cycle("site"), served.cycle("site")
    assert (first.inputs, first.power_kw, first.schedule) == (second.inputs, second.power_kw, second.schedule)
    assert len(served.store.plans("site", first.time, first.time + served.sites["site"].step)) == 1


def test_of_two_services_on_one_database_one_leads(plant, service, tmp_path):
    url = f"sqlite:///{tmp_path / 'service.db'}"
    one, other = service(url, agent="idle"), service(url, agent="idle")
    assert one.cycle("site") is not None
    assert other.cycle("site") is None
    assert not other.errors
    one.stop()
    assert other.cycle("site") is not None


def test_a_service_that_is_gone_without_a_word_is_taken_over_between_cycles(plant, service, tmp_path):
    url = f"sqlite:///{tmp_path / 'service.db'}"
    one, other = service(url, agent="idle"), service(url, agent="idle")
    assert one.cycle("site") is not None
    other.beat()
    assert (other.leads, other.sites["site"].last) == (False, None)
    plant.advance()
    plant.advance()
    other.beat()
    assert other.leads
    assert other.sites["site"].last.time == plant.now


def test_a_holder_that_is_dead_is_not_waited_for(plant, service, tmp_path):
    url = f"sqlite:///{tmp_path / 'service.db'}"
    one, other = service(url, agent="idle"), service(url, agent="idle")
    host, _, rest = one.leadership.owner.partition("/")
    # No process has a number above the highest that Linux gives.
    one.leadership.owner = f"{host}/{2**22 + 1}/{rest}"
    assert one.cycle("site") is not None
    assert other.cycle("site") is not None
