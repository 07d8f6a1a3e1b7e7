"""R9 in small: a limit of 5 lets 5 of 40 parallel calls pass."""

import threading

from backend.rest.throttles import hit


def test_forty_parallel_calls_count_to_forty() -> None:
    start, counts = threading.Barrier(40), []

    def call() -> None:
        start.wait()
        counts.append(hit("test", "caller")[0])

    threads = [threading.Thread(target=call) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == list(range(1, 41))
    assert sum(count <= 5 for count in counts) == 5
