"""A plan as people read it."""

from cloud.bus.plan import Change, Create, Plan, Stuck, Update
from cloud.bus.topology import DEAD_LETTER, Schema, Subscription, Topic
from cloud.commands.topology_report import plan_lines, remarks, summary

WORK = Subscription("work", "jobs", dead_letter_topic="morgue", max_delivery_attempts=7)


def report(plan: Plan) -> str:
    return "\n".join(line.plain for line in plan_lines(plan))


def test_nothing_differs_in_one_line() -> None:
    assert report(Plan()) == "Nothing differs."


def test_what_is_made_is_told_with_its_limits() -> None:
    text = report(Plan((Create(Topic("jobs", "job")), Create(WORK))))
    assert "+ topic jobs\n    schema job, binary\n+ subscription work\n" in text
    assert "of topic jobs, ack deadline 60 s, keeps messages 7 days" in text
    assert "after 7 deliveries to morgue" in text
    assert text.endswith("2 to make.")


def test_what_changes_is_told_with_both_values() -> None:
    changes = (
        Change("ack_deadline_s", 10, 60),
        Change("expires_after_s", 31 * 86_400, None),
        Change("dead_letter_topic", None, "morgue"),
        Change("min_backoff_s", 0.5, 1),
    )
    text = report(Plan((Update(WORK, changes),)))
    assert text.splitlines() == [
        "~ subscription work",
        "    ack deadline: 10 s -> 60 s",
        "    expires after: 31 days -> never",
        "    dead letter topic: none -> morgue",
        "    min backoff: 0.5 s -> 1 s",
        "1 to change.",
    ]


def test_a_definition_is_told_as_the_lines_that_differ() -> None:
    old = "syntax\nmessage A {\n}\n"
    new = "syntax\nmessage A {\n  string b = 1;\n}\n"
    text = report(Plan((Update(Schema("a", new), (Change("definition", old, new),)),)))
    assert "      +  string b = 1;" in text
    assert "syntax" not in text
    long = "\n".join(map(str, range(100)))
    text = report(Plan((Update(Schema("a", long), (Change("definition", "", long),)),)))
    assert "      and 61 lines more" in text


def test_what_is_stuck_and_what_is_strange_is_named() -> None:
    stuck = Stuck(WORK, (Change("topic", "billing", "jobs"),))
    strangers = tuple(("topic", f"[red]{n}") for n in range(25))
    text = report(Plan(stuck=(stuck,), strangers=strangers))
    assert "! subscription work\n    topic: billing -> jobs\n" in text
    assert "delete the subscription" in text
    assert "? topic [red]19: not in the topology, left alone\n? and 5 more, left alone" in text
    assert summary(Plan(stuck=(stuck,))) == "1 that can't be changed."


def test_what_a_server_lacks_is_said() -> None:
    google = " ".join(remarks(is_google=True, takes_schemas=True))
    for words in ("roles/pubsub.publisher on topic " + DEAD_LETTER, "gcp-sa-pubsub", "ingest"):
        assert words in google
    assert "no Protocol Buffers schemas" in " ".join(remarks(False, takes_schemas=False))
    assert "own EventBatch" in " ".join(remarks(False, takes_schemas=True))
