"""What the agent says of its node: a statement for a challenge, a report every minute or so."""

from datetime import datetime

from lotabots.agent.host import Host
from lotabots.agent.nvml import Driver
from lotabots.evidence.schemes.host_claims import Machine, Report
from lotabots.kernel import format_time


def take_inventory(host: Host, driver: Driver, now: datetime) -> Machine:
    """What the node is. Nothing raises: what cannot be read is absent, and says why."""
    names = host.names()
    library = driver.library()
    return Machine(
        collected_at=format_time(now),
        os=names.os,
        kernel=names.kernel,
        architecture=names.architecture,
        boot_id=names.boot_id,
        cpu=host.cpu(),
        memory=host.memory(),
        nvml=library,
        gpus=driver.gpus() if library.status == "available" else (),
    )


def take_report(host: Host, driver: Driver, now: datetime) -> Report:
    """How the node is doing."""
    library = driver.library()
    return Report(
        at=now,
        host=host.use(),
        nvml=library,
        gpus=driver.use() if library.status == "available" else (),
    )
