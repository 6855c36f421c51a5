"""The page of benchmarks from records worked out by hand, and what a command and all it starts have used."""

import json
import subprocess
import sys
from pathlib import Path

import scale_report

BURN = """
import time
held = bytearray(200 << 20)
print(flush=True)
while time.process_time() < 1.5: pass
"""
LEAVES = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {BURN!r}], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
time.sleep(0.6)
"""
TIMED = """
import json, os, sys
from pathlib import Path
import scale_run
print(json.dumps(scale_run.spent([sys.executable, "-c", sys.argv[1]], Path.cwd(), dict(os.environ))))
"""


def record(way: str, turn: int = 0, lines: int = 10**8, memory: str = "4GB", **stages: dict[str, float]) -> dict:
    return {"lines": lines, "memory": memory, "turn": turn, "way": way, "stages": stages}


def used(cpu: float, mib: float = 100) -> dict[str, float]:
    return {"cpu": cpu, "wall": cpu / 2, "mib": mib}


def page(folder: Path, *records: dict) -> list[str]:
    file = folder / "records.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return scale_report.page(file).splitlines()


def row(lines: list[str], beginning: str) -> str:
    (found,) = [line for line in lines if line.startswith(beginning)]
    return found


def test_a_base_is_set_beside_each_minimal_group_by(tmp_path: Path) -> None:
    """Base 10 + 2 of CPU; neither the start nor the tiers belong to it, and days and tiers are set beside segments."""
    ours = record("ours", start=used(5), days=used(10), base=used(2), tiers=used(4))
    others = [
        record("minimal", all=used(4)),
        record("minimal_days", all=used(6)),
        record("minimal_orders", all=used(8)),
        record("sql", days=used(9), base=used(1)),
    ]
    told = page(tmp_path, ours, *others, record("openretailscience", start=used(1), all=used(7)))
    name = scale_report.NAMES["ours"]
    assert row(told, f"| {name} / minimal group-by by customer, w").endswith("| 3.00 | 2.5 | missed |")
    assert row(told, f"| {name} / minimal group-by by customer and day").endswith("| 2.00 | 2.5 | met |")
    assert row(told, f"| {name} / minimal group-by by customer and order").endswith("| 1.50 | 2.5 | met |")
    assert row(told, f"| {name} / RFM base, hand").endswith("| 1.20 | 1.1 | missed |")
    assert row(told, f"| {scale_report.SCORED} / RFM segments").endswith("| 2.00 | none | |")


def test_turns_that_did_not_finish_are_counted(tmp_path: Path) -> None:
    turns = [record("kept", turn, memory="2GB", staging=used(10 + turn, 900)) for turn in range(3)]
    told = page(tmp_path, *turns, record("kept", 3, memory="2GB"), record("pandas", memory="2GB"))
    assert "## 100,000,000 lines, `memory_limit: 2GB`" in told
    assert row(told, "| raw files to RFM base").startswith(
        "| raw files to RFM base, parts kept | 3 of 4 | 11.0 (10.0 to 12.0) | 5.5 (5.0 to 6.0) | 900 (900 to 900) |"
    )
    assert row(told, "| RFM base, pandas").startswith("| RFM base, pandas | 0 of 1 |  |")


def test_the_whole_batch_has_its_ratio_its_notebooks_and_its_peak(tmp_path: Path) -> None:
    run = {"all": used(90, 7000) | {"tree_mib": 8000}, "10_collect": {"wall": 30.0}, "report": {"wall": 15.0}}
    small = [record("kept", lines=10**7, staging=used(10)), record("run", lines=10**7, **run)]
    told = page(tmp_path, record("kept", staging=used(30), base=used(10)), record("run", **run), *small)
    ratios = [line for line in told if line.startswith("| the whole batch, raw files to HTML and Excel / raw")]
    assert [line.split(" | ", 1)[1] for line in ratios] == [
        "9.00 | 3.0 from 100,000,000 lines on | |",
        "2.25 | 3.0 | met |",
    ]
    assert told.count("Where the wall seconds of the whole batch go (medians): 10_collect 30.0, report 15.0.") == 2
    assert "held 7,000 MiB (goal: at most 6,144; missed), all its processes together 8,000 MiB" in "\n".join(told)


def test_what_outlives_a_command_is_counted_to_its_end(root: Path) -> None:
    """The command ends after a second; what it started holds 200 MiB and works for 1.5 s, in a session of its own."""
    command = [sys.executable, "-c", TIMED, LEAVES]
    done = subprocess.run(command, cwd=root / "tests", capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["cpu"] >= 1.5
    assert found["mib"] >= 200
    assert found["tree_mib"] > found["mib"]
