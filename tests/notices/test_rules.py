"""What needs no table: back-off, quiet hours, signatures, where a webhook may go."""

from datetime import datetime, time, timedelta
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.notices.backoff import FIRST, LONGEST, MOST_ATTEMPTS, back_off
from apps.notices.channels.parcels import DeliveryFailed
from apps.notices.channels.signatures import headers_for, is_genuine, is_secret, new_secret
from apps.notices.channels.targets import is_allowed, parse_networks, parse_url
from apps.notices.quiet import Quiet, parse_quiet, quiet_until
from tests.factories import NOW, SHANGHAI

DICE = st.floats(0, 1, exclude_max=True)


@given(attempts=st.integers(1, 10_000), dice=DICE)
def test_a_wait_is_between_half_and_the_whole_of_its_step_and_never_beyond_an_hour(attempts: int, dice: float) -> None:
    full = min(FIRST * 2 ** min(attempts - 1, 20), LONGEST)
    assert full / 2 <= back_off(attempts, dice) <= full <= LONGEST


@given(attempts=st.integers(1, 50), dice=DICE)
def test_the_next_wait_is_never_shorter_at_the_same_dice(attempts: int, dice: float) -> None:
    assert back_off(attempts + 1, dice) >= back_off(attempts, dice)


@given(attempts=st.integers(1, 50), dice=DICE, asked=st.timedeltas(timedelta(0), timedelta(days=400)))
def test_who_asks_for_more_time_gets_it_up_to_an_hour(attempts: int, dice: float, asked: timedelta) -> None:
    assert back_off(attempts, dice, asked) == max(back_off(attempts, dice), min(asked, LONGEST))


def test_all_attempts_together_outlast_a_short_night() -> None:
    waits = [back_off(attempts, 0.5) for attempts in range(1, MOST_ATTEMPTS)]
    assert timedelta(hours=3) < sum(waits, timedelta()) < timedelta(hours=6)


NAIVE_DAYS = datetime(2020, 1, 1), datetime(2030, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone
MOMENTS = st.datetimes(*NAIVE_DAYS, timezones=st.just(ZoneInfo("UTC")))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
ZONES = st.sampled_from([SHANGHAI, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")])


@given(starts=TIMES, ends=TIMES, now=MOMENTS, zone=ZONES)
def test_quiet_ends_within_a_day_at_the_very_time_and_not_before(
    starts: time, ends: time, now: datetime, zone: ZoneInfo
) -> None:
    quiet = Quiet(starts, ends)
    until = quiet_until(quiet, now, zone)
    if until is None:
        return
    assert now < until <= now + timedelta(days=1)
    assert until.astimezone(zone).time() == ends
    assert quiet_until(quiet, until, zone) is None
    assert quiet_until(quiet, until - timedelta(seconds=1), zone) == until


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-18 20:59", None),
        ("2026-11-18 21:00", "2026-11-19 07:00"),
        ("2026-12-31 23:59", "2027-01-01 07:00"),
        ("2026-11-19 00:00", "2026-11-19 07:00"),
        ("2026-11-19 06:59", "2026-11-19 07:00"),
        ("2026-11-19 07:00", None),
    ],
)
def test_a_night_begins_at_nine_and_ends_at_seven(at: str, until: str | None) -> None:
    ends = quiet_until(parse_quiet("21:00-07:00"), datetime.fromisoformat(at).replace(tzinfo=SHANGHAI), SHANGHAI)
    assert (ends and f"{ends:%Y-%m-%d %H:%M}") == until


def test_no_hours_and_equal_hours_are_never_quiet() -> None:
    assert quiet_until(None, NOW, SHANGHAI) is None
    assert quiet_until(Quiet(time(10), time(10)), NOW, SHANGHAI) is None
    assert parse_quiet("") is None


@pytest.mark.parametrize("text", ["21-7", "24:00-07:00", "21:00–07:00", "21:00-07:60", " 21:00-07:00", "x"])
def test_hours_that_make_no_sense_stop_the_start(text: str) -> None:
    with pytest.raises(ValueError, match="Quiet hours look like"):
        parse_quiet(text)


BODY = '{"id":"园田"}'.encode()


def test_a_signature_is_that_of_the_standards_own_example() -> None:
    """The example of the Standard Webhooks specification."""
    key, secret = "msg_p5jXN8AQM9LWM0D4loKWxJek", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, ZoneInfo("UTC"))
    headers = headers_for(key=key, body=b'{"test": 2432232314}', keys=[secret], now=at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_believes_what_is_signed_and_fresh_and_nothing_else() -> None:
    old, new = new_secret(), new_secret()
    headers = headers_for(key="a", body=BODY, keys=[new, old], now=NOW)
    for secret in (old, new):
        assert is_genuine(headers=headers, body=BODY, secret=secret, now=NOW + timedelta(minutes=4))
    assert not is_genuine(headers=headers, body=BODY, secret=new_secret(), now=NOW)
    assert not is_genuine(headers=headers, body=BODY + b" ", secret=new, now=NOW)
    assert not is_genuine(headers=headers | {"webhook-id": "b"}, body=BODY, secret=new, now=NOW)
    for late in (timedelta(minutes=6), timedelta(minutes=-6)):
        assert not is_genuine(headers=headers, body=BODY, secret=new, now=NOW + late)
    for timestamp in ("", "x", "１２", "9" * 40):
        assert not is_genuine(headers=headers | {"webhook-timestamp": timestamp}, body=BODY, secret=new, now=NOW)
    assert not is_genuine(headers={}, body=BODY, secret=new, now=NOW)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
        *("2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1"),
    ],
)
def test_a_webhook_reaches_no_machine_behind_our_door(address: str) -> None:
    assert not is_allowed(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "202.102.224.68", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_a_webhook_reaches_the_world(address: str) -> None:
    assert is_allowed(ip_address(address))


def test_a_network_of_the_city_can_be_opened_and_no_other_with_it() -> None:
    allowed = parse_networks(["10.20.0.0/16", "fd00:20::/32"])
    assert is_allowed(ip_address("10.20.255.1"), allowed)
    assert is_allowed(ip_address("::ffff:10.20.0.1"), allowed)
    assert is_allowed(ip_address("fd00:20::5"), allowed)
    assert not is_allowed(ip_address("10.21.0.1"), allowed)
    with pytest.raises(ValueError, match="host bits"):
        parse_networks(["10.20.0.1/16"])
    assert parse_networks([]) == ()
    assert ip_network("10.20.0.0/16") in allowed


@pytest.mark.parametrize(
    "url", ["ftp://a.cn/", "file:///etc/passwd", "//a.cn/", "http:///x", "x", "http://u:p@a.cn/", "http://a.cn:x/"]
)
def test_only_plain_web_addresses_are_addresses(url: str) -> None:
    with pytest.raises(DeliveryFailed) as refusal:
        parse_url(url)
    assert not refusal.value.can_heal


@pytest.mark.parametrize("text", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!!"])
def test_a_weak_secret_is_none(text: str) -> None:
    assert not is_secret(text)
    assert is_secret(new_secret())
