"""A member of staff with a browser's cookies, without the browser: signs in to the admin and posts
its forms over HTTP."""

import http.cookiejar
import re
import urllib.parse
import urllib.request


class StaffSession:
    """Signs in at /admin/ and keeps the session."""

    def __init__(self, url: str, handle: str, password: str) -> None:
        self.url = url
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.get("/admin/login/")
        page = self.post("/admin/login/", username=handle, password=password, next="/admin/")
        assert "logout" in page, "the sign-in was refused"

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

    def messages(self, page: str) -> str:
        """The page without its tags, for looking for what it says."""
        return re.sub(r"<[^>]+>", " ", page)
