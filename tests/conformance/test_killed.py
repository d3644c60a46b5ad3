"""A VM program that dies in the middle of a call costs one case: it is errored with the cause, and the next ones pass."""

from __future__ import annotations

import os
import signal

import pytest

from sshi.host.process import ProcessVM
from sshi.plugins import Plugins
from sshi_conformance.hosts import HostChoice, choose_hosts
from sshi_conformance.runner import run
from sshi_conformance.suite import builtin_units, select
from sshi_conformance.verdict import Blame, Status

REAL = [name for name, adapter in Plugins.load().adapters().items() if "real" in adapter.vms]


@pytest.mark.parametrize("chain", REAL)
def test_the_run_goes_on_when_the_program_is_killed_in_a_call(chain, monkeypatch):
    why = Plugins.load().adapter(chain).vms["real"].ready()
    if why is not None:
        pytest.skip(why)
    send = ProcessVM._send
    calls = 0

    def send_and_kill(self, into, out, data, until):
        """Sends all of it, and at the third call kills whoever has just read it."""
        nonlocal calls
        send(self, into, out, data, until)
        calls += b'"op":"run"' in data or b'"op":"call"' in data
        if calls == 3:
            calls += 1
            os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(ProcessVM, "_send", send_and_kill)
    units = select(builtin_units(), expression="block")[:4] + select(builtin_units(), expression="events/")[:4]
    hosts, _ = choose_hosts(Plugins.load(), HostChoice((chain,), "real", "interpreter"))
    rows = run(units, hosts).rows
    verdicts = [row.verdicts[hosts[1].name] for row in rows]
    errored = [verdict for verdict in verdicts if verdict.status is Status.ERRORED]
    assert len(errored) == 1
    assert errored[0].blame is Blame.ADAPTER
    assert "it died (signal 9)" in errored[0].reason
    after = verdicts[verdicts.index(errored[0]) + 1 :]
    assert after
    assert all(verdict.status is Status.PASSED for verdict in after)
