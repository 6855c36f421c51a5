"""BG/NBD for a million customers beside `lifetimes` 0.11.3 on the same histories: fit, and expected purchases of each.

CPU seconds stand beside wall seconds, because a shared machine stretches the latter by chance.

`lifetimes` is no dependency: `pip install lifetimes==0.11.3` into an environment of its own, or put it on the path. Run it
by `make bench`, or `python tests/bench_btyd.py --customers 1000000`.
"""

import argparse
import time

import numpy as np
import pandas as pd
from buyers import CELL, histories

from crmlib.io import engine
from crmlib.segment import btyd, btyd_fit

GOAL = 20
TRUTH = (0.25, 60.0, 0.8, 2.5)
DAYS = 91


def clocks() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


def ours(frame: pd.DataFrame) -> tuple[np.ndarray, float, np.ndarray]:
    """Seconds (wall, CPU of all threads), log-likelihood, and expected purchases per customer."""
    customers = engine.table(frame).cache()
    began = clocks()
    cells = btyd.cells(customers)
    fitted = btyd_fit.purchases(cells)
    told = cells.assign(told=btyd.expected(fitted, *(cells[c].to_numpy(float) for c in CELL), DAYS))
    joined = customers.join(engine.table(told[[*CELL, "told"]]), CELL).select("customer", "told").cache()
    seconds = clocks() - began
    return seconds, fitted.log_likelihood, joined.order_by("customer").to_pyarrow()["told"].to_numpy()


def theirs(frame: pd.DataFrame) -> tuple[np.ndarray, float, np.ndarray]:
    import lifetimes

    began = clocks()
    fitter = lifetimes.BetaGeoFitter().fit(*(frame[c] for c in CELL))
    told = fitter.conditional_expected_number_of_purchases_up_to_time(DAYS, *(frame[c].to_numpy(float) for c in CELL))
    seconds = clocks() - began
    cells = frame.groupby(CELL, as_index=False).size()[[*CELL, "size"]].to_numpy(float)
    return seconds, -btyd_fit.negative_bgnbd(cells)(np.log(fitter.params_.to_numpy()))[0], np.asarray(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    options = parser.parse_args()
    frame = histories(1, options.customers, TRUTH, days=730)
    frame["last_purchase_age_days"] = np.ceil(frame["last_purchase_age_days"]).astype("int64")
    frame["customer"] = np.arange(len(frame))
    ours(frame.head(50_000))  # imports
    runs = [ours(frame) for _turn in range(3)]
    seconds, likelihood, told = min(runs, key=lambda run: run[0][1])
    cells = len(frame.groupby(CELL).size())
    print(f"{options.customers:,} customers, {cells:,} cells")
    print(f"crmlib     {seconds[0]:8.2f} s wall {seconds[1]:8.2f} s CPU   log-likelihood {likelihood:.4f}")
    try:
        slow, other, their_told = theirs(frame)
    except ImportError:
        print("lifetimes is not installed: nothing to compare with")
        return
    print(f"lifetimes  {slow[0]:8.2f} s wall {slow[1]:8.2f} s CPU   log-likelihood {other:.4f}")
    wall, cpu = slow / seconds
    print(f"{wall:.1f} times faster (wall), {cpu:.1f} (CPU; goal: {GOAL}); log-likelihood {likelihood - other:+.6f}")
    print(f"largest difference of an expectation {np.abs(told - their_told).max():.2e}")


if __name__ == "__main__":
    main()
