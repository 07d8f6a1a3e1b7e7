"""A member of staff with a browser's cookies and a phone, without either: signs in to the admin,
sets the second factor up the first time, and posts the admin's forms over HTTP."""

import base64
import http.cookiejar
import re
import time
import urllib.parse
import urllib.request

from django_otp.oath import hotp

STEP = 30
# What the phones of a service's staff know, and the last step each of them has shown.
_phones: dict[tuple[str, str], bytes] = {}
_shown: dict[bytes, int] = {}


def code_of(secret: bytes) -> str:
    """A code that the service takes now and has not seen: it takes those of three steps, so three
    may follow each other at once."""
    while True:
        present = int(time.time()) // STEP
        step = max(present - 1, _shown.get(secret, 0) + 1)
        if step <= present + 1:
            _shown[secret] = step
            return f"{hotp(secret, step):06d}"
        time.sleep(0.5)


class StaffSession:
    """Signs in at /admin/ and keeps the session."""

    def __init__(self, url: str, handle: str, password: str) -> None:
        self.url = url
        self.handle = handle
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.get("/admin/login/")
        page = self.post("/admin/login/", username=handle, password=password, next="/admin/")
        if 'id="secret"' in page:
            typed = re.search(r'id="secret">([A-Z2-7 ]+)<', page)
            assert typed, "the page of the second factor shows no secret"
            _phones[url, handle] = base64.b32decode(typed[1].replace(" ", ""))
            page = self.post("/admin/login/set-up/", code=self.code())
            assert 'id="codes"' in page, "the first code was refused"
            page = self.get("/admin/")
        elif 'name="code"' in page:
            page = self.post("/admin/login/code/", code=self.code())
        assert "logout" in page, "the sign-in was refused"

    def code(self) -> str:
        """What this person's phone shows."""
        return code_of(_phones[self.url, self.handle])

    def get(self, path: str) -> str:
        """The page at a path, redirects followed."""
        with self.opener.open(self.url + path, timeout=30) as response:
            return response.read().decode()

    def post(self, path: str, **fields: str) -> str:
        """Posts a form with the session's CSRF token; the page that follows."""
        token = next(cookie.value for cookie in self.jar if cookie.name == "csrftoken")
        raw = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token or ""}).encode()
        request = urllib.request.Request(self.url + path, data=raw)
        request.add_header("Referer", self.url + path)
        with self.opener.open(request, timeout=30) as response:
            return response.read().decode()

    def act(
        self, app: str, model: str, row: int, verb: str, *, refused: bool = False, **fields: str
    ) -> str:
        """Presses a button of a row's page and answers the page that asks. `refused`: the button
        must be missing or its verb must refuse."""
        base = f"/admin/{app}/{model}/{row}/"
        page = self.get(f"{base}change/")
        links = re.findall(rf'href="({re.escape(base)}{verb}[a-z_-]*/)"', page)
        if not links and refused:
            return ""
        offered = sorted(set(re.findall(re.escape(base) + "[a-z_-]+", page)))
        assert links, f"no button {verb} on {base}, only {offered}"
        asked = self.get(links[0])
        assert 'name="confirmed"' in asked, f"{links[0]} did not ask"
        if 'name="code"' in asked:
            fields["code"] = self.code()
        return self.messages(self.post(links[0], confirmed="yes", **fields))

    def upload(self, path: str, name: str, data: bytes) -> str:
        """Posts one file to a page that asks for `file`; what the next page says."""
        token = next(cookie.value for cookie in self.jar if cookie.name == "csrftoken")
        edge = "tuike-test-boundary"
        raw = (
            (
                f'--{edge}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
                f'{token}\r\n--{edge}\r\nContent-Disposition: form-data; name="file"; '
                f'filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
            ).encode()
            + data
            + f"\r\n--{edge}--\r\n".encode()
        )
        request = urllib.request.Request(self.url + path, data=raw)
        request.add_header("Content-Type", f"multipart/form-data; boundary={edge}")
        with self.opener.open(request, timeout=30) as response:
            return self.messages(response.read().decode())

    def messages(self, page: str) -> str:
        """The page without its tags, for looking for what it says."""
        return re.sub(r"<[^>]+>", " ", page)
