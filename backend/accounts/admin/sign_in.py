"""The staff's sign-in 登录: the password, then a code; the first time, the second factor's set-up.

Between the two steps nobody is signed in: the session only remembers whose password was right, for
ten minutes. Django's session of the account begins after the second.
"""

import time
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AuthenticationForm

from backend.accounts import lockout, passwords, proof, second_factor
from backend.accounts.admin import frame
from backend.accounts.models import Account, Authenticator, RecoveryCodes
from backend.core import fresh
from backend.core.clock import now
from backend.core.errors import NotFound, Refusal

HALF_WAY = "half_signed_in"
HALF_WAY_SECONDS = 600
LONGEST_NAME = 150
CODE_TITLE = "Second factor 两步验证"
SET_UP_TITLE = "Set up your second factor 设置两步验证"


class CodeForm(forms.Form):
    """Six digits, or a recovery code."""

    code = forms.CharField(max_length=20, label="Code 验证码", widget=fresh.CODE)


# ---------------------------------------------------------------- half-way
@dataclass(frozen=True, slots=True)
class HalfWay:
    """Somebody whose password was right, and where they wanted to go."""

    account: Account
    then: str
    device_id: int
    short: bool


def _go_half_way(request: HttpRequest, account: Account, then: str, short: bool) -> HttpResponse:
    """Remembers whose password was right, and leads to the second step."""
    device = None if second_factor.has(account) else second_factor.begin(account=account)
    request.session.flush()
    request.session[HALF_WAY] = {
        "account": account.pk,
        "proof": account.get_session_auth_hash(),
        "at": int(now().timestamp()),
        "then": then,
        "short": short,
        "device": device.pk if device else 0,
    }
    return HttpResponseRedirect(reverse("admin:sign_in_set_up" if device else "admin:sign_in_code"))


def _half_way(request: HttpRequest) -> HalfWay | None:
    """Who is half-way here, if their password is still what it was."""
    kept = request.session.get(HALF_WAY)
    if not kept or not 0 <= now().timestamp() - kept["at"] < HALF_WAY_SECONDS:
        return None
    account = Account.objects.filter(pk=kept["account"], is_active=True, is_staff=True).first()
    if account is None:
        return None
    if not constant_time_compare(kept["proof"], account.get_session_auth_hash()):
        return None
    return HalfWay(account, kept["then"], kept["device"], kept["short"])


def _to_the_beginning() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:login"))


# ---------------------------------------------------------------- the first step
class NameAndPassword(AuthenticationForm):
    """Django's; what is too long to be a name is no try. Its own form only tells the browser how
    long a name may be, and the count of failures takes 255 characters."""

    def clean_username(self) -> str:
        """The name, if it could be one."""
        name: str = self.cleaned_data["username"]
        if len(name) > LONGEST_NAME:
            raise forms.ValidationError(
                self.error_messages["invalid_login"],
                params={"username": self.username_field.verbose_name},
            )
        return name


class _Password(LoginView):
    """Django's, which ends half-way where a second factor is needed."""

    template_name = "admin/login.html"
    authentication_form = NameAndPassword

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Tries of one name wait for each other."""
        try:
            with lockout.one_at_a_time(request.POST.get("username", "")[:150]):
                return super().post(request, *args, **kwargs)
        except lockout.SignInLocked:
            return frame.locked(request)

    def get_redirect_url(self) -> str:  # type: ignore[override]
        """Where they wanted to go, if that is in the admin; nothing else needs this sign-in."""
        wanted = super().get_redirect_url()
        return wanted if wanted.startswith(reverse("admin:index")) else ""

    def form_valid(self, form: Any) -> HttpResponse:
        """The password is right."""
        account, then = form.get_user(), self.get_success_url()
        short = len(form.cleaned_data["password"]) < passwords.STAFF_LEAST
        if second_factor.is_needed(account):
            return _go_half_way(self.request, account, then, short)
        frame.enter(self.request, account, how="password", short_password=short)
        return HttpResponseRedirect(then)

    def form_invalid(self, form: Any) -> HttpResponse:
        """It is not, or the name is locked; the answer does not say which name exists."""
        frame.note_failure(self.request, form.cleaned_data.get("username") or "")
        return super().form_invalid(form)


def password(request: HttpRequest) -> HttpResponseBase:
    """Asks for name and password."""
    index = reverse("admin:index")
    if request.method == "GET" and admin.site.has_permission(request):
        return HttpResponseRedirect(index)
    if request.method == "GET" and proof.must_change(request):
        return HttpResponseRedirect(reverse("admin:password_change"))
    request.current_app = admin.site.name
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Log in",
        "subtitle": None,
        "app_path": request.get_full_path(),
    }
    if "next" not in request.GET and "next" not in request.POST:
        context["next"] = index
    return _Password.as_view(extra_context=context)(request)


# ---------------------------------------------------------------- the second step
@sensitive_post_parameters("code")
@never_cache
def code(request: HttpRequest) -> HttpResponse:
    """Asks for the code; `?paper` for a recovery code."""
    half = _half_way(request)
    if half is None or half.device_id:
        return _to_the_beginning()
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with lockout.one_at_a_time(half.account.handle):
            problem = proof.take(request, half.account, form.cleaned_data["code"])
        if not problem:
            return _go_in(request, half)
        frame.note_failure(request, half.account.handle)
        if lockout.is_locked(request, half.account.handle):
            return frame.locked(request)
        form.add_error("code", problem)
    return frame.draw(
        request, "code", CODE_TITLE, form=form, paper="paper" in request.GET, who=half.account
    )


def _go_in(request: HttpRequest, half: HalfWay) -> HttpResponse:
    by_paper = isinstance(half.account.otp_device, RecoveryCodes)  # type: ignore[attr-defined]
    how = "recovery code" if by_paper else "code"
    frame.enter(request, half.account, how=how, short_password=half.short)
    if by_paper:
        frame.say_codes_left(request, half.account)
    return HttpResponseRedirect(half.then)


@sensitive_post_parameters("code")
@never_cache
def set_up(request: HttpRequest) -> HttpResponse:
    """The first time: shows the secret, takes its first code, then shows the recovery codes."""
    half = _half_way(request)
    if half is None:
        return _to_the_beginning()
    waiting = second_factor.unconfirmed(account=half.account, device_id=half.device_id)
    if waiting is None:
        return _to_the_beginning()
    answer = ask_first_code(request, half.account, waiting, back=reverse("admin:login"))
    if isinstance(answer, HttpResponse):
        return answer
    frame.enter(request, half.account, how="code", short_password=half.short)
    return show_codes(request, answer, then=half.then)


def ask_first_code(
    request: HttpRequest, account: Account, waiting: Authenticator, *, back: str
) -> HttpResponse | list[str]:
    """The page with the secret; once its code was right, the recovery codes and
    `account.otp_device`."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            account.otp_device, codes = second_factor.confirm(  # type: ignore[attr-defined]
                account=account,
                device_id=waiting.pk,
                code=form.cleaned_data["code"],
                unix=int(time.time()),
                at=now(),
            )
            return codes
        except NotFound:
            return _to_the_beginning()
        except Refusal as refusal:
            form.add_error("code", refusal.detail)
    return frame.draw(
        request,
        "set_up",
        SET_UP_TITLE,
        form=form,
        picture=frame.picture_of(waiting),
        secret=second_factor.written(waiting),
        who=account,
        back=back,
    )


def show_codes(request: HttpRequest, codes: list[str], *, then: str) -> HttpResponse:
    """Ten recovery codes, shown this once."""
    return frame.draw(request, "codes", "Recovery codes 恢复码", codes=codes, then=then)
