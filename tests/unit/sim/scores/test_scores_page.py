"""Results: from files that others wrote to a page, with every cell that nobody ran named."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from sim.commands import results as command
from sim.scores import Score, over_trainings
from tests.bundles import make_bundle
from tests.unit.sim.selection.verbs import make_run
from vgf_robot.bundle import Bundle, Manifest, write_manifest
from vgf_robot.errors import BundleError, ConfigError, ResultError


def row(mode: str, num: int, steps: int, size: float | None, mean: float, **changes) -> dict:
    return {
        "mode": mode,
        "num_particles": num,
        "reference_steps": 2,
        "max_steps": steps,
        "step_size": size,
        "selection": None,
        "episodes": 20,
        "success_rate": None,
        "return_mean": mean,
        "return_low": mean - 60,
        "return_high": mean + 60,
        **changes,
    }


def bundle(folder: Path, *, method: str = "vgf", seed: int = 0, task: str = "Test-v0", sealed: bool = True) -> Bundle:
    made = make_bundle(folder, environment=task, sealed=sealed)
    manifest = msgspec.json.decode((made / "manifest.json").read_bytes(), type=Manifest)
    provenance = {"configuration": {"method": method, "seed": seed}, "critic_updates": 40_000}
    return write_manifest(made, msgspec.structs.replace(manifest, provenance=provenance))


def evaluation(path: Path, of: Bundle, rows: list[dict], **settings) -> Path:
    facts = {
        "bundle": str(of.folder),
        "bundle_sha256": of.sha256,
        "environment": of.manifest.environment,
        "operating_point": msgspec.to_builtins(of.manifest.operating_point),
        "episodes": 20,
        "seed": 1000,
        "clock": "lock-step",
        **settings,
    }
    path.write_text(json.dumps({"verb": "eval", "settings": facts, "rows": rows}))
    return path


def report(mean: float) -> list[dict]:
    return [row("reference", 1, 0, None, 550), row("best-of-n", 4, 0, None, 1080), row("tuned", 4, 3, 0.05, mean)]


def page(tmp_path: Path, *sources: Path, name: str = "page.md") -> str:
    assert command.main([*map(str, sources), "--out", str(tmp_path / "docs" / name)]) == 0
    return (tmp_path / "docs" / name).read_text()


def cells(text: str, heading: str) -> list[list[str]]:
    """Return the table below a heading, without its rule."""
    lines = text.split(heading, 1)[1].strip().splitlines()
    table = [line for line in lines[: next((i for i, x in enumerate(lines) if x.startswith("#")), None)] if "|" in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table if "---" not in line]


def test_tasks_against_methods_with_what_was_not_run(tmp_path: Path) -> None:
    hopper = bundle(tmp_path / "hopper", task="Hopper-v5")
    fql = bundle(tmp_path / "fql", method="fql")
    text = page(
        tmp_path,
        evaluation(tmp_path / "a.json", hopper, report(2857)),
        evaluation(tmp_path / "b.json", fql, [row("tuned", 1, 0, None, 0, success_rate=0.9)]),
        make_run(tmp_path / "run", method="ifql"),
    )
    assert cells(text, "## Tasks and methods") == [
        ["task", "fql", "ifql", "vgf"],
        ["Hopper-v5", "not run", "not run", "2,857 (2,797 to 2,917)"],
        ["Test-v0", "90 %", "trained, not evaluated", "not run"],
    ]
    details = cells(text, "## Evaluations")
    assert details[1] == [
        *("Hopper-v5", "vgf", "0", "40,000", "20", "1,000"),
        *("550 (490 to 610)", "1,080 (1,020 to 1,140)", "N 4, 3 steps of 0.05", "2,857 (2,797 to 2,917)"),
    ]
    assert details[3] == ["Test-v0", "ifql", "3", "20", "-", "-", "not run", "not run", "not run", "not run"]
    assert "Hopper-v5, vgf: not run." in text  # no sweep


def test_the_score_of_d4rl_stands_beside_those_that_asked_for_it(tmp_path: Path) -> None:
    made, other = bundle(tmp_path / "a", task="Hopper-v5"), bundle(tmp_path / "b", method="fql", task="Hopper-v5")
    rows = [row("tuned", 4, 3, 0.05, 1500) | {"d4rl_score": 46.7}]
    scored = evaluation(tmp_path / "a.json", made, rows)
    text = page(tmp_path, scored, evaluation(tmp_path / "b.json", other, report(1300)))
    details = cells(text, "## Evaluations")
    assert [line[-1] for line in details] == ["D4RL score", "-", "46.7"]
    assert "no published score can be compared" in text
    assert "D4RL" not in page(tmp_path, evaluation(tmp_path / "b.json", other, report(1300)))


def test_the_page_says_which_to_deploy_and_which_is_as_good(tmp_path: Path) -> None:
    vgf, fql = bundle(tmp_path / "vgf"), bundle(tmp_path / "fql", method="fql")
    quick = {"tick_ms": {"p50": 0.25, "p99": 1.0}}
    sweep = row("sweep", 4, 1, 0.05, 8000)
    text = page(
        tmp_path,
        evaluation(tmp_path / "vgf.json", vgf, report(1150)),
        # That on which the setting was chosen counts for nothing beside a score on other episodes.
        evaluation(tmp_path / "chosen.json", vgf, report(9000), seed=0, chosen_on_these_episodes=True),
        evaluation(tmp_path / "sweep.json", bundle(tmp_path / "open", sealed=False), [*report(8000)[:2], sweep]),
        evaluation(tmp_path / "fql.json", fql, [row("tuned", 1, 0, None, 900, **quick)]),
    )
    trained = ("20", "40,000")
    assert cells(text, "## What to deploy") == [
        ["task", "policy", "setting", "score", "episodes", "critic updates", "tick ms, median", "verdict"],
        ["Test-v0", "vgf", "N 4, 3 steps of 0.05", "1,150 (1,090 to 1,210)", *trained, "-", "deploy"],
        ["Test-v0", "vgf, best of N, unmoved", "N 4, 0 steps", "1,080 (1,020 to 1,140)", *trained, "-", "as good"],
        ["Test-v0", "fql", "N 1, 0 steps", "900 (840 to 960)", *trained, "0.25", ""],
        ["Test-v0", "vgf, reference alone", "N 1, 0 steps", "550 (490 to 610)", *trained, "-", ""],
    ]


def test_a_run_counts_only_what_its_setting_was_not_chosen_on(tmp_path: Path) -> None:
    """Sealed without a step it is best of N by another name, and stands there once."""
    run = make_run(tmp_path / "run", method="a-vgf")
    work = run / "selection"
    opened = bundle(work / "bundles" / "000000020", method="a-vgf", sealed=False)
    sealed = bundle(work / "sealed", method="a-vgf")
    (work / "evaluations").mkdir()
    bare = row("best-of-n", 4, 0, None, 1400)
    evaluation(work / "evaluations" / "000000020.json", opened, [bare, row("tuned", 4, 1, 0.05, 1410)], seed=0)
    evaluation(work / "chosen.json", opened, [row("tuned", 4, 0, None, 1400)], seed=0)
    reported = [row("best-of-n", 4, 0, None, 1190), row("tuned", 4, 0, None, 1190)]
    evaluation(work / "report-1000-20.json", sealed, reported)
    text = page(tmp_path, run)
    (_, *lines) = cells(text, "## What to deploy")
    assert [(line[1], line[2], line[3], line[-1]) for line in lines] == [
        ("a-vgf", "N 4, 0 steps", "1,190 (1,130 to 1,250)", "deploy")
    ]
    assert cells(text, "Test-v0, a-vgf, ")[1] == ["0.05", "1,400 (1,340 to 1,460)", "1,410 (1,350 to 1,470)"]
    rival = evaluation(tmp_path / "fql.json", bundle(tmp_path / "fql", method="fql"), [row("tuned", 1, 0, None, 5)])
    assert "Test-v0, fql: moves no particles." in page(tmp_path, rival)


def test_what_never_succeeds_is_not_deployed(tmp_path: Path) -> None:
    failed = {"success_rate": 0.0, "success_low": 0.0, "success_high": 0.07}
    vgf = evaluation(tmp_path / "a.json", bundle(tmp_path / "a"), [row("tuned", 4, 3, 0.05, 0, **failed)])
    fql = bundle(tmp_path / "b", method="fql")
    other = evaluation(tmp_path / "b.json", fql, [row("tuned", 1, 0, None, 0, **failed)])
    text = page(tmp_path, vgf, other)
    (head, *lines) = cells(text, "## What to deploy")
    assert "tick ms, median" not in head  # nobody timed it
    assert "| --- | --- | --- | ---: | ---: | ---: | --- |" in text  # numbers stand to the right
    assert sorted((line[1], line[3], line[-1]) for line in lines) == [
        ("fql", "0 % (0 to 7)", "none"),
        ("vgf", "0 % (0 to 7)", "none"),
    ]


def test_a_score_that_was_chosen_stands_below_those_that_were_not(tmp_path: Path) -> None:
    chosen = evaluation(tmp_path / "a.json", bundle(tmp_path / "a"), report(9000), chosen_on_these_episodes=True)
    other = evaluation(tmp_path / "b.json", bundle(tmp_path / "b", method="fql"), [row("tuned", 1, 0, None, 100)])
    (_, first, *others) = cells(page(tmp_path, chosen, other), "## What to deploy")
    assert (first[1], first[-1]) == ("fql", "deploy")
    assert ("vgf", "9,000 (8,940 to 9,060)†", "") in [(line[1], line[3], line[-1]) for line in others]


def test_several_trainings_become_a_mean_with_its_interval(tmp_path: Path) -> None:
    paths = []
    for seed, mean in enumerate((1000, 1100, 1200)):
        found = bundle(tmp_path / f"b{seed}", seed=seed)
        paths.append(evaluation(tmp_path / f"{seed}.json", found, report(mean)))
    (_, (_, cell)) = cells(page(tmp_path, *paths), "## Tasks and methods")
    assert cell == "1,100 (852 to 1,348), 3 trainings"  # 4.303 * 100 / sqrt(3)


def test_steps_against_step_sizes(tmp_path: Path) -> None:
    made = bundle(tmp_path / "open", sealed=False)
    rows = [row("best-of-n", 4, 0, None, 1000), row("sweep", 4, 1, 0.05, 1200), row("sweep", 4, 2, 0.3, 900)]
    text = page(tmp_path, evaluation(tmp_path / "sweep.json", made, rows))
    assert cells(text, ": N 4") == [
        ["step size", "0 steps", "1 step", "2 steps"],
        ["0.05", "1,000 (940 to 1,060)", "1,200 (1,140 to 1,260)", "not run"],
        ["0.3", "1,000 (940 to 1,060)", "not run", "900 (840 to 960)"],
    ]
    assert "1,200 (1,140 to 1,260)†" in text  # the best of a sweep is flattered
    assert "† the best of a sweep" in text


def test_a_setting_is_marked_by_how_well_founded_it_is(tmp_path: Path) -> None:
    guess = bundle(tmp_path / "guess", sealed=False)
    assert "1,500 (1,440 to 1,560)‡" in page(tmp_path, evaluation(tmp_path / "g.json", guess, report(1500)))
    chosen = evaluation(tmp_path / "c.json", bundle(tmp_path / "b"), report(1500), chosen_on_these_episodes=True)
    assert "1,500 (1,440 to 1,560)†" in page(tmp_path, chosen)
    both = page(tmp_path, chosen, evaluation(tmp_path / "h.json", guess, report(1300), seed=7))
    assert cells(both, "## Tasks and methods")[1][1] == "1,300 (1,240 to 1,360)‡"


def test_scores_in_a_bundle_and_their_evaluation_are_one(tmp_path: Path) -> None:
    made = bundle(tmp_path / "bundle")
    path = evaluation(tmp_path / "e.json", made, report(1500))
    record = json.loads(path.read_text())
    scores = {"settings": record["settings"], "rows": record["rows"]}
    provenance = {**made.manifest.provenance, "scores": scores}
    scored = write_manifest(made.folder, msgspec.structs.replace(made.manifest, provenance=provenance))
    text = page(tmp_path, scored.folder, path)
    assert len(cells(text, "## Evaluations")) == 2
    assert "of 2 scores" not in text


def test_of_two_scores_of_one_training_the_page_says_which_counts(tmp_path: Path) -> None:
    made = bundle(tmp_path / "bundle")
    paths = [evaluation(tmp_path / f"{seed}.json", made, report(1000 + seed), seed=seed) for seed in (1, 2)]
    text = page(tmp_path, *reversed(paths))
    assert "Test-v0, vgf, training seed 0: of 2 scores the first one below counts." in text
    assert cells(text, "## Tasks and methods")[1][1].startswith("1,001")
    assert text == page(tmp_path, *paths)


def test_an_evaluation_whose_bundle_is_gone_has_no_method_until_it_is_named(tmp_path: Path) -> None:
    made = bundle(tmp_path / "bundle")
    path = evaluation(tmp_path / "e.json", made, report(1500), bundle="elsewhere", interrupted=True)
    text = page(tmp_path, path)
    assert cells(text, "## Tasks and methods")[0] == ["task", "unknown"]
    assert "e.json was interrupted: rows are missing." in text
    assert cells(page(tmp_path, path, made.folder), "## Tasks and methods")[0] == ["task", "vgf"]


def test_html_needs_no_network_and_json_names_the_policy(tmp_path: Path) -> None:
    path = evaluation(tmp_path / "e.json", bundle(tmp_path / "bundle", task="A<b>-v0"), report(1500))
    options = ["--out", str(tmp_path / "page.html"), "--json", str(tmp_path / "r.json")]
    assert command.main([str(path), *options]) == 0
    text = (tmp_path / "page.html").read_text()
    assert "<td>A&lt;b&gt;-v0</td>" in text
    assert "http" not in text
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert [(each["method"], each["critic_updates"], each["mode"]) for each in rows][2] == ("vgf", 40_000, "tuned")


def test_bad_sources_are_one_sentence_and_leave_the_page(tmp_path: Path) -> None:
    out = tmp_path / "page.md"
    out.write_text("before")
    made = bundle(tmp_path / "bundle")
    (tmp_path / "bench.json").write_text(json.dumps({"verb": "bench", "settings": {}, "rows": []}))
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "bare.json").write_text(json.dumps({"verb": "eval"}))
    (tmp_path / "folder").mkdir()
    clock = evaluation(tmp_path / "clock.json", made, report(1), clock="real-time")
    for name, error, message in (
        ("bench.json", ResultError, "is no evaluation but a result of `bench`"),
        ("bad.json", ResultError, "is no evaluation"),
        ("bare.json", ResultError, "without settings or rows"),
        ("nowhere", ResultError, "does not exist"),
        ("folder", BundleError, "expected the manifest of a bundle"),
        (clock.name, ResultError, "clock 'real-time', expected 'lock-step'"),
    ):
        with pytest.raises(error, match=message):
            command.main([str(tmp_path / name), "--out", str(out)])
    with pytest.raises(ConfigError, match=r"ends in .md or .html"):
        command.main([str(made.folder), "--out", str(tmp_path / "page.txt")])
    assert out.read_text() == "before"


def test_rates_stay_rates() -> None:
    found = over_trainings([Score(value=value, low=None, high=None, is_rate=True) for value in (0.9, 1.0)])
    assert (found.value, found.high) == (pytest.approx(0.95), 1.0)
    agreed = over_trainings([Score(value=1.0, low=0.96, high=1.0, is_rate=True)] * 2)
    assert (agreed.low, agreed.high) == (pytest.approx(0.96), 1.0)
    assert str(Score(value=0.925, low=0.85, high=0.96, is_rate=True)) == "92 % (85 to 96)"
    assert str(Score(value=12.345, low=None, high=None, is_rate=False)) == "12.3"
    assert Score.of({"success_rate": None, "return_mean": None}) is None
