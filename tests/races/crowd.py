"""Many at the same moment: each job on a thread and a database connection of its own."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from django.db import connection

from backend.core.errors import Refusal


def together(jobs: Sequence[Callable[[], object]]) -> Counter[str]:
    """Starts the jobs at one barrier; counts "done", codes of refusals, names of errors."""
    outcomes: list[str] = []
    start = threading.Barrier(len(jobs))

    def work(job: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            job()
            outcomes.append("done")
        except Refusal as refusal:
            outcomes.append(refusal.code)
        except Exception as error:
            outcomes.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return Counter(outcomes)
