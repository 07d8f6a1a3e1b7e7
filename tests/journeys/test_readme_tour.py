"""The README's five-minute tour, run line by line as a reader would: Bash, curl, and a real web
server, worker and beat. B1, C1, I1, D1, I4, I8, K17, H1, K1, K3, K4."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from seeds.factories.accounts import PASSWORD
from tests.service import Service
from tests.staff_session import StaffSession

README = Path(__file__).resolve().parents[2] / "README.md"
STAFF_APPROVE = "<!-- tour: staff approve the application -->"
_GROUND = """
from backend import embedded
embedded.ensure()
import django
django.setup()
from seeds.factories import AccountFactory, CategoryFactory
CategoryFactory.create()
AccountFactory.create(handle="operator", display_name="运营", is_staff=True, is_superuser=True)
"""
pytestmark = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="the tour needs bash and curl"
)


def _tour() -> tuple[str, str]:
    """The tour's commands, before and after the staff's part."""
    section = README.read_text().split("## A tour in five minutes", 1)[1].split("\n## ", 1)[0]
    before, after = section.split(STAFF_APPROVE)
    blocks = re.compile(r"^```bash\n(.*?)^```", re.M | re.S)
    return "\n".join(blocks.findall(before)), "\n".join(blocks.findall(after))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(
        tmp_path_factory.mktemp("tour"),
        DJANGO_SETTINGS_MODULE="backend.settings",
        PASSWORD_HASHERS="django.contrib.auth.hashers.MD5PasswordHasher",
    )
    try:
        running.start()
        running.python("-c", _GROUND)
        yield running
    finally:
        running.stop()


class Reader:
    """Somebody at a terminal: one Bash, fed in pieces, stopping at the first error."""

    def __init__(self) -> None:
        self.bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eu", "-o", "pipefail"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        # The tour waits for the worker in a loop; nothing here may wait for ever.
        self.patience = threading.Timer(120, self.bash.kill)
        self.patience.start()

    def type(self, commands: str) -> str:
        """Runs commands; what they printed."""
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        self.bash.stdin.write(f"{commands}\necho; echo '@@ done'\n")
        self.bash.stdin.flush()
        printed = []
        for line in self.bash.stdout:
            if line.strip() == "@@ done":
                break
            printed.append(line)
        else:
            raise AssertionError(f"the tour stopped: {''.join([self.said, *printed])[-4000:]}")
        self.said += "".join(printed)
        return "".join(printed)

    def close(self) -> None:
        """Ends the shell."""
        self.patience.cancel()
        self.bash.kill()
        self.bash.communicate()


@pytest.fixture
def reader() -> Iterator[Reader]:
    someone = Reader()
    yield someone
    someone.close()


def test_the_readmes_tour_can_be_walked(service: Service, reader: Reader) -> None:
    before, after = _tour()
    address = "http://127.0.0.1:8000"
    assert before.count(address) == 1, "the tour names its address once"
    reader.type(before.replace(address, service.url))
    ((application,),) = service.sql("SELECT id FROM shops_shopapplication")
    operator = StaffSession(service.url, "operator", PASSWORD)
    operator.act("shops", "shopapplication", application, "approve")
    said = reader.type(after)

    # The figures that the README promises: 59.70 = 47.76 + 11.94.
    assert '"pending_fen":4776' in said
    assert '"pending_fen":1194' in said
    assert "selena" in reader.said
    ((status, paid),) = service.sql("SELECT status, paid_fen FROM shops_order")
    assert (status, paid) == ("paid", 19_900)
    shares = service.sql(
        "SELECT role, amount_fen FROM commissions_commissionsplit ORDER BY amount_fen DESC"
    )
    assert dict(shares) == {"promoter": 4776, "inviter": 1194, "platform": 985, "charity": 10}
