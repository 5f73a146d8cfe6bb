"""The three models in SimPy: a process a request, as SimPy's own examples do it.

Usage: models.py w1|w2|w3 RATE REQUESTS SEED TIMEOUT

Prints one line of JSON: what was counted, and the seconds that building and running took (the
interpreter's start is not in them).
"""

import json
import random
import sys
import time

import simpy

SERVICE = 0.010
POOL = 8
ATTEMPTS = 3
BACKOFF = 0.010
TIERS = 5
TIER_SERVERS = 16
HALF = SERVICE / 2


class Tally:
    def __init__(self):
        self.requests = self.succeeded = self.attempts = 0
        self.latency = 0.0

    def succeed(self, latency, attempts):
        self.requests += 1
        self.succeeded += 1
        self.attempts += attempts
        self.latency += latency

    def fail(self, attempts):
        self.requests += 1
        self.attempts += attempts


def arrivals(env, rng, rate, requests, client):
    """Starts `requests` clients, a Poisson stream of `rate` a second."""
    for _ in range(requests):
        yield env.timeout(rng.expovariate(rate))
        env.process(client())


def w1(env, rng, tally, _timeout):
    server = simpy.Resource(env, capacity=1)

    def client():
        arrived = env.now
        with server.request() as turn:
            yield turn
            yield env.timeout(rng.expovariate(1 / SERVICE))
        tally.succeed(env.now - arrived, 1)

    return client


def w2(env, rng, tally, timeout):
    pool = simpy.Resource(env, capacity=POOL)

    def serve():
        with pool.request() as turn:
            yield turn
            yield env.timeout(rng.expovariate(1 / SERVICE))

    def client():
        arrived = env.now
        for attempt in range(1, ATTEMPTS + 1):
            answer = env.process(serve())
            # SimPy cannot cancel a timeout; once the answer is there, nobody listens to it.
            yield answer | env.timeout(timeout)
            if answer.processed:
                tally.succeed(env.now - arrived, attempt)
                return
            if attempt < ATTEMPTS:
                yield env.timeout(rng.random() * BACKOFF * 2 ** (attempt - 1))
        tally.fail(ATTEMPTS)

    return client


def w3(env, rng, tally, timeout):
    tiers = [simpy.Resource(env, capacity=TIER_SERVERS) for _ in range(TIERS)]

    def half():
        return rng.expovariate(1 / HALF)

    def serve(tier):
        """Returns whether the tiers below answered in time."""
        with tiers[tier].request() as turn:
            yield turn
            if tier + 1 == TIERS:
                yield env.timeout(half() + half())
                return True
            yield env.timeout(half())
            answer = env.process(serve(tier + 1))
            yield answer | env.timeout(timeout)
            if not (answer.processed and answer.value):
                return False
            yield env.timeout(half())
            return True

    def client():
        arrived = env.now
        answer = env.process(serve(0))
        yield answer | env.timeout(timeout)
        if answer.processed and answer.value:
            tally.succeed(env.now - arrived, 1)
        else:
            tally.fail(1)

    return client


def main():
    model = {"w1": w1, "w2": w2, "w3": w3}[sys.argv[1]]
    rate, requests, seed, timeout = float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    start = time.perf_counter()
    env, rng, tally = simpy.Environment(), random.Random(seed), Tally()
    env.process(arrivals(env, rng, rate, requests, model(env, rng, tally, timeout)))
    env.run()
    seconds = time.perf_counter() - start
    print(json.dumps({"tally": vars(tally), "seconds": seconds}))


if __name__ == "__main__":
    main()
