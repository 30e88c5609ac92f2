"""The way down and back: what each device shall be, told until it says so; what it says of updates.

    change -> revision and message, one transaction -> sender -> Pub/Sub -> bridge -> device
    device -> bridge -> Pub/Sub -> worker -> the last state of each update, and its steps

state.py     what a device shall be, and the message that says it
rules.py     rules for a device, as somebody wrote them
writer.py    the one that changes it: one revision a change
rows.py      its rows
port.py      where it is listed which models there are
choice.py    which version an order means, and whether it may be given
orders.py    orders for models, looked up before they are given
outbox.py    messages for devices, kept until Pub/Sub has them
sender.py    from there to Pub/Sub
again.py     when a device is told again
standing.py  what a device shall be against what it says it is
report.py    a report of an update, checked
order.py     which of two reports is the newer one
updates.py   the last state of each update, and its steps
worker.py    reports from Pub/Sub into these tables
way_down.py  all that, for those who change, ask and hear
"""
