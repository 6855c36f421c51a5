"""Kernels of the batch: this interpreter whatever kernels the machine has, private sockets, a process per notebook."""

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from crmlib import warm

_LONGEST_SOCKET_FOLDER = 90  # the path of a unix socket has at most 107 characters
_running: set["PlainKernel"] = set()


def stop_all() -> None:
    """Kill every kernel of this process; whoever waits for one sees it dead."""
    for kernel in list(_running):
        started = kernel.provisioner.process if kernel.provisioner else None  # type: ignore[attr-defined]
        if started is not None and started.poll() is None:
            started.send_signal(signal.SIGKILL)


class _Client(AsyncKernelClient):
    """Ready as soon as the kernel has answered on both channels; as inherited, it waits for 0.2 s of silence then.

    What is still on its way belongs to no cell, and who runs the cells looks at nothing else.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait for the kernel's answer; raises RuntimeError where it died or the seconds are over."""
        until = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            self.kernel_info()
            with contextlib.suppress(Empty):
                reply = await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=0.2)
                if reply["msg_type"] == "kernel_info_reply":
                    self._handle_kernel_info_reply(reply)
                    return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > until:
                raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")


class PlainKernel(AsyncKernelManager):
    """A new process of this interpreter; its sockets and temporary files go when it goes."""

    client_factory = _Client

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.scratch = self.sockets = tempfile.mkdtemp(prefix="crm")
        if len(self.scratch) > _LONGEST_SOCKET_FOLDER:
            self.sockets = tempfile.mkdtemp(prefix="crm", dir="/tmp")
        self.transport, self.ip = "ipc", f"{self.sockets}/s"
        self.connection_file = f"{self.sockets}/kernel.json"

    @property
    def kernel_spec(self) -> KernelSpec:
        launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        private = {"TMPDIR": self.scratch, "IPYTHONDIR": f"{self.scratch}/ipython"}
        return KernelSpec(
            argv=[*launch, "--HistoryManager.enabled=False"], env=warm.ENVIRONMENT | private, language="python"
        )

    async def start_kernel(self, *args: Any, **options: Any) -> None:  # type: ignore[override]
        await super().start_kernel(*args, **options)
        _running.add(self)

    async def cleanup_resources(self, *args: Any, **options: Any) -> None:  # type: ignore[override]
        _running.discard(self)
        await super().cleanup_resources(*args, **options)
        shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)


class ForkedKernel(PlainKernel):
    """A process forked from the server of `warm`."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.kernel_id = str(uuid4())
        self.provisioner = _ForkProvisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)


class _ForkProvisioner(LocalProvisioner):
    async def launch_kernel(self, cmd: list[str], **launch: Any) -> KernelConnectionInfo:
        folder = str(launch.get("cwd") or Path.cwd())
        arguments = (cmd[cmd.index("-f") :], dict(launch["env"]), folder)
        forked = multiprocessing.get_context("forkserver").Process(target=warm.become_kernel, args=arguments)
        with warm.without_main():
            forked.start()
        self.process = _Forked(forked)  # type: ignore[assignment]
        self.pid = self.pgid = forked.pid
        self.cwd = folder
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002 - as inherited
        await super().kill(restart)
        if self.process:  # gone in milliseconds; who asks later would look ten times a second
            self.process.wait()


class _Forked:
    """A forked process under the names that `subprocess.Popen` uses."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess) -> None:
        self.pid = process.pid
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, signum: int) -> None:
        if self.poll() is None and self.pid:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
