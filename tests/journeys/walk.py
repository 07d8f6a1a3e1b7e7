"""Who walks the main path: accounts with their tokens, and calls that must succeed."""

from tests.service import Service


class Walk:
    """The walk's state: who is signed in, what exists by now."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.tokens: dict[str, str] = {}

    def sign_up(self, handle: str, name: str) -> None:
        """A new account with a token, by REST."""
        body = {"handle": handle, "password": "correct-horse-9", "display_name": name}
        self.service.ok("POST", "/v1/accounts", body)
        body = {"handle": handle, "password": "correct-horse-9"}
        self.tokens[handle] = self.service.ok("POST", "/v1/auth/token", body)["token"]

    def ok(self, who: str, method: str, path: str, body: object = None, **more: object) -> dict:
        """A call of a person that must succeed."""
        return self.service.ok(method, path, body, token=self.tokens[who], **more)

    def earnings(self, who: str) -> dict:
        """pending, available, in transit and settled to date, in fen."""
        return self.ok(who, "GET", "/v1/me/earnings")

    def until(self, who: str, seconds: float, **wanted: int) -> float:
        """Waits until the earnings are as wanted; the seconds it took."""

        def reached() -> bool:
            found = self.earnings(who)
            return all(found[name] == value for name, value in wanted.items())

        try:
            return self.service.wait(reached, f"{who}'s {wanted}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{self.earnings(who)} instead; {error}") from error
