"""One's own sign-in 我的登录: the second factor, its recovery codes, the password, signing out."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from unfold.forms import AdminOwnPasswordChangeForm

from backend.accounts import passwords, proof, second_factor, signin
from backend.accounts.admin import frame, sign_in
from backend.accounts.models import Account, Authenticator
from backend.core import fresh
from backend.core.clock import now

WAITING = "second_factor_waiting"


def _me(request: HttpRequest) -> Account:
    """The account itself, not Django's lazy stand-in for it."""
    return Account.objects.get(handle=request.user.get_username())


def ask_again(request: HttpRequest) -> HttpResponse:
    """Leads to the page that takes a code, and back here."""
    again = reverse("admin:my_sign_in_again")
    return HttpResponseRedirect(f"{again}?{urlencode({'next': request.path})}")


def page(request: HttpRequest) -> HttpResponse:
    """What there is, and what one may do about it."""
    wanted = request.POST.get("do", "") if request.method == "POST" else ""
    if wanted == "leave":
        signin.end_everything(account=_me(request), by=_me(request), at=now())
        return HttpResponseRedirect(reverse("admin:login"))
    if wanted in ("codes", "replace"):
        return ask_again(request) if fresh.is_due(request) else _change(request, wanted)
    me = _me(request)
    device = Authenticator.objects.filter(user=me, confirmed=True).first()
    return frame.draw(
        request,
        "own",
        "My sign-in 我的登录",
        device=device,
        left=second_factor.codes_left(me),
        due=fresh.is_due(request),
        least=passwords.STAFF_LEAST,
    )


def _change(request: HttpRequest, wanted: str) -> HttpResponse:
    me = _me(request)
    if wanted == "replace" or not second_factor.has(me):
        request.session[WAITING] = second_factor.begin(account=me).pk
        return HttpResponseRedirect(reverse("admin:my_sign_in_set_up"))
    codes = second_factor.renew_codes(account=me, at=now())
    return sign_in.show_codes(request, codes, then=reverse("admin:my_sign_in"))


def set_up(request: HttpRequest) -> HttpResponse:
    """Another phone: the old one counts until the new one's first code."""
    me = _me(request)
    back = reverse("admin:my_sign_in")
    waiting = second_factor.unconfirmed(
        account=me, device_id=int(request.session.get(WAITING) or 0)
    )
    if waiting is None:
        return HttpResponseRedirect(back)
    answer = sign_in.ask_first_code(request, me, waiting, back=back)
    if isinstance(answer, HttpResponse):
        return answer
    frame.enter(request, me, how="code")
    return sign_in.show_codes(request, answer, then=back)


def again(request: HttpRequest) -> HttpResponse:
    """Takes a code and leads back."""
    then = request.GET.get("next", "")
    index = reverse("admin:index")
    if not (then.startswith(index) and url_has_allowed_host_and_scheme(then, allowed_hosts=None)):
        then = reverse("admin:my_sign_in")
    kind = fresh.coded(forms.Form, request)
    form = kind(request.POST if request.method == "POST" else None)
    if not fresh.is_due(request) or (request.method == "POST" and form.is_valid()):
        return HttpResponseRedirect(then)
    return frame.draw(request, "again", "Your code again 再次验证", form=form, back=index)


class _ChangePassword(PasswordChangeView):
    """Django's, through our verb."""

    form_class = AdminOwnPasswordChangeForm
    template_name = "registration/password_change_form.html"

    def form_valid(self, form: Any) -> HttpResponse:
        """Every other session and every token ends; this session goes on, under a new key."""
        me = _me(self.request)
        passwords.give(account=me, password=form.cleaned_data["new_password1"], by=me, at=now())
        update_session_auth_hash(self.request, me)
        proof.has_changed(self.request)
        messages.success(
            self.request, "Your password is changed; you are signed out everywhere else. 密码已修改"
        )
        return HttpResponseRedirect(reverse("admin:my_sign_in"))


def change_password(request: HttpRequest) -> HttpResponse:
    """One's own password, with a code where one is due."""
    if fresh.is_due(request):
        return ask_again(request)
    request.current_app = admin.site.name
    context = admin.site.each_context(request)
    return cast(HttpResponse, _ChangePassword.as_view(extra_context=context)(request))
