"""A plan for Pub/Sub as people read it."""

from collections.abc import Iterable
from difflib import unified_diff

from rich.text import Text

from cloud.bus.plan import Change, Create, Plan, Stuck, Update, kind
from cloud.bus.topology import DEAD_LETTER, SUBSCRIPTIONS, Schema, Subscription, Topic

_MAX_STRANGERS = 20
_MAX_DIFF_LINES = 40
_DAY_S = 86_400


def plan_lines(plan: Plan) -> Iterable[Text]:
    """The diff: `+` is made, `~` is changed, `!` can't be changed, `?` is left alone."""
    for action in plan.actions:
        if isinstance(action, Create):
            yield Text(f"+ {kind(action.wanted)} {action.wanted.name}", style="green")
            yield from _details(action.wanted)
        else:
            yield from _changed(action, "~", "yellow")
    for stuck in plan.stuck:
        yield from _changed(stuck, "!", "red")
        yield Text("    Pub/Sub can't change all of this, so it is left as it is: delete the "
                   "subscription, with what waits in it, and run this again")  # fmt: skip
    for stranger, name in plan.strangers[:_MAX_STRANGERS]:
        yield Text(f"? {stranger} {name}: not in the topology, left alone", style="dim")
    if len(plan.strangers) > _MAX_STRANGERS:
        more = len(plan.strangers) - _MAX_STRANGERS
        yield Text(f"? and {more} more, left alone", style="dim")
    yield Text(summary(plan))


def summary(plan: Plan) -> str:
    """One line: how much differs."""
    if not plan.differs:
        return "Nothing differs."
    made = sum(isinstance(action, Create) for action in plan.actions)
    changed = len(plan.actions) - made
    parts = [(made, "to make"), (changed, "to change"), (len(plan.stuck), "that can't be changed")]
    return ", ".join(f"{count} {what}" for count, what in parts if count) + "."


def remarks(is_google: bool, takes_schemas: bool) -> Iterable[str]:
    """What the server can't do, or what is left for a person to do."""
    if is_google:
        yield from _google_roles()
    elif takes_schemas:
        yield (
            "The embedded server checks messages against this program's own EventBatch, not "
            "against the text of the schema. It has no IAM: who reaches its port may do everything."
        )
    else:
        yield (
            "This server has no Protocol Buffers schemas (Google's emulator has none), so "
            "wayside-events takes any message; it has no IAM, and forgets everything when it ends."
        )


def _google_roles() -> Iterable[str]:
    sources = ", ".join(item.name for item in SUBSCRIPTIONS if item.dead_letter_topic)
    yield (
        "Dead-lettering works only if Pub/Sub's own service account "
        "(service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com) has roles/pubsub.publisher "
        f"on topic {DEAD_LETTER} and roles/pubsub.subscriber on the subscriptions {sources}. "
        "This command neither grants nor checks that."
    )
    yield (
        "The services need roles/pubsub.viewer on the project, to see at their start that all is "
        "there; the bridge roles/pubsub.publisher on the topics and roles/pubsub.subscriber on "
        "downlink; serve roles/pubsub.subscriber on ingest and fleet-state, and "
        f"roles/pubsub.publisher on wayside-downlink and {DEAD_LETTER}."
    )


def _details(wanted: Schema | Topic | Subscription) -> Iterable[Text]:
    if isinstance(wanted, Topic) and wanted.schema:
        yield Text(f"    schema {wanted.schema}, binary")
    if not isinstance(wanted, Subscription):
        return
    yield Text(f"    of topic {wanted.topic}, ack deadline {_duration(wanted.ack_deadline_s)}, "
               f"keeps messages {_duration(wanted.retention_s)}")  # fmt: skip
    if wanted.dead_letter_topic:
        yield Text(f"    after {wanted.max_delivery_attempts} deliveries to "
                   f"{wanted.dead_letter_topic}")  # fmt: skip


def _changed(item: Update | Stuck, sign: str, style: str) -> Iterable[Text]:
    yield Text(f"{sign} {kind(item.wanted)} {item.wanted.name}", style=style)
    for change in item.changes:
        if change.field == "definition":
            yield from _definition(str(change.actual), str(change.wanted))
        else:
            yield Text("    " + _change(change))


def _definition(actual: str, wanted: str) -> Iterable[Text]:
    """The lines that differ between two texts of a schema."""
    yield Text("    definition, as a new revision:")
    lines = list(unified_diff(actual.splitlines(), wanted.splitlines(), n=0, lineterm=""))[2:]
    for line in lines[:_MAX_DIFF_LINES]:
        yield Text("      " + line, style={"+": "green", "-": "red"}.get(line[:1], "dim"))
    if len(lines) > _MAX_DIFF_LINES:
        yield Text(f"      and {len(lines) - _MAX_DIFF_LINES} lines more")


def _change(change: Change) -> str:
    name = change.field.removesuffix("_s").replace("_", " ")
    return f"{name}: {_value(change, change.actual)} -> {_value(change, change.wanted)}"


def _value(change: Change, value: object) -> str:
    if value is None or value == "":
        return "never" if change.field == "expires_after_s" else "none"
    if change.field.endswith("_s") and isinstance(value, int | float):
        return _duration(value)
    return str(value)


def _duration(seconds: float) -> str:
    return f"{seconds:g} s" if seconds % _DAY_S else f"{seconds / _DAY_S:g} days"
