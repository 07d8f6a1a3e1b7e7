"""Settings of the payout channels: all of one, or none; half of one stops the start."""

from pathlib import Path

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from backend import payout_channels

PEM = "-----BEGIN {0}-----\nAA==\n-----END {0}-----".format("PRIVATE KEY")
WECHAT = {
    "WECHAT_PAY_MCHID": "1900000109",
    "WECHAT_PAY_APPID": "wxf636efh567hg4356",
    "WECHAT_PAY_CERT_SERIAL": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
    "WECHAT_PAY_PRIVATE_KEY": PEM,
    "WECHAT_PAY_APIV3_KEY": "k" * 32,
    "WECHAT_PAY_PUBLIC_KEY": PEM,
    "WECHAT_PAY_PUBLIC_KEY_ID": "PUB_KEY_ID_0119000001092024110100",
    "WECHAT_PAY_SCENE_ID": "1005",
}
ALIPAY = {
    "ALIPAY_APP_ID": "2021001234567890",
    "ALIPAY_PRIVATE_KEY": PEM,
    "ALIPAY_PUBLIC_KEY": PEM,
}


class Environment:
    """What this process was started with."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        for name in [*WECHAT, *ALIPAY, "WECHAT_PAY_GATEWAY", "ALIPAY_GATEWAY"]:
            patch.delenv(name, raising=False)

    def has(self, **given: str) -> environ.Env:
        for name, text in given.items():
            self._patch.setenv(name, text)
        return environ.Env()


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Environment:
    return Environment(monkeypatch)


def test_without_settings_both_channels_are_closed(process: Environment) -> None:
    env = process.has()
    assert payout_channels.wechat(env, production=True) == {}
    assert payout_channels.alipay(env, production=True) == {}
    assert payout_channels.bank_profile(env) == {}


def test_all_of_a_channel_opens_it_keys_may_lie_in_files(
    process: Environment, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_text(f"{PEM}\n")
    less = {name: text for name, text in WECHAT.items() if name != "WECHAT_PAY_PRIVATE_KEY"}
    env = process.has(**less, **ALIPAY, WECHAT_PAY_PRIVATE_KEY_FILE=str(tmp_path / "key.pem"))
    found = payout_channels.wechat(env, production=True)
    assert found["PRIVATE_KEY"] == PEM
    assert (found["MCHID"], found["GATEWAY"]) == ("1900000109", "https://api.mch.weixin.qq.com")
    alipay = payout_channels.alipay(env, production=True)
    assert (alipay["APP_ID"], alipay["PUBLIC_KEY"]) == ("2021001234567890", PEM)


@pytest.mark.parametrize("missing", [*WECHAT, *ALIPAY])
def test_half_a_channel_stops_the_start(process: Environment, missing: str) -> None:
    env = process.has(**{n: text for n, text in {**WECHAT, **ALIPAY}.items() if n != missing})
    read = payout_channels.wechat if missing in WECHAT else payout_channels.alipay
    with pytest.raises(ImproperlyConfigured, match=missing):
        read(env, production=False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("WECHAT_PAY_APIV3_KEY", "short"),
        ("WECHAT_PAY_MCHID", "19000x"),
        ("WECHAT_PAY_PRIVATE_KEY", "/etc/key.pem"),
        ("WECHAT_PAY_PRIVATE_KEY_FILE", "/nowhere/key.pem"),
        ("WECHAT_PAY_PUBLIC_KEY_ID", "5157F09EFDC096DE"),
        ("WECHAT_PAY_SCENE_REPORTS", "[{"),
        ("WECHAT_PAY_GATEWAY", "http://api.mch.weixin.qq.com"),
        ("WECHAT_PAY_GATEWAY", "api.mch.weixin.qq.com"),
    ],
)
def test_what_cannot_be_right_stops_the_start(process: Environment, name: str, text: str) -> None:
    env = process.has(**{**WECHAT, name: text})
    with pytest.raises(ImproperlyConfigured, match=name.removesuffix("_FILE")):
        payout_channels.wechat(env, production=True)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"rows": {}}', '{"order": []}', '{"order": {"number": 1}}',
     '{"results": {"成功": "done"}}', '{"answer": {"number": "a", "result": "a"}}'],
)  # fmt: skip
def test_a_bank_profile_that_fits_nothing_stops_the_start(process: Environment, text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="BANK_FILE_PROFILE"):
        payout_channels.bank_profile(process.has(BANK_FILE_PROFILE=text))
