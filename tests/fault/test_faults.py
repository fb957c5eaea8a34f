"""A minute of faults: every kind at least once. See soak.py for longer."""
from faults import BAG, make_plan
from soak import Run, Settings

SEED = 20170511


def test_every_job_ends_once_whatever_fails(tmp_path, capsys):
    with capsys.disabled():
        run = Run(Settings(SEED, 28, rate=120, timeouts=(8, 12), grace=1, short=True), folder=tmp_path / "run").run()
        print(run.text)
    assert run.passed, "see the account above"


def test_a_plan_follows_from_its_seed():
    schedulers, agents = ["scheduler1", "scheduler2"], [f"agent{n}" for n in range(1, 11)]
    plan = make_plan(7, 1800, schedulers, agents)
    assert plan == make_plan(7, 1800, schedulers, agents) != make_plan(8, 1800, schedulers, agents)
    kinds = [fault.kind for fault in plan]
    assert kinds.count("kill scheduler") >= 20 and kinds.count("kill agent") >= 20
    assert kinds.count("kill broker") + kinds.count("stop broker") >= 5
    assert sum(kind.startswith("cut") for kind in kinds) >= 20
    assert {fault.kind for fault in make_plan(7, 28, schedulers, agents, short=True)} == set(BAG)
