"""The reading in JAX in the speed script: steps a second of many environments in one program, learning included.

One rule: what is compared has the same shape of program: environments spread evenly over the devices, which on a CPU
are its cores, actions drawn by key, a key for each environment, episodes that end start anew, and every observation and
reward is used.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import Any

from measuring import Row, Sizes, against, seconds, take_turns

COUNT = 65_536
STEPS = 32


def compiled(sizes: Sizes, pole: Callable[[], float]) -> Iterator[Row]:
    """Yield the rows of 65,536 environments on this machine's JAX device; none where JAX is not installed.

    Args:
        sizes: How much is measured.
        pole: Measures the reference: steps a second of CartPole's own batch, in millions.
    """
    if importlib.util.find_spec("jaxlib") is None:
        return
    import gymnax
    import jax

    import energy_gym.jax

    count, steps = (COUNT, STEPS) if sizes.turns > 1 else (sizes.batch, 4)
    # XLA runs a program as this on one core of a CPU: each core is made a device of its own.
    jax.config.update("jax_num_cpu_devices", os.cpu_count())
    devices = f"on {jax.device_count()} devices of kind {jax.devices()[0].device_kind}"
    other_env, other_params = gymnax.make("CartPole-v1")
    other = _rate(other_env, other_params, 2, count, steps)
    for name in ("Arbitrage", "Microgrid", "HomeSolar"):
        env = energy_gym.jax.make(f"energy_gym/{name}-v1", actions="discrete-3")
        own = _rate(env, env.default_params, 3, count, steps)
        rate, theirs, reference = take_turns(sizes.repeats, own, other, pole)
        note = f"that of {sizes.batch} environments; gymnax's CartPole in the same program {theirs:.1f} M steps/s"
        row = f"JAX, {count} environments, {name}"
        if name == "Arbitrage":
            yield against(row, rate, "M steps/s", reference, "CartPole-v1 batch", 2.5, f"{note}; {devices}")
        else:
            yield Row(row, rate, "M steps/s", reference, "CartPole-v1 batch", rate / reference, note=note)


def _rate(env: Any, params: Any, actions: int, count: int, steps: int) -> Callable[[], float]:
    """Return what measures an environment in gymnax's convention, in million steps a second."""
    import jax

    from energy_gym.jax import drawn, spread

    draw, step = jax.vmap(drawn, (0, None)), jax.vmap(env.step, (0, 0, 0, None))
    mesh = jax.make_mesh((jax.device_count(),), ("devices",))
    own = count // mesh.size
    each, same = jax.P("devices"), jax.P()

    def body(now: Any, key: Any) -> Any:
        state, seen = now
        for_actions, for_steps = jax.random.split(key)
        # `randint` and `split` of so many take as long as the step: keys and actions are hashes of place and key.
        action = draw(spread(for_actions, own), actions)
        seen, state, reward, _, _ = step(spread(for_steps, own), state, action, params)
        return (state, seen), reward.sum()

    def played(now: Any, key: Any) -> Any:
        keys = jax.random.split(jax.random.fold_in(key, jax.lax.axis_index("devices")), steps)
        after, rewards = jax.lax.scan(body, now, keys)
        return after, rewards[:, None]

    split = jax.shard_map(
        played, mesh=mesh, in_specs=(each, same), out_specs=(each, jax.P(None, "devices")), check_vma=False
    )
    run = jax.jit(split)
    seen, state = jax.vmap(env.reset, (0, None))(jax.random.split(jax.random.key(0), own * mesh.size), params)
    begun = jax.device_put((state, seen), jax.NamedSharding(mesh, each))
    jax.block_until_ready(run(begun, jax.random.key(1)))

    def measured() -> float:
        taken = seconds(lambda: jax.block_until_ready(run(begun, jax.random.key(2))))
        return own * mesh.size * steps / 1e6 / taken

    return measured
