"""The work that lies with a handler or a leader, without JavaScript."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.issues.models import Issue, State
from apps.staff.models import User
from tests.dispatch.scenes import assigned, fed_back, filed, move, queries
from tests.factories import NOW, Town


@pytest.fixture(autouse=True)
def _that_wednesday() -> Iterator[None]:
    with time_machine.travel(NOW + timedelta(hours=1), tick=True):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def cards(user: User) -> dict[int, set[str]]:
    """Issue → the moves its card offers."""
    html = signed_in(user).get("/t/").content.decode()
    found: dict[int, set[str]] = {}
    for card in html.split("<article ")[1:]:
        number = int(card.split('data-id="')[1].split('"')[0])
        found[number] = {piece.split('"')[0] for piece in card.split("</article>")[0].split('data-move="')[1:]}
    return found


def test_a_handler_sees_what_lies_with_the_department_and_the_instruction(town: Town) -> None:
    issue = assigned(town)
    fed_back(town)
    filed(town)
    assert cards(town.people.handler) == {issue.id: {"sign", "return"}}
    assert cards(town.people.second_handler) == {issue.id: {"sign", "return"}}
    assert cards(town.people.other_handler) == {}
    assert "请今天清运" in signed_in(town.people.handler).get("/t/").content.decode()


def words_of(user: User, issue: Issue) -> tuple[str, str]:
    """What the card calls the words that came with the issue, and the words."""
    html = signed_in(user).get("/t/").content.decode()
    card = next(card for card in html.split("<article ")[1:] if f'data-id="{issue.id}"' in card)
    found = re.search(r'<p class="sunk break"><span class="muted small">(.*?)</span><br>(.*?)</p>', card)
    assert found is not None
    return found[1], found[2]


def test_a_card_says_what_the_words_are_that_came_with_the_issue(town: Town) -> None:
    people = town.people
    issue = assigned(town)
    assert words_of(people.handler, issue) == ("交办意见", "请今天清运")
    issue = move(move(issue, "sign", people.handler), "feed_back", people.handler, "已清运")
    assert words_of(people.dispatcher, issue) == ("反馈结果", "已清运")
    issue = move(issue, "rework", people.dispatcher, "路口还有")
    assert words_of(people.handler, issue) == ("返工原因", "路口还有")
    other = move(assigned(town), "return", people.handler, "不归我管")
    assert words_of(people.dispatcher, other) == ("退办原因", "不归我管")
    noise = move(filed(town, category="noise"), "report_up", people.leader, "劝不住")
    assert words_of(people.community_leader, noise) == ("上报依据", "劝不住")


def test_after_signing_the_result_may_be_fed_back(town: Town) -> None:
    issue = move(assigned(town), "sign", town.people.handler)
    assert cards(town.people.handler) == {issue.id: {"feed_back", "handle", "return"}}


def test_a_leader_sees_what_lies_with_the_cell(town: Town) -> None:
    issue = filed(town, category="noise")
    assert issue.state == State.ASSIGNED
    assert cards(town.people.leader) == {issue.id: {"sign", "self_handle", "report_up"}}
    assert cards(town.people.next_leader) == {}


def test_two_presses_take_a_noise_from_the_leader_s_list(town: Town) -> None:
    issue = filed(town, category="noise")
    client = signed_in(town.people.leader)
    fields: dict[str, Any] = {"version": issue.version, "text": "已劝阻", "next": "/t/"}
    answer = client.post(f"/i/{issue.number}/self_handle/", fields, follow=True)
    assert "已完成" in answer.content.decode()
    assert Issue.objects.get(pk=issue.pk).state == State.CONCLUDED
    assert cards(town.people.leader) == {}


def test_the_most_urgent_card_is_the_first(town: Town) -> None:
    new = filed(town, category="noise")
    late = filed(town, category="noise", now=NOW - timedelta(days=3))
    assert list(cards(town.people.leader)) == [late.id, new.id]


def test_nobody_s_list_is_empty_without_a_word(town: Town) -> None:
    assert "您没有待办任务。" in signed_in(town.people.stranger).get("/t/").content.decode()
    assert Client().get("/t/").headers["Location"].startswith("/login/")


def test_one_card_costs_as_many_queries_as_three(town: Town) -> None:
    client = signed_in(town.people.handler)

    assigned(town)
    one = queries(client, "/t/")
    assigned(town)
    move(assigned(town), "sign", town.people.handler)
    assert queries(client, "/t/") == one
    assert one <= 12


def test_cards_come_twenty_at_a_time(town: Town) -> None:
    for number in range(22):
        filed(town, category="noise", text=f"第{number}件")
    client = signed_in(town.people.leader)
    first = client.get("/t/").content.decode()
    assert first.count("<article ") == 20
    address = first.split('href="/t/?after=')[1].split('"')[0]
    assert client.get(f"/t/?after={address}").content.decode().count("<article ") == 2
    assert client.get("/t/?after=nonsense").status_code == 200


def test_a_pulse_counts_new_tasks_and_names_changed_ones(town: Town) -> None:
    issue = assigned(town)
    client = signed_in(town.people.handler)
    known = f"{issue.id}.{issue.version}"
    assert client.get("/t/pulse/", {"known": known}).json()["fresh"] == 0
    move(issue, "sign", town.people.second_handler)
    assigned(town)
    news = client.get("/t/pulse/", {"known": known}).json()
    assert (news["fresh"], news["fresh_words"], news["changed"]) == (1, "有 1 件新任务", [issue.id])
