"""Settings of the payout channels that are called: WeChat Pay and Alipay, and the bank's columns.

A channel is open when its settings are there, all of them. None of them leaves it closed; some of
them is a mistake that the service refuses to start with.
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

WECHAT: dict[str, re.Pattern[str] | None] = {
    "WECHAT_PAY_MCHID": re.compile(r"[0-9]{8,32}"),
    "WECHAT_PAY_APPID": re.compile(r"[A-Za-z0-9_-]{8,32}"),
    "WECHAT_PAY_CERT_SERIAL": re.compile(r"[0-9A-Fa-f]{16,64}"),
    "WECHAT_PAY_PRIVATE_KEY": None,
    "WECHAT_PAY_APIV3_KEY": re.compile(r"[!-~]{32}"),
    "WECHAT_PAY_PUBLIC_KEY": None,
    "WECHAT_PAY_PUBLIC_KEY_ID": re.compile(r"PUB_KEY_ID_[0-9A-Za-z]{16,64}"),
    "WECHAT_PAY_SCENE_ID": re.compile(r"[0-9]{1,8}"),
}
ALIPAY: dict[str, re.Pattern[str] | None] = {
    "ALIPAY_APP_ID": re.compile(r"[0-9]{8,32}"),
    "ALIPAY_PRIVATE_KEY": None,
    "ALIPAY_PUBLIC_KEY": None,
}
# These words may be said of the bank's columns; anything else is a mistake.
PROFILE = {"order", "answer", "results"}


def wechat(env: environ.Env, *, production: bool) -> dict[str, Any]:
    """WeChat Pay's settings, empty where the channel is closed.

    :raises ImproperlyConfigured: some are missing, or cannot be right.
    """
    found: dict[str, Any] = _all_or_none(env, WECHAT)
    if found:
        found["GATEWAY"] = _gateway(
            env, "WECHAT_PAY_GATEWAY", "https://api.mch.weixin.qq.com", production=production
        )
        found["NOTIFY_URL"] = env.str("WECHAT_PAY_NOTIFY_URL", default="")
        found["SCENE_REPORTS"] = _json(env, "WECHAT_PAY_SCENE_REPORTS", [])
    return found


def alipay(env: environ.Env, *, production: bool) -> dict[str, Any]:
    """Alipay's settings, empty where the channel is closed.

    :raises ImproperlyConfigured: some are missing, or cannot be right.
    """
    found: dict[str, Any] = _all_or_none(env, ALIPAY)
    if found:
        found["GATEWAY"] = _gateway(
            env, "ALIPAY_GATEWAY", "https://openapi.alipay.com/gateway.do", production=production
        )
    return found


def bank_profile(env: environ.Env) -> dict[str, dict[str, str]]:
    """What a bank calls the columns of its files: {"order": {ours: theirs}, "answer": …,
    "results": {theirs: "paid" or "failed"}}; empty for our own names.

    :raises ImproperlyConfigured: another shape, or a name that stands for two columns.
    """
    found = _json(env, "BANK_FILE_PROFILE", {})
    fits = isinstance(found, dict) and set(found) <= PROFILE
    for part in found.values() if fits else []:
        fits = fits and isinstance(part, dict)
        fits = fits and all(isinstance(text, str) and text for text in part.values())
    if not fits or set(found.get("results", {}).values()) - {"paid", "failed"}:
        raise ImproperlyConfigured("BANK_FILE_PROFILE has order, answer and results")
    for part in ("order", "answer"):
        theirs = list(found.get(part, {}).values())
        if len(theirs) != len(set(theirs)):
            raise ImproperlyConfigured(f"BANK_FILE_PROFILE: a column of {part} stands twice")
    return found


def _all_or_none(env: environ.Env, wanted: dict[str, re.Pattern[str] | None]) -> dict[str, str]:
    given = {name: _text(env, name) for name in wanted}
    missing = [name for name, text in given.items() if not text]
    if len(missing) == len(wanted):
        return {}
    if missing:
        raise ImproperlyConfigured(f"half a payout channel: {', '.join(missing)} must be set, too")
    for name, pattern in wanted.items():
        if pattern and not pattern.fullmatch(given[name]):
            raise ImproperlyConfigured(f"{name} cannot be right")
        if pattern is None and not given[name].startswith("-----BEGIN "):
            raise ImproperlyConfigured(f"{name} is a key in PEM, or {name}_FILE names its file")
    return {name.removeprefix("WECHAT_PAY_").removeprefix("ALIPAY_"): given[name] for name in given}


def _text(env: environ.Env, name: str) -> str:
    """A setting itself, or what stands in the file that NAME_FILE names."""
    path = env.str(f"{name}_FILE", default="")
    if not path:
        return str(env.str(name, default="")).replace("\\n", "\n").strip()
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read") from error


def _gateway(env: environ.Env, name: str, default: str, *, production: bool) -> str:
    url = str(env.str(name, default=default)).rstrip("/")
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in (["https"] if production else ["https", "http"]):
        raise ImproperlyConfigured(f"{name} must be an https:// address")
    return url


def _json(env: environ.Env, name: str, default: Any) -> Any:
    text = env.str(name, default="")
    try:
        return json.loads(text) if text else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be JSON") from error
