"""Windows drawn by keys: which step of the split an episode begins with.

One rule: a window follows from its key alone. A key is hashed once, not stretched into a stream as `jax.random` does,
because a step must draw for every environment and uses it only where an episode ended.
"""

from __future__ import annotations

from typing import Any


def drawn(key: Any, count: Any) -> Any:
    """Return a whole number from 0 to ``count - 1``, all as likely as 24 bits tell them apart.

    Args:
        key: A key of `jax.random`, of the new kind or the old.
        count: How many there are, a whole number or an int32.

    Source:
        The finaliser "lowbias32" of C. Wellons, "Prospecting for hash functions" (2018), over the words of the key.

    Example:
        >>> import jax
        >>> sorted({int(drawn(jax.random.key(seed), 3)) for seed in range(20)})
        [0, 1, 2]
    """
    import jax
    import jax.numpy as jnp

    words = jax.random.key_data(key).astype(jnp.uint32)
    mixed = jnp.uint32(0x9E3779B9)
    for place in range(words.shape[-1]):
        mixed = _mixed(mixed ^ words[..., place])
    share = (mixed >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)
    return jnp.minimum((share * count).astype(jnp.int32), count - 1)


def spread(key: Any, count: int) -> Any:
    """Return a key for each of many environments: the key with the environment's place in its first word.

    They differ as those of `jax.random.split` do, which hashes a whole block for each: for 65,536 environments a third
    of a step, for keys that are read only where an episode ends.

    Args:
        key: A key of `jax.random`, of the new kind or the old.
        count: How many environments there are.

    Returns:
        Keys of the same kind, the first axis of length ``count``.

    Example:
        >>> import jax
        >>> spread(jax.random.key(0), 4).shape, spread(jax.random.PRNGKey(0), 4).tolist()
        ((4,), [[0, 0], [1, 0], [2, 0], [3, 0]])
    """
    import jax
    import jax.numpy as jnp

    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    words = jax.random.key_data(key).astype(jnp.uint32)
    first = jnp.arange(count, dtype=jnp.uint32) ^ words[0]
    rest = jnp.broadcast_to(words[1:], (count, words.shape[0] - 1))
    spread_words = jnp.concatenate([first[:, None], rest], axis=1)
    return jax.random.wrap_key_data(spread_words, impl=jax.random.key_impl(key)) if typed else spread_words


def _mixed(word: Any) -> Any:
    import jax.numpy as jnp

    word = (word ^ (word >> 16)) * jnp.uint32(0x7FEB352D)
    word = (word ^ (word >> 15)) * jnp.uint32(0x846CA68B)
    return word ^ (word >> 16)
