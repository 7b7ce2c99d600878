from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from delivery_helpers import wait_until
from server_helpers import drain, running, stored

from agentsight_otel.testing import LocalServer

TASKS = """
import os
from celery import Celery
import agentsight_otel
from agentsight_otel import conversation, conversation_tracker, user_message

agentsight_otel.configure()
folder = os.environ["QUEUE"]
app = Celery(broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "/control"
    },
    worker_hijack_root_logger=False,
    task_ignore_result=True,
)


@app.task(name="work")
def work(number):
    with conversation("celery"):
        user_message(f"live {number}")
    conversation_tracker.configure(conversation_id="celery-tracked")
    conversation_tracker.track_human_message(f"tracked {number}")
    open(os.path.join(os.environ["DONE"], str(number)), "w").close()
"""


@pytest.mark.parametrize("last", ["SIGTERM", "SIGKILL"])
def test_celery_with_a_child_for_each_task(server: LocalServer, tmp_path: Path, last: str) -> None:
    """Ten tasks, each in a child that ends after it: 100 % of what they recorded, none twice (P1)."""
    pytest.importorskip("celery", reason="celery is not installed")
    (tmp_path / "tasks.py").write_text(TASKS)
    queue, done = tmp_path / "queue", tmp_path / "done"
    queue.mkdir()
    done.mkdir()
    env = {**server.env(), "QUEUE": str(queue), "DONE": str(done)}
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", "2"]
    command += ["--pool", "prefork", "--max-tasks-per-child", "1", "--loglevel", "WARNING"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    send = "import tasks\nfor n in range(10): tasks.work.delay(n)"
    with (
        (tmp_path / "log").open("wb") as log,
        running(command, env=env, cwd=tmp_path, log=log) as process,
        running([sys.executable, "-c", send], env=env, cwd=tmp_path, log=log) as sender,
    ):
        assert sender.wait(60) == 0, (tmp_path / "log").read_text()
        wait_until(lambda: len(list(done.iterdir())) == 10 or process.poll() is not None, 120)
        assert process.poll() is None, (tmp_path / "log").read_text()
        if last == "SIGKILL":
            os.killpg(process.pid, signal.SIGKILL)
    drain(server)
    assert stored(server) == Counter(f"{kind} {n}" for n in range(10) for kind in ("live", "tracked"))
