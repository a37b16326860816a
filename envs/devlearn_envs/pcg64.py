"""The first numbers of ``numpy.random.PCG64(seed)`` for many seeds at once, bit for bit.

To make a generator costs fifty times what its first four numbers do, and an environment whose episodes are numpy's own
needs one for each. Here the same is computed for all seeds together: the seed is spread over 256 bits as
``numpy.random.SeedSequence`` does (O'Neill 2015, https://www.pcg-random.org/posts/developing-a-seed_seq-alternative.html),
and the k-th state of the generator (O'Neill 2014, PCG: a family of simple fast space-efficient statistically good
algorithms for random number generation) is found without those before it: with multiplier m and increment c,

    x_k = m^(k+1) (start + c) + (1 + m + ... + m^k) c    mod 2^128

numpy promises that neither changes from one version to the next.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

POOL, MASK, SHIFT = 4, (1 << 32) - 1, 16
INIT_A, MULT_A, INIT_B, MULT_B = 0x43B0D7E5, 0x931E8875, 0x8B51F9DD, 0x58F38DED
MIX_L, MIX_R = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
MULTIPLIER, MODULUS = 0x2360ED051FC65DA44385DF649FCCF645, 1 << 128


def random_raw(seeds: Array, count: int) -> Array:
    """What ``PCG64(seed).random_raw(count)`` returns for each of ``seeds`` (K,), which are below 2**32: (K, count)."""
    one, word = np.uint64(1), _spread(seeds.astype(np.uint32))
    start, step = (word[0], word[1]), (word[2] << one | word[3] >> np.uint64(63), word[3] << one | one)
    powers = [pow(MULTIPLIER, k, MODULUS) for k in range(count + 2)]
    sums = [sum(powers[: k + 2]) % MODULUS for k in range(count)]
    high, low = _sum(_product(_sum(start, step), powers[2:]), _product(step, sums))
    turn = high >> np.uint64(58)
    mixed = high ^ low
    return mixed >> turn | mixed << (-turn & np.uint64(63))


def _consts(first: int, factor: int, count: int) -> Array:
    """``count`` + 1 numbers, each the one before times ``factor``."""
    return np.array([first * pow(factor, k, MASK + 1) & MASK for k in range(count + 1)], np.uint32)[:, None]


HASH_A = _consts(INIT_A, MULT_A, POOL * POOL)
HASH_B = _consts(INIT_B, MULT_B, 2 * POOL)


def _hashed(values: Array, consts: Array) -> Array:
    """``values`` hashed with each of ``consts``, the next of which is the factor: (len(consts) - 1, K)."""
    found: Array = (values ^ consts[:-1]) * consts[1:]
    found ^= found >> np.uint32(SHIFT)
    return found


def _spread(seeds: Array) -> Array:
    """``SeedSequence(seed).generate_state(4, uint64)`` for each of ``seeds`` (K,) uint32: (4, K)."""
    entropy = np.zeros((POOL, len(seeds)), np.uint32)
    entropy[0] = seeds
    pool, used = _hashed(entropy, HASH_A[: POOL + 1]), POOL
    for source in range(POOL):
        others = [place for place in range(POOL) if place != source]
        hashed = _hashed(pool[source], HASH_A[used : used + POOL])
        mixed: Array = MIX_L * pool[others] - MIX_R * hashed
        pool[others] = mixed ^ mixed >> np.uint32(SHIFT)
        used += POOL - 1
    halves = _hashed(np.concatenate([pool, pool]), HASH_B).astype(np.uint64)
    return halves[::2] | halves[1::2] << np.uint64(32)


def _sum(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
    """Of numbers of 128 bits, as (high, low) uint64."""
    low = one[1] + other[1]
    return one[0] + other[0] + (low < one[1]), low


def _product(number: tuple[Array, Array], factors: list[int]) -> tuple[Array, Array]:
    """Each number (K,) times each of ``factors``, mod 2**128: (K, len(factors)) each half."""
    high, low = number[0][:, None], number[1][:, None]
    times = np.array([[f >> 64, f & (1 << 64) - 1] for f in factors], np.uint64)
    half, bits = np.uint64(32), np.uint64(MASK)
    a, b, c, d = low >> half, low & bits, times[:, 1] >> half, times[:, 1] & bits
    ad, bc, bd = a * d, b * c, b * d
    carried = ((bd >> half) + (ad & bits) + (bc & bits)) >> half
    return a * c + (ad >> half) + (bc >> half) + carried + high * times[:, 1] + low * times[:, 0], low * times[:, 1]
