"""What the pages of the sign-in have in common: how they are drawn, and how a session begins."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString, mark_safe

from backend.accounts import lockout, proof, second_factor, signin
from backend.accounts.models import Account, Authenticator
from backend.core.clock import now

BACKEND = "django.contrib.auth.backends.ModelBackend"


def draw(request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
    """A page in the admin's dress; `template` below templates/admin/sign_in."""
    request.current_app = admin.site.name
    status = context.pop("status", 200)
    return TemplateResponse(
        request,
        f"admin/sign_in/{template}.html",
        {**admin.site.each_context(request), "title": title, **context},
        status=status,
    )


def locked(request: HttpRequest, *_: Any) -> HttpResponse:
    """The page of a locked sign-in (setting AXES_LOCKOUT_CALLABLE): the same for every name."""
    page = draw(
        request,
        "locked",
        lockout.SignInLocked.title,
        status=lockout.SignInLocked.status,
        minutes=lockout.COOL_OFF // 60,
    )
    page["Retry-After"] = str(lockout.COOL_OFF)
    return page.render()


def picture_of(device: Authenticator) -> SafeString:
    """The QR picture of a secret, as SVG in the page: it lies nowhere else."""
    import segno  # 30 ms of every start, for a picture now and then

    drawn = segno.make(second_factor.address_of(device), error="m").svg_inline(
        scale=5, border=3, dark="#111", light="#fff", omitsize=False
    )
    return mark_safe(drawn)  # noqa: S308 made by segno of our own text, which it encodes


def enter(
    request: HttpRequest, account: Account, *, how: str, short_password: bool = False
) -> None:
    """Begins a session of the account under a new key; nothing of the one before goes along.
    `how`: password, code, or recovery code; the device that knew it is `account.otp_device`."""
    request.session.flush()
    login(request, account, backend=BACKEND)
    proof.begin(request, code=how != "password", short_password=short_password)
    signin.note_success(
        account=account, door="admin", address=lockout.address_of(request), at=now(), how=how
    )


def note_failure(request: HttpRequest, handle: str) -> None:
    """Records a failed sign-in, unless it was a try during a lock."""
    if lockout.was_counted(request):
        signin.note_failure(
            handle=handle,
            door="admin",
            address=lockout.address_of(request),
            at=now(),
            locked=bool(getattr(request, "axes_locked_out", False)),
        )


def say_codes_left(request: HttpRequest, account: Account) -> None:
    """After a recovery code: how many are left, and what to do."""
    left = second_factor.codes_left(account)
    messages.warning(
        request,
        f"You signed in with a recovery code; {left} left 剩余恢复码. If your phone is lost, set "
        "up another one under My sign-in 我的登录.",
    )
